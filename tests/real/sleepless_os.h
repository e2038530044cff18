// SleeplessOs: the real kernel with a clock on which sleeping takes no time.
#ifndef CLEANFORK_TESTS_REAL_SLEEPLESS_OS_H_
#define CLEANFORK_TESTS_REAL_SLEEPLESS_OS_H_

#include <cstdint>
#include <ctime>
#include <functional>
#include <utility>
#include <vector>

#include "cleanfork/os_wrapper.h"

namespace cleanfork {

// The kernel, but for the clock: a sleep takes no time, and instead of it something happens. The
// time that it should have taken has then passed.
class SleeplessOs : public OsWrapper {
 public:
  explicit SleeplessOs(std::function<void()> instead_of_sleep = nullptr)
      : OsWrapper(RealOs()), instead_of_sleep_(std::move(instead_of_sleep)) {}

  SysResult<void> ClockNanoSleep(clockid_t clock, int flags, int64_t nanoseconds) override {
    const int64_t now = ClockGetTime(clock).value_or(0);
    const int64_t delay = (flags & TIMER_ABSTIME) != 0 ? nanoseconds - now : nanoseconds;
    sleeps.push_back(delay);
    if (delay > 0) offset_ += delay;
    if (instead_of_sleep_) instead_of_sleep_();
    return {};
  }
  SysResult<int64_t> ClockGetTime(clockid_t clock) override {
    SysResult<int64_t> now = OsWrapper::ClockGetTime(clock);
    if (!now.ok()) return now;
    return now.value() + offset_;
  }

  std::vector<int64_t> sleeps;  // nanoseconds

 private:
  std::function<void()> instead_of_sleep_;
  int64_t offset_ = 0;
};

}  // namespace cleanfork

#endif  // CLEANFORK_TESTS_REAL_SLEEPLESS_OS_H_
