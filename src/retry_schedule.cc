#include "src/retry_schedule.h"

#include <algorithm>

#include "absl/time/time.h"
#include "cleanfork/probe.h"

namespace cleanfork {

RetrySchedule::RetrySchedule(const RetryPolicy& policy)
    : jitter_(policy.jitter),
      delays_left_(policy.attempts - 1),
      budget_left_(absl::ToInt64Nanoseconds(policy.budget)),
      cap_(absl::ToInt64Nanoseconds(policy.cap)),
      bound_(std::min(absl::ToInt64Nanoseconds(policy.initial), cap_)) {}

bool RetrySchedule::Next(Os& os, int64_t* delay) {
  if (delays_left_ <= 0) return false;
  *delay = bound_;
  uint32_t random = 0;
  const bool has_random = jitter_ > 0 && os.GetRandom(&random, sizeof(random), 0).ok();
  if (jitter_ > 0 && !has_random) CLEANFORK_PROBE("a delay goes without chance");
  if (has_random) {
    const double fraction = random / 4294967296.0;  // 2^32: from 0 to just under 1
    *delay -= static_cast<int64_t>(static_cast<double>(bound_) * jitter_ * fraction);
  }
  if (*delay > budget_left_) {
    CLEANFORK_PROBE("the time for further attempts is used up");
    return false;
  }
  budget_left_ -= *delay;
  --delays_left_;
  bound_ = bound_ > cap_ / 2 ? cap_ : bound_ * 2;
  return true;
}

}  // namespace cleanfork
