// When `start --wait` looks after a service that is not ready yet, on the simulated kernel.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>
#include <ctime>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cleanfork/child.h"
#include "cleanfork/os.h"
#include "cleanfork/sim_os.h"
#include "cleanfork/spawn.h"
#include "src/cli/await.h"

namespace cleanfork::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr int64_t kMillisecond = 1'000'000;
constexpr pid_t kService = 101;

void SleepMilliseconds(Os& os, int64_t milliseconds) {
  os.ClockNanoSleep(CLOCK_MONOTONIC, 0, milliseconds * kMillisecond).IgnoreError();
}

// A service that is never ready, and speaks on a pipe. When it is looked at is noted.
class NeverReady : public Readiness {
 public:
  NeverReady(Os& os, int pipe, std::vector<int64_t>* looks) : os_(os), pipe_(pipe), looks_(looks) {
    begun_ = Now();
  }
  std::string What() const override { return "nothing"; }
  int descriptor() const override { return pipe_; }
  pid_t main_pid() const override { return main_pid_; }
  absl::StatusOr<bool> Look() override {
    looks_->push_back((Now() - begun_) / kMillisecond);
    char word = 0;
    while (os_.Read(pipe_, &word, 1).value_or(0) == 1) {
      if (word == 'm') main_pid_ = main_of_word;
    }
    return false;
  }

  pid_t main_of_word = 0;  // whom the word 'm' names

 private:
  int64_t Now() { return os_.ClockGetTime(CLOCK_MONOTONIC).value(); }

  Os& os_;
  const int pipe_;
  std::vector<int64_t>* const looks_;
  int64_t begun_ = 0;
  pid_t main_pid_ = 0;
};

class AwaitReadinessTest : public ::testing::Test {
 protected:
  AwaitReadinessTest() {
    SimOsOptions world;
    world.programs.push_back({"/bin/service", nullptr});
    world.programs.push_back({"/bin/speaker", [this](Os& os, const std::vector<std::string>&) {
                                speak_(os);
                                return 0;
                              }});
    sim_ = std::make_unique<SimOs>(world);
    settings_.timeout = absl::Seconds(5);
    settings_.schedule = StopSchedule::Parse("KILL/1s").value();
  }

  // Waits for a service in vain, while `speak_` says something to descriptor 3 of another process.
  void Run() {
    const SimRun run = sim_->Run([this](Os& os) {
      const PipeEnds pipe = os.Pipe2(O_CLOEXEC | O_NONBLOCK).value();
      NeverReady readiness(os, pipe.read_end, &looks_);
      absl::StatusOr<Child> service = Spawn({"/bin/service"}, ForkOptions(), os);
      if (!service.ok()) return 1;
      ForkOptions options;
      options.descriptors.push_back({pipe.write_end, 3});
      absl::StatusOr<Child> speaker = Spawn({"/bin/speaker"}, options, os);
      if (!speaker.ok()) return 2;
      readiness.main_of_word = speaker->pid();
      looks_.clear();
      std::ostringstream out, err;
      Context context = {os, out, err};
      status_ =
          AwaitReadiness(readiness, *service, SignalSet::Of(SIGTERM), settings_, "start", context);
      said_ = err.str();
      speaker->Stop(settings_.schedule).IgnoreError();
      return 0;
    });
    EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
    EXPECT_EQ(sim_->process(100)->wait_status, 0) << sim_->TraceText();
  }

  static void Say(Os& os, char word) { EXPECT_TRUE(os.Write(3, &word, 1).ok()); }

  std::function<void(Os&)> speak_ = [](Os&) {};
  Settings settings_;
  std::unique_ptr<SimOs> sim_;
  std::vector<int64_t> looks_;  // milliseconds
  absl::Status status_;
  std::string said_;
};

TEST_F(AwaitReadinessTest, LooksLessAndLessOftenAndAtTheDeadline) {
  Run();
  EXPECT_THAT(std::string(status_.message()), HasSubstr("not ready within 5s"));
  ASSERT_THAT(looks_, SizeIs(21)) << "one of them to say what it waits for, were that a terminal";
  EXPECT_THAT(std::vector<int64_t>(looks_.begin(), looks_.begin() + 8),
              ElementsAre(0, 20, 60, 140, 300, 620, 940, 1260));
  EXPECT_EQ(looks_.back(), 5000);
}

TEST_F(AwaitReadinessTest, WhatTheServiceSaysIsLookedAtAtOnceAndMovesNoOtherLook) {
  settings_.timeout = absl::Milliseconds(700);
  speak_ = [](Os& os) {
    for (const int64_t pause : {70, 10, 10, 220}) {
      SleepMilliseconds(os, pause);
      Say(os, 's');
    }
  };
  Run();
  EXPECT_THAT(looks_, ElementsAre(0, 20, 60, 70, 80, 90, 140, 300, 310, 620, 700));
}

TEST_F(AwaitReadinessTest, BeginsAnewWithAnotherMainProcess) {
  settings_.timeout = absl::Milliseconds(900);
  speak_ = [](Os& os) {
    SleepMilliseconds(os, 400);
    Say(os, 'm');
    SleepMilliseconds(os, 10'000);
  };
  Run();
  EXPECT_THAT(looks_, ElementsAre(0, 20, 60, 140, 300, 400, 420, 460, 540, 700, 900));
}

TEST_F(AwaitReadinessTest, SaysWhatItWaitsForInTime) {
  settings_.verbose = true;
  settings_.timeout = absl::Seconds(25);
  Run();
  std::vector<std::string> lines;
  std::istringstream text(said_);
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  std::vector<std::string> expected;
  for (const char* moment : {"0s", "10s", "20s"}) {
    expected.push_back("cleanfork: start: waiting for nothing from process 101, " +
                       std::string(moment) + " of 25s");
  }
  EXPECT_THAT(lines, ElementsAreArray(expected));
  EXPECT_THAT(looks_, ::testing::IsSupersetOf({10'000, 20'000, 25'000}));
}

}  // namespace
}  // namespace cleanfork::cli
