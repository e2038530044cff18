// WouldBlock: whether a call, made now by a process, would wait before it has changed anything. It
// is asked of every process each time somebody has to be chosen, by whoever runs: it does not ask
// who that is, and allocates nothing (but for a datagram to a path while some receiver is full).
//
// Signals that are pending for the process are not looked at: whatever the call, they come first.
#ifndef CLEANFORK_MOCKS_SIM_BLOCKING_H_
#define CLEANFORK_MOCKS_SIM_BLOCKING_H_

#include <poll.h>
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

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_BLOCKING_H_
