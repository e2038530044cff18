// An exec that fails on the real kernel: a file that is open for writing, for good and for a while;
// one that is no program; a script whose interpreter is missing; a file that is not there.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cleanfork/child.h"
#include "cleanfork/child_error.h"
#include "cleanfork/fork_options.h"
#include "cleanfork/os_wrapper.h"
#include "cleanfork/spawn.h"
#include "tests/real/own_process.h"
#include "tests/real/process_state.h"
#include "tests/real/shared_memory.h"

namespace cleanfork {
namespace {

// What the processes tell each other.
struct Naps {
  std::atomic<int> count{0};
  std::atomic<int64_t> nanoseconds{0};
};

// The kernel, but for sleeping: that takes no time, and instead of it a process is killed. In the
// child too, so it allocates nothing.
class NapOs : public OsWrapper {
 public:
  NapOs() : OsWrapper(RealOs()) {}
  SysResult<void> ClockNanoSleep(clockid_t, int, int64_t deadline) override {
    ++naps->count;
    naps->nanoseconds += deadline - now_;
    now_ = deadline;
    if (pid_fd != -1) {
      syscall(SYS_pidfd_send_signal, pid_fd, SIGKILL, nullptr, 0);
      struct pollfd ended = {pid_fd, POLLIN, 0};
      while (poll(&ended, 1, -1) == -1 && errno == EINTR) continue;
    }
    return {};
  }
  SysResult<int64_t> ClockGetTime(clockid_t) override { return now_; }

  int pid_fd = -1;  // whom to kill
  Shared<Naps> naps;

 private:
  int64_t now_ = 1;
};

class ExecFailure : public ::testing::Test {
 protected:
  ExecFailure() {
    std::string pattern = std::string(std::getenv("TEST_TMPDIR")) + "/exec.XXXXXX";
    directory_ = mkdtemp(&pattern[0]);
  }

  std::string MakeFile(const std::string& name, const std::string& content) const {
    const std::string path = directory_ + "/" + name;
    std::ofstream(path) << content << std::flush;
    EXPECT_EQ(chmod(path.c_str(), 0755), 0);
    return path;
  }

  std::string directory_;
};

// What is wrong with a start that was to fail with `error` at its exec, and to say `text`; "" if
// nothing is.
std::string CheckFailure(const Command& command, const ForkOptions& options, Os& os, int error,
                         const std::string& text) {
  const CallerState before = ReadCallerState();
  const absl::StatusOr<Child> child = Spawn(command, options, os);
  if (child.ok()) return "it is a success";
  const std::string message(child.status().message());
  const std::optional<ChildError> told = GetChildError(child.status());
  if (!told.has_value()) return "no ChildError: " + message;
  if (told->step != Step::kExec || told->error != error) return "another error: " + message;
  if (message.find(text) != 0) return "another text: " + message;
  return DescribeChildren() + Difference(before, ReadCallerState());
}

constexpr char kScript[] = "#!/bin/sh\nexit 5\n";

// Linux 6.11 and 6.12 execute a file that is open for writing.
bool ExecutesBusyFiles(const std::string& path) {
  const pid_t pid = fork();
  if (pid == 0) {
    execl(path.c_str(), path.c_str(), nullptr);
    _exit(errno == ETXTBSY ? 0 : 1);
  }
  int status = 0;
  return waitpid(pid, &status, 0) != pid || status != 0;
}

struct Policy {
  const char* name;
  RetryPolicy retry;
  int naps;
  absl::Duration together;
};

TEST_F(ExecFailure, AFileThatStaysOpenForWritingIsEtxtbsyAfterAQuarterOfASecondAtMost) {
  const std::string path = MakeFile("busy", kScript);
  const int writer = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  ASSERT_NE(writer, -1);
  if (ExecutesBusyFiles(path)) GTEST_SKIP() << "this kernel executes files open for writing";
  const Policy policies[] = {
      {"the default", RetryPolicy(), 4, absl::Milliseconds(10 + 20 + 40 + 80)},
      {"never", RetryPolicy::Never(), 0, absl::ZeroDuration()},
      {"OpenXPKI's", ForkOptions::OpenXpki().retry, 2, absl::Milliseconds(200)},
      {"endless", RetryPolicy::Fixed(1000, absl::Milliseconds(1)), 250, absl::Milliseconds(250)},
  };
  for (const Policy& policy : policies) {
    for (const Session session : {Session::kNew, Session::kDaemon}) {
      EXPECT_EQ(InOwnProcess([&] {
                  NapOs os;
                  ForkOptions options;
                  options.retry = policy.retry;
                  options.session = session;
                  const std::string wrong = CheckFailure({path}, options, os, ETXTBSY,
                                                         "exec(\"" + path + "\"): Text file busy");
                  if (os.naps->count != policy.naps) {
                    return std::to_string(os.naps->count) + " naps; " + wrong;
                  }
                  if (os.naps->nanoseconds != absl::ToInt64Nanoseconds(policy.together)) {
                    return std::to_string(os.naps->nanoseconds) + " ns; " + wrong;
                  }
                  return wrong + ReapOrphans();
                }),
                "")
          << policy.name;
    }
  }
  close(writer);
}

// As in a program with threads: one writes the file and closes it, but a child that another one has
// just forked has the descriptor too, and lives on for a moment.
TEST_F(ExecFailure, AFileThatAnotherProcessHoldsForAMomentIsExecuted) {
  const std::string path = MakeFile("busy", kScript);
  EXPECT_EQ(InOwnProcess([&]() -> std::string {
              const int writer = open(path.c_str(), O_WRONLY | O_CLOEXEC);
              const pid_t holder = fork();
              if (holder == 0) {
                for (;;) pause();
              }
              close(writer);
              NapOs os;
              os.pid_fd = static_cast<int>(syscall(SYS_pidfd_open, holder, 0));
              ForkOptions options;
              options.close_other_descriptors = false;  // the pidfd is for the child to use
              absl::StatusOr<Child> child = Spawn({path}, options, os);
              kill(holder, SIGKILL);
              waitpid(holder, nullptr, 0);
              if (!child.ok()) return std::string(child.status().message());
              const absl::StatusOr<ExitStatus> ended = child->Wait();
              if (!ended.ok() || ended->exit_status() != 5) return "it was not run";
              // None on a kernel that executes such files.
              if (os.naps->count > 1) return std::to_string(os.naps->count) + " naps";
              return DescribeChildren();
            }),
            "");
}

TEST_F(ExecFailure, AFileWithoutAnInterpreterLineIsEnoexecAndNotHandedToAShell) {
  const std::string made = directory_ + "/made";
  const std::string path = MakeFile("text", "echo > " + made + "\n");
  NapOs os;
  EXPECT_EQ(CheckFailure({path}, ForkOptions(), os, ENOEXEC,
                         "exec(\"" + path + "\"): Exec format error (ENOEXEC) [step exec"),
            "");
  EXPECT_EQ(access(made.c_str(), F_OK), -1);
  EXPECT_EQ(os.naps->count, 0);
  EXPECT_EQ(CheckFailure({MakeFile("empty", "")}, ForkOptions(), os, ENOEXEC, "exec("), "");
}

constexpr char kHint[] =
    ", which is there: what is missing may be the interpreter that it names: No such file or "
    "directory (ENOENT) [step exec, child ";

TEST_F(ExecFailure, AScriptWhoseInterpreterIsMissingIsEnoentAndSaysSo) {
  const std::string path = MakeFile("script", "#!/nonexistent/interpreter\n");
  NapOs os;
  EXPECT_EQ(CheckFailure({path}, ForkOptions(), os, ENOENT, "exec(\"" + path + "\")" + kHint), "");
  EXPECT_EQ(os.naps->count, 0);
  // By its name along PATH, and by a path that is relative to the child's directory.
  ForkOptions options;
  options.environment.set = {{"PATH", "/nonexistent:" + directory_}};
  EXPECT_EQ(CheckFailure({"script"}, options, os, ENOENT, "exec(\"" + path + "\")" + kHint), "");
  options.directory = directory_;
  EXPECT_EQ(
      CheckFailure({"./script"}, options, os, ENOENT, std::string("exec(\"./script\")") + kHint),
      "");
}

TEST_F(ExecFailure, AFileThatIsNotThereIsEnoentWithoutAGuess) {
  const std::string path = directory_ + "/nothing";
  const char* const kPlain = ": No such file or directory (ENOENT) [step exec, child ";
  NapOs os;
  EXPECT_EQ(CheckFailure({path}, ForkOptions(), os, ENOENT, "exec(\"" + path + "\")" + kPlain), "");
  // It is in the caller's directory, and not in the child's.
  MakeFile("script", "#!/nonexistent/interpreter\n");
  ASSERT_EQ(chdir(directory_.c_str()), 0);
  EXPECT_EQ(CheckFailure({"./script"}, ForkOptions(), os, ENOENT,
                         std::string("exec(\"./script\")") + kPlain),
            "");
  ASSERT_EQ(chdir("/"), 0);
}

TEST_F(ExecFailure, InAChangedRootTheProgramIsLookedForThere) {
  CLEANFORK_SKIP_WITHOUT_PRIVILEGES();
  MakeFile("script", "#!/nonexistent/interpreter\n");
  ForkOptions options;
  options.chroot = directory_;
  NapOs os;
  EXPECT_EQ(
      CheckFailure({"/script"}, options, os, ENOENT, std::string("exec(\"/script\")") + kHint), "");
}

}  // namespace
}  // namespace cleanfork
