// WaitForEnd: waits for a process to end, whoever's it is.
#ifndef CLEANFORK_SRC_WAIT_FOR_END_H_
#define CLEANFORK_SRC_WAIT_FOR_END_H_

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cleanfork/os.h"

namespace cleanfork {

// Waits until `has_ended` says so, or until `deadline`, nanoseconds on CLOCK_MONOTONIC; one that is
// over still looks once. `pid_fd` is a pidfd of the process, by poll(2) on which it is woken; -1:
// there is none, and it looks as a LookSchedule says that begins with the call. An error is that of
// `has_ended`, or of a clock.
absl::StatusOr<bool> WaitForEnd(Os& os, int pid_fd, int64_t deadline,
                                const std::function<absl::StatusOr<bool>()>& has_ended);

// The moment `timeout` from now on CLOCK_MONOTONIC, in nanoseconds; the end of time for an infinite
// one, now for a negative one. Or the errno of the clock.
absl::StatusOr<int64_t> DeadlineAfter(Os& os, absl::Duration timeout);

}  // namespace cleanfork

#endif  // CLEANFORK_SRC_WAIT_FOR_END_H_
