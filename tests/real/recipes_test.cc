// docs/recipes.md, tried as its reader would: its sessions are typed and print what the page says,
// its run scripts run under s6, and systemd finds nothing wrong with its units.
//
// /run and /var/log of the page are directories of the test's own; which process ids and which
// delays, is not compared.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "tests/real/command_runner.h"
#include "tests/real/recipes_page.h"

namespace cleanfork {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

std::string Replace(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
  return text;
}

class RecipesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char here[4096];
    ASSERT_NE(::getcwd(here, sizeof(here)), nullptr);
    for (const char* name : {"run", "log", "bin"}) {
      ASSERT_EQ(::mkdir(Path(name).c_str(), 0755), 0);
    }
    // The one way in which the reader's command differs: where the files of --name are.
    directory_.Write("bin/cleanfork",
                     "#!/bin/sh\nsubcommand=$1\nshift\ncase \" $subcommand $* \" in\n"
                     "  *' --name='* | ' list '*) set -- --run-directory=" +
                         Path("run") + " \"$@\" ;;\nesac\nexec " + here +
                         "/src/cli/cleanfork $subcommand \"$@\"\n",
                     0755);
    ASSERT_EQ(::setenv("PATH", (Path("bin") + ":" + std::getenv("PATH") + ":/usr/sbin").c_str(), 1),
              0);
  }

  void TearDown() override { Shell("rm -rf " + directory_.path() + "/*"); }

  std::string Path(const std::string& name) const { return directory_.Path(name); }

  // What the command prints, on both streams.
  static std::string Shell(const std::string& command) {
    std::string said;
    FILE* pipe = ::popen(("exec 2>&1\n" + command).c_str(), "r");
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) said += static_cast<char>(c);
    ::pclose(pipe);
    return said;
  }
  static bool Has(const std::string& program) {
    return Shell("command -v " + program + " >/dev/null || echo no").empty();
  }

  std::string Here(const std::string& text) const {
    return Replace(Replace(text, "/run/", Path("run/")), "/var/log", Path("log"));
  }
  std::string OfThePage(const std::string& text) const {
    return Replace(Replace(text, Path("run/"), "/run/"), Path("log"), "/var/log");
  }
  static std::string WithoutNumbers(const std::string& text) {
    static const std::regex pid("(pid|child) [0-9]+"), delay("in [0-9]+ms");
    return std::regex_replace(std::regex_replace(text, pid, "$1 N"), delay, "in Nms");
  }

  // Types the commands of the session, and compares what each prints.
  void Try(const Block& block) {
    std::vector<std::string> commands, expected;
    std::istringstream lines(block.text);
    for (std::string line; std::getline(lines, line);) {
      if (line.compare(0, 2, "$ ") == 0) {
        commands.push_back(line.substr(2));
        expected.emplace_back();
      } else {
        ASSERT_THAT(expected, Not(IsEmpty())) << block.text;
        expected.back() += line + "\n";
      }
    }
    for (size_t i = 0; i < commands.size(); ++i) {
      const std::string said = OfThePage(Shell(Here(commands[i])));
      EXPECT_EQ(WithoutNumbers(said), WithoutNumbers(expected[i]))
          << block.heading << ": " << commands[i];
    }
  }

  CommandRunner runner_;  // so that what is left behind is seen, and ended
  TestDirectory directory_;
};

TEST_F(RecipesTest, SessionsPrintWhatThePageSaysAndLeaveNothing) {
  const std::vector<Block> sessions = BlocksOf("console");
  ASSERT_THAT(sessions, SizeIs(5));
  for (const Block& session : sessions) {
    Try(session);
    EXPECT_EQ(Shell("cleanfork list"), "") << session.heading;
    ASSERT_EQ(Shell("rm -f " + Path("log") + "/*"), "");
  }
}

TEST_F(RecipesTest, TheScriptOfAServiceDoesAllThatAnInitScriptDoes) {
  for (const Block& block : BlocksOf("sh")) {
    if (block.text.find("restart)") == std::string::npos) continue;
    // Without root there is no other user.
    directory_.Write(
        "init",
        Replace(Replace(block.text, "--user=nobody ", ""), "-- worker ;;", "-- sleep 600 ;;"),
        0755);
  }
  const std::string script = Path("init");
  EXPECT_EQ(WithoutNumbers(Shell(script + " start")), "started sleep (pid N)\n");
  EXPECT_EQ(WithoutNumbers(Shell(script + " status; echo $?")), "running (pid N)\n0\n");
  EXPECT_EQ(WithoutNumbers(Shell(script + " restart")),
            "started sleep (pid N) in place of pid N\n");
  EXPECT_EQ(WithoutNumbers(Shell(script + " stop; echo $?")), "stopped (pid N)\n0\n");
  EXPECT_EQ(Shell(script + " status >/dev/null; echo $?"), "3\n");
  EXPECT_EQ(Shell(script + " begin; echo $?"),
            "usage: " + script + " start|stop|restart|reload|status\n64\n");
}

TEST_F(RecipesTest, EveryScriptIsOneThatItsShellReads) {
  int scripts = 0;
  for (const Block& block : Blocks()) {
    if (block.kind != "sh" && block.kind != "openrc") continue;
    directory_.Write("script", block.text, 0644);
    EXPECT_EQ(Shell("sh -n " + Path("script")), "") << block.text;
    ++scripts;
  }
  EXPECT_EQ(scripts, 4);
}

// Stands for the service: says a line on descriptor 3, and ends by TERM.
constexpr char kWorker[] = "#!/bin/sh\necho >&3\nexec sleep 600\n";

TEST_F(RecipesTest, RunScriptsAreReadyAndEndUnderS6) {
  if (!Has("s6-supervise")) GTEST_SKIP() << "needs s6: apt-get install s6";
  directory_.Write("bin/worker", kWorker, 0755);
  int scripts = 0;
  for (const Block& block : Blocks()) {
    const bool is_execline = block.kind == "execline";
    if (block.heading != "s6" || block.text.compare(0, 2, "#!") != 0) continue;
    if (is_execline && !Has("execlineb")) continue;
    const std::string name = "service" + std::to_string(scripts++), service = Path(name);
    ASSERT_EQ(::mkdir(service.c_str(), 0755), 0);
    const std::string script = Replace(block.text, "--user=nobody ", "");
    directory_.Write(name + "/run", script, 0755);
    directory_.Write(name + "/notification-fd", "3\n", 0644);
    // Listens first, and ends with the event of a service that is up and ready.
    EXPECT_EQ(Shell("s6-mkfifodir " + service + "/event && s6-ftrig-listen1 -t 20000 " + service +
                    "/event U sh -c 'exec s6-supervise " + service + " > " + Path("log/s6") +
                    " 2>&1' && s6-svstat -o ready " + service),
              "U\ntrue\n")
        << script;
    // As TERM is 15, `run` ends with 143, as a shell says it.
    EXPECT_EQ(Shell("s6-svc -wD -T 20000 -d " + service + " && s6-svstat -o up,exitcode " +
                    service + "; s6-svc -x " + service),
              "false 143\n");
    EXPECT_EQ(directory_.Read("log/s6"), "");
  }
  EXPECT_GE(scripts, 1);
}

// The writer of the log takes HUP when it comes to it: what logrotate does to the old file
// meanwhile, as to compress it, must wait for the next rotation.
TEST_F(RecipesTest, LogrotateKeepsEveryLineWhereItCompressesToo) {
  if (!Has("logrotate")) GTEST_SKIP() << "needs logrotate: apt-get install logrotate";
  const std::vector<Block> recipes = BlocksOf("logrotate");
  ASSERT_THAT(recipes, SizeIs(1));
  // As a distribution may have it for all logs.
  directory_.Write("logrotate.conf", "compress\nrotate 0\n" + Here(recipes[0].text), 0644);
  ASSERT_EQ(WithoutNumbers(Shell(
                "cleanfork start --name=worker --wait=ready-fd:3 --reopen-logs --stdout=" +
                Path("log/worker.log") +
                " -- sh -c 'trap \"\" HUP; echo >&3; i=0; while :; do echo $i; i=$((i+1)); done'")),
            "started sh (pid N)\n");
  const std::string log = Path("log/worker.log");
  for (int rotation = 0; rotation < 3; ++rotation) {
    // Nothing is printed, which cron(8) would send to somebody.
    EXPECT_EQ(Shell("logrotate -f -s " + Path("state") + " " + Path("logrotate.conf")), "");
    // Written to, and so taken: the next one waits for that.
    Shell("tail -n +1 -F " + log + " 2>&1 | grep -q '^[0-9]'");
  }
  EXPECT_EQ(WithoutNumbers(Shell("cleanfork stop --name=worker")), "stopped (pid N)\n");
  EXPECT_EQ(Shell("cd " + Path("log") + " && ls"),
            "worker.log\nworker.log.1\nworker.log.2.gz\nworker.log.3.gz\n");
  EXPECT_EQ(Shell("cd " + Path("log") +
                  " && { zcat worker.log.3.gz worker.log.2.gz; cat worker.log.1 worker.log; } |"
                  " awk '$1 != NR - 1 { print NR; exit }'"),
            "");
}

TEST_F(RecipesTest, UnitsAreThoseThatSystemdReads) {
  if (!Has("systemd-analyze")) GTEST_SKIP() << "needs systemd-analyze: apt-get install systemd";
  const std::vector<Block> units = BlocksOf("ini");
  ASSERT_THAT(units, SizeIs(3));
  for (const Block& unit : units) {
    // The programs have to be there.
    directory_.Write("worker.service", Replace(unit.text, "/usr/local/bin/", "/bin/true "), 0644);
    const std::string said =
        Shell("systemd-analyze verify --man=no " + Path("worker.service") + "; echo status $?");
    EXPECT_EQ(said, "status 0\n") << unit.text;
  }
  directory_.Write("wrong.service", "[Service]\nType=no\nExecStart=/bin/true\n", 0644);
  EXPECT_THAT(Shell("systemd-analyze verify --man=no " + Path("wrong.service")),
              HasSubstr("service type"));
}

}  // namespace
}  // namespace cleanfork
