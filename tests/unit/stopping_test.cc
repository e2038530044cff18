// What `stop` shows of a long wait, and that the schedule stays what it is.
#include "src/cli/stopping.h"

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>
#include <sstream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cleanfork/os_wrapper.h"
#include "cleanfork/stop.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cleanfork::cli {
namespace {

using ::testing::ElementsAre;

// A process, to /proc that of this test, that ends `takes` after the signal that it obeys; on a
// clock of its own.
class StubbornOs : public OsWrapper {
 public:
  StubbornOs() : OsWrapper(RealOs()) {}
  SysResult<void> PidFdSendSignal(int, int signal) override {
    if (HasEnded()) return SysError(ESRCH);
    if (signal == 0) return {};
    sent.push_back(std::to_string(signal) + "@" + std::to_string(now_ / 1'000'000) + "ms");
    if (signal == deadly_signal && ends_ < 0) ends_ = now_ + takes;
    return {};
  }
  SysResult<size_t> Poll(struct pollfd*, size_t, int64_t nanoseconds) override {
    if (ends_ >= 0 && now_ + nanoseconds > ends_) {
      now_ = ends_;
    } else {
      now_ += nanoseconds;
    }
    return HasEnded() ? size_t{1} : size_t{0};
  }
  SysResult<int64_t> ClockGetTime(clockid_t clock) override {
    return clock == CLOCK_MONOTONIC ? SysResult<int64_t>(now_) : OsWrapper::ClockGetTime(clock);
  }
  SysResult<void> IsATty(int fd) override {
    asked += fd == 2 ? 1 : 100;
    if (is_terminal) return {};
    return SysError(ENOTTY);
  }

  int deadly_signal = 0;
  int64_t takes = 0;
  bool is_terminal = true;
  int asked = 0;
  std::vector<std::string> sent;  // "15@0ms"

 private:
  bool HasEnded() const { return ends_ >= 0 && now_ >= ends_; }
  int64_t now_ = 1'000'000;  // so that no moment is mistaken for none
  int64_t ends_ = -1;
};

class StoppingTest : public ::testing::Test {
 protected:
  absl::Status Stop(const std::string& schedule) {
    absl::StatusOr<ProcessHandle> process = ProcessHandle::Open(::getpid(), os_);
    if (!process.ok()) return process.status();
    settings_.schedule = StopSchedule::Parse(schedule).value();
    std::ostringstream out, err;
    Context context = {os_, out, err};
    const absl::Status stopped = StopAndSay(*process, settings_, "stop", context);
    EXPECT_EQ(out.str(), "");
    std::istringstream lines(err.str());
    const std::string begin =
        "cleanfork: stop: waiting for the end of process " + std::to_string(::getpid()) + ", ";
    for (std::string line; std::getline(lines, line);) {
      EXPECT_EQ(line.substr(0, begin.size()), begin);
      said_.push_back(line.substr(begin.size()));
    }
    return stopped;
  }

  StubbornOs os_;
  Settings settings_;
  std::vector<std::string> said_;
};

TEST_F(StoppingTest, AShortWaitIsNotSpokenOf) {
  os_.deadly_signal = SIGTERM;
  os_.takes = 1'900'000'000;
  EXPECT_TRUE(Stop("TERM/5s/KILL/5s").ok());
  EXPECT_THAT(said_, ElementsAre());
  EXPECT_EQ(os_.asked, 0);
}

TEST_F(StoppingTest, ALongOneIsShownWithWhatComesNext) {
  os_.deadly_signal = SIGKILL;
  EXPECT_TRUE(Stop("TERM/30s/KILL/5s").ok());
  EXPECT_THAT(said_, ElementsAre("2s so far; SIGKILL in 28s", "12s so far; SIGKILL in 18s",
                                 "22s so far; SIGKILL in 8s"));
  EXPECT_THAT(os_.sent, ElementsAre("15@1ms", "9@30001ms"));
}

TEST_F(StoppingTest, TheLastWaitIsShownWithItsEnd) {
  const absl::Status stopped = Stop("TERM/1s/KILL/5s");
  EXPECT_TRUE(absl::IsDeadlineExceeded(stopped)) << stopped;
  EXPECT_EQ(stopped.message(),
            "process " + std::to_string(::getpid()) + " still runs after TERM/1s/KILL/5s");
  EXPECT_THAT(said_, ElementsAre("2s so far; for 4s"));
  EXPECT_THAT(os_.sent, ElementsAre("15@1ms", "9@1001ms"));
}

TEST_F(StoppingTest, AWordThatIsDueWithASignalWaitsForWhatThatDoes) {
  os_.deadly_signal = SIGKILL;
  os_.takes = 1;
  EXPECT_TRUE(Stop("TERM/2s/KILL/5s").ok());
  EXPECT_THAT(said_, ElementsAre());
  EXPECT_THAT(os_.sent, ElementsAre("15@1ms", "9@2001ms"));
}

TEST_F(StoppingTest, WhatIsRepeatedIsShownToo) {
  os_.deadly_signal = SIGINT;
  os_.takes = 11'500'000'000;
  EXPECT_TRUE(Stop("TERM/1s/forever/INT/3s").ok());
  EXPECT_THAT(said_, ElementsAre("2s so far; SIGINT in 2s", "12s so far; SIGINT in 1s"));
  EXPECT_THAT(os_.sent, ElementsAre("15@1ms", "2@1001ms", "2@4001ms", "2@7001ms", "2@10001ms"));
}

TEST_F(StoppingTest, ElsewhereThanOnATerminalNothingIsShown) {
  os_.is_terminal = false;
  os_.deadly_signal = SIGKILL;
  EXPECT_TRUE(Stop("TERM/30s/KILL/5s").ok());
  EXPECT_THAT(said_, ElementsAre());
  EXPECT_EQ(os_.asked, 1);
  EXPECT_THAT(os_.sent, ElementsAre("15@1ms", "9@30001ms"));
}

TEST_F(StoppingTest, VerboselyItIsShownAnywhere) {
  os_.is_terminal = false;
  settings_.verbose = true;
  os_.deadly_signal = SIGKILL;
  EXPECT_TRUE(Stop("TERM/5s/KILL/5s").ok());
  EXPECT_THAT(said_, ElementsAre("2s so far; SIGKILL in 3s"));
}

}  // namespace
}  // namespace cleanfork::cli
