// Services on the real kernel: by name, restarted, told to reload, listed.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

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

class CommandServiceTest : public ::testing::Test {
 protected:
  // `subcommand --name=web --run-directory=... words...`
  CommandOutcome OnWeb(const char* subcommand, const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {subcommand, "--name=web", in_directory_};
    words.insert(words.end(), more.begin(), more.end());
    return runner_.Run(words);
  }
  CommandOutcome List(std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"list", in_directory_});
    return runner_.Run(more);
  }
  pid_t StartWeb(const std::vector<std::string>& command) {
    std::vector<std::string> words = {"--"};
    words.insert(words.end(), command.begin(), command.end());
    const CommandOutcome started = OnWeb("start", words);
    EXPECT_EQ(started.exit_code, 0) << started.err;
    return PidIn(started.out);
  }
  std::string WebsPidFile() const { return directory_.Read("cleanfork-web.pid"); }
  static bool IsGone(pid_t pid) {
    const std::string state = StatField(pid, 3);
    return state.empty() || state == "Z";
  }

  TestDirectory directory_;
  const std::string in_directory_ = "--run-directory=" + directory_.path();
  CommandRunner runner_;
};

TEST_F(CommandServiceTest, AServiceIsKnownByItsNameFromStartToStop) {
  const pid_t pid = StartWeb({"sleep", "60"});
  ASSERT_GT(pid, 0);
  EXPECT_EQ(WebsPidFile(), std::to_string(pid) + "\n");
  EXPECT_EQ(OnWeb("status").out, "running (pid " + std::to_string(pid) + ")\n");
  EXPECT_EQ(List().out, "web  running (pid " + std::to_string(pid) + ")\n");
  EXPECT_EQ(OnWeb("stop").out, "stopped (pid " + std::to_string(pid) + ")\n");
  EXPECT_TRUE(IsGone(pid));
  EXPECT_EQ(OnWeb("status").exit_code, 3);
  const CommandOutcome none = List();
  EXPECT_EQ(none.exit_code, 0) << none.err;
  EXPECT_EQ(none.out, "");
}

TEST_F(CommandServiceTest, ASecondServiceOfTheSameNameIsRefusedAndTheFirstRunsOn) {
  const pid_t pid = StartWeb({"sleep", "60"});
  ASSERT_GT(pid, 0);
  const CommandOutcome second = OnWeb("start", {"--", "sleep", "60"});
  EXPECT_EQ(second.exit_code, 69);
  EXPECT_THAT(second.err, HasSubstr("another instance runs, pid " + std::to_string(pid)));
  EXPECT_FALSE(IsGone(pid));
}

TEST_F(CommandServiceTest, ListShowsTheDeadAndTheUnbelievableBesideTheLiving) {
  const pid_t pid = StartWeb({"sleep", "60"});
  directory_.Write("cleanfork-crashed.pid", "2147483647\n", 0644);
  directory_.Write("cleanfork-open.pid", "1\n", 0666);
  directory_.Write("stranger.pid", "1\n", 0644);
  directory_.Write("cleanfork-.pid", "1\n", 0644);
  directory_.Write("cleanfork-a b.pid", "1\n", 0644);
  const CommandOutcome list = List();
  EXPECT_EQ(list.exit_code, 0) << list.err;
  EXPECT_THAT(list.out, StartsWith("crashed  dead: "));
  EXPECT_THAT(list.out, HasSubstr("\nopen     "));
  EXPECT_THAT(list.out, HasSubstr("\nweb      running (pid " + std::to_string(pid) + ")\n"));
  EXPECT_THAT(list.out, Not(HasSubstr("stranger")));
  EXPECT_THAT(list.out, Not(HasSubstr("a b")));
  const CommandOutcome json = List({"--json"});
  EXPECT_THAT(json.out, StartsWith("{\"subcommand\":\"list\",\"exit_code\":0,\"services\":[{"
                                   "\"name\":\"crashed\",\"pidfile\":\"" +
                                   directory_.Path("cleanfork-crashed.pid") +
                                   "\",\"state\":\"dead\",\"pid\":2147483647},{\"name\":\"open\""));
  EXPECT_THAT(json.out, HasSubstr("\"state\":\"unknown\"},{\"name\":\"web\""));
}

TEST_F(CommandServiceTest, ADirectoryThatCannotBeListedIsAFailure) {
  const CommandOutcome list = runner_.Run({"list", "--run-directory=/no/such"});
  EXPECT_EQ(list.exit_code, 71);
  EXPECT_THAT(list.err, StartsWith("cleanfork: list: the directory /no/such"));
}

TEST_F(CommandServiceTest, RestartEndsTheOneAndStartsTheOther) {
  const pid_t old_pid = StartWeb({"sleep", "60"});
  ASSERT_GT(old_pid, 0);
  const CommandOutcome restarted = OnWeb("restart", {"--", "sleep", "61"});
  ASSERT_EQ(restarted.exit_code, 0) << restarted.err;
  const pid_t new_pid = PidIn(restarted.out);
  EXPECT_EQ(restarted.out, "started sleep (pid " + std::to_string(new_pid) + ") in place of pid " +
                               std::to_string(old_pid) + "\n");
  EXPECT_TRUE(IsGone(old_pid));
  EXPECT_FALSE(IsGone(new_pid));
  EXPECT_EQ(WebsPidFile(), std::to_string(new_pid) + "\n");
}

TEST_F(CommandServiceTest, RestartStartsWhatDoesNotRun) {
  const CommandOutcome restarted = OnWeb("restart", {"--", "sleep", "60"});
  EXPECT_EQ(restarted.exit_code, 0) << restarted.err;
  EXPECT_THAT(restarted.out, Not(HasSubstr("in place of")));
  EXPECT_EQ(OnWeb("status").exit_code, 0);
}

TEST_F(CommandServiceTest, ARestartThatIsWronglyAskedForStopsNothing) {
  const pid_t pid = StartWeb({"sleep", "60"});
  const std::vector<std::vector<std::string>> wrong = {
      {"--umask=9", "--", "sleep", "60"},
      {"--groups=none", "--", "sleep", "60"},
      {"--user=root", "--groups=no-such-group", "--", "sleep", "60"},
      {},
  };
  for (const std::vector<std::string>& words : wrong) {
    EXPECT_NE(OnWeb("restart", words).exit_code, 0) << ::testing::PrintToString(words);
    EXPECT_FALSE(IsGone(pid));
    EXPECT_EQ(WebsPidFile(), std::to_string(pid) + "\n");
  }
  EXPECT_EQ(runner_.Run({"restart", "sleep", "60"}).exit_code, 64);
}

TEST_F(CommandServiceTest, ARestartWhoseStartFailsSaysSoAndLeavesNothing) {
  const pid_t pid = StartWeb({"sleep", "60"});
  const CommandOutcome restarted = OnWeb("restart", {"--", directory_.Path("missing")});
  EXPECT_EQ(restarted.exit_code, 203);
  EXPECT_THAT(restarted.err, HasSubstr("(ENOENT) [step exec"));
  EXPECT_TRUE(IsGone(pid));
  CommandRunner::Reap(pid);
  EXPECT_FALSE(CommandRunner::HasChild());
  EXPECT_THAT(directory_.Snapshot(), Not(Contains(Key("cleanfork-web.pid"))));
}

TEST_F(CommandServiceTest, ReloadSendsTheServiceAHangup) {
  ASSERT_EQ(::mkfifo(directory_.Path("fifo").c_str(), 0600), 0);
  const std::string fifo = directory_.Path("fifo");
  const pid_t pid = StartWeb({"sh", "-c",
                              "trap 'echo reloaded >" + fifo + "' HUP; echo set >" + fifo +
                                  "; while :; do sleep 60 & wait; done"});
  ASSERT_EQ(directory_.Read("fifo"), "set\n");
  const CommandOutcome reload = OnWeb("reload");
  EXPECT_EQ(reload.exit_code, 0) << reload.err;
  EXPECT_EQ(reload.out, "sent SIGHUP (pid " + std::to_string(pid) + ")\n");
  EXPECT_EQ(directory_.Read("fifo"), "reloaded\n");
  EXPECT_FALSE(IsGone(pid));
}

TEST_F(CommandServiceTest, ReloadOfWhatDoesNotRunIsAFailureAndNobodyIsSignalled) {
  const CommandOutcome missing = OnWeb("reload");
  EXPECT_EQ(missing.exit_code, 69);
  EXPECT_THAT(missing.err, StartsWith("cleanfork: reload: not running: no "));
  // A number that has come to be another process's: ours, which a SIGHUP would end.
  directory_.Write("cleanfork-web.pid", std::to_string(::getpid()) + "\n", 0644);
  const timespec long_ago[2] = {{1, 0}, {1, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, directory_.Path("cleanfork-web.pid").c_str(), long_ago, 0), 0);
  EXPECT_EQ(OnWeb("reload").exit_code, 69);
  EXPECT_EQ(OnWeb("reload", {"--json"}).out.find("{\"subcommand\":\"reload\",\"exit_code\":69,"),
            0u);
}

TEST_F(CommandServiceTest, EverySubcommandOfAServiceSpeaksJsonOfOneSchema) {
  const std::string file = "\"pidfile\":\"" + directory_.Path("cleanfork-web.pid") + "\"";
  const CommandOutcome started = OnWeb("start", {"--json", "--", "sleep", "60"});
  const std::string pid = WebsPidFile().substr(0, WebsPidFile().size() - 1);
  EXPECT_EQ(started.out,
            "{\"subcommand\":\"start\",\"exit_code\":0,\"program\":\"sleep\",\"pid\":" + pid + "," +
                file + "}\n");
  EXPECT_EQ(OnWeb("status", {"--json"}).out, "{\"subcommand\":\"status\",\"exit_code\":0," + file +
                                                 ",\"state\":\"running\",\"pid\":" + pid + "}\n");
  const CommandOutcome restarted = OnWeb("restart", {"--json", "--", "sleep", "60"});
  EXPECT_THAT(restarted.out, HasSubstr("\"replaced_pid\":" + pid + "}\n"));
  const std::string now = WebsPidFile().substr(0, WebsPidFile().size() - 1);
  EXPECT_EQ(OnWeb("stop", {"--json"}).out, "{\"subcommand\":\"stop\",\"exit_code\":0," + file +
                                               ",\"was_running\":true,\"pid\":" + now + "}\n");
  EXPECT_EQ(OnWeb("status", {"--json"}).out,
            "{\"subcommand\":\"status\",\"exit_code\":3," + file + ",\"state\":\"not-running\"}\n");
  EXPECT_THAT(OnWeb("start", {"--json", "--", "/no/such"}).out,
              StartsWith("{\"subcommand\":\"start\",\"exit_code\":203,\"error\":\""));
}

}  // namespace
}  // namespace cleanfork
