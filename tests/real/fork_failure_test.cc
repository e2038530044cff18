// fork(2) that fails on the real kernel: EAGAIN through RLIMIT_NPROC and a full control group, each
// once for good and once for a while, where what makes it pass happens in the moment in which the
// library sleeps; and what cannot pass, and is not tried again: ENOMEM in a PID namespace whose
// init has died, EAGAIN under SCHED_DEADLINE.
#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
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
#include "tests/real/sanitizers.h"
#include "tests/real/sleepless_os.h"
#include "tests/real/unused_uid.h"

namespace cleanfork {
namespace {

constexpr int kAttempts = 3;

constexpr rlim_t TasksOf(int processes) {
  return static_cast<rlim_t>(processes * kTasksOfAForkedProcess);
}

// "1 of 1 tasks", where one process is all that there may be and is.
const std::string kFull =
    std::to_string(TasksOf(1)) + " of " + std::to_string(TasksOf(1)) + " tasks";

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

// What is wrong with an outcome that was to be the failure `error` after so many attempts; "" if
// nothing is.
std::string CheckFailure(const Outcome& outcome, int error, const SleeplessOs& os,
                         const std::string& hint, int attempts = kAttempts) {
  if (outcome.status.ok()) return "it did not fail";
  const std::string text(outcome.status.message());
  const std::optional<ChildError> child_error = GetChildError(outcome.status);
  if (!child_error.has_value()) return "the status has no ChildError: " + text;
  if (child_error->step != Step::kFork) return "the step is not fork: " + text;
  if (child_error->error != error) return "another errno: " + text;
  if (child_error->attempt != attempts) {
    return "attempt is " + std::to_string(child_error->attempt) + ": " + text;
  }
  if (child_error->pid != 0) return "there is a pid: " + text;
  if (os.sleeps.size() != static_cast<size_t>(attempts - 1)) {
    return std::to_string(os.sleeps.size()) + " sleeps: " + text;
  }
  const std::string count = std::to_string(attempts) + (attempts == 1 ? " attempt" : " attempts");
  if (text.find("fork (" + count + " in ") == std::string::npos) {
    return "attempts and time are not named: " + text;
  }
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
std::string BecomeLimitedUser(uid_t uid, int processes) {
  if (setgroups(0, nullptr) != 0 || setresgid(uid, uid, uid) != 0 ||
      setresuid(uid, uid, uid) != 0) {
    return std::string("cannot become another user: ") + std::strerror(errno);
  }
  const rlimit limit = {TasksOf(processes), 100};
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
                               "RLIMIT_NPROC is full: " + kFull + " of uid " + std::to_string(uid));
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
                const rlimit raised = {TasksOf(2), 100};
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
              int ready[2];
              if (pipe(ready) != 0) return std::string("no pipe");
              const pid_t other = fork();
              if (other == 0) {
                if (write(ready[1], "x", 1) != 1) _exit(1);
                for (;;) pause();
              }
              if (other < 0) return std::string("the first fork failed");
              char byte = 0;
              if (read(ready[0], &byte, 1) != 1) return std::string("the other is gone");
              SleeplessOs os([other] {
                kill(other, SIGKILL);
                waitpid(other, nullptr, 0);
              });
              const Outcome outcome = StartAndWait(entry, OptionsWithRetries(), os);
              return CheckRecovery(outcome, os);
            }),
            "");
}

// A control group of its own below the test's, of whichever version has the pids controller.
class PidsCgroup {
 public:
  explicit PidsCgroup(rlim_t maximum) {
    for (const char* root : {"/sys/fs/cgroup/pids", "/sys/fs/cgroup"}) {
      path_ = std::string(root) + "/cleanfork_test_" + std::to_string(getpid());
      if (mkdir(path_.c_str(), 0755) != 0) continue;
      std::ofstream(path_ + "/pids.max") << maximum << std::flush;
      rlim_t read_back = 0;
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
  PidsCgroup cgroup(TasksOf(1));
  if (!cgroup.valid()) GTEST_SKIP() << "no control group with the pids controller can be made";
  EXPECT_EQ(InOwnProcess([entry, &cgroup] {
              std::ofstream(cgroup.path() + "/cgroup.procs") << getpid() << std::flush;
              SleeplessOs os;
              const Outcome outcome = StartAndWait(entry, OptionsWithRetries(), os);
              const std::string wrong =
                  CheckFailure(outcome, EAGAIN, os, "is full: " + kFull) +
                  CheckFailure(outcome, EAGAIN, os, "pids.max of control group ");
              if (!wrong.empty()) return wrong;
              SleeplessOs growing([&cgroup] {
                std::ofstream(cgroup.path() + "/pids.max") << TasksOf(2) << std::flush;
              });
              return CheckRecovery(StartAndWait(entry, OptionsWithRetries(), growing), growing);
            }),
            "");
}

constexpr char kDeadNamespace[] =
    "the PID namespace for children is dead, since its init, process 1, has ended; return to a "
    "living one with setns(2)";

// Enters a new PID namespace, or says why not. Its first process is made by the next fork.
std::string EnterPidNamespace() {
  if (unshare(CLONE_NEWPID) != 0) return std::string("unshare: ") + std::strerror(errno);
  return "";
}

// In a PID namespace whose init has died fork fails with ENOMEM: pid_namespaces(7).
std::string EnterDeadPidNamespace() {
  std::string failed = EnterPidNamespace();
  if (!failed.empty()) return failed;
  const pid_t init = fork();
  if (init == 0) _exit(0);
  if (init < 0 || waitpid(init, nullptr, 0) != init) return "no init";
  return "";
}

TEST_P(ForkFailure, DeadPidNamespaceIsTriedOnceAndNamedWithItsRemedy) {
  const EntryPoint entry = GetParam();
  EXPECT_EQ(InOwnProcess([entry] {
              std::string failed = EnterDeadPidNamespace();
              if (!failed.empty()) return failed;
              SleeplessOs os;
              const CallerState before = ReadCallerState();
              const Outcome outcome = StartAndWait(entry, OptionsWithRetries(), os);
              return CheckFailure(outcome, ENOMEM, os, kDeadNamespace, 1) +
                     Difference(before, ReadCallerState());
            }),
            "");
}

TEST_P(ForkFailure, PidNamespaceWhoseInitIsAZombieIsDead) {
  const EntryPoint entry = GetParam();
  EXPECT_EQ(InOwnProcess([entry] {
              std::string failed = EnterPidNamespace();
              if (!failed.empty()) return failed;
              const pid_t init = fork();
              if (init == 0) _exit(0);
              siginfo_t info;
              waitid(P_PID, static_cast<id_t>(init), &info, WEXITED | WNOWAIT);
              SleeplessOs os;
              const Outcome outcome = StartAndWait(entry, OptionsWithRetries(), os);
              waitpid(init, nullptr, 0);
              return CheckFailure(outcome, ENOMEM, os, kDeadNamespace, 1);
            }),
            "");
}

TEST_P(ForkFailure, AfterAReturnToALivingPidNamespaceTheNextStartSucceeds) {
  const EntryPoint entry = GetParam();
  EXPECT_EQ(InOwnProcess([entry] {
              const int living = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
              std::string failed = EnterDeadPidNamespace();
              if (!failed.empty()) return failed;
              SleeplessOs os;
              if (StartAndWait(entry, OptionsWithRetries(), os).status.ok()) {
                return std::string("it started in a dead namespace");
              }
              setns(living, CLONE_NEWPID);
              const Outcome outcome = StartAndWait(entry, OptionsWithRetries(), os);
              if (outcome.ended != "exit status 7") return std::string(outcome.status.message());
              return os.sleeps.empty() ? DescribeChildren() : std::string("it slept");
            }),
            "");
}

// A first fork that fails after its pid was given out, as in a full control group, leaves a
// namespace into which nothing can be forked any more, and no trace in /proc. As it looks the same
// as one that is only short of memory, it is tried again, and the message says what it may be.
TEST_P(ForkFailure, PidNamespaceWhoseFirstForkFailedIsTriedAgainAndSaysSo) {
  const EntryPoint entry = GetParam();
  PidsCgroup cgroup(TasksOf(1));
  if (!cgroup.valid()) GTEST_SKIP() << "no control group with the pids controller can be made";
  EXPECT_EQ(InOwnProcess([entry, &cgroup] {
              std::string failed = EnterPidNamespace();
              if (!failed.empty()) return failed;
              std::ofstream(cgroup.path() + "/cgroup.procs") << getpid() << std::flush;
              SleeplessOs growing([&cgroup] {
                std::ofstream(cgroup.path() + "/pids.max") << TasksOf(2) << std::flush;
              });
              const Outcome outcome = StartAndWait(entry, OptionsWithRetries(), growing);
              return CheckFailure(outcome, ENOMEM, growing,
                                  "the PID namespace for children has had no process yet");
            }),
            "");
}

// struct sched_attr of sched_setattr(2), for which glibc has neither type nor function.
struct SchedulingAttributes {
  uint32_t size = sizeof(SchedulingAttributes);
  uint32_t policy = 6;  // SCHED_DEADLINE
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime = 20'000'000;  // nanoseconds
  uint64_t deadline = 100'000'000;
  uint64_t period = 100'000'000;
};

constexpr char kNoDeadlinePolicy[] = "no SCHED_DEADLINE: ";

// Puts this thread under SCHED_DEADLINE; "" or why it cannot be.
std::string EnterDeadlinePolicy(uint64_t flags) {
  SchedulingAttributes attributes;
  attributes.flags = flags;
  if (syscall(SYS_sched_setattr, 0, &attributes, 0) == 0) return "";
  return std::string(kNoDeadlinePolicy) + std::strerror(errno);
}

TEST_P(ForkFailure, DeadlineSchedulingIsTriedOnceAndNamedWithItsRemedy) {
  const EntryPoint entry = GetParam();
  const std::string wrong = InOwnProcess([entry] {
    std::string failed = EnterDeadlinePolicy(0);
    if (!failed.empty()) return failed;
    SleeplessOs os;
    const CallerState before = ReadCallerState();
    const Outcome outcome = StartAndWait(entry, OptionsWithRetries(), os);
    return CheckFailure(outcome, EAGAIN, os,
                        "the scheduling policy is SCHED_DEADLINE, under which nothing can be "
                        "forked; set SCHED_FLAG_RESET_ON_FORK",
                        1) +
           Difference(before, ReadCallerState());
  });
  if (wrong.find(kNoDeadlinePolicy) == 0) GTEST_SKIP() << wrong << " (it needs CAP_SYS_NICE)";
  EXPECT_EQ(wrong, "");
}

TEST_P(ForkFailure, DeadlineSchedulingThatIsResetOnForkIsNoObstacle) {
  const EntryPoint entry = GetParam();
  const std::string wrong = InOwnProcess([entry] {
    constexpr uint64_t kResetOnFork = 1;  // SCHED_FLAG_RESET_ON_FORK
    std::string failed = EnterDeadlinePolicy(kResetOnFork);
    if (!failed.empty()) return failed;
    SleeplessOs os;
    const Outcome outcome = StartAndWait(entry, OptionsWithRetries(), os);
    if (outcome.ended != "exit status 7") return std::string(outcome.status.message());
    return os.sleeps.empty() ? DescribeChildren() : std::string("it slept");
  });
  if (wrong.find(kNoDeadlinePolicy) == 0) GTEST_SKIP() << wrong << " (it needs CAP_SYS_NICE)";
  EXPECT_EQ(wrong, "");
}

INSTANTIATE_TEST_SUITE_P(Real, ForkFailure, EntryPoints(), EntryPointTestName);

}  // namespace
}  // namespace cleanfork
