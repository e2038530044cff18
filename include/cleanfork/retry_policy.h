// RetryPolicy: how often and how long a failed fork is tried again.
//
// fork(2) fails with EAGAIN and ENOMEM when a limit or memory is short for the moment; every
// other errno is final and is never retried, nor are these two where the cause is known to stay: a
// dead PID namespace, SCHED_DEADLINE (docs/design.md). Spawn() also retries an exec that fails with
// ETXTBSY, by the same policy but without jitter, at most 100 ms apart and 250 ms in all.
//
// Delay k (k = 0 after the first failure) is at most min(cap, initial * 2^k), of which the fraction
// `jitter` is random, so that many processes that failed together do not come back together.
//
//   options.retry.attempts = 3;
//   options.retry = cleanfork::RetryPolicy::Never();
#ifndef CLEANFORK_RETRY_POLICY_H_
#define CLEANFORK_RETRY_POLICY_H_

#include "absl/time/time.h"

namespace cleanfork {

struct RetryPolicy {
  // How many times fork is called at the most; from 1.
  static constexpr int kMaxAttempts = 1000;
  int attempts = 5;

  // Upper bound of the first delay, and of every delay; neither negative.
  absl::Duration initial = absl::Milliseconds(10);
  absl::Duration cap = absl::Seconds(1);

  // All delays together stay within this. A delay that would exceed it is not begun.
  absl::Duration budget = absl::Seconds(3);

  // 0: always the upper bound. 1: anything from 0 to the upper bound. Range 0 to 1.
  double jitter = 1.0;

  // One attempt, no delay.
  static RetryPolicy Never() {
    RetryPolicy policy;
    policy.attempts = 1;
    return policy;
  }

  // `attempts` attempts, `delay` apart, without jitter or budget.
  static RetryPolicy Fixed(int attempts, absl::Duration delay) {
    RetryPolicy policy;
    policy.attempts = attempts;
    policy.initial = policy.cap = delay;
    policy.budget = absl::InfiniteDuration();
    policy.jitter = 0;
    return policy;
  }
};

}  // namespace cleanfork

#endif  // CLEANFORK_RETRY_POLICY_H_
