// LookSchedule: when to look whether a process has ended, where nothing wakes who waits for that.
//
//   LookSchedule looks;
//   while (!HasEnded() && Now() < deadline) {
//     const int64_t until = looks.Next(Now(), deadline);
//     SleepUntil(until);
//     looks.Looked(until);
//   }
#ifndef CLEANFORK_SRC_LOOK_SCHEDULE_H_
#define CLEANFORK_SRC_LOOK_SCHEDULE_H_

#include <cstdint>
#include <optional>

namespace cleanfork {

// Less and less often: 20 ms after the first call of Next(), each interval twice the one before, up
// to 320 ms. What is likely to end soon is seen to end soon, and a long wait wakes up three times a
// second. A new one begins anew. Moments are nanoseconds on CLOCK_MONOTONIC. Owns no memory.
class LookSchedule {
 public:
  // When the next look is due, `deadline` if that is earlier, `now` if it is due already. A wait
  // that ends before that look, by a signal say, changes nothing: the same moment is told again.
  int64_t Next(int64_t now, int64_t deadline);

  // Whoever waits has looked at `moment`, or later. The look that was due by then, if one was, is
  // done: the interval up to the one after it begins with the following Next(), so that time in
  // which nobody could look, of a stopped process say, is not made up for.
  void Looked(int64_t moment);

 private:
  static constexpr int64_t kFirst = 20'000'000;
  static constexpr int64_t kLongest = 16 * kFirst;

  std::optional<int64_t> next_;
  int64_t interval_ = kFirst;
};

}  // namespace cleanfork

#endif  // CLEANFORK_SRC_LOOK_SCHEDULE_H_
