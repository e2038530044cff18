// Time and chance: clock_gettime(2), clock_nanosleep(2), getrandom(2).
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <ctime>

#include "cleanfork/os.h"
#include "tests/conformance/conformance_case.h"
#include "tests/conformance/kernel_under_test.h"

namespace cleanfork {
namespace {

// Reads the clock, sleeps 20 ms and reads it again: whether it went on, and by less.
ConformanceCase Clock(const char* name, clockid_t clock, const char* expected, Excuse excuse = {}) {
  const auto body = [clock](Os& os, Notes& notes) {
    const SysResult<int64_t> before = os.ClockGetTime(clock);
    if (!before.ok()) return notes.Add(before);
    os.ClockNanoSleep(CLOCK_MONOTONIC, 0, 20'000'000).IgnoreError();
    const int64_t after = os.ClockGetTime(clock).value();
    notes.Add(after > before.value());
    notes.Add(after - before.value() < 20'000'000);
  };
  return {name, body, expected, excuse};
}

constexpr int64_t kPause = 2'000'000;  // nanoseconds

const char* const kCpuTime = "CPU-time clocks are refused: docs/sim_os.md";

const ConformanceCase kClocks[] = {
    Clock("ThatIsRealGoesOn", CLOCK_REALTIME, "yes no"),
    Clock("ThatIsMonotonicGoesOn", CLOCK_MONOTONIC, "yes no"),
    Clock("SinceBootGoesOn", CLOCK_BOOTTIME, "yes no"),
    Clock("ThatIsRawGoesOn", CLOCK_MONOTONIC_RAW, "yes no"),
    Clock("ThatIsUnknownIsRefused", 77, "EINVAL"),
    Clock("OfTheProcessDoesNotCountSleep", CLOCK_PROCESS_CPUTIME_ID, "yes yes",
          NotOnSimulated(kCpuTime)),
    Clock("OfTheThreadDoesNotCountSleep", CLOCK_THREAD_CPUTIME_ID, "yes yes",
          NotOnSimulated(kCpuTime)),
};
CLEANFORK_CONFORMANCE(AClock, kClocks);

ConformanceCase Sleep(const char* name, clockid_t clock, int flags, int64_t nanoseconds,
                      const char* expected) {
  const auto body = [=](Os& os, Notes& notes) {
    const int64_t start = os.ClockGetTime(CLOCK_MONOTONIC).value();
    notes.Add(os.ClockNanoSleep(clock, flags, nanoseconds));
    if (nanoseconds != kPause) return;
    notes.Add(os.ClockGetTime(CLOCK_MONOTONIC).value() - start >= kPause);
  };
  return {name, body, expected};
}

const ConformanceCase kSleeps[] = {
    Sleep("OnTheMonotonicClock", CLOCK_MONOTONIC, 0, kPause, "ok yes"),
    Sleep("OnTheRealClock", CLOCK_REALTIME, 0, kPause, "ok yes"),
    Sleep("OnTheClockSinceBoot", CLOCK_BOOTTIME, 0, kPause, "ok yes"),
    Sleep("WithUnknownFlags", CLOCK_MONOTONIC, 2, kPause, "ok yes"),
    Sleep("OfNothing", CLOCK_MONOTONIC, 0, 0, "ok"),
    Sleep("OfANegativeTimeIsRefused", CLOCK_MONOTONIC, 0, -1, "EINVAL"),
    Sleep("OfANegativeSecondIsRefused", CLOCK_REALTIME, 0, -1'000'000'000, "EINVAL"),
    Sleep("UntilTheBeginning", CLOCK_MONOTONIC, TIMER_ABSTIME, 0, "ok"),
    Sleep("UntilTheBeginningOfTheEpoch", CLOCK_REALTIME, TIMER_ABSTIME, 1, "ok"),
    Sleep("UntilBeforeTheEpochIsRefused", CLOCK_REALTIME, TIMER_ABSTIME, -1, "EINVAL"),
    Sleep("OnAnUnknownClockIsRefused", 77, 0, 0, "EINVAL"),
    Sleep("OnAClockThatCannotIsRefused", CLOCK_MONOTONIC_RAW, 0, 1, "ENOTSUP"),
    Sleep("OnACoarseClockIsRefused", CLOCK_MONOTONIC_COARSE, 0, 1, "ENOTSUP"),
    Sleep("OnACoarseRealClockIsRefusedFirst", CLOCK_REALTIME_COARSE, 0, -1, "ENOTSUP"),
    Sleep("OnTheThreadsClockIsRefused", CLOCK_THREAD_CPUTIME_ID, 0, 1, "EINVAL"),
};
CLEANFORK_CONFORMANCE(ASleep, kSleeps);

const ConformanceCase kTimes[] = {
    {"IsSleptAwayUntilAMoment",
     [](Os& os, Notes& notes) {
       const int64_t start = os.ClockGetTime(CLOCK_MONOTONIC).value();
       notes.Add(os.ClockNanoSleep(CLOCK_MONOTONIC, TIMER_ABSTIME, start + 6'000'000));
       notes.Add(os.ClockGetTime(CLOCK_MONOTONIC).value() - start >= 6'000'000);
       notes.Add(os.ClockNanoSleep(CLOCK_MONOTONIC, TIMER_ABSTIME, start));
     },
     "ok yes ok"},
    {"IsSharedByAllProcesses",
     [](Os& os, Notes& notes) {
       const int64_t start = os.ClockGetTime(CLOCK_MONOTONIC).value();
       const PipeEnds ends = os.Pipe().value();
       if (os.Fork().value() == 0) {
         os.ClockNanoSleep(CLOCK_MONOTONIC, 0, 3'000'000).IgnoreError();
         const int64_t now = os.ClockGetTime(CLOCK_MONOTONIC).value();
         os.Write(ends.write_end, &now, sizeof(now)).IgnoreError();
         os.Exit(0);
       }
       int64_t then = 0;
       os.Read(ends.read_end, &then, sizeof(then)).IgnoreError();
       const int64_t now = os.ClockGetTime(CLOCK_MONOTONIC).value();
       notes.Add(then - start >= 3'000'000);
       notes.Add(now >= then);
     },
     "yes yes"},
};
CLEANFORK_CONFORMANCE(Time, kTimes);

const ConformanceCase kChances[] = {
    {"DoesNotRepeat",
     [](Os& os, Notes& notes) {
       unsigned char one[32] = {}, two[32] = {};
       notes.Add(os.GetRandom(one, sizeof(one), 0));
       notes.Add(os.GetRandom(two, sizeof(two), 0));
       notes.Add(std::memcmp(one, two, sizeof(one)) != 0);
     },
     "32 32 yes"},
    {"FillsTheBuffer",
     [](Os& os, Notes& notes) {
       unsigned char bytes[100] = {};
       notes.Add(os.GetRandom(bytes, sizeof(bytes), 0));
       int set = 0;
       for (unsigned char byte : bytes) set += byte != 0;
       notes.Add(set > 50);
     },
     "100 yes"},
    {"IsNotThatOfAChild",
     [](Os& os, Notes& notes) {
       const PipeEnds ends = os.Pipe().value();
       unsigned char bytes[16] = {}, theirs[16] = {};
       if (os.Fork().value() == 0) {
         os.GetRandom(bytes, sizeof(bytes), 0).IgnoreError();
         os.Write(ends.write_end, bytes, sizeof(bytes)).IgnoreError();
         os.Exit(0);
       }
       os.GetRandom(bytes, sizeof(bytes), 0).IgnoreError();
       notes.Add(os.Read(ends.read_end, theirs, sizeof(theirs)));
       notes.Add(std::memcmp(bytes, theirs, sizeof(bytes)) != 0);
     },
     "16 yes"},
    {"TakesItsFlags",
     [](Os& os, Notes& notes) {
       unsigned char byte = 0;
       for (unsigned flags : {0U, 1U, 2U, 3U, 8U, 0x80000000U}) {
         notes.Add(os.GetRandom(&byte, 1, flags));
       }
     },
     "1 1 1 1 EINVAL EINVAL"},
    {"OfNothingIsNothing",
     [](Os& os, Notes& notes) {
       notes.Add(os.GetRandom(nullptr, 0, 0));
       notes.Add(os.GetRandom(nullptr, 0, 8));
     },
     "0 EINVAL"},
};
CLEANFORK_CONFORMANCE(Chance, kChances);

}  // namespace
}  // namespace cleanfork
