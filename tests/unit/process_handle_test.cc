#include "cleanfork/process_handle.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

#include "cleanfork/os_wrapper.h"
#include "cleanfork/sim_os.h"
#include "cleanfork/stop.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cleanfork {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A process that obeys the signals that it is told to, on a clock of its own. To /proc it is this
// test's process.
class FakeProcessOs : public OsWrapper {
 public:
  explicit FakeProcessOs(bool has_pidfd) : OsWrapper(RealOs()), has_pidfd_(has_pidfd) {}

  SysResult<int> PidFdOpen(pid_t pid, unsigned flags) override {
    if (!has_pidfd_) return SysError(ENOSYS);
    return OsWrapper::PidFdOpen(pid, flags);
  }
  SysResult<void> PidFdSendSignal(int, int signal) override { return Deliver(signal); }
  SysResult<void> Kill(pid_t, int signal) override { return Deliver(signal); }
  SysResult<size_t> Poll(struct pollfd*, size_t, int64_t nanoseconds) override {
    if (Dead()) return size_t{1};
    if (nanoseconds > 0 && interrupt_polls-- > 0) return SysError(EINTR);
    Advance(now_ + nanoseconds);
    return Dead() ? size_t{1} : size_t{0};
  }
  SysResult<void> ClockNanoSleep(clockid_t, int, int64_t deadline) override {
    Advance(deadline);
    return {};
  }
  SysResult<int64_t> ClockGetTime(clockid_t clock) override {
    return clock == CLOCK_MONOTONIC ? SysResult<int64_t>(now_) : OsWrapper::ClockGetTime(clock);
  }

  int deadly_signal = 0;          // the one that the process obeys
  int64_t takes = 0;              // how long after that it ends, in nanoseconds
  int kill_error = 0;             // what signalling fails with
  int interrupt_polls = 0;        // how many waits a signal of our own interrupts
  std::vector<std::string> sent;  // "TERM@0s"
  int64_t now_ = 0;

 private:
  bool Dead() const { return ends_ >= 0 && now_ >= ends_; }

  // Time stands still at the moment of the end: whoever waits is woken then.
  void Advance(int64_t to) { now_ = ends_ >= now_ && ends_ < to ? ends_ : to; }

  SysResult<void> Deliver(int signal) {
    if (Dead()) return SysError(ESRCH);
    if (signal == 0) return {};
    if (kill_error != 0) return SysError(kill_error);
    sent.push_back(std::to_string(signal) + "@" + std::to_string(now_ / 1'000'000) + "ms");
    if (signal == deadly_signal && ends_ < 0) ends_ = now_ + takes;
    return {};
  }

  bool has_pidfd_;
  int64_t ends_ = -1;
};

class StopProcessTest : public ::testing::TestWithParam<bool> {
 protected:
  absl::Status Stop(const std::string& schedule) {
    absl::StatusOr<ProcessHandle> process = ProcessHandle::Open(::getpid(), os_);
    if (!process.ok()) return process.status();
    return StopProcess(*process, StopSchedule::Parse(schedule).value(), os_);
  }
  FakeProcessOs os_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(WithAndWithoutPidfd, StopProcessTest, ::testing::Bool());

TEST_P(StopProcessTest, AProcessThatObeysTermIsNotKilled) {
  os_.deadly_signal = SIGTERM;
  os_.takes = 100'000'000;
  EXPECT_TRUE(Stop("TERM/5s/KILL/5s").ok());
  EXPECT_THAT(os_.sent, ElementsAre("15@0ms"));
  EXPECT_EQ(os_.now_, os_.takes);
}

TEST_P(StopProcessTest, AProcessThatIgnoresTermIsKilledWhenItsTimeIsOver) {
  os_.deadly_signal = SIGKILL;
  EXPECT_TRUE(Stop("TERM/5s/KILL/5s").ok());
  EXPECT_THAT(os_.sent, ElementsAre("15@0ms", "9@5000ms"));
}

TEST_P(StopProcessTest, AProcessThatOutlivesTheScheduleIsDeadlineExceeded) {
  const absl::Status status = Stop("TERM/500ms/INT/1s");
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("TERM/500ms/INT/1s"));
  EXPECT_THAT(os_.sent, ElementsAre("15@0ms", "2@500ms"));
  EXPECT_EQ(os_.now_, 1'500'000'000);
}

TEST_P(StopProcessTest, ForeverRepeatsWhatFollowsIt) {
  os_.deadly_signal = SIGINT;
  os_.takes = 5'500'000'000;
  EXPECT_TRUE(Stop("TERM/1s/forever/HUP/1s/INT/1s").ok());
  EXPECT_THAT(os_.sent, ElementsAre("15@0ms", "1@1000ms", "2@2000ms", "1@3000ms", "2@4000ms",
                                    "1@5000ms", "2@6000ms", "1@7000ms"));
}

TEST_P(StopProcessTest, AProcessThatMayNotBeSignalledIsPermissionDenied) {
  os_.kill_error = EPERM;
  const absl::Status status = Stop("TERM/5s");
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("EPERM"));
}

TEST_P(StopProcessTest, AWaitWithoutAnEndWaitsForTheEnd) {
  absl::StatusOr<ProcessHandle> process = ProcessHandle::Open(::getpid(), os_);
  ASSERT_TRUE(process.ok()) << process.status();
  os_.now_ = 1;
  os_.deadly_signal = SIGTERM;
  os_.takes = 60'000'000;
  StopSchedule schedule;
  schedule.actions = {{SIGTERM, absl::InfiniteDuration()}, {SIGKILL, absl::Seconds(5)}};
  EXPECT_TRUE(StopProcess(*process, schedule, os_).ok());
  EXPECT_THAT(os_.sent, ElementsAre("15@0ms"));
}

TEST_P(StopProcessTest, AnInterruptedWaitIsTakenUpAgain) {
  os_.interrupt_polls = 3;
  os_.deadly_signal = SIGTERM;
  os_.takes = 1'000'000'000;
  EXPECT_TRUE(Stop("TERM/5s").ok());
}

TEST(ProcessHandleTest, ThereIsNoProcessOfAnImpossiblePid) {
  EXPECT_EQ(ProcessHandle::Open(0).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ProcessHandle::Open(-1).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ProcessHandle::Open(2147483647).status().code(), absl::StatusCode::kNotFound);
}

TEST(ProcessHandleTest, AProcessHasStartedBeforeNowAndAfterItsParent) {
  const absl::StatusOr<ProcessHandle> self = ProcessHandle::Open(::getpid());
  ASSERT_TRUE(self.ok()) << self.status();
  const absl::StatusOr<ProcessHandle> parent = ProcessHandle::Open(::getppid());
  ASSERT_TRUE(parent.ok()) << parent.status();
  timespec now;
  ASSERT_EQ(::clock_gettime(CLOCK_REALTIME, &now), 0);
  EXPECT_GE(self->start_time(), parent->start_time());
  EXPECT_LE(self->start_time() / 1'000'000'000, now.tv_sec + 2);
  EXPECT_GE(self->start_time() / 1'000'000'000, now.tv_sec - 3600);
}

// A kernel without pidfd_open(2), or a sandbox that refuses it.
class WithoutPidFds : public OsWrapper {
 public:
  using OsWrapper::OsWrapper;
  SysResult<int> PidFdOpen(pid_t, unsigned) override { return SysError(EPERM); }
};

// A simulated process that waits for ever, with pidfds and without them.
class ChildTest : public ::testing::TestWithParam<bool> {
 protected:
  // What its parent does, with a handle of it.
  void Run(const std::function<void(Os& os, ProcessHandle& process, pid_t pid)>& use) {
    bool came = false;
    const SimRun run = sim_.Run([&, pidfds = GetParam()](Os& kernel) {
      WithoutPidFds older(kernel);
      Os& os = pidfds ? kernel : older;
      const pid_t pid = os.Fork().value();
      if (pid == 0) {
        os.Poll(nullptr, 0, -1).IgnoreError();
        return 1;
      }
      absl::StatusOr<ProcessHandle> process = ProcessHandle::Open(pid, os);
      EXPECT_TRUE(process.ok()) << process.status();
      if (process.ok()) use(os, *process, pid);
      came = process.ok();
      os.Kill(pid, SIGKILL).IgnoreError();
      os.WaitPid(pid, 0).IgnoreError();
      return 0;
    });
    EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
    EXPECT_TRUE(came);
  }

  SimOs sim_;
};
INSTANTIATE_TEST_SUITE_P(WithAndWithoutPidfd, ChildTest, ::testing::Bool());

TEST_P(ChildTest, ARunningProcessHasNotEnded) {
  Run([](Os&, ProcessHandle& process, pid_t) {
    const absl::StatusOr<bool> ended = process.WaitUntil(0);
    ASSERT_TRUE(ended.ok()) << ended.status();
    EXPECT_FALSE(*ended);
  });
}

TEST_P(ChildTest, AZombieHasEnded) {
  Run([](Os& os, ProcessHandle& process, pid_t pid) {
    ASSERT_TRUE(os.Kill(pid, SIGKILL).ok());
    ASSERT_TRUE(os.WaitId(P_PID, static_cast<id_t>(pid), WEXITED | WNOWAIT).ok());
    const absl::StatusOr<bool> ended = process.WaitUntil(0);
    ASSERT_TRUE(ended.ok()) << ended.status();
    EXPECT_TRUE(*ended);
    EXPECT_EQ(ProcessHandle::Open(pid, os).status().code(), absl::StatusCode::kNotFound);
  });
}

TEST_P(ChildTest, AProcessThatIsGoneCannotBeSignalled) {
  Run([](Os& os, ProcessHandle& process, pid_t pid) {
    ASSERT_TRUE(os.Kill(pid, SIGKILL).ok());
    ASSERT_TRUE(os.WaitPid(pid, 0).ok());
    EXPECT_EQ(process.Signal(SIGTERM).code(), absl::StatusCode::kNotFound);
  });
}

TEST_P(ChildTest, StoppingEndsAProcess) {
  Run([](Os& os, ProcessHandle& process, pid_t pid) {
    const absl::Status stopped = StopProcess(process, StopSchedule(), os);
    EXPECT_TRUE(stopped.ok()) << stopped;
    EXPECT_EQ(os.WaitPid(pid, 0).value().status, SIGTERM);
  });
}

}  // namespace
}  // namespace cleanfork
