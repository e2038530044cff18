#include "mocks/sim/credentials.h"

#include <cerrno>

#include "mocks/sim/calls.h"
#include "mocks/sim/processes.h"
#include "mocks/sim/refuse.h"

namespace cleanfork::sim {
namespace {

constexpr uint32_t kUnchanged = ~uint32_t{0};
constexpr size_t kMostGroups = 65536;  // NGROUPS_MAX of Linux

// What setfsuid(2) takes and gives: CAP_CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, FSETID,
// LINUX_IMMUTABLE, MKNOD and MAC_OVERRIDE.
constexpr uint64_t kFileSystemCapabilities =
    0x1f | uint64_t{1} << 9 | uint64_t{1} << 27 | uint64_t{1} << 32;

bool IsOneOf(uint32_t id, const Ids& ids) {
  return id == ids.real || id == ids.effective || id == ids.saved;
}

// "Effect of user ID changes on capabilities" of capabilities(7).
void AdjustCapabilities(const Ids& old, Credentials* credentials) {
  const Ids& now = credentials->user;
  CapabilitySets& sets = credentials->capabilities;
  const bool was_root = old.real == 0 || old.effective == 0 || old.saved == 0;
  const bool is_root = now.real == 0 || now.effective == 0 || now.saved == 0;
  if (was_root && !is_root) {
    sets.permitted = 0;
    sets.effective = 0;
  }
  if (old.effective == 0 && now.effective != 0) sets.effective = 0;
  if (old.effective != 0 && now.effective == 0) sets.effective = sets.permitted;
}

int ChangeIds(Ids* ids, uint32_t real, uint32_t effective, uint32_t saved, bool capable) {
  // A call that changes nothing may be made by anybody, whatever the ids.
  const bool same =
      (real == kUnchanged || real == ids->real) &&
      (effective == kUnchanged || (effective == ids->effective && effective == ids->file_system)) &&
      (saved == kUnchanged || saved == ids->saved);
  if (same) return 0;
  for (uint32_t id : {real, effective, saved}) {
    if (id != kUnchanged && !IsOneOf(id, *ids) && !capable) return EPERM;
  }
  if (real != kUnchanged) ids->real = real;
  if (effective != kUnchanged) ids->effective = effective;
  if (saved != kUnchanged) ids->saved = saved;
  ids->file_system = ids->effective;
  return 0;
}

// setreuid(2): a process without the capability may set the real id to the real or the effective
// one, and the effective id to any of the three.
int ChangeRealAndEffective(Ids* ids, uint32_t real, uint32_t effective, bool capable) {
  Ids now = *ids;
  if (real != kUnchanged) {
    now.real = real;
    if (real != ids->real && real != ids->effective && !capable) return EPERM;
  }
  if (effective != kUnchanged) {
    now.effective = effective;
    if (!IsOneOf(effective, *ids) && !capable) return EPERM;
  }
  if (real != kUnchanged || (effective != kUnchanged && effective != ids->real)) {
    now.saved = now.effective;
  }
  now.file_system = now.effective;
  *ids = now;
  return 0;
}

int ChangeOne(Ids* ids, uint32_t id, bool capable) {
  if (id == kUnchanged) return EINVAL;
  if (capable) {
    ids->real = ids->saved = id;
  } else if (id != ids->real && id != ids->saved) {
    return EPERM;
  }
  ids->effective = ids->file_system = id;
  return 0;
}

void ChangeFileSystemId(Ids* ids, uint32_t id, bool capable) {
  if (id == kUnchanged) return;
  if (IsOneOf(id, *ids) || id == ids->file_system || capable) ids->file_system = id;
}

}  // namespace

bool Credentials::InGroup(gid_t gid) const {
  if (gid == group.file_system) return true;
  for (uint32_t i = 0; i < group_count; ++i) {
    if (groups[i] == gid) return true;
  }
  return false;
}

int SetUid(Credentials* credentials, uid_t uid) {
  const Ids old = credentials->user;
  const int error = ChangeOne(&credentials->user, uid, credentials->Has(kCapSetUid));
  if (error == 0) AdjustCapabilities(old, credentials);
  return error;
}

int SetReUid(Credentials* credentials, uid_t real, uid_t effective) {
  const Ids old = credentials->user;
  const int error =
      ChangeRealAndEffective(&credentials->user, real, effective, credentials->Has(kCapSetUid));
  if (error == 0) AdjustCapabilities(old, credentials);
  return error;
}

int SetResUid(Credentials* credentials, uid_t real, uid_t effective, uid_t saved) {
  const Ids old = credentials->user;
  const int error =
      ChangeIds(&credentials->user, real, effective, saved, credentials->Has(kCapSetUid));
  if (error == 0) AdjustCapabilities(old, credentials);
  return error;
}

void SetFsUid(Credentials* credentials, uid_t uid) {
  const uint32_t old = credentials->user.file_system;
  ChangeFileSystemId(&credentials->user, uid, credentials->Has(kCapSetUid));
  const uint32_t now = credentials->user.file_system;
  CapabilitySets& sets = credentials->capabilities;
  if (old == 0 && now != 0) sets.effective &= ~kFileSystemCapabilities;
  if (old != 0 && now == 0) sets.effective |= sets.permitted & kFileSystemCapabilities;
}

int SetGid(Credentials* credentials, gid_t gid) {
  return ChangeOne(&credentials->group, gid, credentials->Has(kCapSetGid));
}

int SetReGid(Credentials* credentials, gid_t real, gid_t effective) {
  return ChangeRealAndEffective(&credentials->group, real, effective, credentials->Has(kCapSetGid));
}

int SetResGid(Credentials* credentials, gid_t real, gid_t effective, gid_t saved) {
  return ChangeIds(&credentials->group, real, effective, saved, credentials->Has(kCapSetGid));
}

void SetFsGid(Credentials* credentials, gid_t gid) {
  ChangeFileSystemId(&credentials->group, gid, credentials->Has(kCapSetGid));
}

bool IsNewIdentity(const Credentials& old, const Credentials& now) {
  return old.user.effective != now.user.effective || old.group.effective != now.group.effective ||
         old.user.file_system != now.user.file_system ||
         old.group.file_system != now.group.file_system ||
         (now.capabilities.permitted & ~old.capabilities.permitted) != 0;
}

void ChangeForExec(Credentials* credentials) {
  const bool root = credentials->user.real == 0 || credentials->user.effective == 0;
  CapabilitySets& sets = credentials->capabilities;
  sets.permitted = root ? kAllCapabilities : 0;
  sets.effective = credentials->user.effective == 0 ? sets.permitted : 0;
  for (Ids* ids : {&credentials->user, &credentials->group}) {
    ids->saved = ids->file_system = ids->effective;
  }
}

// The calls of Os ------------------------------------------------------------------------------

uid_t Calls::GetUid() { return self().credentials.user.real; }
uid_t Calls::GetEuid() { return self().credentials.user.effective; }
gid_t Calls::GetGid() { return self().credentials.group.real; }
gid_t Calls::GetEgid() { return self().credentials.group.effective; }

SysResult<ResUid> Calls::GetResUid() {
  const Ids& ids = self().credentials.user;
  return ResUid{ids.real, ids.effective, ids.saved};
}

SysResult<ResGid> Calls::GetResGid() {
  const Ids& ids = self().credentials.group;
  return ResGid{ids.real, ids.effective, ids.saved};
}

SysResult<size_t> Calls::GetGroups(gid_t* groups, size_t size) {
  const Credentials& credentials = self().credentials;
  const auto count = static_cast<size_t>(credentials.group_count);
  if (static_cast<int>(size) < 0) return SysError(EINVAL);
  if (size == 0) return count;
  if (size < count) return SysError(EINVAL);
  if (groups == nullptr && count > 0) return SysError(EFAULT);
  for (size_t i = 0; i < count; ++i) groups[i] = credentials.groups[i];
  return count;
}

SysResult<void> Calls::SetGroups(const gid_t* groups, size_t size) {
  Credentials& credentials = self().credentials;
  if (!credentials.Has(kCapSetGid)) return SysError(EPERM);
  if (size > kMostGroups) return SysError(EINVAL);
  if (groups == nullptr && size > 0) return SysError(EFAULT);
  for (size_t i = 0; i < size; ++i) {
    if (groups[i] == kUnchanged) return SysError(EINVAL);
  }
  if (size > kMaxGroups) OutOfRoom("supplementary groups", kMaxGroups);
  credentials.group_count = static_cast<uint32_t>(size);
  for (size_t i = 0; i < size; ++i) {
    // The kernel keeps them sorted, and shows them so.
    size_t at = i;
    for (; at > 0 && credentials.groups[at - 1] > groups[i]; --at) {
      credentials.groups[at] = credentials.groups[at - 1];
    }
    credentials.groups[at] = groups[i];
  }
  return {};
}

// A changed identity takes the parent-death signal back, and one that now has too many processes is
// told so by its next exec: prctl(2), execve(2).
template <typename Change>
SysResult<void> Calls::ChangeCredentials(Change change) {
  Process& process = self();
  const Credentials old = process.credentials;
  const int error = change(&process.credentials);
  if (error != 0) {
    process.credentials = old;
    return SysError(error);
  }
  const Credentials& now = process.credentials;
  if (IsNewIdentity(old, now)) process.parent_death_signal = 0;
  if (old.user.real != now.user.real) {
    process.too_many_processes = now.user.real != 0 && CountProcesses(kernel_, now.user.real) - 1 >
                                                           process.limits[RLIMIT_NPROC].soft;
  }
  return {};
}

SysResult<void> Calls::SetUid(uid_t uid) {
  return ChangeCredentials([=](Credentials* c) { return sim::SetUid(c, uid); });
}

SysResult<void> Calls::SetGid(gid_t gid) {
  return ChangeCredentials([=](Credentials* c) { return sim::SetGid(c, gid); });
}

// The C library's functions: setresuid(-1, uid, -1), but for an id of -1.
SysResult<void> Calls::SetEuid(uid_t uid) {
  if (uid == kUnchanged) return SysError(EINVAL);
  return SetResUid(kUnchanged, uid, kUnchanged);
}

SysResult<void> Calls::SetEgid(gid_t gid) {
  if (gid == kUnchanged) return SysError(EINVAL);
  return SetResGid(kUnchanged, gid, kUnchanged);
}

SysResult<void> Calls::SetReUid(uid_t real, uid_t effective) {
  return ChangeCredentials([=](Credentials* c) { return sim::SetReUid(c, real, effective); });
}

SysResult<void> Calls::SetReGid(gid_t real, gid_t effective) {
  return ChangeCredentials([=](Credentials* c) { return sim::SetReGid(c, real, effective); });
}

SysResult<void> Calls::SetResUid(uid_t real, uid_t effective, uid_t saved) {
  return ChangeCredentials(
      [=](Credentials* c) { return sim::SetResUid(c, real, effective, saved); });
}

SysResult<void> Calls::SetResGid(gid_t real, gid_t effective, gid_t saved) {
  return ChangeCredentials(
      [=](Credentials* c) { return sim::SetResGid(c, real, effective, saved); });
}

uid_t Calls::SetFsUid(uid_t uid) {
  const uid_t old = self().credentials.user.file_system;
  const auto change = [=](Credentials* c) {
    sim::SetFsUid(c, uid);
    return 0;
  };
  ChangeCredentials(change).IgnoreError();  // it does not fail
  return old;
}

gid_t Calls::SetFsGid(gid_t gid) {
  const gid_t old = self().credentials.group.file_system;
  const auto change = [=](Credentials* c) {
    sim::SetFsGid(c, gid);
    return 0;
  };
  ChangeCredentials(change).IgnoreError();  // it does not fail
  return old;
}

SysResult<CapabilitySets> Calls::CapGet() { return self().credentials.capabilities; }

SysResult<void> Calls::PrctlSetNoNewPrivs() {
  self().credentials.no_new_privs = 1;
  return {};
}

}  // namespace cleanfork::sim
