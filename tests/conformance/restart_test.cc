// Calls that wait for some time, in a process that is stopped and continued meanwhile, or gets a
// signal that it does not hear: restart_syscall(2).
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "cleanfork/os.h"
#include "tests/conformance/conformance_case.h"
#include "tests/conformance/handler_notes.h"
#include "tests/conformance/kernel_under_test.h"

namespace cleanfork {
namespace {

constexpr int64_t kTime = 800'000'000;  // nanoseconds that a call waits, if nothing happens
constexpr int64_t kPause = kTime / 4;

int64_t Now(Os& os) { return os.ClockGetTime(CLOCK_MONOTONIC).value(); }
void Pause(Os& os) { os.ClockNanoSleep(CLOCK_MONOTONIC, 0, kPause).IgnoreError(); }

// When the process that waits was stopped, at the latest, and when it was continued, at the
// earliest.
struct Times {
  int64_t stopped = 0;
  int64_t continued = 0;
};

// A child that stops its parent when that waits, continues it after what the call waits for, and
// tells when. Returns the descriptor from which Times can be read.
int ForkStopper(Os& os) {
  const pid_t parent = os.GetPid();
  const PipeEnds ends = os.Pipe().value();
  if (os.Fork().value() == 0) {
    Times times;
    AwaitSleepOf(os, parent);
    Pause(os);
    os.Kill(parent, SIGSTOP).IgnoreError();
    AwaitStateOf(os, parent, "T");
    times.stopped = Now(os);
    for (int pauses = 0; pauses < 4; ++pauses) Pause(os);
    times.continued = Now(os);
    os.Kill(parent, SIGCONT).IgnoreError();
    os.Write(ends.write_end, &times, sizeof(times)).IgnoreError();
    os.Exit(0);
  }
  return ends.read_end;
}

// Waits while it is stopped, and notes the result; whether it has waited as long as it was to,
// and less than as long again after it was continued; and whether `more` holds. A machine that is
// busy may take long over anything: what holds must be seen once in some times.
template <typename Wait, typename More>
void BeStopped(Os& os, Notes& notes, Wait wait, More more) {
  constexpr int kTries = 6;
  for (int left = kTries; left > 0; --left) {
    const int stopper = ForkStopper(os);
    const int64_t start = Now(os);
    const auto result = wait();
    const int64_t end = Now(os);
    Times times;
    os.Read(stopper, &times, sizeof(times)).IgnoreError();
    const bool whole = end - start >= kTime;
    const bool no_longer = end - times.continued < kTime && more(start, end, times);
    if (left > 1 && whole && !no_longer) continue;
    notes.Add(result);
    notes.Add(whole);
    notes.Add(no_longer);
    return;
  }
}

const ConformanceCase kStops[] = {
    {"ASleepIsOverWhenItWouldHaveBeen",
     [](Os& os, Notes& notes) {
       BeStopped(
           os, notes, [&os] { return os.ClockNanoSleep(CLOCK_MONOTONIC, 0, kTime); },
           [](int64_t start, int64_t end, const Times& times) {
             return end - times.continued < kTime - (times.stopped - start);
           });
     },
     "ok yes yes"},
    {"ASleepOnTheRealClockIsOverWhenItWouldHaveBeen",
     [](Os& os, Notes& notes) {
       BeStopped(
           os, notes, [&os] { return os.ClockNanoSleep(CLOCK_REALTIME, 0, kTime); },
           [](int64_t start, int64_t end, const Times& times) {
             return end - times.continued < kTime - (times.stopped - start);
           });
     },
     "ok yes yes"},
    {"ASleepUntilAMomentIsOverThen",
     [](Os& os, Notes& notes) {
       BeStopped(
           os, notes,
           [&os] { return os.ClockNanoSleep(CLOCK_MONOTONIC, TIMER_ABSTIME, Now(os) + kTime); },
           [](int64_t, int64_t, const Times&) { return true; });
     },
     "ok yes yes"},
    // Not the whole time again; but it is not over by its being stopped.
    {"APollWaitsTheRestOfItsTime",
     [](Os& os, Notes& notes) {
       BeStopped(
           os, notes, [&os] { return os.Poll(nullptr, 0, kTime); },
           [](int64_t start, int64_t end, const Times& times) {
             const int64_t waited_at_most = times.stopped - start;
             return end - times.continued >= kTime - waited_at_most;
           });
     },
     "0 yes yes"},
    {"APollWithoutEndGoesOn",
     [](Os& os, Notes& notes) {
       struct pollfd entry = {ForkStopper(os), POLLIN, 0};
       notes.Add(os.Poll(&entry, 1, -1));
       Times times;
       os.Read(entry.fd, &times, sizeof(times)).IgnoreError();
       notes.Add(Now(os) >= times.continued);
     },
     "1 yes"},
};
CLEANFORK_CONFORMANCE(WhileStopped, kStops);

// A process that is stopped in a sleep of `flags`, and hears SIGCONT.
ConformanceCase Hears(const char* name, bool sleeps, int flags, const char* expected) {
  const auto body = [=](Os& os, Notes& notes) {
    ForgetSignals(os);
    ListenTo(os, SIGCONT, flags);
    ForkStopper(os);
    if (sleeps) {
      notes.Add(os.ClockNanoSleep(CLOCK_MONOTONIC, 0, 8 * kTime));
    } else {
      notes.Add(os.Poll(nullptr, 0, 8 * kTime));
    }
    notes.Add(Heard(os));
  };
  return {name, body, expected};
}

const ConformanceCase kHearers[] = {
    Hears("ASleepEnds", true, 0, "EINTR 18"),
    Hears("ASleepEndsThoughItMightRestart", true, SA_RESTART, "EINTR 18"),
    Hears("APollEnds", false, 0, "EINTR 18"),
};
CLEANFORK_CONFORMANCE(AHandlerOfSigcont, kHearers);

const ConformanceCase kAfterwards[] = {
    // What was left of one sleep is not what the next one begins with.
    {"TheNextCallWaitsAsLongAsItSays",
     [](Os& os, Notes& notes) {
       ForkStopper(os);
       notes.Add(os.ClockNanoSleep(CLOCK_MONOTONIC, 0, kTime));
       int64_t start = Now(os);
       notes.Add(os.ClockNanoSleep(CLOCK_MONOTONIC, 0, kPause));
       notes.Add(Now(os) - start >= kPause);
       start = Now(os);
       notes.Add(os.Poll(nullptr, 0, kPause));
       notes.Add(Now(os) - start >= kPause);
     },
     "ok ok yes 0 yes"},
    {"AChildThatIsForkedSleepsAsLongAsItSays",
     [](Os& os, Notes& notes) {
       ForkStopper(os);
       notes.Add(os.ClockNanoSleep(CLOCK_MONOTONIC, 0, kTime));
       const pid_t child = os.Fork().value();
       if (child == 0) {
         const int64_t start = Now(os);
         os.ClockNanoSleep(CLOCK_MONOTONIC, 0, kPause).IgnoreError();
         os.Exit(Now(os) - start >= kPause ? 3 : 4);
       }
       notes.Add(WEXITSTATUS(os.WaitPid(child, 0).value().status));
     },
     "ok 3"},
};
CLEANFORK_CONFORMANCE(Afterwards, kAfterwards);

}  // namespace
}  // namespace cleanfork
