// Child: waiting for at most so long, and Stop(), of a child that obeys as a test says, on a clock
// of its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cleanfork/child.h"
#include "cleanfork/os_wrapper.h"

namespace cleanfork {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr pid_t kChild = 4711;
constexpr int kPidFd = 1 << 20;  // a number that no real descriptor of this test has
constexpr int64_t kMillisecond = 1'000'000;
constexpr int64_t kNever = -1;

// One child, and the calls that Child makes on it. Every other call fails the test, in that it
// would be one of the real kernel on a pid and a descriptor that are nobody's.
class OneChildOs : public OsWrapper {
 public:
  OneChildOs() : OsWrapper(RealOs()) {}

  SysResult<WaitResult> WaitPid(pid_t pid, int options) override {
    EXPECT_EQ(pid, kChild);
    EXPECT_EQ(options & ~WNOHANG, 0);
    if (Interrupted()) return SysError(EINTR);
    if (reaped) return SysError(ECHILD);
    if (!Dead() || held_by_debugger) {
      EXPECT_NE(options & WNOHANG, 0) << "this would wait for ever";
      return WaitResult{};
    }
    reaped = true;
    return WaitResult{kChild, wait_status};
  }
  SysResult<WaitIdResult> WaitId(idtype_t, id_t pid, int options) override {
    EXPECT_EQ(static_cast<pid_t>(pid), kChild);
    EXPECT_EQ(options, WEXITED | WNOHANG | WNOWAIT | __WALL);
    if (reaped) return SysError(ECHILD);
    return WaitIdResult();
  }
  SysResult<void> PidFdSendSignal(int fd, int signal) override {
    EXPECT_EQ(fd, kPidFd);
    return Deliver(signal);
  }
  SysResult<void> Kill(pid_t pid, int signal) override {
    EXPECT_EQ(pid, kChild);
    EXPECT_FALSE(reaped) << "the pid may be a stranger's by now";
    return Deliver(signal);
  }
  SysResult<size_t> Poll(struct pollfd* look, size_t count, int64_t nanoseconds) override {
    EXPECT_EQ(count, 1u);
    EXPECT_EQ(look->fd, kPidFd);
    ++polls;
    if (poll_error != 0) return SysError(poll_error);
    if (Interrupted()) return SysError(EINTR);
    if (!Dead()) Advance(now + nanoseconds);
    return Dead() ? size_t{1} : size_t{0};
  }
  SysResult<void> ClockNanoSleep(clockid_t clock, int flags, int64_t deadline) override {
    EXPECT_EQ(clock, CLOCK_MONOTONIC);
    EXPECT_EQ(flags, TIMER_ABSTIME);
    if (Interrupted()) return SysError(EINTR);
    if (sleep_error != 0) return SysError(sleep_error);
    naps.push_back(deadline - now);
    now = deadline;  // nobody is woken by an end
    return {};
  }
  SysResult<int64_t> ClockGetTime(clockid_t clock) override {
    EXPECT_EQ(clock, CLOCK_MONOTONIC);
    if (clock_calls_left == 0) return SysError(EINVAL);
    --clock_calls_left;
    return now;
  }
  SysResult<void> Close(int fd) override {
    EXPECT_EQ(fd, kPidFd);
    return {};
  }

  bool Dead() const { return ends_at != kNever && now >= ends_at; }

  int deadly_signal = 0;  // the one that the child obeys
  int64_t takes = 0;      // how long after that it ends
  int64_t ends_at = kNever;
  int wait_status = 0;
  bool reaped = false;
  bool held_by_debugger = false;
  int kill_error = 0;
  int poll_error = 0;
  int sleep_error = 0;
  int clock_calls_left = 1'000'000;
  int interruptions = 0;          // how many calls a signal interrupts, one after the other
  std::vector<std::string> sent;  // "15@0ms"
  std::vector<int64_t> naps;
  int polls = 0;
  int64_t now = 0;

 private:
  bool Interrupted() { return interruptions > 0 && interruptions-- > 0; }
  // Stands still at the moment of the end: whoever waits is woken then.
  void Advance(int64_t to) { now = ends_at != kNever ? std::min(ends_at, to) : to; }
  SysResult<void> Deliver(int signal) {
    if (reaped) return SysError(ESRCH);
    if (kill_error != 0) return SysError(kill_error);
    sent.push_back(std::to_string(signal) + "@" + std::to_string(now / kMillisecond) + "ms");
    if (!Dead() && (signal == deadly_signal)) {
      ends_at = now + takes;
      wait_status = signal;
    }
    return {};
  }
};

std::string Told(const absl::StatusOr<std::optional<ExitStatus>>& result) {
  if (!result.ok()) return std::string(result.status().message());
  return result->has_value() ? (*result)->ToString() : "no status";
}

class ChildStopTest : public ::testing::TestWithParam<bool> {
 protected:
  // Whether the kernel has pidfds.
  bool has_pid_fd() const { return GetParam(); }
  Child MakeChild() {
    return Child(os_, kChild, Child::Pipes(), has_pid_fd() ? UniqueFd(os_, kPidFd) : UniqueFd());
  }
  // At its end every child of these tests has been reaped, or is killed for good by its Child.
  void LetGo() { os_.deadly_signal = SIGKILL, os_.takes = 0, os_.kill_error = 0; }

  OneChildOs os_;
};

INSTANTIATE_TEST_SUITE_P(Unit, ChildStopTest, ::testing::Bool(),
                         [](const ::testing::TestParamInfo<bool>& info) {
                           return info.param ? "WithPidfd" : "WithoutPidfd";
                         });

TEST_P(ChildStopTest, AWaitEndsWithTheChildAndReapsIt) {
  os_.ends_at = 300 * kMillisecond;
  os_.wait_status = 0x0200;
  Child child = MakeChild();
  const absl::StatusOr<ExitStatus> ended = child.Wait(absl::Seconds(1));
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->exit_status(), 2);
  EXPECT_EQ(os_.now, 300 * kMillisecond) << "which is one of the looks";
  EXPECT_TRUE(os_.reaped);
  EXPECT_EQ(os_.polls, has_pid_fd() ? 1 : 0);
  EXPECT_EQ(child.Wait(absl::Seconds(1))->exit_status(), 2) << "the result is kept";
}

TEST_P(ChildStopTest, AWaitThatIsOverIsDeadlineExceededAndTheChildStaysOwned) {
  Child child = MakeChild();
  const absl::StatusOr<ExitStatus> ended = child.Wait(absl::Milliseconds(50));
  EXPECT_TRUE(absl::IsDeadlineExceeded(ended.status())) << ended.status();
  EXPECT_EQ(std::string(ended.status().message()), "child 4711 still runs after 50ms");
  EXPECT_EQ(os_.now, 50 * kMillisecond);
  EXPECT_THAT(os_.sent, IsEmpty());
  EXPECT_TRUE(child.owned());
  if (!has_pid_fd()) {
    EXPECT_THAT(os_.naps, ElementsAre(20 * kMillisecond, 30 * kMillisecond));
  }
  LetGo();
}

TEST_P(ChildStopTest, NoTimeAtAllLooksOnce) {
  Child child = MakeChild();
  for (const absl::Duration timeout : {absl::ZeroDuration(), -absl::InfiniteDuration()}) {
    EXPECT_TRUE(absl::IsDeadlineExceeded(child.Wait(timeout).status()));
  }
  EXPECT_EQ(os_.now, 0);
  os_.ends_at = 0;
  EXPECT_TRUE(child.Wait(absl::ZeroDuration()).ok());
}

TEST_P(ChildStopTest, AWaitWithoutAnEndWaitsForTheEnd) {
  os_.ends_at = 3'600'000 * kMillisecond;
  Child child = MakeChild();
  EXPECT_TRUE(child.Wait(absl::InfiniteDuration()).ok());
  const int64_t late = has_pid_fd() ? 0 : 300 * kMillisecond;  // until the next look
  EXPECT_EQ(os_.now, os_.ends_at + late);
}

TEST_P(ChildStopTest, AnInterruptedWaitIsTakenUpAgain) {
  os_.ends_at = 100 * kMillisecond;
  Child child = MakeChild();
  os_.interruptions = 1;  // of waitpid(2)
  EXPECT_TRUE(absl::IsDeadlineExceeded(child.Wait(absl::ZeroDuration()).status()));
  for (int call = 0; call < 6; ++call) {
    SCOPED_TRACE(call);
    os_.interruptions = call;
    EXPECT_TRUE(absl::IsDeadlineExceeded(child.Wait(absl::Milliseconds(10)).status()));
    EXPECT_EQ(os_.interruptions, 0);
    EXPECT_EQ(os_.now, (call + 1) * 10 * kMillisecond);
  }
  EXPECT_TRUE(child.Wait(absl::Seconds(1)).ok());
  EXPECT_EQ(os_.naps.empty(), has_pid_fd()) << "poll(2) is still of use";
}

TEST_P(ChildStopTest, AChildThatSomebodyElseReapsIsLostAndNeverSignalled) {
  os_.reaped = true;
  Child child = MakeChild();
  EXPECT_EQ(child.Wait(absl::Seconds(1)).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(child.Stop().status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(os_.sent, IsEmpty());
  EXPECT_FALSE(child.owned());
}

TEST_P(ChildStopTest, AChildThatADebuggerHoldsIsWaitedForWithoutSpinning) {
  os_.ends_at = 0;
  os_.held_by_debugger = true;
  Child child = MakeChild();
  EXPECT_TRUE(absl::IsDeadlineExceeded(child.Wait(absl::Milliseconds(100)).status()));
  EXPECT_LE(os_.polls, 1);
  EXPECT_THAT(os_.naps, ElementsAre(20 * kMillisecond, 40 * kMillisecond, 40 * kMillisecond));
  os_.held_by_debugger = false;
  EXPECT_TRUE(child.Wait(absl::ZeroDuration()).ok());
}

TEST_P(ChildStopTest, WherePollFailsTheChildIsAskedForInstead) {
  os_.poll_error = EINVAL;  // RLIMIT_NOFILE is 0: poll(2)
  os_.ends_at = 30 * kMillisecond;
  Child child = MakeChild();
  EXPECT_TRUE(child.Wait(absl::Seconds(1)).ok());
  EXPECT_THAT(os_.naps, ElementsAre(20 * kMillisecond, 40 * kMillisecond));
}

TEST_P(ChildStopTest, AChildThatObeysTermIsNotKilled) {
  os_.deadly_signal = SIGTERM;
  os_.takes = 100 * kMillisecond;
  Child child = MakeChild();
  EXPECT_EQ(Told(child.Stop()), "signal 15 (SIGTERM)");
  EXPECT_THAT(os_.sent, ElementsAre("15@0ms"));
  EXPECT_TRUE(os_.reaped);
  EXPECT_FALSE(child.owned());
  EXPECT_EQ(child.Wait()->term_signal(), SIGTERM) << "the result is kept";
}

TEST_P(ChildStopTest, AChildThatIgnoresTermIsKilledAfterFiveSeconds) {
  os_.deadly_signal = SIGKILL;
  Child child = MakeChild();
  EXPECT_EQ(Told(child.Stop()), "signal 9 (SIGKILL)");
  EXPECT_THAT(os_.sent, ElementsAre("15@0ms", "9@5000ms"));
}

// Each wait of a schedule: who has just been signalled is likely to end soon.
TEST_P(ChildStopTest, WithoutAPidfdItLooksLessAndLessOftenAndBeginsAnewWithEachSignal) {
  os_.poll_error = EINVAL;
  os_.deadly_signal = SIGKILL;
  os_.takes = 50 * kMillisecond;
  Child child = MakeChild();
  EXPECT_EQ(Told(child.Stop()), "signal 9 (SIGKILL)");
  std::vector<int64_t> naps = {20, 40, 80, 160};  // milliseconds
  naps.resize(4 + 14, 320);
  for (const int64_t nap : {5000 - 300 - 14 * 320, 20, 40}) naps.push_back(nap);
  for (int64_t& nap : naps) nap *= kMillisecond;
  EXPECT_EQ(os_.naps, naps);
}

TEST_P(ChildStopTest, AChildThatHasEndedIsReturnedAsItEndedAndSentNothing) {
  os_.ends_at = 0;
  os_.wait_status = 0x0300;
  Child child = MakeChild();
  EXPECT_EQ(Told(child.Stop()), "exit status 3");
  EXPECT_EQ(Told(child.Stop()), "exit status 3");
  EXPECT_THAT(os_.sent, IsEmpty());
}

TEST_P(ChildStopTest, AChildThatOutlivesTheScheduleIsDeadlineExceededAndOwned) {
  Child child = MakeChild();
  const StopSchedule schedule = StopSchedule::Parse("TERM/1s/KILL/2s").value();
  const absl::Status status = child.Stop(schedule).status();
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_EQ(std::string(status.message()), "child 4711 still runs after TERM/1s/KILL/2s");
  EXPECT_EQ(os_.now, 3000 * kMillisecond);
  EXPECT_TRUE(child.owned());
  LetGo();
}

TEST_P(ChildStopTest, AChildThatMayNotBeSignalledIsPermissionDeniedAndOwned) {
  os_.kill_error = EPERM;
  Child child = MakeChild();
  const absl::Status status = child.Stop().status();
  EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
  EXPECT_EQ(os_.now, 0) << "waiting would be for nothing";
  EXPECT_TRUE(child.owned());
  LetGo();
}

TEST_P(ChildStopTest, AScheduleThatRepeatsGoesOnUntilTheEnd) {
  os_.ends_at = 3500 * kMillisecond;
  Child child = MakeChild();
  EXPECT_TRUE(child.Stop(StopSchedule::Parse("forever/INT/1s").value()).ok());
  EXPECT_THAT(os_.sent, ElementsAre("2@0ms", "2@1000ms", "2@2000ms", "2@3000ms"));
}

TEST_P(ChildStopTest, AClockThatFailsIsAnErrorAtEachOfItsCallsAndTheChildStaysOwned) {
  for (int calls = 0; calls < 3; ++calls) {
    SCOPED_TRACE(calls);
    OneChildOs os;
    Child child(os, kChild, Child::Pipes(), has_pid_fd() ? UniqueFd(os, kPidFd) : UniqueFd());
    os.clock_calls_left = calls;
    const absl::Status stopped = child.Stop(StopSchedule::Parse("TERM/1s").value()).status();
    EXPECT_THAT(std::string(stopped.message()), HasSubstr("clock_gettime(CLOCK_MONOTONIC)"));
    EXPECT_TRUE(child.owned());
    os.clock_calls_left = calls;
    EXPECT_THAT(std::string(child.Wait(absl::Seconds(1)).status().message()),
                HasSubstr("clock_gettime(CLOCK_MONOTONIC)"));
    EXPECT_TRUE(child.owned());
    os.deadly_signal = SIGKILL;
  }
}

TEST_P(ChildStopTest, AClockThatFailsDoesNotHideAnEnd) {
  os_.ends_at = 0;
  os_.clock_calls_left = 0;
  EXPECT_EQ(Told(MakeChild().Stop()), "exit status 0");
  os_.reaped = false;
  EXPECT_TRUE(MakeChild().Wait(absl::Seconds(1)).ok());
}

TEST_P(ChildStopTest, ASleepThatFailsIsAnErrorAndTheChildStaysOwned) {
  os_.poll_error = ENOMEM;
  os_.sleep_error = EINVAL;
  Child child = MakeChild();
  EXPECT_THAT(std::string(child.Wait(absl::Seconds(1)).status().message()),
              HasSubstr("clock_nanosleep(CLOCK_MONOTONIC)"));
  EXPECT_TRUE(child.owned());
  LetGo();
}

TEST_P(ChildStopTest, AChildThatWasGivenUpIsNeitherWaitedForNorSignalled) {
  Child child = MakeChild();
  child.Detach();
  EXPECT_EQ(child.Wait(absl::Seconds(1)).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(child.Stop().status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(os_.sent, IsEmpty());
}

class DaemonStopTest : public ::testing::Test {
 protected:
  OneChildOs os_;
  Child daemon_ = Child::Daemon(os_, kChild, UniqueFd(os_, kPidFd));
};

TEST_F(DaemonStopTest, IsStoppedThroughItsPidfdAndHasNoStatus) {
  os_.deadly_signal = SIGKILL;
  EXPECT_EQ(Told(daemon_.Stop()), "no status");
  EXPECT_THAT(os_.sent, ElementsAre("15@0ms", "9@5000ms"));
  EXPECT_FALSE(os_.reaped) << "it is not ours to wait for";
}

TEST_F(DaemonStopTest, ThatHasEndedIsAlreadyStopped) {
  os_.reaped = true;
  os_.ends_at = 0;
  EXPECT_EQ(Told(daemon_.Stop()), "no status");
  EXPECT_EQ(Told(daemon_.Stop()), "no status");
}

TEST_F(DaemonStopTest, ThatOutlivesTheScheduleIsDeadlineExceeded) {
  const absl::Status status = daemon_.Stop(StopSchedule::Parse("KILL/1s").value()).status();
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_EQ(std::string(status.message()), "daemon 4711 still runs after KILL/1s");
}

TEST_F(DaemonStopTest, WithoutAPidfdIsNeitherSignalledNorWaitedFor) {
  Child daemon = Child::Daemon(os_, kChild, UniqueFd());
  for (const char* schedule : {"TERM/5s", "5s/TERM/5s"}) {
    EXPECT_EQ(daemon.Stop(StopSchedule::Parse(schedule).value()).status().code(),
              absl::StatusCode::kFailedPrecondition);
  }
  EXPECT_THAT(os_.sent, IsEmpty());
  EXPECT_EQ(os_.now, 0);
}

TEST_F(DaemonStopTest, IsNotWaitedForAsAChildIs) {
  EXPECT_EQ(daemon_.Wait(absl::Seconds(1)).status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace cleanfork
