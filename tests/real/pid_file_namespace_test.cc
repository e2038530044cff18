// One pid file, several PID namespaces, as when containers share a volume: what keeps a service
// single is the lock, and the number, which means another process in each of them, is never taken
// for more than it is.
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <functional>
#include <optional>
#include <sstream>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cleanfork/child.h"
#include "cleanfork/child_error.h"
#include "cleanfork/fork_child.h"
#include "cleanfork/fork_options.h"
#include "cleanfork/os.h"
#include "cleanfork/pid_file.h"
#include "cleanfork/process_handle.h"
#include "tests/real/own_process.h"
#include "tests/real/process_state.h"
#include "tests/real/sanitizers.h"

namespace cleanfork {
namespace {

// A PID namespace of its own, as long as this object lives, whose process 1 runs `body` and then
// waits. With `own_proc` it sees its own numbers in /proc, as in a container; else those of here.
class PidNamespace {
 public:
  PidNamespace(bool own_proc, const std::function<std::string()>& body) {
    int told[2], hold[2];
    if (pipe(told) != 0 || pipe(hold) != 0) std::abort();
    // A process in between, since what calls unshare(2) has its other children in there as well.
    maker_ = fork();
    if (maker_ == 0) {
      close(told[0]);
      close(hold[1]);
      Make(own_proc, body, told[1], hold[0]);
    }
    close(told[1]);
    close(hold[0]);
    hold_ = hold[1];
    char text[512];
    for (ssize_t got; (got = read(told[0], text, sizeof(text))) != 0;) {
      if (got > 0) told_.append(text, static_cast<size_t>(got));
    }
    close(told[0]);
  }
  ~PidNamespace() {
    close(hold_);
    waitpid(maker_, nullptr, 0);
  }
  PidNamespace(const PidNamespace&) = delete;
  PidNamespace& operator=(const PidNamespace&) = delete;

  // What `body` has returned.
  const std::string& told() const { return told_; }

 private:
  [[noreturn]] static void Make(bool own_proc, const std::function<std::string()>& body, int told,
                                int hold) {
    std::string text;
    pid_t init = -1;
    if (unshare(CLONE_NEWPID | CLONE_NEWNS) != 0) {
      text = std::string("unshare: ") + std::strerror(errno);
    } else {
      init = fork();
    }
    if (init == 0) {
      const bool mounted =
          !own_proc || (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                        mount("proc", "/proc", "proc", 0, nullptr) == 0);
      text = mounted ? body() : std::string("mount: ") + std::strerror(errno);
    }
    if (init <= 0 && write(told, text.data(), text.size()) == -1) _exit(1);
    close(told);
    if (init > 0) waitpid(init, nullptr, 0);
    char byte;
    if (init == 0 && read(hold, &byte, 1) == -1) _exit(1);
    _exit(0);  // of process 1: the end of all in there
  }

  pid_t maker_;
  int hold_;
  std::string told_;
};

std::string Content(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// Starts a service with this pid file, whose end is that of its namespace; "" or what went wrong.
std::string StartService(const std::string& path, pid_t* pid) {
  absl::StatusOr<PidFile> file = PidFile::Claim(path);
  if (!file.ok()) return std::string(file.status().message());
  ForkOptions options;
  options.session = Session::kDaemon;
  options.pid_file_descriptor = file->descriptor();
  const absl::StatusOr<Child> child = RunInChild(
      []() -> int {
        for (;;) pause();
      },
      options);
  if (!child.ok()) return std::string(child.status().message());
  file->Commit();
  *pid = child->pid();
  return Content(path) == std::to_string(*pid) + "\n" ? "" : "the file says " + Content(path);
}

// Nothing is wrong if the file's service is seen to run somewhere else: it is in nobody's way, and
// nobody is taken for it.
std::string CheckRunsElsewhere(const std::string& path) {
  const absl::StatusOr<PidFileState> state = ReadPidFile(path);
  if (!state.ok()) return "read: " + std::string(state.status().message());
  if (!state->locked || !state->running()) return "it is not seen to run";
  if (state->process.has_value()) return "a stranger is taken for it";
  const std::string before = Content(path);
  const absl::Status refused = PidFile::Claim(path).status();
  if (!absl::IsAlreadyExists(refused)) return "claim: " + std::string(refused.message());
  if (std::string(refused.message()).find("cannot be taken for the holder") == std::string::npos) {
    return "it names a stranger: " + std::string(refused.message());
  }
  const absl::StatusOr<PidFileRemoval> removed = RemovePidFile(path, state->pid);
  if (!removed.ok() || *removed != PidFileRemoval::kKeptLocked) return "it was removed";
  return Content(path) == before ? "" : "its file was changed";
}

class PidFileNamespace : public ::testing::Test {
 protected:
  void SetUp() override {
    CLEANFORK_SKIP_WITHOUT_PRIVILEGES();
    std::string pattern = std::string(std::getenv("TEST_TMPDIR")) + "/namespace.XXXXXX";
    path_ = std::string(mkdtemp(&pattern[0])) + "/service.pid";
  }

  std::function<std::string()> Service() const {
    return [path = path_] {
      pid_t pid = 0;
      return StartService(path, &pid);
    };
  }

  std::string path_;
};

TEST_F(PidFileNamespace, AServiceInsideIsSingleForAStarterOutside) {
  for (const bool own_proc : {true, false}) {
    EXPECT_EQ(InOwnProcess([&] {
                const PidNamespace name_space(own_proc, Service());
                if (!name_space.told().empty()) return name_space.told();
                return CheckRunsElsewhere(path_);
              }),
              "");
    ASSERT_EQ(unlink(path_.c_str()), 0);
  }
}

// The number that it leaves is low, and here that of a process that is as old as the system: not in
// a container, nor right after the start.
TEST_F(PidFileNamespace, TheFileOfADeadServiceInsideIsTakenOverOutsideAndItsNumberIsNobody) {
  constexpr char kNobodyToBeTaken[] = "no process here is old and has the number ";
  const std::string wrong = InOwnProcess([&]() -> std::string {
    {
      const PidNamespace name_space(true, Service());
      if (!name_space.told().empty()) return name_space.told();
    }
    const std::string number = Content(path_).substr(0, Content(path_).find('\n'));
    const absl::StatusOr<ProcessHandle> stranger = ProcessHandle::Open(std::atoi(number.c_str()));
    constexpr int64_t kOld = 90'000'000'000;
    const int64_t now = RealOs().ClockGetTime(CLOCK_REALTIME).value_or(0);
    if (!stranger.ok() || stranger->start_time() > now - kOld) return kNobodyToBeTaken + number;
    const absl::StatusOr<PidFileState> state = ReadPidFile(path_);
    if (!state.ok()) return std::string(state.status().message());
    if (state->running()) return "a stranger is taken for it";
    const absl::StatusOr<PidFile> file = PidFile::Claim(path_);
    if (!file.ok()) return std::string(file.status().message());
    return Content(path_).empty() ? "" : "it was not emptied";
  });
  if (wrong.find(kNobodyToBeTaken) == 0) GTEST_SKIP() << wrong;
  EXPECT_EQ(wrong, "");
}

TEST_F(PidFileNamespace, AServiceOutsideIsSingleForAStarterInside) {
  for (const bool own_proc : {true, false}) {
    EXPECT_EQ(InOwnProcess([&] {
                pid_t pid = 0;
                std::string wrong = StartService(path_, &pid);
                if (!wrong.empty()) return wrong;
                {
                  const PidNamespace name_space(own_proc,
                                                [&] { return CheckRunsElsewhere(path_); });
                  wrong = name_space.told();
                }
                kill(pid, SIGKILL);
                waitpid(pid, nullptr, 0);
                return wrong + DescribeChildren();
              }),
              "")
        << own_proc;
    ASSERT_EQ(unlink(path_.c_str()), 0);
  }
}

TEST_F(PidFileNamespace, TheSameNumberInTwoNamespacesIsNotTheSameService) {
  if (kThreadSanitizer) GTEST_SKIP() << "a thread of ThreadSanitizer's may have the number";
  EXPECT_EQ(InOwnProcess([&] {
              const PidNamespace first(true, Service());
              if (!first.told().empty()) return first.told();
              const std::string number = Content(path_);
              const PidNamespace second(true, [&]() -> std::string {
                // As many processes as the other one has had: the last one has its service's
                // number.
                pid_t pid = 0;
                while (std::to_string(pid) + "\n" != number && pid < 100) {
                  pid = fork();
                  if (pid == 0) {
                    close_range(3, ~0U, 0);  // the pipe to the test among them
                    for (;;) pause();
                  }
                }
                if (pid >= 100) return "no process has the number";
                return CheckRunsElsewhere(path_);
              });
              return second.told();
            }),
            "");
}

// Neither an instance that may run is pushed aside, nor a stranger taken for it.
TEST_F(PidFileNamespace, WhereProcIsOfAnotherNamespaceAnUnlockedFileIsLeftAlone) {
  EXPECT_EQ(InOwnProcess([&] {
              const PidNamespace name_space(false, [&]() -> std::string {
                std::ofstream(path_) << getpid() << "\n" << std::flush;
                const absl::Status read = ReadPidFile(path_).status();
                if (!absl::IsFailedPrecondition(read))
                  return "read: " + std::string(read.message());
                const absl::Status claimed = PidFile::Claim(path_).status();
                if (!absl::IsAlreadyExists(claimed)) return std::string(claimed.message());
                // A number that no process in here has is nobody's, whatever /proc shows.
                std::ofstream(path_) << "2\n" << std::flush;
                return std::string(PidFile::Claim(path_).status().message());
              });
              return name_space.told();
            }),
            "");
}

// The child would write the number that it has in there, and the caller hear another one.
TEST_F(PidFileNamespace, AStarterWhoseChildrenAreInAnotherNamespaceIsRefused) {
  EXPECT_EQ(InOwnProcess([&]() -> std::string {
              if (unshare(CLONE_NEWPID) != 0) return "unshare failed";
              absl::StatusOr<PidFile> file = PidFile::Claim(path_);
              if (!file.ok()) return std::string(file.status().message());
              ForkOptions options;
              options.pid_file_descriptor = file->descriptor();
              const absl::StatusOr<Child> child = RunInChild([] { return 0; }, options);
              const std::optional<ChildError> error = GetChildError(child.status());
              if (!error.has_value() || error->step != Step::kValidate) return "it is not refused";
              return DescribeChildren();
            }),
            "");
  EXPECT_NE(access(path_.c_str(), F_OK), 0) << "the file of the start that failed is left";
}

// pid_namespaces(7): the namespace for children is a thread's own. The pid that a daemon has in
// there, and that the caller would go on to signal, is a stranger's here.
TEST_F(PidFileNamespace, AThreadWhoseChildrenAreInAnotherNamespaceIsRefused) {
  EXPECT_EQ(InOwnProcess([] {
              std::string wrong;
              std::thread starter([&wrong] {
                if (unshare(CLONE_NEWPID) != 0) {
                  wrong = "unshare failed; ";
                  return;
                }
                ForkOptions options;
                options.session = Session::kDaemon;
                const absl::StatusOr<Child> child = RunInChild([] { return 0; }, options);
                const std::optional<ChildError> error = GetChildError(child.status());
                if (child.ok()) wrong = "it is called process " + std::to_string(child->pid());
                if (error.has_value() && error->step == Step::kValidate) return;
                wrong += "it is not refused: " + std::string(child.status().message()) + "; ";
              });
              starter.join();
              return wrong + DescribeChildren();
            }),
            "");
}

}  // namespace
}  // namespace cleanfork
