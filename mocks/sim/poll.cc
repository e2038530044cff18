#include "mocks/sim/poll.h"

#include <fcntl.h>

#include <cerrno>

#include "mocks/sim/calls.h"
#include "mocks/sim/descriptors.h"
#include "mocks/sim/pipes.h"
#include "mocks/sim/processes.h"
#include "mocks/sim/refuse.h"
#include "mocks/sim/sockets.h"

namespace cleanfork::sim {
namespace {

constexpr int kAlwaysReported = POLLERR | POLLHUP | POLLNVAL;

bool HasEnded(const Kernel& kernel, pid_t pid) {
  const int slot = FindProcess(kernel, pid);
  return slot == kNone || kernel.processes[slot].state == ProcessState::kZombie;
}

int EventsBehind(const Kernel& kernel, const Description& description) {
  switch (description.kind) {
    case DescriptionKind::kPipeRead: {
      const Pipe& pipe = kernel.pipes[description.object];
      return (IsEmpty(pipe) ? 0 : POLLIN | POLLRDNORM) | (pipe.writers == 0 ? POLLHUP : 0);
    }
    case DescriptionKind::kPipeWrite: {
      const Pipe& pipe = kernel.pipes[description.object];
      return (IsFull(pipe) ? 0 : POLLOUT | POLLWRNORM) | (pipe.readers == 0 ? POLLERR : 0);
    }
    case DescriptionKind::kPidFd:
      return HasEnded(kernel, description.object) ? POLLIN | POLLRDNORM : 0;
    case DescriptionKind::kSocket: return EventsOfSocket(kernel, description.object);
    default: return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
  }
}

// Fills in what has happened, and counts those to which anything has.
size_t Look(const Kernel& kernel, const Process& process, struct pollfd* descriptors,
            size_t count) {
  size_t ready = 0;
  for (size_t i = 0; i < count; ++i) {
    descriptors[i].revents = EventsOf(kernel, process, descriptors[i]);
    if (descriptors[i].revents != 0) ++ready;
  }
  return ready;
}

}  // namespace

short EventsOf(const Kernel& kernel, const Process& process, const struct pollfd& entry) {
  if (entry.fd < 0) return 0;
  const Description* description = FindDescription(kernel, process, entry.fd);
  const int events = description == nullptr ? POLLNVAL : EventsBehind(kernel, *description);
  return static_cast<short>(events & (entry.events | kAlwaysReported));
}

SysResult<size_t> Calls::Poll(struct pollfd* descriptors, size_t count, int64_t nanoseconds) {
  if (count > self().limits[RLIMIT_NOFILE].soft) return SysError(EINVAL);
  if (descriptors == nullptr && count > 0) return SysError(EFAULT);
  if (!TakeRest(&nanoseconds)) return SysError(EINTR);
  const int64_t deadline = Deadline(nanoseconds);
  const Process& process = self();
  for (;;) {
    const size_t ready = Look(kernel_, process, descriptors, count);
    if (ready > 0 || nanoseconds == 0) return ready;
    const Wake wake = Wait("none of the descriptors is ready", deadline,
                           [&] { return Look(kernel_, process, descriptors, count) > 0; });
    if (wake == Wake::kTimeout) return size_t{0};
    if (wake != Wake::kSignal) continue;
    // ppoll(2) of Linux: what is left of the time is left where the time was, so that the call that
    // is made again waits as long, not until then.
    return KeepRest(deadline == kForever ? -1 : deadline - kernel_.monotonic);
  }
}

SysResult<int> Calls::PidFdOpen(pid_t pid, unsigned flags) {
  constexpr unsigned kThread = O_EXCL;  // PIDFD_THREAD, which Linux 6.9 takes
  if ((flags & ~(static_cast<unsigned>(O_NONBLOCK) | kThread)) != 0) return SysError(EINVAL);
  if ((flags & kThread) != 0) Refuse("PIDFD_THREAD");
  if (pid <= 0) return SysError(EINVAL);
  if (FindProcess(kernel_, pid) == kNone) {
    if (pid == kInitPid) Refuse("pidfd_open of init");
    return SysError(ESRCH);
  }
  const int fd = FindFreeDescriptor(self(), 0);
  if (fd < 0) return SysError(EMFILE);
  if (!HasRoomForFiles(kernel_, self(), 1)) return SysError(ENFILE);
  const int status_flags = O_RDWR | static_cast<int>(flags);
  InstallDescription(&kernel_, &self(), fd,
                     MakeDescription(DescriptionKind::kPidFd, pid, status_flags), true);
  return fd;
}

}  // namespace cleanfork::sim
