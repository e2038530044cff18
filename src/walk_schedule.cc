#include "src/walk_schedule.h"

#include <cstddef>

#include "cleanfork/probe.h"
#include "src/wait_for_end.h"

namespace cleanfork {

absl::StatusOr<bool> WalkSchedule(const StopSchedule& schedule, Os& os,
                                  const std::function<absl::Status(int signal)>& deliver,
                                  const std::function<absl::StatusOr<bool>(int64_t)>& wait_until) {
  for (size_t i = 0; i < schedule.actions.size();) {
    const StopSchedule::Action& action = schedule.actions[i];
    if (action.signal != 0) {
      const absl::Status sent = deliver(action.signal);
      if (absl::IsNotFound(sent)) {
        CLEANFORK_PROBE("a process ends before it is signalled");
        return true;
      }
      if (!sent.ok()) return sent;
    }
    const absl::StatusOr<int64_t> deadline = DeadlineAfter(os, action.wait);
    if (!deadline.ok()) return deadline.status();
    const absl::StatusOr<bool> ended = wait_until(*deadline);
    if (!ended.ok() || *ended) return ended;
    ++i;
    if (i == schedule.actions.size() && schedule.repeat_from.has_value()) i = *schedule.repeat_from;
  }
  return false;
}

}  // namespace cleanfork
