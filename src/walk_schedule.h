// WalkSchedule: goes through a StopSchedule, whatever it is that is to be stopped.
#ifndef CLEANFORK_SRC_WALK_SCHEDULE_H_
#define CLEANFORK_SRC_WALK_SCHEDULE_H_

#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cleanfork/os.h"
#include "cleanfork/stop.h"

namespace cleanfork {

// `deliver` sends a signal and is NotFound if the process has ended; `wait_until` waits until then,
// nanoseconds on CLOCK_MONOTONIC, and says whether the process has ended. True once it has, false
// at the end of the schedule; or the first error.
absl::StatusOr<bool> WalkSchedule(const StopSchedule& schedule, Os& os,
                                  const std::function<absl::Status(int signal)>& deliver,
                                  const std::function<absl::StatusOr<bool>(int64_t)>& wait_until);

}  // namespace cleanfork

#endif  // CLEANFORK_SRC_WALK_SCHEDULE_H_
