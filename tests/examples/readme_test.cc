// The examples of README.md run, and what they say happens. They are taken out of the page itself,
// by generate_examples.cc.
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
#include <iterator>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cleanfork/child_error.h"
#include "cleanfork/explore.h"
#include "cleanfork/explore_matchers.h"
#include "cleanfork/fault_os.h"
#include "cleanfork/fault_plan.h"
#include "cleanfork/fault_sweep.h"
#include "cleanfork/fork_child.h"
#include "cleanfork/mock_os.h"
#include "cleanfork/os.h"
#include "cleanfork/os_call.h"
#include "cleanfork/spawn.h"
#include "cleanfork/step.h"
#include "cleanfork/sys_result.h"

using testing::_;
using testing::Pointee;

namespace {

// What the statements are in that a function returns in the end.
struct Returned {};

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

#include "tests/examples/readme_examples.inc"

// What root of a user namespace may not: setgroups(2) there may be forbidden, and other ids
// missing.
bool MayBecomeNobody() {
  std::ifstream map("/proc/self/uid_map");
  uint64_t inside = 1, outside = 1, count = 0;
  return ::geteuid() == 0 && map >> inside >> outside >> count && inside == 0 && count > 65534;
}

TEST(ReadmeTest, TheWorkerOfTheExampleStartsAsNobodyOrSaysThatItMayNot) {
  const absl::Status status = README_md::StartWorker();
  if (MayBecomeNobody()) {
    EXPECT_TRUE(status.ok()) << status;
    return;
  }
  const auto error = cleanfork::GetChildError(status);
  ASSERT_TRUE(error.has_value()) << status;
  EXPECT_EQ(error->step, cleanfork::Step::kSetGroups) << status;
  EXPECT_EQ(error->error, EPERM) << status;
}

// RunJob() of the page without its line that begins with "while".
int RunJobOnce(cleanfork::Os& os) {
  const cleanfork::SysResult<pid_t> child = os.Fork();
  if (!child.ok()) return 1;
  if (child.value() == 0) os.Exit(os.SetSid().ok() ? 0 : 1);
  cleanfork::SysResult<cleanfork::WaitResult> ended = os.WaitPid(child.value(), 0);
  return ended.ok() && ended.value().status == 0 ? 0 : 1;
}

TEST(ReadmeTest, WhatItSaysThatAnExplorationPrintsIsPrinted) {
  cleanfork::Scenario scenario;
  scenario.body = RunJobOnce;
  cleanfork::ExploreOptions options;
  options.max_faults = 2;
  options.reports = false;  // of one that is meant to fail
  const cleanfork::ExploreResult result = cleanfork::Explore(scenario, options);
  ASSERT_EQ(result.failures.size(), 1u) << result;
  const cleanfork::ExploreFailure& failure = result.failures[0];
  std::ifstream page("README.md");
  const std::string text((std::istreambuf_iterator<char>(page)), std::istreambuf_iterator<char>());
  const std::string printed = failure.plan + "\n  breaks the rule \"" + failure.rule +
                              "\": " + failure.what + "\n\n" + failure.picture + "```";
  EXPECT_NE(text.find(printed), std::string::npos) << printed;
}

TEST(ReadmeTest, TheSweepOfTheExampleRuns) { README_md::Statements(); }

}  // namespace
