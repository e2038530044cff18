#ifndef CLEANFORK_SRC_RETRY_DELAYS_H_
#define CLEANFORK_SRC_RETRY_DELAYS_H_

#include <cstdint>
#include <vector>

#include "cleanfork/os.h"
#include "cleanfork/retry_policy.h"

namespace cleanfork {

// The delays, in nanoseconds, before the second and each further attempt that `policy` allows:
// at most attempts - 1, together within the budget. The random part comes from getrandom(2); where
// that fails each delay is its upper bound.
std::vector<int64_t> RetryDelays(const RetryPolicy& policy, Os& os);

}  // namespace cleanfork

#endif  // CLEANFORK_SRC_RETRY_DELAYS_H_
