// The command on the real kernel, where it takes root: changes of identity read back from /proc,
// and failures that only root can set up. Tagged "local": in Bazel's sandbox root is not root.
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <iterator>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/real/command_runner.h"
#include "tests/real/required_privileges.h"
#include "tests/real/sanitizers.h"
#include "tests/real/unused_uid.h"

namespace cleanfork {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Pair;

void BecomeUnused() {
  const uid_t uid = UnusedUid();
  if (::setgroups(0, nullptr) != 0 || ::setresgid(uid, uid, uid) != 0 ||
      ::setresuid(uid, uid, uid) != 0) {
    ::_exit(98);
  }
}

// LeakSanitizer starts a process of its own when the program ends, and here there is none to be
// had.
void WithoutLeakSanitizer() { ::setenv("ASAN_OPTIONS", "detect_leaks=0", 1); }

// Lets the user have that many processes, and becomes it.
void BecomeUnusedWithProcesses(int processes) {
  WithoutLeakSanitizer();
  const auto most = static_cast<rlim_t>(1 + (processes - 1) * kTasksOfAForkedProcess);
  const rlimit limit = {most, most};
  if (::setrlimit(RLIMIT_NPROC, &limit) != 0) ::_exit(98);
  BecomeUnused();
}

class CommandPrivilegedTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* why = WhyNotPrivileged();
    if (why != nullptr) SkipWithoutPrivileges(why);
  }

  CommandOutcome Start(std::vector<std::string> words,
                       const std::function<void()>& before_exec = nullptr) {
    words.insert(words.begin(), "start");
    return runner_.Run(words, before_exec);
  }

  // One line with step and errno, the code, nobody left and the directory as it was.
  void ExpectFailure(const CommandOutcome& outcome, int exit_code, const std::string& step,
                     const std::string& error) {
    EXPECT_EQ(outcome.exit_code, exit_code) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("[step " + step));
    EXPECT_THAT(outcome.err, HasSubstr("(" + error + ")"));
    EXPECT_FALSE(CommandRunner::HasChild());
    EXPECT_EQ(directory_.Snapshot(), before_);
  }

  TestDirectory directory_;
  const std::string pid_file_ = directory_.Path("x.pid");
  std::map<std::string, std::string> before_;  // what is in the directory before a start
  CommandRunner runner_;
};

// Identity ---------------------------------------------------------------------------------------

TEST_F(CommandPrivilegedTest, NobodyIsNobodyThroughAndThrough) {
  EchoService echo(directory_);
  std::vector<std::string> words = {"--user=nobody", "--pidfile=" + pid_file_};
  for (const std::string& word : echo.Words()) words.push_back(word);
  const CommandOutcome started = Start(words, [] {
    const gid_t groups[] = {0, 4, 24};
    ::setgroups(3, groups);
    ::umask(0);
    if (::chdir("/usr") != 0) ::_exit(98);
    for (int signal = 1; signal < 32; ++signal) ::signal(signal, SIG_IGN);
    sigset_t all;
    ::sigfillset(&all);
    ::sigprocmask(SIG_BLOCK, &all, nullptr);
    ::dup2(1, 42);
  });
  ASSERT_EQ(started.exit_code, 0) << started.err;
  echo.Await();
  const pid_t pid = PidIn(started.out);
  EXPECT_EQ(directory_.Read("x.pid"), std::to_string(pid) + "\n");
  EXPECT_EQ(StatusField(pid, "Uid"), "65534 65534 65534 65534");
  EXPECT_EQ(StatusField(pid, "Gid"), "65534 65534 65534 65534");
  EXPECT_EQ(StatusField(pid, "Groups"), "65534");
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"}) {
    EXPECT_EQ(StatusField(pid, set), "0000000000000000") << set;
  }
  EXPECT_EQ(StatusField(pid, "Umask"), "0022");
  EXPECT_EQ(StatusField(pid, "SigBlk"), "0000000000000000");
  EXPECT_EQ(IgnoredSignals(pid), 0u);
  char cwd[16] = {};
  ASSERT_EQ(::readlink(("/proc/" + std::to_string(pid) + "/cwd").c_str(), cwd, sizeof(cwd)), 1);
  EXPECT_STREQ(cwd, "/");
  const auto open = OpenDescriptors(pid);
  EXPECT_EQ(open.size(), 4u) << ::testing::PrintToString(open);
  EXPECT_THAT(open, AllOf(Contains(Key(0)), Contains(Key(1)), Contains(Pair(2, "/dev/null"))));
  EXPECT_EQ(open.rbegin()->second, pid_file_);
  EXPECT_NE(StatField(pid, 6), std::to_string(pid)) << "it leads a session";
  EXPECT_NE(StatField(pid, 6), std::to_string(::getsid(0))) << "it is in the starter's session";
  EXPECT_EQ(StatField(pid, 7), "0") << "it has a terminal";

  struct stat status;
  ASSERT_EQ(::stat(pid_file_.c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 0u) << "the service could write another's pid into it";
  EXPECT_EQ(runner_.Run({"stop", "--pidfile=" + pid_file_}).exit_code, 0);
  CommandRunner::Reap(pid);
  EXPECT_NE(::access(pid_file_.c_str(), F_OK), 0);
}

TEST_F(CommandPrivilegedTest, SupplementaryGroupsAreAsThePolicySays) {
  const auto groups = [this](const std::string& policy) {
    return runner_
        .Run({"run", "--user=nobody", "--groups=" + policy, "--", "grep",
              "^Groups:", "/proc/self/status"},
             [] {
               const gid_t caller[] = {4, 24};
               ::setgroups(2, caller);
             })
        .out;
  };
  EXPECT_EQ(groups("init"), "Groups:\t65534 \n");
  EXPECT_EQ(groups("none"), "Groups:\t65534 \n");
  EXPECT_EQ(groups("24,27"), "Groups:\t24 27 \n");
  EXPECT_EQ(groups("keep"), "Groups:\t4 24 \n");
}

TEST_F(CommandPrivilegedTest, TheEnvironmentNamesTheNewUser) {
  const CommandOutcome ended =
      runner_.Run({"run", "--user=nobody", "--clear-env", "--env=PATH=/usr/bin:/bin", "env"});
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("USER=nobody\n"), HasSubstr("HOME=/nonexistent\n")));
}

TEST_F(CommandPrivilegedTest, WithChrootItsRootIsTheDirectoryAndThePidFileStaysOutside) {
  struct stat bin;
  if (::lstat("/bin", &bin) != 0 || !S_ISLNK(bin.st_mode)) {
    GTEST_SKIP() << "needs a system with all of its programs and libraries below /usr";
  }
  const CommandOutcome started = Start({"--chroot=/usr", "--chdir=/share", "--user=nobody",
                                        "--nice=-3", "--pidfile=" + pid_file_, "/bin/sleep", "60"});
  ASSERT_EQ(started.exit_code, 0) << started.err;
  const pid_t pid = PidIn(started.out);
  const std::string process = "/proc/" + std::to_string(pid);
  char path[64] = {};
  EXPECT_GT(::readlink((process + "/root").c_str(), path, sizeof(path) - 1), 0);
  EXPECT_STREQ(path, "/usr");
  std::fill(std::begin(path), std::end(path), '\0');
  EXPECT_GT(::readlink((process + "/cwd").c_str(), path, sizeof(path) - 1), 0);
  EXPECT_STREQ(path, "/usr/share");
  EXPECT_EQ(StatField(pid, 19), "-3");
  EXPECT_EQ(directory_.Read("x.pid"), std::to_string(pid) + "\n");
}

// What the new user may not ----------------------------------------------------------------------

TEST_F(CommandPrivilegedTest, AProgramThatTheNewUserMayNotExecuteIsTold) {
  directory_.Write("mine", "#!/bin/sh\n", 0700);
  before_ = directory_.Snapshot();
  ExpectFailure(Start({"--user=nobody", "--pidfile=" + pid_file_, directory_.Path("mine")}), 203,
                "exec", "EACCES");
}

TEST_F(CommandPrivilegedTest, ADirectoryThatTheNewUserMayNotEnterIsTold) {
  ASSERT_EQ(::mkdir(directory_.Path("mine").c_str(), 0700), 0);
  before_ = directory_.Snapshot();
  ExpectFailure(Start({"--user=nobody", "--pidfile=" + pid_file_,
                       "--chdir=" + directory_.Path("mine"), "true"}),
                200, "chdir", "EACCES");
}

TEST_F(CommandPrivilegedTest, WithoutPrivilegesAUserCannotBeChanged) {
  const CommandOutcome outcome = Start({"--user=nobody", "true"}, BecomeUnused);
  ExpectFailure(outcome, 216, "setgroups", "EPERM");
  EXPECT_THAT(outcome.err, HasSubstr("run as root"));
}

TEST_F(CommandPrivilegedTest, WithoutPrivilegesWhatOnlyRootMayIsSaidToBe) {
  const auto start = [this](const std::string& option) {
    return Start({option, "true"}, [] {
      const rlimit files = {64, 64};
      if (::setrlimit(RLIMIT_NOFILE, &files) != 0) ::_exit(98);
      BecomeUnused();
    });
  };
  const CommandOutcome limit = start("--limit=NOFILE=65");
  ExpectFailure(limit, 205, "limits", "EPERM");
  EXPECT_THAT(limit.err, HasSubstr("only root may raise a hard limit"));
  const CommandOutcome nice = start("--nice=-1");
  ExpectFailure(nice, 201, "nice", "EACCES");
  EXPECT_THAT(nice.err, HasSubstr("only root may lower the nice value"));
  const CommandOutcome root = start("--chroot=/usr");
  ExpectFailure(root, 210, "chroot", "EPERM");
  EXPECT_THAT(root.err, HasSubstr("only root may change the root directory"));
}

TEST_F(CommandPrivilegedTest, WithoutPrivilegesAPidFileInRootsDirectoryIsTold) {
  const CommandOutcome outcome = Start({"--pidfile=" + pid_file_, "true"}, BecomeUnused);
  ExpectFailure(outcome, 73, "pidfile", "EACCES");
  EXPECT_THAT(outcome.err, HasSubstr("has to be writable"));
}

TEST_F(CommandPrivilegedTest, APidFileOfAnotherUserIsTold) {
  directory_.Write("x.pid", "1\n", 0644);
  ASSERT_EQ(::chown(pid_file_.c_str(), UnusedUid(), UnusedUid()), 0);
  before_ = directory_.Snapshot();
  ExpectFailure(Start({"--pidfile=" + pid_file_, "true"}), 73, "pidfile", "EPERM");
}

TEST_F(CommandPrivilegedTest, WithoutPrivilegesRootsServiceIsSeenButNotStopped) {
  const CommandOutcome started = Start({"--pidfile=" + pid_file_, "sleep", "60"});
  ASSERT_EQ(started.exit_code, 0) << started.err;
  const std::string option = "--pidfile=" + pid_file_;
  const CommandOutcome status = runner_.Run({"status", option}, BecomeUnused);
  EXPECT_EQ(status.exit_code, 0) << status.err;
  EXPECT_EQ(status.out, "running (pid " + std::to_string(PidIn(started.out)) + ")\n");
  const CommandOutcome stopped = runner_.Run({"stop", option}, BecomeUnused);
  EXPECT_EQ(stopped.exit_code, 77) << stopped.err;
  EXPECT_THAT(stopped.err, HasSubstr("(EPERM)"));
  EXPECT_EQ(runner_.Run({"status", option}).exit_code, 0);
}

// What the system has no more of -----------------------------------------------------------------

TEST_F(CommandPrivilegedTest, NoProcessForTheFirstForkIsToldAfterTheRetries) {
  const CommandOutcome outcome =
      Start({"--retries=1", "true"}, [] { BecomeUnusedWithProcesses(1); });
  ExpectFailure(outcome, 75, "fork", "EAGAIN");
}

TEST_F(CommandPrivilegedTest, NoProcessForTheSecondForkIsToldAfterTheRetries) {
  const CommandOutcome outcome =
      Start({"--retries=1", "true"}, [] { BecomeUnusedWithProcesses(2); });
  ExpectFailure(outcome, 75, "second-fork", "EAGAIN");
}

TEST_F(CommandPrivilegedTest, AnUnprivilegedUserWithinItsLimitStarts) {
  const CommandOutcome outcome =
      Start({"--retries=0", "sleep", "60"}, [] { BecomeUnusedWithProcesses(3); });
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
}

TEST_F(CommandPrivilegedTest, NoProcessInADeadPidNamespaceIsTold) {
  const CommandOutcome outcome = runner_.Run({"run", "--retries=1", "true"}, [] {
    WithoutLeakSanitizer();
    if (::unshare(CLONE_NEWPID) != 0) ::_exit(98);
    const pid_t init = ::fork();
    if (init == 0) ::_exit(0);
    ::waitpid(init, nullptr, 0);
  });
  ExpectFailure(outcome, 75, "fork", "ENOMEM");
}

// A file system of a page and few inodes, seen by this test alone.
class FullFileSystemTest : public CommandPrivilegedTest {
 protected:
  void SetUp() override {
    CommandPrivilegedTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  }
  void Mount(const char* options) {
    ASSERT_EQ(::mount("tmpfs", directory_.path().c_str(), "tmpfs", 0, options), 0);
    mounted_ = true;
  }
  void TearDown() override {
    if (mounted_) ::umount2(directory_.path().c_str(), MNT_DETACH);
  }
  bool mounted_ = false;
};

TEST_F(FullFileSystemTest, NoBlockForThePidIsTold) {
  ASSERT_NO_FATAL_FAILURE(Mount("size=4k"));
  directory_.Write("filler", std::string(4096, 'x'), 0644);
  before_ = directory_.Snapshot();
  ExpectFailure(Start({"--pidfile=" + pid_file_, "sleep", "60"}), 73, "pidfile", "ENOSPC");
}

TEST_F(FullFileSystemTest, NoInodeForThePidFileIsTold) {
  ASSERT_NO_FATAL_FAILURE(Mount("nr_inodes=2"));
  directory_.Write("filler", "", 0644);
  before_ = directory_.Snapshot();
  ExpectFailure(Start({"--pidfile=" + pid_file_, "sleep", "60"}), 73, "pidfile", "ENOSPC");
}

TEST_F(FullFileSystemTest, AReadOnlyFileSystemIsTold) {
  ASSERT_NO_FATAL_FAILURE(Mount("ro"));
  before_ = directory_.Snapshot();
  ExpectFailure(Start({"--pidfile=" + pid_file_, "sleep", "60"}), 73, "pidfile", "EROFS");
}

TEST_F(FullFileSystemTest, ADevNullThatIsNoDeviceIsTold) {
  directory_.Write("null", "", 0666);
  ASSERT_EQ(::mount(directory_.Path("null").c_str(), "/dev/null", nullptr, MS_BIND, nullptr), 0);
  before_ = directory_.Snapshot();
  const CommandOutcome outcome = Start({"--pidfile=" + pid_file_, "sleep", "60"});
  ::umount2("/dev/null", MNT_DETACH);
  ExpectFailure(outcome, 208, "open-stream", "ENODEV");
}

}  // namespace
}  // namespace cleanfork
