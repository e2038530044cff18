#include "mocks/sim/blocking.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <ctime>

#include "mocks/sim/descriptors.h"
#include "mocks/sim/pipes.h"
#include "mocks/sim/poll.h"
#include "mocks/sim/signals.h"
#include "mocks/sim/sockets.h"
#include "mocks/sim/waiting.h"

namespace cleanfork::sim {
namespace {

// What stands behind the descriptor, if it is of this kind and blocks; or null.
const Description* FindBlocking(const Kernel& kernel, int slot, int fd) {
  const Description* description = FindDescription(kernel, kernel.processes[slot], fd);
  const bool blocks = description != nullptr && (description->flags & O_NONBLOCK) == 0;
  return blocks ? description : nullptr;
}

bool WaitsForChild(const Kernel& kernel, int slot, const Wanted& wanted) {
  if (wanted.error != 0 || (wanted.options & WNOHANG) != 0) return false;
  const Children children = FindChildren(kernel, slot, wanted.type, wanted.id, wanted.options);
  return children.any && children.first == kNone;
}

}  // namespace

bool WouldBlock(Tag<OsCall::kRead>, const Kernel& kernel, int slot, int fd, void*, size_t size) {
  const Description* description = FindBlocking(kernel, slot, fd);
  if (description == nullptr || size == 0) return false;
  if (description->kind == DescriptionKind::kPipeRead) {
    const Pipe& pipe = kernel.pipes[description->object];
    return IsEmpty(pipe) && pipe.writers > 0;
  }
  return description->kind == DescriptionKind::kSocket &&
         kernel.sockets[description->object].type == SOCK_DGRAM;
}

bool WouldBlock(Tag<OsCall::kWrite>, const Kernel& kernel, int slot, int fd, const void* buffer,
                size_t size) {
  const Description* description = FindBlocking(kernel, slot, fd);
  if (description == nullptr || description->kind != DescriptionKind::kPipeWrite) return false;
  const Pipe& pipe = kernel.pipes[description->object];
  if (size == 0 || pipe.readers == 0 || !IsFull(pipe)) return false;
  return buffer == nullptr || FitsIntoLast(pipe, size) == 0;
}

bool WouldBlock(Tag<OsCall::kWaitPid>, const Kernel& kernel, int slot, pid_t pid, int options) {
  return WaitsForChild(kernel, slot, WantedByWaitPid(kernel.processes[slot], pid, options));
}

bool WouldBlock(Tag<OsCall::kWaitId>, const Kernel& kernel, int slot, idtype_t type, id_t id,
                int options) {
  const Process& process = kernel.processes[slot];
  return WaitsForChild(kernel, slot, WantedByWaitId(kernel, process, type, id, options));
}

bool WouldBlock(Tag<OsCall::kPoll>, const Kernel& kernel, int slot, struct pollfd* descriptors,
                size_t count, int64_t nanoseconds) {
  const Process& process = kernel.processes[slot];
  if (process.rest == Rest::kLost || count > process.limits[RLIMIT_NOFILE].soft) return false;
  const int64_t left = process.rest == Rest::kKept ? process.rest_of_time : nanoseconds;
  if (left == 0 || (descriptors == nullptr && count > 0)) return false;
  for (size_t i = 0; i < count; ++i) {
    if (EventsOf(kernel, process, descriptors[i]) != 0) return false;
  }
  return true;
}

bool WouldBlock(Tag<OsCall::kClockNanoSleep>, const Kernel& kernel, int slot, clockid_t clock,
                int flags, int64_t nanoseconds) {
  if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME) return false;
  if ((flags & TIMER_ABSTIME) == 0) {
    const Process& process = kernel.processes[slot];
    const bool again = process.rest == Rest::kKept;
    if (process.rest == Rest::kLost || nanoseconds < 0) return false;
    return again ? process.rest_of_time > kernel.monotonic : nanoseconds > 0;
  }
  const int64_t offset = clock == CLOCK_REALTIME ? kernel.realtime_offset : 0;
  return nanoseconds >= 0 && nanoseconds - offset > kernel.monotonic;
}

bool WouldBlock(Tag<OsCall::kSigTimedWait>, const Kernel& kernel, int slot, SignalSet set,
                int64_t nanoseconds) {
  const Process& process = kernel.processes[slot];
  const uint64_t pending = process.signals.pending | process.signals.own_pending;
  return nanoseconds != 0 && (pending & TakenByWaiting(process, set)) == 0;
}

bool WouldBlock(Tag<OsCall::kRecvMsg>, const Kernel& kernel, int slot, int fd, void*, size_t,
                int flags) {
  const Description* description = FindBlocking(kernel, slot, fd);
  return description != nullptr && flags == 0 && description->kind == DescriptionKind::kSocket &&
         FindUnread(kernel, kernel.sockets[description->object]) < 0;
}

bool WouldBlock(Tag<OsCall::kSendTo>, const Kernel& kernel, int slot, int fd, const void* buffer,
                size_t size, int flags, const UnixAddress* address) {
  if (buffer == nullptr && size > 0) return false;
  return SendWaits(kernel, kernel.processes[slot], fd, size, flags, *address);
}

}  // namespace cleanfork::sim
