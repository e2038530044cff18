#ifndef CLEANFORK_SRC_RETRY_SCHEDULE_H_
#define CLEANFORK_SRC_RETRY_SCHEDULE_H_

#include <cstdint>

#include "cleanfork/os.h"
#include "cleanfork/retry_policy.h"

namespace cleanfork {

// The delays of a RetryPolicy, one after the other. Owns no memory: a child that returns into its
// caller's code destroys it, and must not call free(3).
class RetrySchedule {
 public:
  explicit RetrySchedule(const RetryPolicy& policy);

  // Stores the delay before the next attempt, in nanoseconds, or returns false when there is to be
  // none. The random part comes from getrandom(2); where that fails the delay is its upper bound.
  bool Next(Os& os, int64_t* delay);

 private:
  double jitter_;
  int delays_left_;
  int64_t budget_left_;  // nanoseconds
  int64_t cap_;
  int64_t bound_;
};

}  // namespace cleanfork

#endif  // CLEANFORK_SRC_RETRY_SCHEDULE_H_
