// The examples of README.md compile, run and say what happens: each stands here word for word, and
// a test compares.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <ctime>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cleanfork/child_error.h"
#include "cleanfork/fault_os.h"
#include "cleanfork/fault_plan.h"
#include "cleanfork/fault_sweep.h"
#include "cleanfork/fork_child.h"
#include "cleanfork/mock_os.h"
#include "cleanfork/spawn.h"

using testing::_;
using testing::Pointee;

// clang-format off
absl::Status StartWorker() {
  cleanfork::ForkOptions options;
  options.identity = cleanfork::Identity::User("nobody");
  options.out = cleanfork::Stream::Pipe();
  absl::StatusOr<cleanfork::Child> worker = cleanfork::Spawn({"sort", "words"}, options);
  if (!worker.ok()) return worker.status();  // names the step and the errno
  absl::StatusOr<cleanfork::ExitStatus> ended = worker->Wait();
  return ended.status();
}

TEST(Worker, IsForkedAgainWithSignalsBlockedAndTheMaskRestored) {
  testing::NiceMock<cleanfork::MockOs> os;
  os.DelegateTo(cleanfork::RealOs());  // what is not expected below is real
  const cleanfork::SignalSet all = cleanfork::SignalSet::Full();
  const cleanfork::SignalSet mine = cleanfork::SignalSet::Of(SIGUSR1);
  testing::InSequence in_this_order;
  for (int error : {EAGAIN, ENOMEM, ENOSYS}) {
    EXPECT_CALL(os, SigProcMask(SIG_SETMASK, Pointee(all))).WillOnce(cleanfork::Ok(mine));
    EXPECT_CALL(os, Fork()).WillOnce(cleanfork::Fails(error));
    EXPECT_CALL(os, SigProcMask(SIG_SETMASK, Pointee(mine))).WillOnce(cleanfork::Ok(all));
    if (error == ENOSYS) continue;  // final: nothing follows
    EXPECT_CALL(os, ClockNanoSleep(CLOCK_MONOTONIC, TIMER_ABSTIME, _)).WillOnce(cleanfork::Ok());
  }
  absl::StatusOr<pid_t> pid = cleanfork::ForkChild(cleanfork::ForkOptions(), os);
  EXPECT_EQ(cleanfork::GetChildError(pid.status())->attempt, 3);
}
// clang-format on

TEST(ReadmeTest, TheWorkerOfTheExampleStartsOrSaysWhichStepFailed) {
  const absl::Status status = StartWorker();
  EXPECT_TRUE(status.ok() || cleanfork::GetChildError(status).has_value()) << status;
}

namespace {

void CheckThatStartServiceLeavesNothingBehind(cleanfork::Os& os) {
  absl::StatusOr<cleanfork::Child> child =
      cleanfork::RunInChild([] { return 0; }, cleanfork::ForkOptions(), os);
  EXPECT_TRUE(child.ok() || cleanfork::GetChildError(child.status()).has_value());
}

void SweepOfTheReadme() {
  // clang-format off
cleanfork::FaultSweep sweep;
cleanfork::FaultPlan plan;
while (sweep.Next(&plan)) {
  SCOPED_TRACE(FaultPlanToString(plan));
  cleanfork::FaultOs os(cleanfork::RealOs(), plan);
  CheckThatStartServiceLeavesNothingBehind(os);
  sweep.Record(os);
}
EXPECT_TRUE(sweep.complete());
  // clang-format on
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file.is_open()) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(ReadmeTest, TheSweepOfTheExampleRuns) { SweepOfTheReadme(); }

TEST(ReadmeTest, EveryExampleStandsInThisTestWordForWord) {
  const std::string readme = ReadFile("README.md");
  const std::string test = ReadFile("tests/unit/readme_test.cc");
  const std::string fence = "```cpp\n";
  int examples = 0;
  for (size_t at = readme.find(fence); at != std::string::npos; at = readme.find(fence, at)) {
    at += fence.size();
    const std::string example = readme.substr(at, readme.find("```", at) - at);
    EXPECT_NE(test.find(example), std::string::npos) << example;
    ++examples;
  }
  EXPECT_EQ(examples, 3);
}

}  // namespace
