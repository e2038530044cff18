// What each call touches that other processes can see, or that they change: its Footprint.
//
// A process stands at a call, and FootprintOf() says what the step that begins there will touch,
// whatever others do until then: who asked once need not ask again. Of some calls there is more to
// be said while nobody does anything: When::kNow, see ChangesMeanwhile(). What every step of
// process s has besides is left out: it writes kOwn[s] and reads kArrivals[s].
//
// What a signal does to a process is not among what its calls do: an end by one begins with a step
// of its own, FootprintOfClosingStep().
//
// Which slot, pipe, description or inode is taken is no conflict: no body sees that, but for
// st_ino, which it can only compare.
#ifndef CLEANFORK_MOCKS_SIM_FOOTPRINTS_H_
#define CLEANFORK_MOCKS_SIM_FOOTPRINTS_H_

#include <poll.h>
#include <sys/types.h>
#include <sys/wait.h>

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "cleanfork/os_call.h"
#include "cleanfork/os_types.h"
#include "mocks/sim/call_tag.h"
#include "mocks/sim/footprint.h"
#include "mocks/sim/kernel.h"

namespace cleanfork::sim {

// Calls that look at and change nothing but what is the process's own, or what never changes: users
// and groups, and the time, which does not pass while anybody can go on.
constexpr bool TouchesNothing(OsCall call) {
  switch (call) {
    case OsCall::kGetPid:
    case OsCall::kPrctlSetNoNewPrivs:
    case OsCall::kGetUid:
    case OsCall::kGetEuid:
    case OsCall::kGetGid:
    case OsCall::kGetEgid:
    case OsCall::kGetResUid:
    case OsCall::kGetResGid:
    case OsCall::kGetGroups:
    case OsCall::kSetGroups:
    case OsCall::kCapGet:
    case OsCall::kDup:  // a reference more, beside one that nobody else can take away
    case OsCall::kFcntlGetFd:
    case OsCall::kFcntlSetFd:
    case OsCall::kFcntlDupFd:
    case OsCall::kIsATty:
    case OsCall::kUmask:
    case OsCall::kClockGetTime:
    case OsCall::kClockNanoSleep:
    case OsCall::kGetRLimit:
    case OsCall::kSetRLimit:  // who asks for another's, in setpriority(), writes its kOwn
    case OsCall::kGetPwNam:
    case OsCall::kGetPwUid:
    case OsCall::kGetGrNam:
    case OsCall::kGetGroupList: return true;
    default: return false;
  }
}

// Those that touch less now than they may later: who closes what others have open, too; who finds
// what is waited for; who reads of a pipe that holds enough, or writes to one that has the room.
constexpr bool ChangesMeanwhile(OsCall call) {
  switch (call) {
    case OsCall::kClose:
    case OsCall::kCloseRange:
    case OsCall::kDup2:
    case OsCall::kExecVe:
    case OsCall::kRead:
    case OsCall::kWrite:
    case OsCall::kWaitPid:
    case OsCall::kWaitId: return true;
    default: return false;
  }
}

template <OsCall kCall, typename... A>
std::enable_if_t<TouchesNothing(kCall), Footprint> FootprintOf(Tag<kCall>, const Kernel&, int,
                                                               A...) {
  return Footprint();
}

// Processes
Footprint FootprintOf(Tag<OsCall::kFork>, const Kernel& kernel, int slot);
Footprint FootprintOf(Tag<OsCall::kVforkCall>, const Kernel& kernel, int slot,
                      int (*function)(void*), void* argument, int termination_signal);
Footprint FootprintOf(Tag<OsCall::kExecVe>, const Kernel& kernel, int slot, const char* path,
                      char* const* argv, char* const* envp, When when = When::kLater);
Footprint FootprintOf(Tag<OsCall::kWaitPid>, const Kernel& kernel, int slot, pid_t pid, int options,
                      When when = When::kLater);
Footprint FootprintOf(Tag<OsCall::kWaitId>, const Kernel& kernel, int slot, idtype_t type, id_t id,
                      int options, When when = When::kLater);
Footprint FootprintOf(Tag<OsCall::kGetPpid>, const Kernel& kernel, int slot);
Footprint FootprintOf(Tag<OsCall::kKill>, const Kernel& kernel, int slot, pid_t pid, int signal);
Footprint FootprintOf(Tag<OsCall::kPidFdOpen>, const Kernel& kernel, int slot, pid_t pid,
                      unsigned flags);
Footprint FootprintOf(Tag<OsCall::kPidFdSendSignal>, const Kernel& kernel, int slot, int fd,
                      int signal);
Footprint FootprintOf(Tag<OsCall::kPrctlSetPdeathsig>, const Kernel& kernel, int slot, int signal);
Footprint FootprintOf(Tag<OsCall::kSetSid>, const Kernel& kernel, int slot);
Footprint FootprintOf(Tag<OsCall::kSetPgid>, const Kernel& kernel, int slot, pid_t pid, pid_t pgid);
Footprint FootprintOf(Tag<OsCall::kSetPriority>, const Kernel& kernel, int slot, int which,
                      id_t who, int priority);
Footprint FootprintOf(Tag<OsCall::kSchedGetScheduler>, const Kernel& kernel, int slot, pid_t pid);

// Signals
Footprint FootprintOf(Tag<OsCall::kSigProcMask>, const Kernel& kernel, int slot, int how,
                      const SignalSet* set);
Footprint FootprintOf(Tag<OsCall::kSigAction>, const Kernel& kernel, int slot, int signal,
                      const SignalAction* action);
Footprint FootprintOf(Tag<OsCall::kSigTimedWait>, const Kernel& kernel, int slot, SignalSet set,
                      int64_t nanoseconds);

// Credentials
Footprint FootprintOf(Tag<OsCall::kSetUid>, const Kernel& kernel, int slot, uid_t uid);
Footprint FootprintOf(Tag<OsCall::kSetEuid>, const Kernel& kernel, int slot, uid_t uid);
Footprint FootprintOf(Tag<OsCall::kSetReUid>, const Kernel& kernel, int slot, uid_t real,
                      uid_t effective);
Footprint FootprintOf(Tag<OsCall::kSetResUid>, const Kernel& kernel, int slot, uid_t real,
                      uid_t effective, uid_t saved);
Footprint FootprintOf(Tag<OsCall::kSetFsUid>, const Kernel& kernel, int slot, uid_t uid);
Footprint FootprintOf(Tag<OsCall::kSetGid>, const Kernel& kernel, int slot, gid_t gid);
Footprint FootprintOf(Tag<OsCall::kSetEgid>, const Kernel& kernel, int slot, gid_t gid);
Footprint FootprintOf(Tag<OsCall::kSetReGid>, const Kernel& kernel, int slot, gid_t real,
                      gid_t effective);
Footprint FootprintOf(Tag<OsCall::kSetResGid>, const Kernel& kernel, int slot, gid_t real,
                      gid_t effective, gid_t saved);
Footprint FootprintOf(Tag<OsCall::kSetFsGid>, const Kernel& kernel, int slot, gid_t gid);

// Descriptors
Footprint FootprintOf(Tag<OsCall::kOpen>, const Kernel& kernel, int slot, const char* path,
                      int flags, mode_t mode);
Footprint FootprintOf(Tag<OsCall::kClose>, const Kernel& kernel, int slot, int fd,
                      When when = When::kLater);
Footprint FootprintOf(Tag<OsCall::kRead>, const Kernel& kernel, int slot, int fd, void* buffer,
                      size_t size, When when = When::kLater);
Footprint FootprintOf(Tag<OsCall::kWrite>, const Kernel& kernel, int slot, int fd,
                      const void* buffer, size_t size, When when = When::kLater);
Footprint FootprintOf(Tag<OsCall::kPRead>, const Kernel& kernel, int slot, int fd, void* buffer,
                      size_t size, int64_t offset);
Footprint FootprintOf(Tag<OsCall::kPWrite>, const Kernel& kernel, int slot, int fd,
                      const void* buffer, size_t size, int64_t offset);
Footprint FootprintOf(Tag<OsCall::kPipe>, const Kernel& kernel, int slot);
Footprint FootprintOf(Tag<OsCall::kPipe2>, const Kernel& kernel, int slot, int flags);
Footprint FootprintOf(Tag<OsCall::kDup2>, const Kernel& kernel, int slot, int from, int to,
                      When when = When::kLater);
Footprint FootprintOf(Tag<OsCall::kCloseRange>, const Kernel& kernel, int slot, unsigned first,
                      unsigned last, unsigned flags, When when = When::kLater);
Footprint FootprintOf(Tag<OsCall::kFcntlSetLock>, const Kernel& kernel, int slot, int fd,
                      short type);
Footprint FootprintOf(Tag<OsCall::kFcntlGetLock>, const Kernel& kernel, int slot, int fd,
                      short type);
Footprint FootprintOf(Tag<OsCall::kFStat>, const Kernel& kernel, int slot, int fd);
Footprint FootprintOf(Tag<OsCall::kFTruncate>, const Kernel& kernel, int slot, int fd,
                      int64_t size);
Footprint FootprintOf(Tag<OsCall::kPoll>, const Kernel& kernel, int slot,
                      struct pollfd* descriptors, size_t count, int64_t nanoseconds);

// Sockets
Footprint FootprintOf(Tag<OsCall::kSocket>, const Kernel& kernel, int slot, int domain, int type,
                      int protocol);
Footprint FootprintOf(Tag<OsCall::kSendTo>, const Kernel& kernel, int slot, int fd,
                      const void* buffer, size_t size, int flags, const UnixAddress* address);
Footprint FootprintOf(Tag<OsCall::kBind>, const Kernel& kernel, int slot, int fd,
                      const UnixAddress* address);
Footprint FootprintOf(Tag<OsCall::kSetPassCred>, const Kernel& kernel, int slot, int fd);
Footprint FootprintOf(Tag<OsCall::kRecvMsg>, const Kernel& kernel, int slot, int fd, void* buffer,
                      size_t size, int flags);

// Files
Footprint FootprintOf(Tag<OsCall::kStat>, const Kernel& kernel, int slot, const char* path);
Footprint FootprintOf(Tag<OsCall::kUnlink>, const Kernel& kernel, int slot, const char* path);
Footprint FootprintOf(Tag<OsCall::kChDir>, const Kernel& kernel, int slot, const char* path);
Footprint FootprintOf(Tag<OsCall::kChRoot>, const Kernel& kernel, int slot, const char* path);
Footprint FootprintOf(Tag<OsCall::kReadLink>, const Kernel& kernel, int slot, const char* path,
                      char* buffer, size_t size);
Footprint FootprintOf(Tag<OsCall::kGetDents>, const Kernel& kernel, int slot, int fd, void* buffer,
                      size_t size);

// Chance
Footprint FootprintOf(Tag<OsCall::kGetRandom>, const Kernel& kernel, int slot, void* buffer,
                      size_t size, unsigned flags);

// The two steps of an end. They are always When::kNow. (To name for good all that may become of
// SIGCHLD would have each end depend on every step of the parent.)

// The first: descriptors close, and the parent of a VforkCall() goes on.
Footprint FootprintOfClosingStep(const Kernel& kernel, int slot);

// The second: there is a zombie, its parent hears of it, and its children get a new one.
Footprint FootprintOfLastStep(const Kernel& kernel, int slot);

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_FOOTPRINTS_H_
