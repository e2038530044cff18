#include "src/wait_for_end.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "cleanfork/child_error.h"
#include "cleanfork/fd_io.h"
#include "cleanfork/probe.h"
#include "src/look_schedule.h"

namespace cleanfork {

absl::StatusOr<bool> WaitForEnd(Os& os, int pid_fd, int64_t deadline,
                                const std::function<absl::StatusOr<bool>()>& has_ended) {
  bool can_poll = pid_fd >= 0;
  LookSchedule looks;
  for (;;) {
    absl::StatusOr<bool> ended = has_ended();
    if (!ended.ok() || *ended) return ended;
    const SysResult<int64_t> now = os.ClockGetTime(CLOCK_MONOTONIC);
    if (!now.ok()) return StatusFromErrno(now.error(), "clock_gettime(CLOCK_MONOTONIC)");
    if (now.value() >= deadline) return false;
    if (can_poll) {
      struct pollfd look = {pid_fd, POLLIN, 0};
      const SysResult<size_t> ready = os.Poll(&look, 1, deadline - now.value());
      // A dead child that a debugger has not let go of is ready, but cannot be waited for yet
      // (ptrace(2)); and poll(2) fails where RLIMIT_NOFILE is 0. Polling on would spin.
      if (!ready.ok() && ready.error() == EINTR) {
        CLEANFORK_PROBE("the wait for an end is interrupted");
      } else if (!ready.ok() || ready.value() > 0) {
        can_poll = false;
      }
    } else {
      CLEANFORK_PROBE("an end is looked for from time to time");
      const int64_t until = looks.Next(now.value(), deadline);
      const SysResult<void> slept = SleepUntil(os, until);
      if (!slept.ok()) return StatusFromErrno(slept.error(), "clock_nanosleep(CLOCK_MONOTONIC)");
      looks.Looked(until);
    }
  }
}

absl::StatusOr<int64_t> DeadlineAfter(Os& os, absl::Duration timeout) {
  const SysResult<int64_t> now = os.ClockGetTime(CLOCK_MONOTONIC);
  if (!now.ok()) return StatusFromErrno(now.error(), "clock_gettime(CLOCK_MONOTONIC)");
  return Later(now.value(), std::max(int64_t{0}, absl::ToInt64Nanoseconds(timeout)));
}

}  // namespace cleanfork
