// What may go wrong with calls about processes, signals, ids, time, chance and users.
// docs/faults.md tables it.
#include "mocks/sim/faults.h"

#include <sys/random.h>

#include <cerrno>
#include <initializer_list>

#include "mocks/sim/blocking.h"
#include "mocks/sim/files.h"
#include "mocks/sim/interruption.h"
#include "mocks/sim/refuse.h"

namespace cleanfork::sim {
namespace {

constexpr uint32_t kUnchanged = ~uint32_t{0};

// EINTR of a call that would wait now: signal(7).
void AddInterruption(const Kernel& kernel, int slot, bool waits, FaultList* faults) {
  if (waits && CanInterrupt(kernel.processes[slot])) faults->AddErrno(EINTR);
}

// fork(2). EAGAIN: threads-max, pid_max or the pids controller of a control group, to which root is
// subject too; what RLIMIT_NPROC does the kernel knows by itself.
void AddForkFaults(FaultList* faults) {
  faults->AddErrno(EAGAIN);
  faults->AddErrno(ENOMEM);
}

// A change of ids, setuid(2), setresuid(2), setgid(2), where the kernel has nothing against it:
// EPERM from a filter, seccomp(2), or a security module; EINVAL of an id that the user namespace
// does not map, user_namespaces(7), which those that the process has are.
void AddIdFaults(const Ids& own, bool capable, std::initializer_list<uint32_t> wanted,
                 FaultList* faults) {
  bool is_new = false;
  for (uint32_t id : wanted) {
    is_new |= id != kUnchanged && id != own.real && id != own.effective && id != own.saved;
  }
  if (is_new && !capable) return;
  faults->AddErrno(EPERM);
  if (is_new) faults->AddErrno(EINVAL);
}

// setuid(2): EAGAIN for want of memory, only for a new real id: set_user() of kernel/sys.c. (That
// RLIMIT_NPROC makes it fail, too, was until Linux 3.1.)
void AddUserFaults(const Kernel& kernel, int slot, uint32_t real,
                   std::initializer_list<uint32_t> wanted, FaultList* faults) {
  const Credentials& own = kernel.processes[slot].credentials;
  const size_t before = faults->size();
  AddIdFaults(own.user, own.Has(kCapSetUid), wanted, faults);
  const bool allowed = faults->size() != before;
  if (allowed && real != kUnchanged && real != own.user.real) faults->AddErrno(EAGAIN);
}

void AddGroupFaults(const Kernel& kernel, int slot, std::initializer_list<uint32_t> wanted,
                    FaultList* faults) {
  const Credentials& own = kernel.processes[slot].credentials;
  AddIdFaults(own.group, own.Has(kCapSetGid), wanted, faults);
}

// getpwnam(3), getgrnam(3): who looks it up opens files, and talks to servers.
void AddLookUpFaults(const Kernel& kernel, int slot, FaultList* faults) {
  for (int error : {EIO, EMFILE, ENFILE, ENOMEM}) faults->AddErrno(error);
  AddInterruption(kernel, slot, true, faults);
}

}  // namespace

void FaultList::Add(const Fault& fault) {
  if (size_ == kMost) OutOfRoom("faults of one call", kMost);
  faults_[size_++] = fault;
}

// Processes and signals --------------------------------------------------------------------------

void AddFaults(Tag<OsCall::kFork>, const Kernel&, int, FaultList* faults) { AddForkFaults(faults); }

void AddFaults(Tag<OsCall::kVforkCall>, const Kernel&, int, FaultList* faults, int (*)(void*),
               void*, int) {
  AddForkFaults(faults);
}

// execve(2). Once the old program is gone Linux kills instead: that is no error to be told of.
void AddFaults(Tag<OsCall::kExecVe>, const Kernel& kernel, int slot, FaultList* faults,
               const char* path, char* const*, char* const*) {
  const Process& process = kernel.processes[slot];
  faults->AddErrno(ENOMEM);
  if (!process.credentials.Has(kCapSysAdmin)) faults->AddErrno(ENFILE);
  const Resolved where = Resolve(kernel, process, path, true);
  if (where.error == 0 && !where.proc) faults->AddErrno(EIO);
}

void AddFaults(Tag<OsCall::kWaitPid> call, const Kernel& kernel, int slot, FaultList* faults,
               pid_t pid, int options) {
  AddInterruption(kernel, slot, WouldBlock(call, kernel, slot, pid, options), faults);
}

void AddFaults(Tag<OsCall::kWaitId> call, const Kernel& kernel, int slot, FaultList* faults,
               idtype_t type, id_t id, int options) {
  AddInterruption(kernel, slot, WouldBlock(call, kernel, slot, type, id, options), faults);
}

// pidfd_open(2). ENOSYS: before Linux 5.3, or a filter; older filters say EPERM of what they do not
// know.
void AddFaults(Tag<OsCall::kPidFdOpen>, const Kernel& kernel, int slot, FaultList* faults, pid_t,
               unsigned) {
  for (int error : {EMFILE, ENOMEM, ENOSYS, EPERM}) faults->AddErrno(error);
  if (!kernel.processes[slot].credentials.Has(kCapSysAdmin)) faults->AddErrno(ENFILE);
}

void AddFaults(Tag<OsCall::kSigTimedWait> call, const Kernel& kernel, int slot, FaultList* faults,
               SignalSet set, int64_t nanoseconds) {
  AddInterruption(kernel, slot, WouldBlock(call, kernel, slot, set, nanoseconds), faults);
}

// Credentials ------------------------------------------------------------------------------------

// setgroups(2). EPERM: a user namespace may deny it to everybody, user_namespaces(7).
void AddFaults(Tag<OsCall::kSetGroups>, const Kernel& kernel, int slot, FaultList* faults,
               const gid_t*, size_t) {
  if (!kernel.processes[slot].credentials.Has(kCapSetGid)) return;
  faults->AddErrno(ENOMEM);
  faults->AddErrno(EPERM);
}

// Who has CAP_SETUID changes all three by this one.
void AddFaults(Tag<OsCall::kSetUid>, const Kernel& kernel, int slot, FaultList* faults, uid_t uid) {
  if (uid == kUnchanged) return;
  const bool capable = kernel.processes[slot].credentials.Has(kCapSetUid);
  AddUserFaults(kernel, slot, capable ? uid : kUnchanged, {uid}, faults);
}

void AddFaults(Tag<OsCall::kSetGid>, const Kernel& kernel, int slot, FaultList* faults, gid_t gid) {
  if (gid != kUnchanged) AddGroupFaults(kernel, slot, {gid}, faults);
}

void AddFaults(Tag<OsCall::kSetEuid>, const Kernel& kernel, int slot, FaultList* faults,
               uid_t uid) {
  if (uid != kUnchanged) AddUserFaults(kernel, slot, kUnchanged, {uid}, faults);
}

void AddFaults(Tag<OsCall::kSetEgid>, const Kernel& kernel, int slot, FaultList* faults,
               gid_t gid) {
  if (gid != kUnchanged) AddGroupFaults(kernel, slot, {gid}, faults);
}

void AddFaults(Tag<OsCall::kSetReUid>, const Kernel& kernel, int slot, FaultList* faults,
               uid_t real, uid_t effective) {
  AddUserFaults(kernel, slot, real, {real, effective}, faults);
}

void AddFaults(Tag<OsCall::kSetReGid>, const Kernel& kernel, int slot, FaultList* faults,
               gid_t real, gid_t effective) {
  AddGroupFaults(kernel, slot, {real, effective}, faults);
}

void AddFaults(Tag<OsCall::kSetResUid>, const Kernel& kernel, int slot, FaultList* faults,
               uid_t real, uid_t effective, uid_t saved) {
  AddUserFaults(kernel, slot, real, {real, effective, saved}, faults);
}

void AddFaults(Tag<OsCall::kSetResGid>, const Kernel& kernel, int slot, FaultList* faults,
               gid_t real, gid_t effective, gid_t saved) {
  AddGroupFaults(kernel, slot, {real, effective, saved}, faults);
}

// Time, chance, users ----------------------------------------------------------------------------

void AddFaults(Tag<OsCall::kClockNanoSleep> call, const Kernel& kernel, int slot, FaultList* faults,
               clockid_t clock, int flags, int64_t nanoseconds) {
  AddInterruption(kernel, slot, WouldBlock(call, kernel, slot, clock, flags, nanoseconds), faults);
}

// getrandom(2): up to 256 bytes come whole once there is any randomness. ENOSYS: before Linux
// 3.17, or a filter.
void AddFaults(Tag<OsCall::kGetRandom>, const Kernel& kernel, int slot, FaultList* faults, void*,
               size_t size, unsigned flags) {
  constexpr size_t kWhole = 256;
  faults->AddErrno(ENOSYS);
  if ((flags & GRND_NONBLOCK) != 0) faults->AddErrno(EAGAIN);
  if (size <= kWhole || !CanInterrupt(kernel.processes[slot])) return;
  faults->AddErrno(EINTR);
  faults->AddShort(kWhole);
}

void AddFaults(Tag<OsCall::kGetPwNam>, const Kernel& kernel, int slot, FaultList* faults,
               const char*) {
  AddLookUpFaults(kernel, slot, faults);
}

void AddFaults(Tag<OsCall::kGetPwUid>, const Kernel& kernel, int slot, FaultList* faults, uid_t) {
  AddLookUpFaults(kernel, slot, faults);
}

void AddFaults(Tag<OsCall::kGetGrNam>, const Kernel& kernel, int slot, FaultList* faults,
               const char*) {
  AddLookUpFaults(kernel, slot, faults);
}

// getgrouplist(3) says of nothing but memory that it failed.
void AddFaults(Tag<OsCall::kGetGroupList>, const Kernel&, int, FaultList* faults, const char*,
               gid_t, gid_t*, size_t) {
  faults->AddErrno(ENOMEM);
}

}  // namespace cleanfork::sim
