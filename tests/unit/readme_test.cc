// The examples of README.md compile, run and say what happens: each stands here word for word, and
// a test compares.
#include <dirent.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <ctime>
#include <fstream>
#include <set>
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
#include "cleanfork/os_call.h"
#include "cleanfork/spawn.h"
#include "cleanfork/step.h"

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

namespace {

// What root of a user namespace may not: setgroups(2) there may be forbidden, and other ids
// missing.
bool MayBecomeNobody() {
  std::ifstream map("/proc/self/uid_map");
  uint64_t inside = 1, outside = 1, count = 0;
  return ::geteuid() == 0 && map >> inside >> outside >> count && inside == 0 && count > 65534;
}

TEST(ReadmeTest, TheWorkerOfTheExampleStartsAsNobodyOrSaysThatItMayNot) {
  const absl::Status status = StartWorker();
  if (MayBecomeNobody()) {
    EXPECT_TRUE(status.ok()) << status;
    return;
  }
  const auto error = cleanfork::GetChildError(status);
  ASSERT_TRUE(error.has_value()) << status;
  EXPECT_EQ(error->step, cleanfork::Step::kSetGroups) << status;
  EXPECT_EQ(error->error, EPERM) << status;
}

std::set<std::string> OpenDescriptors() {
  std::set<std::string> names;
  DIR* directory = ::opendir("/proc/self/fd");
  EXPECT_NE(directory, nullptr);
  if (directory == nullptr) return names;
  while (const dirent* entry = ::readdir(directory)) names.insert(entry->d_name);
  ::closedir(directory);
  return names;
}

absl::Status StartService(cleanfork::Os& os) {
  absl::StatusOr<cleanfork::Child> service =
      cleanfork::RunInChild([] { return 7; }, cleanfork::ForkOptions(), os);
  if (!service.ok()) return service.status();
  const absl::StatusOr<cleanfork::ExitStatus> ended = service->Wait();
  EXPECT_TRUE(ended.ok() && ended->exited() && ended->exit_status() == 7) << ended.status();
  return absl::OkStatus();
}

void CheckThatStartServiceLeavesNothingBehind(cleanfork::Os& os) {
  const std::set<std::string> open_before = OpenDescriptors();
  const absl::Status status = StartService(os);
  EXPECT_TRUE(status.ok() || cleanfork::GetChildError(status).has_value()) << status;
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a child is left";
  EXPECT_EQ(errno, ECHILD);
  EXPECT_EQ(OpenDescriptors(), open_before);
}

void SweepOfTheReadme() {
  // clang-format off
cleanfork::FaultSweepOptions options;
options.filter = [](const cleanfork::FaultEntry& fault) {  // nobody else waits for the child
  return fault.call != cleanfork::OsCall::kWaitPid || fault.error == EINTR;
};
cleanfork::FaultSweep sweep(options);
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
