// Users and groups: getpwnam(3), getgrouplist(3). They are as they were given to SimOs, and are not
// looked up in any file.
#include <cerrno>
#include <cstring>

#include "mocks/sim/calls.h"

namespace cleanfork::sim {

SysResult<UserRecord> Calls::GetPwNam(const char* name) {
  for (const KnownUser& user : directory_.users) {
    if (std::strcmp(user.record.name, name) == 0) return user.record;
  }
  return SysError(ENOENT);
}

SysResult<UserRecord> Calls::GetPwUid(uid_t uid) {
  for (const KnownUser& user : directory_.users) {
    if (user.record.uid == uid) return user.record;
  }
  return SysError(ENOENT);
}

SysResult<GroupRecord> Calls::GetGrNam(const char* name) {
  for (const GroupRecord& group : directory_.groups) {
    if (std::strcmp(group.name, name) == 0) return group;
  }
  return SysError(ENOENT);
}

SysResult<size_t> Calls::GetGroupList(const char* user, gid_t group, gid_t* groups, size_t size) {
  size_t count = 0;
  const auto add = [&](gid_t gid) {
    if (count < size) groups[count] = gid;
    ++count;
  };
  add(group);
  for (const KnownUser& known : directory_.users) {
    if (std::strcmp(known.record.name, user) != 0) continue;
    for (gid_t gid : known.groups) {
      if (gid != group) add(gid);
    }
  }
  if (count > size) return SysError(ERANGE);
  return count;
}

}  // namespace cleanfork::sim
