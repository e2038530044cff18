// Each call that start, status and stop make, in the command and in the processes that it forks,
// fails once with each errno that its manual page lists, on the real kernel. Whatever fails, the
// command does not lie: what it says it did is done, and what it says it could not do has left
// nothing behind.
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "cleanfork/fault_os.h"
#include "cleanfork/fault_plan.h"
#include "cleanfork/fault_sweep.h"
#include "cleanfork/os.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/cli/report.h"
#include "src/cli/subcommand.h"
#include "tests/real/command_runner.h"
#include "tests/real/vfork_is_fork.h"

namespace cleanfork {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class CommandFaultSweepTest : public ::testing::Test {
 protected:
  CommandOutcome Call(Os& os, std::vector<std::string> words) const {
    words.insert(words.begin(), "cleanfork");
    std::ostringstream out, err;
    cli::Context context = {os, out, err};
    CommandOutcome outcome;
    outcome.exit_code = cli::RunCommandLine(words, context);
    outcome.out = out.str();
    outcome.err = err.str();
    return outcome;
  }
  CommandOutcome Start(Os& os) const {
    return Call(os, {"start", "--pidfile=" + pid_file_, "--stdout=" + directory_.Path("x.log"),
                     "--", "/bin/sleep", "60"});
  }

  // Runs `body` under every plan of the sweep, with nothing there before.
  void Sweep(const std::function<bool(const FaultEntry&)>& filter,
             const std::function<void(FaultOs&, const FaultPlan&)>& body) {
    FaultSweepOptions options;
    options.filter = filter;
    FaultSweep sweep(options);
    FaultPlan plan;
    while (sweep.Next(&plan)) {
      SCOPED_TRACE(FaultPlanToString(plan));
      const size_t open = OpenDescriptors(::getpid()).size();
      FaultOs os(RealOs(), plan);
      body(os, plan);
      Sweep();
      EXPECT_EQ(OpenDescriptors(::getpid()).size(), open);
      sweep.Record(os);
      if (HasFailure()) return;  // one trace says enough
    }
    EXPECT_TRUE(sweep.complete());
    EXPECT_GT(sweep.runs_fired(), 20u);
    RecordProperty("runs", static_cast<int>(sweep.runs()));
  }

  // Ends what runs and removes what is there.
  void Sweep() {
    runner_.KillChildren();
    for (const auto& file : directory_.Snapshot()) ::unlink(directory_.Path(file.first).c_str());
  }

  // A second child, which is not the command's own to reap, may have been killed a moment ago and
  // fallen to us. One that was forgotten ends by itself, a minute from now, and by no signal.
  static void ExpectOnlyKilledChildren() {
    for (int status = 0; ::waitpid(-1, &status, 0) != -1;) {
      EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
    }
  }

  static bool IsOneLine(const std::string& text) {
    return std::count(text.begin(), text.end(), '\n') == 1 && text.back() == '\n';
  }

  TestDirectory directory_;
  const std::string pid_file_ = directory_.Path("x.pid");
  CommandRunner runner_;
};

TEST_F(CommandFaultSweepTest, StartHasStartedWhatItSaysAndLeavesNothingElse) {
  const auto filter = [](const FaultEntry& fault) {
    // A held lock is believed: the file is then that other instance's, and stays.
    if (fault.call == OsCall::kFcntlSetLock) return fault.error != EAGAIN && fault.error != EACCES;
    // Without memory to share and without /proc the first child waits for the program to end, which
    // here takes a minute.
    const bool looks = fault.call == OsCall::kOpen || fault.call == OsCall::kRead ||
                       fault.call == OsCall::kReadLink;
    return !(kVforkIsFork && looks && fault.process.depth() > 0);
  };
  Sweep(filter, [&](FaultOs& os, const FaultPlan& plan) {
    const CommandOutcome outcome = Start(os);
    if (outcome.exit_code == 0) {
      const pid_t pid = PidIn(outcome.out);
      EXPECT_EQ(outcome.out, "started /bin/sleep (pid " + std::to_string(pid) + ")\n");
      EXPECT_EQ(directory_.Read("x.pid"), std::to_string(pid) + "\n");
      EXPECT_EQ(StatusField(pid, "Name"), "sleep");
      EXPECT_EQ(Call(RealOs(), {"status", "--pidfile=" + pid_file_}).exit_code, 0);
      return;
    }
    EXPECT_FALSE(plan.empty()) << outcome.err;
    if (!plan.empty()) {
      EXPECT_NE(plan[0].error, EINTR) << outcome.err;
    }
    EXPECT_TRUE(IsOneLine(outcome.err)) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("[step "));
    ExpectOnlyKilledChildren();
    // A pid file that was not locked may be another's by now, and is left as it was made.
    const bool looks = !plan.empty() && plan[0].call == OsCall::kFStat && plan[0].index == 1;
    const bool locks = !plan.empty() && plan[0].call == OsCall::kFcntlSetLock;
    if ((looks || locks) && directory_.Snapshot().size() == 1 && directory_.Read("x.pid").empty())
      return;
    EXPECT_EQ(directory_.Snapshot().size(), 0u)
        << outcome.err << ::testing::PrintToString(directory_.Snapshot());
  });
}

TEST_F(CommandFaultSweepTest, StatusNeverTakesARunningServiceForADeadOne) {
  // What the kernel says of the file being gone is believed.
  const auto filter = [](const FaultEntry& fault) {
    return !(fault.call == OsCall::kOpen && fault.index == 1 && fault.error == ENOENT);
  };
  Sweep(filter, [&](FaultOs& os, const FaultPlan&) {
    ASSERT_EQ(Start(RealOs()).exit_code, 0);
    const CommandOutcome outcome = Call(os, {"status", "--pidfile=" + pid_file_});
    EXPECT_TRUE(outcome.exit_code == 0 || outcome.exit_code == 4)
        << outcome.exit_code << outcome.out << outcome.err;
    EXPECT_TRUE(IsOneLine(outcome.exit_code == 0 ? outcome.out : outcome.err));
  });
}

TEST_F(CommandFaultSweepTest, StopHasStoppedWhatItSays) {
  // What the kernel says of the file or the process being gone is believed.
  const auto filter = [](const FaultEntry& fault) {
    return !(fault.call == OsCall::kOpen && fault.index == 1 && fault.error == ENOENT) &&
           !(fault.call == OsCall::kPidFdSendSignal && fault.error == ESRCH);
  };
  Sweep(filter, [&](FaultOs& os, const FaultPlan& plan) {
    ASSERT_EQ(Start(RealOs()).exit_code, 0);
    const pid_t pid = std::stoi(directory_.Read("x.pid"));
    const CommandOutcome outcome = Call(os, {"stop", "--pidfile=" + pid_file_});
    if (outcome.exit_code == 0) {
      // A file that could not be locked to be removed is stale and swept away by the next start.
      // (What the kernel says of it being gone is believed.)
      const bool is_gone = !plan.empty() && plan[0].error == ENOENT;
      const bool stays = !is_gone && directory_.Snapshot().count("x.pid") != 0;
      EXPECT_EQ(outcome.out,
                "stopped (pid " + std::to_string(pid) + ")" +
                    (stays ? "; " + pid_file_ + " stays: another process still holds it\n" : "\n"));
      EXPECT_EQ(StatField(pid, 3), "Z");
      return;
    }
    EXPECT_FALSE(plan.empty()) << outcome.err;
    if (!plan.empty()) {
      EXPECT_NE(plan[0].error, EINTR) << outcome.err;
    }
    EXPECT_TRUE(IsOneLine(outcome.err)) << outcome.err;
    EXPECT_THAT(outcome.err, StartsWith("cleanfork: stop: "));
  });
}

}  // namespace
}  // namespace cleanfork
