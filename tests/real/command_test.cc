// The command on the real kernel, as far as it needs no privileges: the bad-input board, the life
// of a service from start to stop, and run.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/real/command_runner.h"

namespace cleanfork {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;
using ::testing::StartsWith;

constexpr char kNull[] = "/dev/null";

class CommandTest : public ::testing::Test {
 protected:
  CommandTest() {
    directory_.Write("no_exec", "echo there is no interpreter line\n", 0755);
    directory_.Write("no_interpreter", "#!/no/such/interpreter\n", 0755);
    directory_.Write("not_executable", "#!/bin/sh\n", 0644);
    directory_.Write("open_to_all.pid", "1\n", 0666);
    directory_.Write("not_a.pid", "root:x:0:0::/root:/bin/sh\n", 0644);
    EXPECT_EQ(::symlink("target.pid", directory_.Path("link.pid").c_str()), 0);
    EXPECT_EQ(::mkdir(directory_.Path("directory.pid").c_str(), 0755), 0);
  }

  CommandOutcome Start(std::vector<std::string> words,
                       const std::function<void()>& before_exec = nullptr) {
    words.insert(words.begin(), "start");
    return runner_.Run(words, before_exec);
  }
  CommandOutcome OnPidFile(const char* subcommand, std::vector<std::string> more = {}) {
    std::vector<std::string> words = {subcommand, "--pidfile=" + pid_file_};
    words.insert(words.end(), more.begin(), more.end());
    return runner_.Run(words);
  }

  // Starts a shell with the pid file. Returns its pid.
  pid_t StartShell(const std::string& script) {
    const CommandOutcome started = Start({"--pidfile=" + pid_file_, "--", "sh", "-c", script});
    EXPECT_EQ(started.exit_code, 0) << started.err;
    return PidIn(started.out);
  }

  CommandOutcome StartEcho(const EchoService& echo, std::vector<std::string> words,
                           const std::function<void()>& before_exec) {
    words.push_back("--pidfile=" + pid_file_);
    for (const std::string& word : echo.Words()) words.push_back(word);
    return Start(words, before_exec);
  }

  // A fifo, and what its first writer writes to it.
  std::string Fifo() {
    EXPECT_EQ(::mkfifo(directory_.Path("fifo").c_str(), 0600), 0);
    return directory_.Path("fifo");
  }
  std::string ReadFifo() { return directory_.Read("fifo"); }

  TestDirectory directory_;
  const std::string pid_file_ = directory_.Path("x.pid");
  CommandRunner runner_;
};

// The bad-input board ----------------------------------------------------------------------------

struct BadInput {
  const char* name;
  // "@/" stands for the test's directory. A --pidfile of its own takes the place of the usual one.
  std::vector<std::string> words;
  int exit_code;
  const char* step;
  const char* error;
};

void PrintTo(const BadInput& row, std::ostream* out) { *out << row.name; }

class BadInputTest : public CommandTest, public ::testing::WithParamInterface<BadInput> {};

TEST_P(BadInputTest, IsOneLineWithStepAndErrnoAndACodeAndLeavesNothing) {
  const BadInput& row = GetParam();
  std::vector<std::string> words = {"--stdout=" + directory_.Path("x.log"),
                                    "--pidfile=" + pid_file_};
  for (std::string word : row.words) {
    const size_t at = word.find("@/");
    if (at != std::string::npos) word.replace(at, 2, directory_.path() + "/");
    words.push_back(word);
  }
  const auto before = directory_.Snapshot();
  const CommandOutcome outcome = Start(words);
  EXPECT_EQ(outcome.exit_code, row.exit_code) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, StartsWith("cleanfork: start: "));
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr(std::string("[step ") + row.step));
  EXPECT_THAT(outcome.err, HasSubstr(std::string("(") + row.error + ")"));
  EXPECT_FALSE(CommandRunner::HasChild());
  EXPECT_EQ(directory_.Snapshot(), before);
}

INSTANTIATE_TEST_SUITE_P(
    Board, BadInputTest,
    ::testing::Values(
        BadInput{"UnknownUser", {"--user=no-such-user", "true"}, 67, "resolve-user", "ENOENT"},
        BadInput{"UnknownGroup",
                 {"--user=nobody", "--group=no-such-group", "true"},
                 67,
                 "resolve-user",
                 "ENOENT"},
        BadInput{"UnknownSupplementaryGroup",
                 {"--user=nobody", "--groups=no-such-group", "true"},
                 67,
                 "resolve-user",
                 "ENOENT"},
        BadInput{"MissingProgram", {"@/missing"}, 203, "exec", "ENOENT"},
        BadInput{"ProgramNotInPath", {"no-such-program-anywhere"}, 203, "exec", "ENOENT"},
        BadInput{"NoInterpreterLine", {"@/no_exec"}, 203, "exec", "ENOEXEC"},
        BadInput{"MissingInterpreter", {"@/no_interpreter"}, 203, "exec", "ENOENT"},
        BadInput{"NotExecutable", {"@/not_executable"}, 203, "exec", "EACCES"},
        BadInput{"ProgramIsADirectory", {"@/directory.pid"}, 203, "exec", "EACCES"},
        BadInput{"ProgramUnderAFile", {"@/not_a.pid/x"}, 203, "exec", "ENOTDIR"},
        BadInput{"MissingRoot", {"--chroot=@/missing", "true"}, 210, "chroot", "ENOENT"},
        BadInput{"MissingDirectory", {"--chdir=@/missing", "true"}, 200, "chdir", "ENOENT"},
        BadInput{"DirectoryIsAFile", {"--chdir=@/not_a.pid", "true"}, 200, "chdir", "ENOTDIR"},
        BadInput{
            "PidFileInNoDirectory", {"--pidfile=@/missing/x.pid", "true"}, 73, "pidfile", "ENOENT"},
        BadInput{
            "PidFileUnderAFile", {"--pidfile=/dev/null/x.pid", "true"}, 73, "pidfile", "ENOTDIR"},
        BadInput{"PidFileIsALink", {"--pidfile=@/link.pid", "true"}, 73, "pidfile", "ELOOP"},
        BadInput{
            "PidFileOpenToAll", {"--pidfile=@/open_to_all.pid", "true"}, 73, "pidfile", "EPERM"},
        BadInput{
            "PidFileIsSomethingElse", {"--pidfile=@/not_a.pid", "true"}, 73, "pidfile", "EINVAL"},
        BadInput{
            "PidFileIsADirectory", {"--pidfile=@/directory.pid", "true"}, 73, "pidfile", "EISDIR"},
        BadInput{"PidFileIsADevice", {"--pidfile=/dev/null", "true"}, 73, "pidfile", "EPERM"},
        BadInput{
            "OutputInNoDirectory", {"--stdout=@/no/x.log", "true"}, 209, "open-stream", "ENOENT"},
        BadInput{
            "LogInNoDirectory", {"--stderr=@/missing/x.log", "true"}, 222, "open-stream", "ENOENT"},
        BadInput{
            "LogIsADirectory", {"--stderr=@/directory.pid", "true"}, 222, "open-stream", "EISDIR"},
        BadInput{"InputIsMissing", {"--stdin=@/missing", "true"}, 208, "open-stream", "ENOENT"}),
    [](const ::testing::TestParamInfo<BadInput>& info) { return info.param.name; });

TEST_F(CommandTest, AnUnknownUserOrGroupIsCalledUnknown) {
  EXPECT_THAT(Start({"--user=no-such-user", "true"}).err,
              HasSubstr("cleanfork: start: there is no user \"no-such-user\""));
  EXPECT_THAT(Start({"--user=nobody", "--group=no-such-group", "true"}).err,
              HasSubstr("cleanfork: start: there is no group \"no-such-group\""));
  EXPECT_THAT(Start({"--user=nobody", "--groups=no-such-group", "true"}).err,
              HasSubstr("cleanfork: start: there is no group \"no-such-group\""));
}

TEST_F(CommandTest, ADescriptorToKeepThatIsNotOpenIsToldAndLeavesNothing) {
  const auto before = directory_.Snapshot();
  const CommandOutcome outcome = Start({"--pidfile=" + pid_file_, "--keep-fd=77", "true"});
  EXPECT_EQ(outcome.exit_code, 202) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("(EBADF) [step keep-descriptor"));
  EXPECT_FALSE(CommandRunner::HasChild());
  EXPECT_EQ(directory_.Snapshot(), before);
}

TEST_F(CommandTest, AMessageStaysOneLineEvenIfAPathIsTwo) {
  const CommandOutcome outcome = Start({"/no/such\nprogram"});
  EXPECT_EQ(outcome.exit_code, 203);
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
}

TEST_F(CommandTest, AFailedStartLeavesALogThatWasThereAsItWas) {
  directory_.Write("x.log", "", 0600);
  const auto before = directory_.Snapshot();
  EXPECT_EQ(Start({"--stdout=" + directory_.Path("x.log"), "/no/such"}).exit_code, 203);
  EXPECT_EQ(directory_.Snapshot(), before);
}

TEST_F(CommandTest, APidFileThatIsALogByAnotherNameIsRefusedAndTheLogStays) {
  directory_.Write("x.log", "", 0644);
  ASSERT_EQ(::symlink("new.pid", directory_.Path("dangling").c_str()), 0);
  ASSERT_EQ(::symlink("x.log", directory_.Path("link.log").c_str()), 0);
  const auto before = directory_.Snapshot();
  const std::string outside = directory_.path() + "/./x.log";
  const std::vector<std::vector<std::string>> wrong = {
      {"--pidfile=" + directory_.Path("x.log"), "--stdout=" + outside},
      {"--pidfile=" + directory_.Path("x.log"), "--stderr=" + directory_.Path("link.log")},
      {"--pidfile=" + directory_.Path("x.log"), "--stdin=" + outside},
      {"--pidfile=" + directory_.Path("new.pid"), "--stdout=" + directory_.Path("dangling")},
      {"--pidfile=" + directory_.Path("new.pid"), "--stdout=" + directory_.path() + "/./new.pid"},
  };
  for (std::vector<std::string> words : wrong) {
    words.push_back("true");
    const CommandOutcome outcome = Start(words);
    EXPECT_EQ(outcome.exit_code, 64) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("the pid file cannot be one of the three streams too"));
    EXPECT_EQ(directory_.Snapshot(), before) << words[0] << " " << words[1];
  }
}

TEST_F(CommandTest, LimitsAndPrioritiesAreAsAsked) {
  const pid_t pid = PidIn(Start({"--limit=NOFILE=64:96", "--limit=CORE=0", "--nice=19",
                                 "--oom-score-adjust=1000", "--no-new-privs", "sleep", "60"})
                              .out);
  ASSERT_GT(pid, 0);
  rlimit files = {}, core = {};
  ASSERT_EQ(::prlimit(pid, RLIMIT_NOFILE, nullptr, &files), 0);
  ASSERT_EQ(::prlimit(pid, RLIMIT_CORE, nullptr, &core), 0);
  EXPECT_EQ(files.rlim_cur, 64u);
  EXPECT_EQ(files.rlim_max, 96u);
  EXPECT_EQ(core.rlim_max, 0u);
  EXPECT_EQ(StatField(pid, 19), "19");  // allowed to everybody, as the score is
  EXPECT_EQ(StatusField(pid, "NoNewPrivs"), "1");
  std::ifstream score("/proc/" + std::to_string(pid) + "/oom_score_adj");
  std::string line;
  std::getline(score, line);
  EXPECT_EQ(line, "1000");  // allowed to everybody, whatever the caller has
}

TEST_F(CommandTest, WithJsonAFailureIsAnObjectToo) {
  const CommandOutcome outcome = Start({"--json", "--chdir=/no/such", "true"});
  EXPECT_EQ(outcome.exit_code, 200);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("\"step\":\"chdir\""), HasSubstr("\"errno\":\"ENOENT\""),
                                 HasSubstr("\"exit_code\":200")));
}

// The life of a service --------------------------------------------------------------------------

TEST_F(CommandTest, AServiceIsStartedSeenKeptSingleAndStopped) {
  const CommandOutcome started = Start({"--pidfile=" + pid_file_, "--", "sleep", "60"});
  ASSERT_EQ(started.exit_code, 0) << started.err;
  EXPECT_EQ(started.err, "");
  const pid_t pid = PidIn(started.out);
  EXPECT_EQ(started.out, "started sleep (pid " + std::to_string(pid) + ")\n");
  EXPECT_EQ(directory_.Read("x.pid"), std::to_string(pid) + "\n");
  EXPECT_EQ(StatusField(pid, "Name"), "sleep");

  const CommandOutcome status = OnPidFile("status");
  EXPECT_EQ(status.exit_code, 0) << status.err;
  EXPECT_EQ(status.out, "running (pid " + std::to_string(pid) + ")\n");

  const CommandOutcome second = Start({"--pidfile=" + pid_file_, "--", "sleep", "60"});
  EXPECT_EQ(second.exit_code, 69);
  EXPECT_EQ(std::count(second.err.begin(), second.err.end(), '\n'), 1) << second.err;
  EXPECT_THAT(second.err, HasSubstr("another instance runs, pid " + std::to_string(pid)));
  EXPECT_THAT(second.err, HasSubstr("(EEXIST) [step pidfile]"));
  EXPECT_EQ(directory_.Read("x.pid"), std::to_string(pid) + "\n");

  const CommandOutcome stopped = OnPidFile("stop");
  EXPECT_EQ(stopped.exit_code, 0) << stopped.err;
  EXPECT_EQ(stopped.out, "stopped (pid " + std::to_string(pid) + ")\n");
  CommandRunner::Reap(pid);
  EXPECT_FALSE(CommandRunner::HasChild());
  EXPECT_THAT(directory_.Snapshot(), Not(Contains(Key("x.pid"))));
  EXPECT_EQ(OnPidFile("status").exit_code, 3);
  const CommandOutcome again = OnPidFile("stop");
  EXPECT_EQ(again.exit_code, 0);
  EXPECT_THAT(again.out, StartsWith("not running"));
}

TEST_F(CommandTest, WithJsonAStartIsAnObject) {
  const CommandOutcome started = Start({"--json", "--pidfile=" + pid_file_, "sleep", "60"});
  ASSERT_EQ(started.exit_code, 0) << started.err;
  const std::string pid = directory_.Read("x.pid");
  EXPECT_EQ(started.out,
            "{\"subcommand\":\"start\",\"exit_code\":0,\"program\":\"sleep\",\"pid\":" +
                pid.substr(0, pid.size() - 1) + ",\"pidfile\":\"" + pid_file_ + "\"}\n");
}

TEST_F(CommandTest, AServiceThatDiedIsDeadAndItsFileIsTakenOver) {
  const pid_t pid = PidIn(Start({"--pidfile=" + pid_file_, "sleep", "60"}).out);
  ASSERT_GT(pid, 0);
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  CommandRunner::Reap(pid);
  EXPECT_EQ(OnPidFile("status").exit_code, 1);
  const CommandOutcome started = Start({"--pidfile=" + pid_file_, "sleep", "60"});
  EXPECT_EQ(started.exit_code, 0) << started.err;
  EXPECT_EQ(directory_.Read("x.pid"), std::to_string(PidIn(started.out)) + "\n");
}

TEST_F(CommandTest, AZombieDoesNotCountAsRunning) {
  const pid_t pid = PidIn(Start({"--pidfile=" + pid_file_, "sleep", "60"}).out);
  ASSERT_GT(pid, 0);
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  siginfo_t info;
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT), 0);
  EXPECT_EQ(OnPidFile("status").exit_code, 1);
}

TEST_F(CommandTest, StopSweepsAStaleFileAway) {
  directory_.Write("x.pid", "2147483647\n", 0644);
  const CommandOutcome stopped = OnPidFile("stop");
  EXPECT_EQ(stopped.exit_code, 0) << stopped.err;
  EXPECT_THAT(stopped.out, HasSubstr("stale"));
  EXPECT_THAT(directory_.Snapshot(), Not(Contains(Key("x.pid"))));
}

TEST_F(CommandTest, ARecycledPidIsNeitherReportedNorSignalled) {
  const pid_t bystander = PidIn(Start({"sleep", "60"}).out);
  ASSERT_GT(bystander, 0);
  directory_.Write("x.pid", std::to_string(bystander) + "\n", 0644);
  const timespec long_ago[2] = {{1, 0}, {1, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, pid_file_.c_str(), long_ago, 0), 0);
  EXPECT_EQ(OnPidFile("status").exit_code, 1);
  EXPECT_THAT(OnPidFile("stop").out, HasSubstr("stale"));
  EXPECT_NE(StatField(bystander, 3), "Z");
}

TEST_F(CommandTest, AServiceThatClosedItsLockIsStillFoundStoppedAndSingle) {
  const pid_t pid = PidIn(Start({"sleep", "60"}).out);
  ASSERT_GT(pid, 0);
  directory_.Write("x.pid", std::to_string(pid) + "\n", 0644);
  EXPECT_EQ(OnPidFile("status").exit_code, 0);
  EXPECT_EQ(Start({"--pidfile=" + pid_file_, "sleep", "60"}).exit_code, 69);
  EXPECT_EQ(OnPidFile("stop").exit_code, 0);
  CommandRunner::Reap(pid);
  EXPECT_FALSE(CommandRunner::HasChild());
}

TEST_F(CommandTest, AFileOpenToAllIsNeitherBelievedNorActedUpon) {
  const pid_t pid = PidIn(Start({"sleep", "60"}).out);
  directory_.Write("x.pid", std::to_string(pid) + "\n", 0666);
  EXPECT_EQ(OnPidFile("status").exit_code, 4);
  EXPECT_EQ(OnPidFile("stop").exit_code, 73);
  EXPECT_NE(StatField(pid, 3), "Z");
}

TEST_F(CommandTest, AServiceThatIgnoresTermIsKilled) {
  const pid_t pid = StartShell("trap '' TERM; echo ready >" + Fifo() + "; exec sleep 60");
  EXPECT_EQ(ReadFifo(), "ready\n");
  EXPECT_EQ(OnPidFile("stop", {"--retry=TERM/10ms"}).exit_code, 124);
  EXPECT_EQ(OnPidFile("status").exit_code, 0);
  EXPECT_EQ(OnPidFile("stop", {"--retry=TERM/10ms/KILL/60s"}).exit_code, 0);
  CommandRunner::Reap(pid);
  EXPECT_EQ(OnPidFile("status").exit_code, 3);
}

TEST_F(CommandTest, AChildThatOutlivesTheServiceKeepsItsPlaceAndIsNotTakenForIt) {
  const pid_t pid = StartShell("sleep 60 & echo ready >" + Fifo() + "; wait");
  EXPECT_EQ(ReadFifo(), "ready\n");
  const CommandOutcome stopped = OnPidFile("stop");
  EXPECT_EQ(stopped.exit_code, 0);
  EXPECT_EQ(stopped.out, "stopped (pid " + std::to_string(pid) + "); " + pid_file_ +
                             " stays: another process still holds it\n");
  CommandRunner::Reap(pid);
  EXPECT_TRUE(CommandRunner::HasChild());
  const CommandOutcome status = OnPidFile("status");
  EXPECT_EQ(status.exit_code, 0);
  EXPECT_THAT(status.out, HasSubstr("is locked, but process " + std::to_string(pid)));
  EXPECT_EQ(Start({"--pidfile=" + pid_file_, "sleep", "60"}).exit_code, 69);
  EXPECT_EQ(OnPidFile("stop").exit_code, 71);
  EXPECT_TRUE(CommandRunner::HasChild());
}

TEST_F(CommandTest, AProgramThatEndsAtOnceHasStillBeenStarted) {
  const CommandOutcome started = Start({"sh", "-c", "exit 3"});
  EXPECT_EQ(started.exit_code, 0) << started.err;
}

// What the service finds -------------------------------------------------------------------------

TEST_F(CommandTest, AServiceIsCleanHoweverHostileTheStarterWas) {
  EchoService echo(directory_);
  const CommandOutcome started = StartEcho(echo, {}, [] {
    for (int signal = 1; signal < 32; ++signal) ::signal(signal, SIG_IGN);
    sigset_t all;
    ::sigfillset(&all);
    ::sigprocmask(SIG_BLOCK, &all, nullptr);
    ::umask(0);
    ::dup2(1, 42);
    ::dup2(1, 700);
    ::close(0);
  });
  ASSERT_EQ(started.exit_code, 0) << started.err;
  echo.Await();
  const pid_t pid = PidIn(started.out);
  EXPECT_EQ(StatusField(pid, "SigBlk"), "0000000000000000");
  EXPECT_EQ(IgnoredSignals(pid), 0u);
  EXPECT_EQ(StatusField(pid, "SigCgt"), "0000000000000000");
  EXPECT_EQ(StatusField(pid, "Umask"), "0022");
  const auto open = OpenDescriptors(pid);
  ASSERT_EQ(open.size(), 4u) << ::testing::PrintToString(open);
  EXPECT_THAT(open, AllOf(Contains(Pair(0, directory_.Path("in"))),
                          Contains(Pair(1, directory_.Path("out"))), Contains(Pair(2, kNull))));
  EXPECT_EQ(open.rbegin()->second, pid_file_);
  EXPECT_NE(StatField(pid, 6), std::to_string(pid)) << "it leads a session";
  EXPECT_NE(StatField(pid, 6), std::to_string(::getsid(0))) << "it is in the starter's session";
  EXPECT_EQ(StatField(pid, 7), "0") << "it has a terminal";
  char cwd[16] = {};
  ASSERT_EQ(::readlink(("/proc/" + std::to_string(pid) + "/cwd").c_str(), cwd, sizeof(cwd)), 1);
  EXPECT_STREQ(cwd, "/");
}

TEST_F(CommandTest, StandardStreamsAreNullUnlessAskedForElse) {
  StartShell("x=$(for i in 0 1 2; do readlink /proc/$$/fd/$i; done); echo \"$x\" >" + Fifo());
  EXPECT_EQ(ReadFifo(), "/dev/null\n/dev/null\n/dev/null\n");
}

TEST_F(CommandTest, ItWorksWithEveryPatternOfClosedStandardStreams) {
  EchoService echo(directory_);
  for (int pattern = 0; pattern < 8; ++pattern) {
    const CommandOutcome started = StartEcho(echo, {}, [pattern] {
      for (int fd = 0; fd <= 2; ++fd) {
        if ((pattern & (1 << fd)) != 0) ::close(fd);
      }
    });
    ASSERT_EQ(started.exit_code, 0) << pattern << started.err;
    echo.Await();
    const pid_t pid = std::stoi(directory_.Read("x.pid"));
    const auto open = OpenDescriptors(pid);
    ASSERT_EQ(open.size(), 4u) << pattern << ::testing::PrintToString(open);
    EXPECT_EQ(open.at(2), kNull) << pattern;
    EXPECT_EQ(open.rbegin()->second, pid_file_) << pattern;
    EXPECT_EQ(OnPidFile("stop").exit_code, 0) << pattern;
    CommandRunner::Reap(pid);
  }
}

TEST_F(CommandTest, OutputUmaskAndDirectoryAreAsAsked) {
  const CommandOutcome ended = runner_.Run({"run", "--stdout=" + directory_.Path("x.log"),
                                            "--umask=027", "--chdir=" + directory_.path(), "--",
                                            "sh", "-c", "umask; pwd; echo complaint >&2"});
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_EQ(ended.err, "complaint\n");
  EXPECT_EQ(directory_.Read("x.log"), "0027\n" + directory_.path() + "\n");
}

TEST_F(CommandTest, TheEnvironmentIsAsAsked) {
  const auto set = [] {
    ::clearenv();
    ::setenv("KEPT", "1", 1);
    ::setenv("OTHER", "2", 1);
  };
  const auto under_bazel = [set] {
    set();
    ::setenv("BUILD_WORKING_DIRECTORY", "/home/me", 1);
    ::setenv("BUILD_WORKSPACE_DIRECTORY", "/home/me", 1);
  };
  EXPECT_EQ(runner_.Run({"run", "--env=NEW=1", "env"}, under_bazel).out,
            "KEPT=1\nOTHER=2\nNEW=1\n");
  EXPECT_EQ(runner_.Run({"run", "--keep-env=BUILD_WORKSPACE_DIRECTORY", "env"}, under_bazel).out,
            "BUILD_WORKSPACE_DIRECTORY=/home/me\n");
  EXPECT_EQ(runner_.Run({"run", "--env=NEW=a=b", "env"}, set).out, "KEPT=1\nOTHER=2\nNEW=a=b\n");
  EXPECT_EQ(runner_.Run({"run", "--keep-env=KEPT", "env"}, set).out, "KEPT=1\n");
  EXPECT_EQ(runner_.Run({"run", "--clear-env", "--env=A=1", "--env=A=2", "env"}, set).out, "A=2\n");
}

TEST_F(CommandTest, ARelativeProgramAndDirectoryAreFoundWithoutPwd) {
  directory_.Write("here", "#!/bin/sh\npwd\n", 0755);
  for (const char* pwd : {"", "/usr"}) {
    const auto go = [this, pwd] {
      if (::chdir(directory_.path().c_str()) != 0) ::_exit(98);
      ::setenv("PWD", pwd, 1);
    };
    EXPECT_EQ(runner_.Run({"run", "./here"}, go).out, directory_.path() + "\n");
    EXPECT_EQ(runner_.Run({"run", "--chdir=directory.pid", "./here"}, go).out,
              directory_.Path("directory.pid") + "\n");
    EXPECT_EQ(runner_.Run({"start", "./here"}, go).exit_code, 0);
  }
}

TEST_F(CommandTest, ADescriptorThatIsKeptIsKept) {
  EchoService echo(directory_);
  const CommandOutcome started =
      StartEcho(echo, {"--keep-fd=42"}, [] { ::dup2(::open("/dev/zero", O_RDONLY), 42); });
  ASSERT_EQ(started.exit_code, 0) << started.err;
  echo.Await();
  const auto open = OpenDescriptors(PidIn(started.out));
  EXPECT_EQ(open.size(), 5u) << ::testing::PrintToString(open);
  EXPECT_THAT(open, Contains(Pair(42, "/dev/zero")));
}

TEST_F(CommandTest, AStarterWhoseOutputIsFullOrGoneStillStartsAndSaysSo) {
  const std::function<void()> outputs[] = {
      [] { ::dup2(::open("/dev/full", O_WRONLY), 1); },
      [] {
        int ends[2] = {-1, -1};
        if (::pipe(ends) == 0) ::dup2(ends[1], 1);
        ::close(ends[0]);
      },
  };
  for (const std::function<void()>& output : outputs) {
    const CommandOutcome started = Start({"--pidfile=" + pid_file_, "sleep", "60"}, output);
    EXPECT_EQ(started.exit_code, 0);
    EXPECT_THAT(started.err, HasSubstr("started sleep (pid "));
    EXPECT_EQ(OnPidFile("status").exit_code, 0);
    EXPECT_EQ(OnPidFile("stop").exit_code, 0);
  }
}

TEST_F(CommandTest, AStarterThatIgnoresSigchldSeesFailuresAllTheSame) {
  const CommandOutcome started = Start({"/no/such"}, [] { ::signal(SIGCHLD, SIG_IGN); });
  EXPECT_EQ(started.exit_code, 203) << started.err;
  EXPECT_THAT(started.err, HasSubstr("(ENOENT) [step exec"));
}

TEST_F(CommandTest, AStarterThatIgnoresSigchldStillLearnsHowItsProgramEnded) {
  const CommandOutcome ended =
      runner_.Run({"run", "sh", "-c", "exit 3"}, [] { ::signal(SIGCHLD, SIG_IGN); });
  EXPECT_EQ(ended.exit_code, 3) << ended.err;
}

// run --------------------------------------------------------------------------------------------

TEST_F(CommandTest, RunHasTheExitCodesOfEnv) {
  EXPECT_EQ(runner_.Run({"run", "sh", "-c", "exit 3"}).exit_code, 3);
  EXPECT_EQ(runner_.Run({"run", "sh", "-c", "kill -USR1 $$"}).exit_code, 128 + SIGUSR1);
  EXPECT_EQ(runner_.Run({"run", "/no/such"}).exit_code, 127);
  EXPECT_EQ(runner_.Run({"run", directory_.Path("not_executable")}).exit_code, 126);
  EXPECT_EQ(runner_.Run({"run", directory_.Path("no_exec")}).exit_code, 126);
  EXPECT_EQ(runner_.Run({"run", "--chdir=/no/such", "true"}).exit_code, 200);
  EXPECT_FALSE(CommandRunner::HasChild());
}

TEST_F(CommandTest, RunPassesInputAndOutputThrough) {
  const CommandOutcome ended = runner_.Run({"run", "sh", "-c", "echo to out; echo to err >&2"});
  EXPECT_EQ(ended.out, "to out\n");
  EXPECT_EQ(ended.err, "to err\n");
}

TEST_F(CommandTest, RunHandsSignalsOn) {
  for (const std::string name : {"TERM", "INT", "HUP", "QUIT", "USR1", "USR2"}) {
    // The program has its parent, which is the command, signalled, and waits for the echo. It kills
    // its own child by KILL: a TERM is lost on a shell's child that still has the shell's trap.
    const CommandOutcome ended = runner_.Run({"run", "--", "sh", "-c",
                                              "trap 'echo got it; kill -KILL $!; exit 7' " + name +
                                                  "; sleep 60 & kill -" + name + " $PPID; wait"});
    EXPECT_EQ(ended.out, "got it\n") << name;
    EXPECT_EQ(ended.exit_code, 7) << name;
  }
}

TEST_F(CommandTest, OnATerminalAnInterruptReachesTheProgramAndInputArrives) {
  const int terminal = runner_.RunOnTerminal(
      {"run", "--", "sh", "-c", "trap 'echo got it' INT; echo ready; read x; read x; echo $x"});
  std::string text;
  // Reads up to `awaited`, or until the terminal's last user has left (EIO).
  const auto read_until = [&](const std::string& awaited) {
    char byte = 0;
    while (text.find(awaited) == std::string::npos && ::read(terminal, &byte, 1) == 1) text += byte;
  };
  read_until("ready\r\n");
  ASSERT_EQ(::write(terminal, "\x03", 1), 1);
  read_until("got it\r\n");
  // Whether a trap ends `read` depends on the shell: the last of enough lines is what counts.
  ASSERT_EQ(::write(terminal, "line\nline\n", 10), 10);
  read_until("nothing that is ever printed");
  EXPECT_THAT(text, HasSubstr("got it"));
  EXPECT_THAT(text.substr(text.size() - 6), "line\r\n");
  ::close(terminal);
}

TEST_F(CommandTest, RunKeepsAPidFileAsLongAsTheProgramRuns) {
  const CommandOutcome ended =
      runner_.Run({"run", "--pidfile=" + pid_file_, "--", "sh", "-c", "echo $$; cat " + pid_file_});
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  const std::string pid = ended.out.substr(0, ended.out.find('\n') + 1);
  EXPECT_EQ(ended.out, pid + pid);
  EXPECT_THAT(directory_.Snapshot(), Not(Contains(Key("x.pid"))));
}

}  // namespace
}  // namespace cleanfork
