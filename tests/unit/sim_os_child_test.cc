// Child on the simulated kernel: waits with deadlines and Stop(), in virtual time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cleanfork/child.h"
#include "cleanfork/fork_child.h"
#include "cleanfork/os.h"
#include "cleanfork/os_wrapper.h"
#include "cleanfork/sim_os.h"
#include "cleanfork/spawn.h"

namespace cleanfork {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

constexpr int64_t kSecond = 1'000'000'000;
constexpr pid_t kCaller = 100;
constexpr pid_t kWorker = 101;

// Does what its arguments say: "sleep" seconds, "ignore" a signal, and ends with status 7.
int Work(Os& os, const std::vector<std::string>& arguments) {
  for (size_t i = 1; i + 1 < arguments.size(); i += 2) {
    const int number = std::stoi(arguments[i + 1]);
    if (arguments[i] == "ignore") {
      SignalAction action;
      action.handler = SIG_IGN;
      if (!os.SigAction(number, &action).ok()) return 1;
    } else {
      os.ClockNanoSleep(CLOCK_MONOTONIC, 0, number * kSecond).IgnoreError();
    }
  }
  return 7;
}

SimOsOptions World() {
  SimOsOptions options;
  options.users.push_back({"worker", 40, 40, "/"});
  options.programs.push_back({"/bin/worker", Work});
  return options;
}

// A kernel from before Linux 5.3.
class WithoutPidFds : public OsWrapper {
 public:
  using OsWrapper::OsWrapper;
  SysResult<int> PidFdOpen(pid_t, unsigned) override { return SysError(ENOSYS); }
};

// With pidfds and without them.
class ChildOnSimOs : public ::testing::TestWithParam<bool> {
 protected:
  // Starts the worker and goes on in `use`; what that returns is the caller's exit status.
  template <typename Use>
  SimRun Run(const std::vector<std::string>& arguments, const Use& use,
             const ForkOptions& options = ForkOptions()) {
    return sim_.Run([&, pidfds = GetParam()](Os& kernel) {
      WithoutPidFds older(kernel);
      Os& os = pidfds ? kernel : older;
      std::vector<std::string> words = {"worker"};
      words.insert(words.end(), arguments.begin(), arguments.end());
      absl::StatusOr<Child> child = Spawn(words, options, os);
      if (!child.ok()) return 99;
      return use(os, *child);
    });
  }

  void ExpectEnds(const SimRun& run, int status) {
    EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
    EXPECT_EQ(sim_.process(kCaller)->wait_status, status << 8) << sim_.TraceText();
  }

  // Without pidfds a look finds the end `milliseconds` after it. At the moment of a look the caller
  // comes before the child.
  static int64_t Late(int64_t milliseconds) { return GetParam() ? 0 : milliseconds * 1'000'000; }

  SimOs sim_{World()};
};

TEST_P(ChildOnSimOs, AWaitEndsWithTheChildAndKeepsItsStatus) {
  const SimRun run = Run({"sleep", "3"}, [](Os&, Child& child) {
    const absl::StatusOr<ExitStatus> ended = child.Wait(absl::Seconds(10));
    if (!ended.ok() || ended->exit_status() != 7) return 1;
    return child.Wait()->exit_status() == 7 ? 0 : 2;
  });
  ExpectEnds(run, 0);
  EXPECT_EQ(sim_.elapsed(), 3 * kSecond + Late(180));  // 300 ms, and 9 times 320 ms
  EXPECT_EQ(sim_.process(kWorker)->state, SimProcess::State::kReaped);
  EXPECT_THAT(sim_.process(kCaller)->descriptors, SizeIs(3));
}

TEST_P(ChildOnSimOs, AWaitThatIsOverEndsAtItsMomentAndTheChildGoesOn) {
  int64_t waited = 0;
  const SimRun run = Run({"sleep", "3"}, [&waited](Os& os, Child& child) {
    const int64_t start = os.ClockGetTime(CLOCK_MONOTONIC).value();
    if (!absl::IsDeadlineExceeded(child.Wait(absl::Milliseconds(1500)).status())) return 1;
    waited = os.ClockGetTime(CLOCK_MONOTONIC).value() - start;
    const absl::StatusOr<std::optional<ExitStatus>> now = child.TryWait();
    if (!now.ok() || now->has_value()) return 2;
    return child.Wait()->exit_status() == 7 ? 0 : 3;
  });
  ExpectEnds(run, 0);
  EXPECT_EQ(waited, 1'500'000'000);
}

TEST_P(ChildOnSimOs, ASignalDoesNotMoveTheDeadline) {
  int64_t waited = 0;
  const SimRun run = Run({"sleep", "60"}, [&waited](Os& os, Child& child) {
    SignalAction action;
    action.handler = [](int) {};
    if (!os.SigAction(SIGUSR1, &action).ok()) return 1;
    const pid_t pest = os.Fork().value();
    if (pest == 0) {
      for (int i = 0; i < 5; ++i) {
        os.ClockNanoSleep(CLOCK_MONOTONIC, 0, 300'000'000).IgnoreError();
        os.Kill(kCaller, SIGUSR1).IgnoreError();
      }
      os.Exit(0);
    }
    const int64_t start = os.ClockGetTime(CLOCK_MONOTONIC).value();
    if (!absl::IsDeadlineExceeded(child.Wait(absl::Seconds(2)).status())) return 2;
    waited = os.ClockGetTime(CLOCK_MONOTONIC).value() - start;
    if (!os.WaitPid(pest, 0).ok()) return 3;
    return child.Stop().ok() ? 0 : 4;
  });
  ExpectEnds(run, 0);
  EXPECT_EQ(waited, 2 * kSecond);
}

TEST_P(ChildOnSimOs, AChildThatObeysIsStoppedAtOnce) {
  const SimRun run = Run({"sleep", "60"}, [](Os&, Child& child) {
    const absl::StatusOr<std::optional<ExitStatus>> ended = child.Stop();
    return ended.ok() && ended->has_value() ? (*ended)->term_signal() : 99;
  });
  ExpectEnds(run, SIGTERM);
  EXPECT_EQ(WTERMSIG(sim_.process(kWorker)->wait_status), SIGTERM);
  EXPECT_EQ(sim_.process(kWorker)->state, SimProcess::State::kReaped);
  EXPECT_LT(sim_.elapsed(), kSecond);
}

TEST_P(ChildOnSimOs, AChildThatIgnoresSigtermIsKilledFiveSecondsLater) {
  const SimRun run =
      Run({"ignore", std::to_string(SIGTERM), "sleep", "60"}, [](Os& os, Child& child) {
        os.ClockNanoSleep(CLOCK_MONOTONIC, 0, kSecond).IgnoreError();  // until it ignores that
        const absl::StatusOr<std::optional<ExitStatus>> ended = child.Stop();
        return ended.ok() && ended->has_value() ? (*ended)->term_signal() : 99;
      });
  ExpectEnds(run, SIGKILL);
  EXPECT_EQ(WTERMSIG(sim_.process(kWorker)->wait_status), SIGKILL);
  EXPECT_EQ(sim_.elapsed(), 6 * kSecond + Late(20));
  EXPECT_THAT(sim_.process(kCaller)->descriptors, SizeIs(3));
}

TEST_P(ChildOnSimOs, AChildThatHasEndedIsSentNothing) {
  const SimRun run = Run({}, [](Os& os, Child& child) {
    os.ClockNanoSleep(CLOCK_MONOTONIC, 0, kSecond).IgnoreError();
    const absl::StatusOr<std::optional<ExitStatus>> ended = child.Stop();
    return ended.ok() && ended->has_value() ? (*ended)->exit_status() : 99;
  });
  ExpectEnds(run, 7);
  EXPECT_THAT(sim_.TraceText(), Not(HasSubstr("kill(")));
  EXPECT_THAT(sim_.TraceText(), Not(HasSubstr("pidfd_send_signal(")));
}

TEST_P(ChildOnSimOs, AChildThatSomebodyElseHasReapedIsLostAndNobodyIsSignalled) {
  const SimRun run = Run({}, [](Os& os, Child& child) {
    if (!os.WaitPid(-1, 0).ok()) return 1;
    if (!absl::IsNotFound(child.Wait(absl::Seconds(1)).status())) return 2;
    return absl::IsNotFound(child.Stop().status()) ? 0 : 3;
  });
  ExpectEnds(run, 0);
  EXPECT_THAT(sim_.TraceText(), Not(HasSubstr("kill(")));
  EXPECT_THAT(sim_.TraceText(), Not(HasSubstr("pidfd_send_signal(")));
}

TEST_P(ChildOnSimOs, AChildOfAnotherUserMayNotBeStoppedAndStaysOwned) {
  ForkOptions options;
  options.identity = Identity::User("worker");
  const SimRun run = Run(
      {"sleep", "30"},
      [](Os& os, Child& child) {
        if (!os.SetResUid(39, 39, 39).ok()) return 1;
        if (!absl::IsPermissionDenied(child.Stop().status())) return 2;
        return child.Wait()->exit_status() == 7 ? 0 : 3;
      },
      options);
  ExpectEnds(run, 0);
  EXPECT_EQ(sim_.elapsed(), 30 * kSecond);
}

TEST_P(ChildOnSimOs, ADaemonIsStoppedThroughItsPidfdAlone) {
  ForkOptions options;
  options.session = Session::kDaemon;
  const SimRun run = Run(
      {"sleep", "60"},
      [](Os&, Child& child) {
        const absl::StatusOr<std::optional<ExitStatus>> ended = child.Stop();
        if (absl::IsFailedPrecondition(ended.status())) return 1;
        return ended.ok() && !ended->has_value() ? 0 : 2;
      },
      options);
  ExpectEnds(run, GetParam() ? 0 : 1);
  const SimProcess daemon = *sim_.process(102);
  EXPECT_EQ(daemon.wait_status, GetParam() ? SIGTERM : 7 << 8);
  EXPECT_EQ(sim_.elapsed(), GetParam() ? 0 : 60 * kSecond);
}

INSTANTIATE_TEST_SUITE_P(WithAndWithoutPidfds, ChildOnSimOs, ::testing::Bool(),
                         [](const ::testing::TestParamInfo<bool>& info) {
                           return info.param ? "WithPidfds" : "WithoutPidfds";
                         });

}  // namespace
}  // namespace cleanfork
