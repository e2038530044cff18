#include "src/retry_delays.h"

#include <algorithm>

#include "absl/time/time.h"

namespace cleanfork {

std::vector<int64_t> RetryDelays(const RetryPolicy& policy, Os& os) {
  std::vector<int64_t> delays;
  int64_t left = absl::ToInt64Nanoseconds(policy.budget);
  const int64_t cap = absl::ToInt64Nanoseconds(policy.cap);
  int64_t bound = std::min(absl::ToInt64Nanoseconds(policy.initial), cap);
  for (int i = 1; i < policy.attempts; ++i) {
    int64_t delay = bound;
    uint32_t random = 0;
    if (policy.jitter > 0 && os.GetRandom(&random, sizeof(random), 0).ok()) {
      const double fraction = random / 4294967296.0;
      delay -= static_cast<int64_t>(static_cast<double>(bound) * policy.jitter * fraction);
    }
    if (delay > left) break;
    left -= delay;
    delays.push_back(delay);
    bound = bound > cap / 2 ? cap : bound * 2;
  }
  return delays;
}

}  // namespace cleanfork
