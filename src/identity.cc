#include "src/identity.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "cleanfork/child_error.h"
#include "cleanfork/fd_io.h"
#include "cleanfork/probe.h"
#include "src/invalid_options.h"

namespace cleanfork {
namespace {

constexpr uid_t kNoUid = static_cast<uid_t>(-1);
constexpr gid_t kNoGid = static_cast<gid_t>(-1);

absl::Status LookUpFailed(const std::string& what, int error) {
  ChildError child_error;
  child_error.step = Step::kResolveUser;
  child_error.error = error;
  return ChildErrorStatus(what, child_error);
}

bool ParseId(const std::string& text, uint32_t* id) {
  if (text.empty() || text.find_first_not_of("0123456789") != std::string::npos) return false;
  return absl::SimpleAtoi(text, id) && *id != kNoUid;
}

absl::Status ResolveUser(const Identity& identity, Os& os, ResolvedIdentity* resolved) {
  if (identity.uid.has_value()) {
    resolved->uid = identity.uid;
  } else {
    SysResult<UserRecord> found = RetryOnEintr([&] { return os.GetPwNam(identity.user.c_str()); });
    if (found.ok()) {
      resolved->record = found.value();
      resolved->uid = found.value().uid;
      return absl::OkStatus();
    }
    uint32_t uid = 0;
    if (found.error() != ENOENT || !ParseId(identity.user, &uid)) {
      return LookUpFailed(absl::StrCat(found.error() == ENOENT ? "there is no" : "look-up of",
                                       " user \"", identity.user, "\""),
                          found.error());
    }
    CLEANFORK_PROBE("a user that is not known is taken for a number");
    resolved->uid = uid;
  }
  SysResult<UserRecord> found = RetryOnEintr([&] { return os.GetPwUid(*resolved->uid); });
  if (found.ok()) {
    resolved->record = found.value();
  } else if (found.error() != ENOENT) {
    return LookUpFailed(absl::StrCat("uid ", *resolved->uid), found.error());
  }
  return absl::OkStatus();
}

absl::Status ResolveGroup(const Identity& identity, Os& os, ResolvedIdentity* resolved) {
  if (identity.gid.has_value()) {
    resolved->gid = identity.gid;
    return absl::OkStatus();
  }
  if (!identity.group.empty()) {
    SysResult<GroupRecord> found =
        RetryOnEintr([&] { return os.GetGrNam(identity.group.c_str()); });
    uint32_t gid = 0;
    if (found.ok()) {
      resolved->gid = found.value().gid;
    } else if (found.error() == ENOENT && ParseId(identity.group, &gid)) {
      CLEANFORK_PROBE("a group that is not known is taken for a number");
      resolved->gid = gid;
    } else {
      return LookUpFailed(absl::StrCat(found.error() == ENOENT ? "there is no" : "look-up of",
                                       " group \"", identity.group, "\""),
                          found.error());
    }
    return absl::OkStatus();
  }
  // Never a new uid with the old gid: root's group would stay (CERT POS36-C).
  if (!resolved->record.has_value()) {
    return LookUpFailed(
        absl::StrCat("uid ", *resolved->uid, " has no entry to take a group from; name a group"),
        ENOENT);
  }
  resolved->gid = resolved->record->gid;
  return absl::OkStatus();
}

absl::Status InitGroups(Os& os, ResolvedIdentity* resolved) {
  if (!resolved->record.has_value()) {
    resolved->groups = std::vector<gid_t>{*resolved->gid};
    return absl::OkStatus();
  }
  const char* name = resolved->record->name;
  std::vector<gid_t> groups(64);
  for (;;) {
    SysResult<size_t> count = os.GetGroupList(name, *resolved->gid, groups.data(), groups.size());
    if (count.ok()) {
      groups.resize(count.value());
      resolved->groups = std::move(groups);
      return absl::OkStatus();
    }
    constexpr size_t kMost = 65536;  // NGROUPS_MAX of Linux
    if (count.error() != ERANGE || groups.size() >= kMost) {
      return LookUpFailed(absl::StrCat("groups of user \"", name, "\""), count.error());
    }
    CLEANFORK_PROBE("a user has more groups than there was room for");
    groups.resize(groups.size() * 4);
  }
}

absl::Status ResolveGroups(const Identity& identity, Os& os, ResolvedIdentity* resolved) {
  switch (identity.groups) {
    case GroupPolicy::kKeep: return absl::OkStatus();
    case GroupPolicy::kNone: resolved->groups = std::vector<gid_t>{*resolved->gid}; break;
    case GroupPolicy::kExplicit: resolved->groups = identity.group_list; break;
    case GroupPolicy::kInit: {
      absl::Status status = InitGroups(os, resolved);
      if (!status.ok()) return status;
      break;
    }
  }
  std::sort(resolved->groups->begin(), resolved->groups->end());
  resolved->groups->erase(std::unique(resolved->groups->begin(), resolved->groups->end()),
                          resolved->groups->end());
  return absl::OkStatus();
}

absl::Status ValidateIdentity(const Identity& identity) {
  if (identity.uid.has_value() && !identity.user.empty()) {
    return InvalidOptions("identity: both uid and user are given");
  }
  if (identity.gid.has_value() && !identity.group.empty()) {
    return InvalidOptions("identity: both gid and group are given");
  }
  if (identity.user.find('\0') != std::string::npos ||
      identity.group.find('\0') != std::string::npos) {
    return InvalidOptions("identity: a name holds a NUL byte");
  }
  if (identity.uid == kNoUid || identity.gid == kNoGid) {
    return InvalidOptions("identity: an id of -1 means \"unchanged\" to setresuid(2)");
  }
  for (gid_t gid : identity.group_list) {
    if (gid == kNoGid) return InvalidOptions("identity: group_list holds an id of -1");
  }
  if (!identity.group_list.empty() && identity.groups != GroupPolicy::kExplicit) {
    return InvalidOptions("identity: group_list is given but groups is not kExplicit");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ResolvedIdentity> ResolveIdentity(const Identity& identity, Os& os) {
  absl::Status status = ValidateIdentity(identity);
  if (!status.ok()) return status;
  const bool new_user = identity.uid.has_value() || !identity.user.empty();
  const bool new_group = identity.gid.has_value() || !identity.group.empty();
  ResolvedIdentity resolved;
  if (!new_user && !new_group) {
    return InvalidOptions("identity: neither a user nor a group is given");
  }
  if (new_user) status = ResolveUser(identity, os, &resolved);
  if (status.ok()) status = ResolveGroup(identity, os, &resolved);
  if (status.ok()) status = ResolveGroups(identity, os, &resolved);
  if (!status.ok()) return status;
  return resolved;
}

}  // namespace cleanfork
