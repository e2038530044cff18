// --respawn on the real kernel: a program that ends is started again, until it ends too often; and
// the supervisor that does it is clean, and leaves nothing behind.
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/real/command_runner.h"

namespace cleanfork {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Not;
using ::testing::StartsWith;

class CommandRespawnTest : public ::testing::Test {
 protected:
  CommandRespawnTest() { EXPECT_EQ(::mkfifo(fifo_.c_str(), 0600), 0); }

  CommandOutcome Start(std::vector<std::string> options, const std::string& script) {
    options.insert(options.begin(), {"start", "--pidfile=" + pid_file_, "--backoff=1ms"});
    options.insert(options.end(), {"--", "sh", "-c", script});
    return runner_.Run(options);
  }
  CommandOutcome OnPidFile(const char* subcommand) {
    return runner_.Run({subcommand, "--pidfile=" + pid_file_});
  }
  // The pid that the next program to be started tells.
  pid_t NextProgram() { return std::atoi(directory_.Read("fifo").c_str()); }

  // How a child of the test, the supervisor or a program that has lost it, ends.
  static int EndOf(pid_t pid) {
    int status = -1;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    return status;
  }

  TestDirectory directory_;
  const std::string fifo_ = directory_.Path("fifo");
  const std::string pid_file_ = directory_.Path("x.pid");
  const std::string tell_ = "echo $$ >" + fifo_ + "; ";
  CommandRunner runner_;
};

TEST_F(CommandRespawnTest, ACrashLoopEndsWithinItsLimitWithAStatusAndStepOfItsOwn) {
  const CommandOutcome outcome =
      runner_.Run({"run", "--respawn=on-failure", "--backoff=1ms", "--respawn-limit=3/1min", "--",
                   "sh", "-c", "echo ran; exit 3"});
  EXPECT_EQ(outcome.exit_code, 79);
  EXPECT_EQ(outcome.out, "ran\nran\nran\nran\n");
  EXPECT_THAT(outcome.err, HasSubstr("has ended: exit status 3, after 3 respawns within 60s: it is "
                                     "not started again [step respawn]\n"));
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 4);
}

TEST_F(CommandRespawnTest, InTheBackgroundItEndsTheSupervisorAndItsPidFile) {
  const std::string log = directory_.Path("err.log");
  const CommandOutcome outcome =
      Start({"--respawn=always", "--respawn-limit=2/1min", "--stderr=" + log}, "exit 3");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const int status = EndOf(PidIn(outcome.out));
  EXPECT_EQ(WEXITSTATUS(status), 79);
  EXPECT_THAT(directory_.Snapshot(), Not(Contains(Key("x.pid"))));
  EXPECT_THAT(directory_.Read("err.log"), HasSubstr("after 2 respawns within 60s"));
  EXPECT_FALSE(CommandRunner::HasChild());
}

TEST_F(CommandRespawnTest, AProgramThatIsKilledIsStartedAgainAndStopEndsBoth) {
  // The program waits for us to read.
  const CommandOutcome outcome = Start({"--respawn=on-failure"}, tell_ + "exec sleep 60");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const pid_t supervisor = PidIn(outcome.out);
  EXPECT_EQ(directory_.Read("x.pid"), std::to_string(supervisor) + "\n");
  const pid_t first = NextProgram();
  ASSERT_EQ(::kill(first, SIGKILL), 0);
  const pid_t second = NextProgram();
  EXPECT_NE(second, first);
  EXPECT_EQ(StatField(second, 4), std::to_string(supervisor));
  EXPECT_EQ(OnPidFile("status").out, "running (pid " + std::to_string(supervisor) + ")\n");
  const CommandOutcome stopped = OnPidFile("stop");
  EXPECT_EQ(stopped.exit_code, 0) << stopped.err;
  EndOf(supervisor);
  EXPECT_FALSE(CommandRunner::HasChild()) << "the program has outlived its supervisor";
  EXPECT_THAT(directory_.Snapshot(), Not(Contains(Key("x.pid"))));
}

TEST_F(CommandRespawnTest, TheSupervisorAndItsProgramAreClean) {
  const CommandOutcome outcome =
      Start({"--respawn=always", "--wait=ready-fd"}, "echo >&3; exec sleep 60 3>&-");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const pid_t supervisor = PidIn(outcome.out);
  const CommandOutcome check = runner_.Run({"check", std::to_string(supervisor)});
  EXPECT_EQ(check.exit_code, 0) << check.out << check.err;
  siginfo_t none = {};
  EXPECT_EQ(::waitid(P_PID, static_cast<id_t>(supervisor), &none, WEXITED | WNOHANG), 0);
  EXPECT_EQ(none.si_pid, 0);
}

TEST_F(CommandRespawnTest, AProgramDoesNotOutliveASupervisorThatIsKilled) {
  const CommandOutcome outcome = Start({"--respawn=always", "--json"}, "exec sleep 60");
  const size_t at = outcome.out.find("\"main_pid\":");
  ASSERT_NE(at, std::string::npos) << outcome.out << outcome.err;
  const pid_t program = std::atoi(outcome.out.c_str() + at + std::string("\"main_pid\":").size());
  const pid_t supervisor = std::stoi(directory_.Read("x.pid"));
  ASSERT_EQ(::kill(supervisor, SIGKILL), 0);
  EndOf(supervisor);
  const int status = EndOf(program);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

TEST_F(CommandRespawnTest, ReloadReachesTheProgram) {
  const CommandOutcome outcome =
      Start({"--respawn=always", "--wait=ready-fd"},
            "trap 'echo reloaded >" + fifo_ + "' HUP; echo >&3; while :; do sleep 60 & wait; done");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(OnPidFile("reload").exit_code, 0);
  EXPECT_EQ(directory_.Read("fifo"), "reloaded\n");
}

TEST_F(CommandRespawnTest, AFirstStartThatFailsIsAFailureOfStartAndIsNotTriedAgain) {
  CommandOutcome outcome =
      runner_.Run({"start", "--respawn=always", "--pidfile=" + pid_file_, "--", "/no/such"});
  EXPECT_EQ(outcome.exit_code, 203);
  EXPECT_THAT(outcome.err, StartsWith("cleanfork: start: exec(\"/no/such\"): No such file or "
                                      "directory (ENOENT) [step exec"));
  EXPECT_FALSE(CommandRunner::HasChild());
  outcome = Start({"--respawn=always", "--wait=ready-fd"}, "exit 3");
  EXPECT_EQ(outcome.exit_code, 76);
  EXPECT_THAT(outcome.err, HasSubstr("it ended before it was ready"));
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  EXPECT_FALSE(CommandRunner::HasChild());
  EXPECT_THAT(directory_.Snapshot(), Not(Contains(Key("x.pid"))));
}

TEST_F(CommandRespawnTest, ASecondSupervisorIsRefused) {
  ASSERT_EQ(Start({"--respawn=always"}, "exec sleep 60").exit_code, 0);
  EXPECT_EQ(Start({"--respawn=always"}, "exec sleep 60").exit_code, 69);
}

TEST_F(CommandRespawnTest, AnEndThatIsNoFailureIsTheEnd) {
  const CommandOutcome outcome = Start({"--respawn=on-failure"}, "exit 0");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(EndOf(PidIn(outcome.out)), 0);
  EXPECT_THAT(directory_.Snapshot(), Not(Contains(Key("x.pid"))));
  EXPECT_EQ(
      runner_.Run({"run", "--respawn=on-failure", "--", "sh", "-c", "kill -TERM $$"}).exit_code,
      128 + SIGTERM);
}

}  // namespace
}  // namespace cleanfork
