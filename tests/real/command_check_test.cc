// `check` on the real kernel: each thing that can be off in a process is found, alone, and a clean
// start has none.
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <sstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/real/command_runner.h"

namespace cleanfork {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

// What the lines "off  umask   ..." are about.
std::vector<std::string> Off(const std::string& text) {
  std::vector<std::string> about;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.compare(0, 5, "off  ") != 0) continue;
    about.push_back(line.substr(5, line.find(' ', 5) - 5));
  }
  return about;
}

class CommandCheckTest : public ::testing::Test {
 protected:
  CommandCheckTest() { EXPECT_EQ(::mkfifo(directory_.Path("fifo").c_str(), 0600), 0); }

  // Starts a shell that runs `script` and then waits. Returns its pid once the script has run.
  pid_t StartShell(const std::string& script, std::vector<std::string> options = {}) {
    options.insert(options.begin(), "start");
    // By a subshell, and no exec after it: what is looked at changes no more.
    const std::string tail = "(echo done >" + directory_.Path("fifo") + "); kill -STOP $$";
    options.insert(options.end(), {"--", "sh", "-c", script + "; " + tail});
    const CommandOutcome started = runner_.Run(options);
    EXPECT_EQ(started.exit_code, 0) << started.err;
    EXPECT_EQ(directory_.Read("fifo"), "done\n");
    return PidIn(started.out);
  }
  CommandOutcome Check(pid_t pid) { return runner_.Run({"check", std::to_string(pid)}); }

  TestDirectory directory_;
  CommandRunner runner_;
};

struct Defect {
  const char* name;
  const char* script;  // what a program does to itself
  const char* about;
  const char* text;
};

void PrintTo(const Defect& row, std::ostream* out) { *out << row.name; }

class DefectTest : public CommandCheckTest, public ::testing::WithParamInterface<Defect> {};

TEST_P(DefectTest, IsFoundAndNothingElseIs) {
  const pid_t pid = StartShell(GetParam().script);
  const CommandOutcome outcome = Check(pid);
  EXPECT_EQ(outcome.exit_code, 1) << outcome.out << outcome.err;
  EXPECT_THAT(Off(outcome.out), ElementsAre(GetParam().about)) << outcome.out;
  EXPECT_THAT(outcome.out, HasSubstr(GetParam().text));
}

INSTANTIATE_TEST_SUITE_P(
    Board, DefectTest,
    ::testing::Values(Defect{"ClosedInput", "exec <&-", "streams", "0 is closed"},
                      Defect{"InheritedFile", "exec 7</dev/zero", "descriptors", "7 is /dev/zero"},
                      Defect{"IgnoredHangup", "trap '' HUP", "ignored-signals", "SIGHUP"},
                      Defect{"OpenUmask", "umask 0", "umask", "000"}),
    [](const ::testing::TestParamInfo<Defect>& info) { return info.param.name; });

TEST_F(CommandCheckTest, ACleanStartHasNothingOff) {
  const std::string pid_file = directory_.Path("x.pid");
  const pid_t pid = StartShell(":", {"--pidfile=" + pid_file});
  const CommandOutcome by_pid = Check(pid);
  EXPECT_EQ(by_pid.exit_code, 0) << by_pid.out << by_pid.err;
  EXPECT_THAT(Off(by_pid.out), IsEmpty());
  const CommandOutcome by_file = runner_.Run({"check", "--pidfile=" + pid_file});
  EXPECT_EQ(by_file.exit_code, 0);
  EXPECT_EQ(by_file.out, by_pid.out);
}

TEST_F(CommandCheckTest, WithJsonItIsAnObjectOfFindings) {
  const pid_t pid = StartShell("umask 0");
  const CommandOutcome outcome = runner_.Run({"check", "--json", std::to_string(pid)});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.out, StartsWith("{\"subcommand\":\"check\",\"exit_code\":1,\"pid\":" +
                                      std::to_string(pid) + ",\"findings\":[{\"about\":"));
  EXPECT_THAT(outcome.out, HasSubstr("{\"about\":\"umask\",\"off\":true,\"text\":\"000:"));
  EXPECT_THAT(outcome.out, HasSubstr("{\"about\":\"terminal\",\"off\":false,"));
}

TEST_F(CommandCheckTest, ABlockedSignalALeaderOfASessionAndAPipeAreFound) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGUSR1);
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    ::setsid();
    ::dup2(ready[1], 1);
    if (::write(ready[1], "x", 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  const CommandOutcome outcome = Check(pid);
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(Off(outcome.out),
              ::testing::IsSupersetOf({"streams", "signal-mask", "session-leader"}));
  EXPECT_THAT(outcome.out, HasSubstr("SIGUSR1"));
  EXPECT_THAT(outcome.out, HasSubstr("whoever reads it waits"));
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_F(CommandCheckTest, AControllingTerminalIsFound) {
  const int terminal = runner_.RunOnTerminal({"run", "--", "sh", "-c", "echo $$; exec cat"});
  std::string line;
  for (char byte = 0; byte != '\n' && ::read(terminal, &byte, 1) == 1;) line += byte;
  const CommandOutcome outcome = Check(std::stoi(line));
  EXPECT_EQ(outcome.exit_code, 1) << outcome.err;
  EXPECT_THAT(Off(outcome.out), ElementsAre("streams", "terminal")) << outcome.out;
  ::close(terminal);
}

TEST_F(CommandCheckTest, WhatIsNotThereOrNoProcessIsToldApart) {
  EXPECT_EQ(runner_.Run({"check", "2147483647"}).exit_code, 69);
  EXPECT_EQ(runner_.Run({"check", "--pidfile=" + directory_.Path("missing")}).exit_code, 69);
  const std::vector<std::vector<std::string>> wrong = {
      {"check"},           {"check", "0"},           {"check", "-1"},
      {"check", "1x"},     {"check", "x"},           {"check", ""},
      {"check", "1", "2"}, {"check", "99999999999"}, {"check", "--pidfile=/x", "1"}};
  for (const std::vector<std::string>& words : wrong) {
    EXPECT_EQ(runner_.Run(words).exit_code, 64) << ::testing::PrintToString(words);
  }
}

TEST_F(CommandCheckTest, AZombieIsNoProcessAnyMore) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(0);
  siginfo_t info;
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT), 0);
  EXPECT_EQ(Check(pid).exit_code, 69);
}

// Explain ----------------------------------------------------------------------------------------

TEST_F(CommandCheckTest, ExplainDoesNothing) {
  const auto before = directory_.Snapshot();
  const CommandOutcome outcome = runner_.Run(
      {"explain", "--pidfile=" + directory_.Path("x.pid"), "--stdout=" + directory_.Path("x.log"),
       "--", "/bin/sh", "-c", "echo ran >" + directory_.Path("ran")});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(directory_.Snapshot(), before);
  EXPECT_FALSE(CommandRunner::HasChild());
  EXPECT_THAT(outcome.out, HasSubstr(directory_.Path("x.log") + "\n"));
}

TEST_F(CommandCheckTest, ExplainFailsAsStartDoesOnAPlanThatCannotHold) {
  const std::string file = directory_.Path("x");
  const std::vector<std::vector<std::string>> plans = {
      {"--user=no-such-user", "true"},
      {"--umask=9", "true"},
      {"--groups=none", "true"},
      {"--chroot=/srv", "bin/true"},
      {"--keep-fd=77", "true"},
      {"--pidfile=" + file, "--stdout=" + file, "true"},
      {"--limit=NOFILE=5:4", "true"},
      {"--wait=ready-fd:9", "--keep-fd=9", "true"},
      {},
  };
  for (std::vector<std::string> plan : plans) {
    plan.insert(plan.begin(), "start");
    const CommandOutcome started = runner_.Run(plan);
    plan[0] = "explain";
    const CommandOutcome explained = runner_.Run(plan);
    EXPECT_NE(explained.exit_code, 0) << ::testing::PrintToString(plan);
    EXPECT_EQ(explained.exit_code, started.exit_code) << ::testing::PrintToString(plan);
    const size_t at = std::string("cleanfork: explain: ").size();
    ASSERT_GT(explained.err.size(), at);
    EXPECT_EQ(explained.err.substr(at, 20), started.err.substr(at - 2, 20));
  }
}

TEST_F(CommandCheckTest, ExplainTellsASupervisorWhereLogsGoAndWhatIsWaitedFor) {
  const std::string log = directory_.Path("x.log");
  const CommandOutcome outcome =
      runner_.Run({"explain", "--stdout=syslog", "--stderr=" + log, "--reopen-logs",
                   "--wait=ready-fd:5", "--pidfile=" + directory_.Path("x.pid"), "--", "true"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("A supervisor stays"));
  EXPECT_THAT(outcome.out, HasSubstr("Standard output is a pipe to a log writer, to syslog"));
  EXPECT_THAT(outcome.out, HasSubstr("Standard error is a pipe to a log writer, to"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("standard output is /dev/null")));
  EXPECT_THAT(outcome.out, Not(HasSubstr("appended to")));
  EXPECT_THAT(outcome.out, HasSubstr("once there is a line on descriptor 5"));
  EXPECT_THAT(outcome.out, HasSubstr("move-descriptor"));
  const CommandOutcome json =
      runner_.Run({"explain", "--json", "--respawn=always", "--wait=port:*:1", "--", "true"});
  EXPECT_THAT(json.out, HasSubstr("\"beside\":[\"A supervisor stays"));
  EXPECT_THAT(json.out, HasSubstr("\"Success is reported once there is a listener on *:1\"]"));
  EXPECT_THAT(runner_.Run({"explain", "--", "true"}).out, Not(HasSubstr("Beside that")));
}

TEST_F(CommandCheckTest, ExplainNamesEachOfTheFifteenStepsAndWhatMeetsIt) {
  const CommandOutcome outcome = runner_.Run({"explain", "--", "true"});
  const std::string asked = outcome.out.substr(outcome.out.find("daemon(7) asks for"));
  for (int number = 1; number <= 15; ++number) {
    const std::string row = (number < 10 ? "\n   " : "\n  ") + std::to_string(number) + "  ";
    EXPECT_THAT(asked, HasSubstr(row));
  }
  EXPECT_THAT(asked, HasSubstr("not asked for: --user"));
  EXPECT_THAT(asked, HasSubstr("not asked for: --name or --pidfile"));
  const CommandOutcome json =
      runner_.Run({"explain", "--json", "--pidfile=/run/x.pid", "--", "true"});
  EXPECT_THAT(json.out, StartsWith("{\"subcommand\":\"explain\",\"exit_code\":0,\"plan\":[{"
                                   "\"step\":\"validate\",\"where\":\"parent\""));
  EXPECT_THAT(json.out, HasSubstr("{\"number\":6,\"asks\":\"setsid\",\"met_by\":[\"setsid\"]}"));
  EXPECT_THAT(json.out, HasSubstr("\"met_by\":[\"pidfile\"]}"));
  // So that an empty array is no riddle.
  EXPECT_THAT(json.out, HasSubstr("\"met_by\":[],\"otherwise\":\"not asked for: --user\"}"));
  EXPECT_THAT(json.out, HasSubstr("\"met_by\":[],\"otherwise\":\"once all of that is done\"}]"));
}

}  // namespace
}  // namespace cleanfork
