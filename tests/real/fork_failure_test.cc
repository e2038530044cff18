// fork(2) that fails on the real kernel: EAGAIN through RLIMIT_NPROC and a full control group,
// ENOMEM in a PID namespace whose init has died. Each once for good and once for a while; what
// makes it pass happens in the moment in which the library sleeps.
#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cleanfork/child_error.h"
#include "tests/real/entry_points.h"
#include "tests/real/own_process.h"
#include "tests/real/process_state.h"
#include "tests/real/sleepless_os.h"
#include "tests/real/unused_uid.h"

namespace cleanfork {
namespace {

constexpr int kAttempts = 3;

struct Outcome {
  absl::Status status;
  std::string ended;  // how the child ended, if there was one
};

Outcome StartAndWait(EntryPoint entry, const ForkOptions& options, Os& os) {
  absl::StatusOr<Child> child = StartExiting(entry, 7, options, os);
  if (!child.ok()) return {child.status(), ""};
  absl::StatusOr<ExitStatus> ended = child->Wait();
  if (!ended.ok()) return {ended.status(), ""};
  return {absl::OkStatus(), ended->ToString()};
}

ForkOptions OptionsWithRetries() {
  ForkOptions options;
  options.retry.attempts = kAttempts;
  return options;
}

// What is wrong with an outcome that was to be the failure `error` after all attempts; "" if
// nothing is.
std::string CheckFailure(const Outcome& outcome, int error, const SleeplessOs& os,
                         const std::string& hint) {
  if (outcome.status.ok()) return "it did not fail";
  const std::string text(outcome.status.message());
  const std::optional<ChildError> child_error = GetChildError(outcome.status);
  if (!child_error.has_value()) return "the status has no ChildError: " + text;
  if (child_error->step != Step::kFork) return "the step is not fork: " + text;
  if (child_error->error != error) return "another errno: " + text;
  if (child_error->attempt != kAttempts) {
    return "attempt is " + std::to_string(child_error->attempt) + ": " + text;
  }
  if (child_error->pid != 0) return "there is a pid: " + text;
  if (os.sleeps.size() != kAttempts - 1)
    return std::to_string(os.sleeps.size()) + " sleeps: " + text;
  if (text.find("3 attempts") == std::string::npos) return "the attempts are not named: " + text;
  if (text.find("attempts in ") == std::string::npos) return "the time is not named: " + text;
  if (text.find(hint) == std::string::npos) return "no \"" + hint + "\" in: " + text;
  return DescribeChildren();
}

std::string CheckRecovery(const Outcome& outcome, const SleeplessOs& os) {
  if (!outcome.status.ok()) return "it failed: " + std::string(outcome.status.message());
  if (outcome.ended != "exit status 7") return "the child ended with " + outcome.ended;
  if (os.sleeps.size() != 1) return "there were " + std::to_string(os.sleeps.size()) + " sleeps";
  return DescribeChildren();
}

// Becomes a user who may have `processes` processes; "" or what went wrong.
std::string BecomeLimitedUser(uid_t uid, rlim_t processes) {
  if (setgroups(0, nullptr) != 0 || setresgid(uid, uid, uid) != 0 ||
      setresuid(uid, uid, uid) != 0) {
    return std::string("cannot become another user: ") + std::strerror(errno);
  }
  const rlimit limit = {processes, 100};
  if (setrlimit(RLIMIT_NPROC, &limit) != 0) return "setrlimit failed";
  return "";
}

class ForkFailure : public EveryEntryPoint {
 protected:
  void SetUp() override { CLEANFORK_SKIP_WITHOUT_PRIVILEGES(); }
};

TEST_P(ForkFailure, ProcessLimitThatStaysFullIsNamedInTheError) {
  const EntryPoint entry = GetParam();
  EXPECT_EQ(InOwnProcess([entry] {
              const uid_t uid = UnusedUid();
              std::string failed = BecomeLimitedUser(uid, 1);
              if (!failed.empty()) return failed;
              SleeplessOs os;
              const CallerState before = ReadCallerState();
              const Outcome outcome = StartAndWait(entry, OptionsWithRetries(), os);
              const std::string wrong =
                  CheckFailure(outcome, EAGAIN, os,
                               "RLIMIT_NPROC is full: 1 of 1 tasks of uid " + std::to_string(uid));
              return wrong + Difference(before, ReadCallerState());
            }),
            "");
}

TEST_P(ForkFailure, ProcessLimitThatIsRaisedBetweenTwoAttemptsIsRecoveredFrom) {
  const EntryPoint entry = GetParam();
  EXPECT_EQ(InOwnProcess([entry] {
              std::string failed = BecomeLimitedUser(UnusedUid(), 1);
              if (!failed.empty()) return failed;
              SleeplessOs os([] {
                const rlimit raised = {2, 100};
                setrlimit(RLIMIT_NPROC, &raised);
              });
              const CallerState before = ReadCallerState();
              const Outcome outcome = StartAndWait(entry, OptionsWithRetries(), os);
              CallerState after = ReadCallerState();
              after.limits = before.limits;  // raised above, by the test
              return CheckRecovery(outcome, os) + Difference(before, after);
            }),
            "");
}

TEST_P(ForkFailure, ProcessOfTheSameUserThatLeavesBetweenTwoAttemptsMakesRoom) {
  const EntryPoint entry = GetParam();
  EXPECT_EQ(InOwnProcess([entry] {
              std::string failed = BecomeLimitedUser(UnusedUid(), 2);
              if (!failed.empty()) return failed;
              const pid_t other = fork();
              if (other == 0) {
                for (;;) pause();
              }
              if (other < 0) return std::string("the first fork failed");
              SleeplessOs os([other] {
                kill(other, SIGKILL);
                waitpid(other, nullptr, 0);
              });
              const Outcome outcome = StartAndWait(entry, OptionsWithRetries(), os);
              return CheckRecovery(outcome, os);
            }),
            "");
}

// In a new PID namespace whose init has died fork fails with ENOMEM: pid_namespaces(7).
std::string EnterDeadPidNamespace() {
  if (unshare(CLONE_NEWPID) != 0) return std::string("unshare: ") + std::strerror(errno);
  const pid_t init = fork();
  if (init == 0) _exit(0);
  if (init < 0 || waitpid(init, nullptr, 0) != init) return "no init";
  return "";
}

TEST_P(ForkFailure, PidNamespaceWithoutInitIsOutOfMemoryHoweverOftenOneTries) {
  const EntryPoint entry = GetParam();
  EXPECT_EQ(InOwnProcess([entry] {
              std::string failed = EnterDeadPidNamespace();
              if (!failed.empty()) return failed;
              SleeplessOs os;
              const CallerState before = ReadCallerState();
              const Outcome outcome = StartAndWait(entry, OptionsWithRetries(), os);
              return CheckFailure(outcome, ENOMEM, os, "(ENOMEM)") +
                     Difference(before, ReadCallerState());
            }),
            "");
}

TEST_P(ForkFailure, ReturnToALivingPidNamespaceBetweenTwoAttemptsIsRecoveredFrom) {
  const EntryPoint entry = GetParam();
  EXPECT_EQ(InOwnProcess([entry] {
              const int living = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
              std::string failed = EnterDeadPidNamespace();
              if (!failed.empty()) return failed;
              SleeplessOs os([living] { setns(living, CLONE_NEWPID); });
              const Outcome outcome = StartAndWait(entry, OptionsWithRetries(), os);
              return CheckRecovery(outcome, os);
            }),
            "");
}

// A control group of its own below the test's, of whichever version has the pids controller.
class PidsCgroup {
 public:
  explicit PidsCgroup(int maximum) {
    for (const char* root : {"/sys/fs/cgroup/pids", "/sys/fs/cgroup"}) {
      path_ = std::string(root) + "/cleanfork_test_" + std::to_string(getpid());
      if (mkdir(path_.c_str(), 0755) != 0) continue;
      std::ofstream(path_ + "/pids.max") << maximum << std::flush;
      int read_back = 0;
      if (std::ifstream(path_ + "/pids.max") >> read_back && read_back == maximum) return;
      rmdir(path_.c_str());
    }
    path_.clear();
  }
  ~PidsCgroup() {
    if (!path_.empty()) rmdir(path_.c_str());
  }
  bool valid() const { return !path_.empty(); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST_P(ForkFailure, FullControlGroupIsNamedInTheErrorAndRecoveredFromWhenItGrows) {
  const EntryPoint entry = GetParam();
  PidsCgroup cgroup(1);
  if (!cgroup.valid()) GTEST_SKIP() << "no control group with the pids controller can be made";
  EXPECT_EQ(InOwnProcess([entry, &cgroup] {
              std::ofstream(cgroup.path() + "/cgroup.procs") << getpid() << std::flush;
              SleeplessOs os;
              const Outcome outcome = StartAndWait(entry, OptionsWithRetries(), os);
              const std::string wrong =
                  CheckFailure(outcome, EAGAIN, os, "is full: 1 of 1 tasks") +
                  CheckFailure(outcome, EAGAIN, os, "pids.max of control group ");
              if (!wrong.empty()) return wrong;
              SleeplessOs growing(
                  [&cgroup] { std::ofstream(cgroup.path() + "/pids.max") << 2 << std::flush; });
              return CheckRecovery(StartAndWait(entry, OptionsWithRetries(), growing), growing);
            }),
            "");
}

INSTANTIATE_TEST_SUITE_P(Real, ForkFailure, EntryPoints(), EntryPointTestName);

}  // namespace
}  // namespace cleanfork
