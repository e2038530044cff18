// WouldBlock: whether a call, made now by a process, would wait before it has changed anything. It
// is asked of every process each time somebody has to be chosen, by whoever runs: it does not ask
// who that is, and allocates nothing (but for a datagram to a path while some receiver is full).
//
// Signals that are pending for the process are not looked at: whatever the call, they come first.
#ifndef CLEANFORK_MOCKS_SIM_BLOCKING_H_
#define CLEANFORK_MOCKS_SIM_BLOCKING_H_

#include <poll.h>
#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>

#include <cstddef>
#include <cstdint>

#include "cleanfork/os_call.h"
#include "cleanfork/os_types.h"
#include "mocks/sim/call_tag.h"
#include "mocks/sim/kernel.h"

namespace cleanfork::sim {

// The others never wait before they have done what they do.
template <OsCall kCall, typename... A>
bool WouldBlock(Tag<kCall>, const Kernel&, int, A...) {
  return false;
}

bool WouldBlock(Tag<OsCall::kRead>, const Kernel& kernel, int slot, int fd, void* buffer,
                size_t size);
bool WouldBlock(Tag<OsCall::kWrite>, const Kernel& kernel, int slot, int fd, const void* buffer,
                size_t size);
bool WouldBlock(Tag<OsCall::kWaitPid>, const Kernel& kernel, int slot, pid_t pid, int options);
bool WouldBlock(Tag<OsCall::kWaitId>, const Kernel& kernel, int slot, idtype_t type, id_t id,
                int options);
bool WouldBlock(Tag<OsCall::kPoll>, const Kernel& kernel, int slot, struct pollfd* descriptors,
                size_t count, int64_t nanoseconds);
bool WouldBlock(Tag<OsCall::kClockNanoSleep>, const Kernel& kernel, int slot, clockid_t clock,
                int flags, int64_t nanoseconds);
bool WouldBlock(Tag<OsCall::kSigTimedWait>, const Kernel& kernel, int slot, SignalSet set,
                int64_t nanoseconds);
bool WouldBlock(Tag<OsCall::kRecvMsg>, const Kernel& kernel, int slot, int fd, void* buffer,
                size_t size, int flags);
bool WouldBlock(Tag<OsCall::kSendTo>, const Kernel& kernel, int slot, int fd, const void* buffer,
                size_t size, int flags, const UnixAddress* address);

// Whether it makes a difference to the call's result that it has begun to wait before others do
// what they do. A wait for a group does not hear of a child that leaves it: Linux looks again when
// one ends.
template <OsCall kCall, typename... A>
bool SeesHowEarlyItWaits(Tag<kCall>, A...) {
  return false;
}
inline bool SeesHowEarlyItWaits(Tag<OsCall::kWaitPid>, pid_t pid, int) {
  return pid == 0 || pid < -1;
}
inline bool SeesHowEarlyItWaits(Tag<OsCall::kWaitId>, idtype_t type, id_t, int) {
  return type == P_PGID;
}

// Blocked signals that the call takes, or stops to block: whether they came before it is seen.
template <OsCall kCall, typename... A>
uint64_t BlockedThatItLetsIn(Tag<kCall>, A...) {
  return 0;
}
inline uint64_t BlockedThatItLetsIn(Tag<OsCall::kSigTimedWait>, SignalSet set, int64_t) {
  return set.bits();
}
inline uint64_t BlockedThatItLetsIn(Tag<OsCall::kSigProcMask>, int how, const SignalSet* set) {
  if (set == nullptr || how == SIG_BLOCK) return 0;
  return how == SIG_UNBLOCK ? set->bits() : ~set->bits();
}

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_BLOCKING_H_
