// Faults: what may go wrong with a call in the state that the kernel is in, as its manual page and
// Linux have it. What cannot happen there is not offered: no EIO of a pipe, no EINTR of who blocks
// every signal. What fails by itself (a descriptor that is not open, a file that is not there) is
// the kernel's to say, and no fault.
#ifndef CLEANFORK_MOCKS_SIM_FAULTS_H_
#define CLEANFORK_MOCKS_SIM_FAULTS_H_

#include <poll.h>
#include <sys/types.h>
#include <sys/wait.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "cleanfork/os_call.h"
#include "cleanfork/os_types.h"
#include "mocks/sim/call_tag.h"
#include "mocks/sim/kernel.h"

namespace cleanfork::sim {

struct Fault {
  enum class Kind : int8_t {
    kNone,
    kErrno,       // the call fails with `error`, and does nothing
    kErrnoAfter,  // it does what it does, and then fails: close(2)
    kShort,       // at most `bytes` bytes pass
    kLie,         // it says that it succeeded, and does nothing
    kSignal,      // `signal` comes just before it
  };
  Kind kind = Kind::kNone;
  bool sticky = false;  // and so do all later calls of that name in that process
  int16_t error = 0;
  int16_t signal = 0;
  uint64_t bytes = 0;
};

class FaultList {
 public:
  static constexpr size_t kMost = 64;

  void Add(const Fault& fault);  // aborts when it is full
  void AddErrno(int error) {
    Fault fault;
    fault.kind = Fault::Kind::kErrno;
    fault.error = static_cast<int16_t>(error);
    Add(fault);
  }
  void AddShort(uint64_t bytes) {
    Fault fault;
    fault.kind = Fault::Kind::kShort;
    fault.bytes = bytes;
    Add(fault);
  }
  const Fault* begin() const { return faults_.data(); }
  const Fault* end() const { return faults_.data() + size_; }
  size_t size() const { return size_; }

 private:
  std::array<Fault, kMost> faults_;
  size_t size_ = 0;
};

// Calls that nothing but their arguments and the state of the kernel makes fail. docs/faults.md
// says why of each.
constexpr bool NeverFailsByChance(OsCall call) {
  switch (call) {
    // Their manual pages: they always succeed.
    case OsCall::kGetPid:
    case OsCall::kGetPpid:
    case OsCall::kGetUid:
    case OsCall::kGetEuid:
    case OsCall::kGetGid:
    case OsCall::kGetEgid:
    case OsCall::kSetFsUid:
    case OsCall::kSetFsGid:
    case OsCall::kUmask:
    // Only for what is asked of them, or who asks, which the kernel knows.
    case OsCall::kKill:
    case OsCall::kPidFdSendSignal:
    case OsCall::kPrctlSetPdeathsig:
    case OsCall::kPrctlSetNoNewPrivs:
    case OsCall::kSigProcMask:
    case OsCall::kSigAction:
    case OsCall::kSetSid:
    case OsCall::kSetPgid:
    case OsCall::kGetResUid:
    case OsCall::kGetResGid:
    case OsCall::kGetGroups:
    case OsCall::kCapGet:
    case OsCall::kFcntlGetFd:
    case OsCall::kFcntlSetFd:
    case OsCall::kFcntlGetLock:
    case OsCall::kIsATty:
    case OsCall::kClockGetTime:
    case OsCall::kGetRLimit:
    case OsCall::kSetRLimit:
    case OsCall::kSetPriority:
    case OsCall::kSchedGetScheduler:
    // Linux does not let through what closing the old descriptor says, and EBUSY takes a thread.
    case OsCall::kDup2:
    // What they look at is in memory once there is a descriptor; getdents(2) knows of nothing.
    case OsCall::kFStat:
    case OsCall::kGetDents: return true;
    default: return false;
  }
}

// Adds what may happen to a call that the process of `slot` makes now.
template <OsCall kCall, typename... A>
std::enable_if_t<NeverFailsByChance(kCall)> AddFaults(Tag<kCall>, const Kernel&, int, FaultList*,
                                                      A...) {}

// Processes and signals
void AddFaults(Tag<OsCall::kFork>, const Kernel& kernel, int slot, FaultList* faults);
void AddFaults(Tag<OsCall::kVforkCall>, const Kernel& kernel, int slot, FaultList* faults,
               int (*function)(void*), void* argument, int termination_signal);
void AddFaults(Tag<OsCall::kExecVe>, const Kernel& kernel, int slot, FaultList* faults,
               const char* path, char* const* argv, char* const* envp);
void AddFaults(Tag<OsCall::kWaitPid>, const Kernel& kernel, int slot, FaultList* faults, pid_t pid,
               int options);
void AddFaults(Tag<OsCall::kWaitId>, const Kernel& kernel, int slot, FaultList* faults,
               idtype_t type, id_t id, int options);
void AddFaults(Tag<OsCall::kPidFdOpen>, const Kernel& kernel, int slot, FaultList* faults,
               pid_t pid, unsigned flags);
void AddFaults(Tag<OsCall::kSigTimedWait>, const Kernel& kernel, int slot, FaultList* faults,
               SignalSet set, int64_t nanoseconds);

// Credentials
void AddFaults(Tag<OsCall::kSetGroups>, const Kernel& kernel, int slot, FaultList* faults,
               const gid_t* groups, size_t size);
void AddFaults(Tag<OsCall::kSetUid>, const Kernel& kernel, int slot, FaultList* faults, uid_t uid);
void AddFaults(Tag<OsCall::kSetGid>, const Kernel& kernel, int slot, FaultList* faults, gid_t gid);
void AddFaults(Tag<OsCall::kSetEuid>, const Kernel& kernel, int slot, FaultList* faults, uid_t uid);
void AddFaults(Tag<OsCall::kSetEgid>, const Kernel& kernel, int slot, FaultList* faults, gid_t gid);
void AddFaults(Tag<OsCall::kSetReUid>, const Kernel& kernel, int slot, FaultList* faults,
               uid_t real, uid_t effective);
void AddFaults(Tag<OsCall::kSetReGid>, const Kernel& kernel, int slot, FaultList* faults,
               gid_t real, gid_t effective);
void AddFaults(Tag<OsCall::kSetResUid>, const Kernel& kernel, int slot, FaultList* faults,
               uid_t real, uid_t effective, uid_t saved);
void AddFaults(Tag<OsCall::kSetResGid>, const Kernel& kernel, int slot, FaultList* faults,
               gid_t real, gid_t effective, gid_t saved);

// Descriptors
void AddFaults(Tag<OsCall::kOpen>, const Kernel& kernel, int slot, FaultList* faults,
               const char* path, int flags, mode_t mode);
void AddFaults(Tag<OsCall::kClose>, const Kernel& kernel, int slot, FaultList* faults, int fd);
void AddFaults(Tag<OsCall::kRead>, const Kernel& kernel, int slot, FaultList* faults, int fd,
               void* buffer, size_t size);
void AddFaults(Tag<OsCall::kWrite>, const Kernel& kernel, int slot, FaultList* faults, int fd,
               const void* buffer, size_t size);
void AddFaults(Tag<OsCall::kPRead>, const Kernel& kernel, int slot, FaultList* faults, int fd,
               void* buffer, size_t size, int64_t offset);
void AddFaults(Tag<OsCall::kPWrite>, const Kernel& kernel, int slot, FaultList* faults, int fd,
               const void* buffer, size_t size, int64_t offset);
void AddFaults(Tag<OsCall::kPipe>, const Kernel& kernel, int slot, FaultList* faults);
void AddFaults(Tag<OsCall::kPipe2>, const Kernel& kernel, int slot, FaultList* faults, int flags);
void AddFaults(Tag<OsCall::kDup>, const Kernel& kernel, int slot, FaultList* faults, int fd);
void AddFaults(Tag<OsCall::kFcntlDupFd>, const Kernel& kernel, int slot, FaultList* faults, int fd,
               int minimum);
void AddFaults(Tag<OsCall::kCloseRange>, const Kernel& kernel, int slot, FaultList* faults,
               unsigned first, unsigned last, unsigned flags);
void AddFaults(Tag<OsCall::kFcntlSetLock>, const Kernel& kernel, int slot, FaultList* faults,
               int fd, short type);
void AddFaults(Tag<OsCall::kFTruncate>, const Kernel& kernel, int slot, FaultList* faults, int fd,
               int64_t size);
void AddFaults(Tag<OsCall::kPoll>, const Kernel& kernel, int slot, FaultList* faults,
               struct pollfd* descriptors, size_t count, int64_t nanoseconds);

// Sockets
void AddFaults(Tag<OsCall::kSocket>, const Kernel& kernel, int slot, FaultList* faults, int domain,
               int type, int protocol);
void AddFaults(Tag<OsCall::kSendTo>, const Kernel& kernel, int slot, FaultList* faults, int fd,
               const void* buffer, size_t size, int flags, const UnixAddress* address);
void AddFaults(Tag<OsCall::kBind>, const Kernel& kernel, int slot, FaultList* faults, int fd,
               const UnixAddress* address);
void AddFaults(Tag<OsCall::kSetPassCred>, const Kernel& kernel, int slot, FaultList* faults,
               int fd);
void AddFaults(Tag<OsCall::kRecvMsg>, const Kernel& kernel, int slot, FaultList* faults, int fd,
               void* buffer, size_t size, int flags);

// Files
void AddFaults(Tag<OsCall::kStat>, const Kernel& kernel, int slot, FaultList* faults,
               const char* path);
void AddFaults(Tag<OsCall::kUnlink>, const Kernel& kernel, int slot, FaultList* faults,
               const char* path);
void AddFaults(Tag<OsCall::kChDir>, const Kernel& kernel, int slot, FaultList* faults,
               const char* path);
void AddFaults(Tag<OsCall::kChRoot>, const Kernel& kernel, int slot, FaultList* faults,
               const char* path);
void AddFaults(Tag<OsCall::kReadLink>, const Kernel& kernel, int slot, FaultList* faults,
               const char* path, char* buffer, size_t size);

// Time, chance, users
void AddFaults(Tag<OsCall::kClockNanoSleep>, const Kernel& kernel, int slot, FaultList* faults,
               clockid_t clock, int flags, int64_t nanoseconds);
void AddFaults(Tag<OsCall::kGetRandom>, const Kernel& kernel, int slot, FaultList* faults,
               void* buffer, size_t size, unsigned flags);
void AddFaults(Tag<OsCall::kGetPwNam>, const Kernel& kernel, int slot, FaultList* faults,
               const char* name);
void AddFaults(Tag<OsCall::kGetPwUid>, const Kernel& kernel, int slot, FaultList* faults,
               uid_t uid);
void AddFaults(Tag<OsCall::kGetGrNam>, const Kernel& kernel, int slot, FaultList* faults,
               const char* name);
void AddFaults(Tag<OsCall::kGetGroupList>, const Kernel& kernel, int slot, FaultList* faults,
               const char* user, gid_t group, gid_t* groups, size_t size);

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_FAULTS_H_
