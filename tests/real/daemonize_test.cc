// Daemonize() on the real kernel. Each starter is a process of its own, below one that is a
// subreaper: whatever it leaves running is seen.
#include "cleanfork/daemonize.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <functional>
#include <future>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cleanfork/child_error.h"
#include "mocks/sanitizers.h"
#include "tests/real/own_process.h"
#include "tests/real/process_state.h"
#include "tests/real/shared_memory.h"

namespace cleanfork {
namespace {

constexpr int kStartFailed = 3;
constexpr int kKept = 4;

// What the processes of one start tell the test.
struct Record {
  std::atomic<pid_t> starter{0};
  std::atomic<pid_t> daemon{0};
  std::atomic<pid_t> helper{0};
  std::atomic<pid_t> hook{0};  // the process that ran it
  std::atomic<int> seen{0};    // whatever a body wants to say
  int code = 0;                // of the starter's Status
  int step = 0;
  int signal = 0;
  char text[8192] = "";
  char wrong[1024] = "";  // with the starter, after Daemonize() returned
};

using Body = std::function<void(Daemon& daemon, Record& record)>;

void Copy(const std::string& text, char* to, size_t size) {
  std::snprintf(to, size, "%s", text.c_str());
}

[[noreturn]] void Serve() {
  alarm(90);
  for (;;) pause();
}

// In the process that is to become the starter.
void BeStarter(const DaemonizeOptions& options, const Body& body, Record& record) {
  record.starter = getpid();
  const CallerState before = ReadCallerState();
  bool kept = false;
  {
    absl::StatusOr<Daemon> daemon = Daemonize(options);
    if (daemon.ok() && daemon->in_daemon()) {
      record.daemon = getpid();
      {
        Daemon owned = *std::move(daemon);
        body(owned, record);
      }
      _exit(0);
    }
    kept = daemon.ok();
    const std::optional<ChildError> error = GetChildError(daemon.status());
    record.code = static_cast<int>(daemon.status().code());
    record.step = error.has_value() ? static_cast<int>(error->step) : -1;
    record.signal = error.has_value() ? error->signal : 0;
    Copy(std::string(daemon.status().message()), record.text, sizeof(record.text));
  }
  Copy(Difference(before, ReadCallerState()) + DescribeChildren(), record.wrong,
       sizeof(record.wrong));
  _exit(kept ? kKept : kStartFailed);
}

DaemonizeOptions Options() {
  DaemonizeOptions options;
  options.allow_threads = true;  // a sanitizer may have one
  return options;
}

// Starts a daemon and returns the starter's wait status.
int Start(const DaemonizeOptions& options, Record& record, const Body& body) {
  const pid_t starter = fork();
  if (starter == 0) BeStarter(options, body, record);
  int status = 0;
  waitpid(starter, &status, 0);
  return status;
}

// What is wrong with a start that has to fail with this text (but for the bracket) and code.
std::string CheckFailure(int status, const Record& record, const std::string& text,
                         absl::StatusCode code) {
  std::string wrong = record.wrong;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != kStartFailed) {
    wrong += "the starter ended with wait status " + std::to_string(status) + "; ";
  }
  const std::string wanted =
      text + " [step ready, child " + std::to_string(record.daemon.load()) + "]";
  if (record.text != wanted) wrong += std::string("it is told \"") + record.text + "\"; ";
  if (record.code != static_cast<int>(code)) wrong += "code " + std::to_string(record.code) + "; ";
  return wrong + ReapOrphans();
}

// What is wrong with a start that has to succeed: that a daemon runs, and nothing else.
std::string CheckSuccess(int status, const Record& record) {
  std::string wrong = record.wrong;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    wrong += "the starter ended with wait status " + std::to_string(status) + ", " + record.text;
  }
  const pid_t daemon = record.daemon;
  if (ChildrenOf(getpid()) != std::vector<pid_t>{daemon}) {
    wrong += "not just the daemon, " + std::to_string(daemon) + ": " + DescribeChildren();
  }
  if (daemon > 0) kill(daemon, SIGKILL);
  return wrong + ReapOrphans();
}

// Waits for the end of a process that may have ended already; false if it does not come.
bool AwaitEndOf(pid_t pid) {
  const int pid_fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  pollfd ended = {pid_fd, POLLIN, 0};
  const bool has_ended = pid_fd < 0 || poll(&ended, 1, 60'000) == 1;
  if (pid_fd >= 0) close(pid_fd);
  return has_ended;
}

class DaemonizeTest : public testing::Test {
 protected:
  std::string FailureOf(const Body& body, const std::string& text, absl::StatusCode code,
                        const DaemonizeOptions& options = Options()) {
    return InOwnProcess([&] {
      Shared<Record> record;
      const int status = Start(options, *record, body);
      return CheckFailure(status, *record, text, code);
    });
  }
  std::string SuccessOf(const Body& body, const DaemonizeOptions& options = Options()) {
    return InOwnProcess([&] {
      Shared<Record> record;
      const int status = Start(options, *record, body);
      return CheckSuccess(status, *record);
    });
  }
};

TEST_F(DaemonizeTest, StarterLeavesWithStatus0WhenTheDaemonIsReady) {
  EXPECT_EQ(SuccessOf([](Daemon& daemon, Record&) {
              if (daemon.Ready().ok()) Serve();
            }),
            "");
}

TEST_F(DaemonizeTest, ReadyDaemonIsAnOrphanInASessionNotItsOwnWithNothingOpenOrBlocked) {
  EXPECT_EQ(InOwnProcess([] {
              Shared<Record> record;
              const int status = Start(Options(), *record, [](Daemon& daemon, Record&) {
                if (daemon.Ready().ok()) raise(SIGSTOP);  // it is to be looked at after Ready()
                Serve();
              });
              siginfo_t info;
              waitid(P_PID, static_cast<id_t>(record->daemon), &info, WSTOPPED | WEXITED | WNOWAIT);
              const std::optional<ProcessState> state = ReadProcessState(record->daemon);
              if (!state.has_value()) return std::string("there is no daemon");
              std::string wrong;
              if (state->parent != getpid()) wrong += "its parent is still there; ";
              if (state->session == getsid(0) || state->session == state->pid) {
                wrong += "it is in session " + std::to_string(state->session) + "; ";
              }
              if (state->signals_blocked != 0) wrong += "signals are blocked; ";
              for (const auto& [fd, descriptor] : state->descriptors) {
                if (fd > 2) wrong += std::to_string(fd) + " is " + descriptor.target + "; ";
              }
              return wrong + CheckSuccess(status, *record);
            }),
            "");
}

TEST_F(DaemonizeTest, FailIsToldWithCodeAndText) {
  EXPECT_EQ(
      FailureOf([](Daemon& daemon,
                   Record&) { daemon.Fail(absl::NotFoundError("no database")).IgnoreError(); },
                "no database", absl::StatusCode::kNotFound),
      "");
}

TEST_F(DaemonizeTest, LongestTextIsToldWholeAndALongerOneCutVisibly) {
  const std::string longest(Daemon::kLongestMessage, 'x');
  EXPECT_EQ(FailureOf([&](Daemon& daemon,
                          Record&) { daemon.Fail(absl::InternalError(longest)).IgnoreError(); },
                      longest, absl::StatusCode::kInternal),
            "");
  EXPECT_EQ(
      FailureOf([&](Daemon& daemon,
                    Record&) { daemon.Fail(absl::InternalError(longest + "y")).IgnoreError(); },
                longest.substr(9) + "... [cut]", absl::StatusCode::kInternal),
      "");
}

TEST_F(DaemonizeTest, HandleThatIsDestroyedIsAFailure) {
  EXPECT_EQ(FailureOf([](Daemon&, Record&) {}, "the daemon gave up before it was ready",
                      absl::StatusCode::kAborted),
            "");
}

TEST_F(DaemonizeTest, ExceptionIsAFailure) {
  EXPECT_EQ(
      FailureOf(
          [](Daemon& daemon, Record&) {
            try {
              Daemon owned = std::move(daemon);
              throw std::runtime_error("no");
            } catch (const std::runtime_error&) {
            }
          },
          "the daemon was left by an exception before it was ready", absl::StatusCode::kAborted),
      "");
}

TEST_F(DaemonizeTest, ExitIsAFailureWithItsStatus) {
  EXPECT_EQ(FailureOf([](Daemon&, Record&) { _exit(7); },
                      "the daemon ended before it was ready (exit status 7)",
                      absl::StatusCode::kFailedPrecondition),
            "");
}

TEST_F(DaemonizeTest, ExitWithStatus0IsAFailureToo) {
  EXPECT_EQ(FailureOf([](Daemon&, Record&) { _exit(0); },
                      "the daemon ended before it was ready (exit status 0)",
                      absl::StatusCode::kFailedPrecondition),
            "");
}

TEST_F(DaemonizeTest, DeathIsAFailureWithItsSignal) {
  EXPECT_EQ(FailureOf([](Daemon&, Record&) { raise(SIGKILL); },
                      "the daemon ended before it was ready: killed by signal 9 (SIGKILL)",
                      absl::StatusCode::kAborted),
            "");
}

TEST_F(DaemonizeTest, DeathIsToldOfAlsoWhereTheCallerIgnoresSigchld) {
  DaemonizeOptions options = Options();
  options.fork.before_fork = [] { signal(SIGCHLD, SIG_IGN); };
  EXPECT_EQ(InOwnProcess([&] {
              Shared<Record> record;
              const int status = Start(options, *record, [](Daemon&, Record&) { raise(SIGKILL); });
              record->wrong[0] = '\0';  // the disposition, which the hook has changed
              return CheckFailure(
                  status, *record,
                  "the daemon ended before it was ready: killed by signal 9 (SIGKILL)",
                  absl::StatusCode::kAborted);
            }),
            "");
}

TEST_F(DaemonizeTest, DaemonThatIsTheStartersChildIsToldOfInTheSameWay) {
  DaemonizeOptions options = Options();
  for (Session session : {Session::kNew, Session::kKeep}) {
    options.fork.session = session;
    EXPECT_EQ(FailureOf([](Daemon&, Record&) { _exit(7); },
                        "the daemon ended before it was ready (exit status 7)",
                        absl::StatusCode::kFailedPrecondition, options),
              "");
    EXPECT_EQ(SuccessOf(
                  [](Daemon& daemon, Record&) {
                    if (daemon.Ready().ok()) Serve();
                  },
                  options),
              "");
  }
}

TEST_F(DaemonizeTest, DaemonThatIsLateIsKilled) {
  DaemonizeOptions options = Options();
  options.ready_timeout = absl::Milliseconds(1);
  for (Session session : {Session::kDaemon, Session::kNew}) {
    options.fork.session = session;
    EXPECT_EQ(InOwnProcess([&] {
                Shared<Record> record;
                const int status = Start(options, *record, [](Daemon&, Record&) { Serve(); });
                std::string wrong = record->wrong;
                if (WEXITSTATUS(status) != kStartFailed) wrong += "it did not fail; ";
                if (record->code != static_cast<int>(absl::StatusCode::kDeadlineExceeded)) {
                  wrong += record->text;
                }
                return wrong + DescribeChildren();
              }),
              "");
  }
}

TEST_F(DaemonizeTest, HelperThatHoldsThePipesHidesNoDeath) {
  const auto body = [](Daemon&, Record& record) {
    const pid_t helper = fork();
    if (helper == 0) Serve();
    record.helper = helper;
    _exit(7);
  };
  EXPECT_EQ(InOwnProcess([&] {
              Shared<Record> record;
              const int status = Start(Options(), *record, body);
              std::string wrong;
              if (ChildrenOf(getpid()) != std::vector<pid_t>{record->helper}) {
                wrong += DescribeChildren();
              }
              kill(record->helper, SIGKILL);
              return wrong + CheckFailure(status, *record,
                                          "the daemon ended before it was ready (exit status 7)",
                                          absl::StatusCode::kFailedPrecondition);
            }),
            "");
}

TEST_F(DaemonizeTest, HelperThatHoldsThePipesDoesNotHoldTheFirstChildOnceTheDaemonIsReady) {
  EXPECT_EQ(InOwnProcess([&] {
              Shared<Record> record;
              const int status = Start(Options(), *record, [](Daemon& daemon, Record& told) {
                const pid_t helper = fork();
                if (helper == 0) Serve();
                told.helper = helper;
                if (daemon.Ready().ok()) Serve();
              });
              std::string wrong;
              if (ChildrenOf(getpid()) != std::vector<pid_t>{record->daemon}) {
                wrong += "not just the daemon: " + DescribeChildren();
              }
              kill(record->helper, SIGKILL);
              kill(record->daemon, SIGKILL);
              if (status != 0) wrong += record->text;
              return wrong + ReapOrphans();
            }),
            "");
}

TEST_F(DaemonizeTest, CopyOfTheHandleInAForkedHelperSaysNothing) {
  EXPECT_EQ(InOwnProcess([] {
              Shared<Record> record;
              DaemonizeOptions options = Options();
              options.fork.in_parent = [&record](pid_t) { record->hook = record->seen.load(); };
              const int status = Start(options, *record, [](Daemon& daemon, Record& told) {
                const pid_t helper = fork();
                if (helper == 0) {
                  {
                    Daemon copy = std::move(daemon);
                    copy.Ready().IgnoreError();
                    copy.Fail(absl::InternalError("the helper failed")).IgnoreError();
                  }
                  _exit(0);
                }
                waitpid(helper, nullptr, 0);
                told.seen = 1;
                if (daemon.Ready().ok()) Serve();
              });
              std::string wrong;
              if (record->hook != 1) wrong += "it was the helper who was ready; ";
              return wrong + CheckSuccess(status, *record);
            }),
            "");
}

TEST_F(DaemonizeTest, HookRunsInTheStarterAfterReadyAndBeforeItLeaves) {
  EXPECT_EQ(InOwnProcess([] {
              Shared<Record> record;
              DaemonizeOptions options = Options();
              options.fork.in_parent = [&record](pid_t pid) {
                record->hook = getpid();
                if (record->seen != 1 || pid != record->daemon) {
                  Copy("the hook ran too early; ", record->wrong, sizeof(record->wrong));
                }
              };
              const int status = Start(options, *record, [](Daemon& daemon, Record& told) {
                told.seen = 1;
                if (daemon.Ready().ok()) Serve();
              });
              std::string wrong;
              if (record->hook != record->starter) wrong += "the hook did not run; ";
              return wrong + CheckSuccess(status, *record);
            }),
            "");
}

TEST_F(DaemonizeTest, KeptParentGoesOnAsItWas) {
  DaemonizeOptions options = Options();
  options.keep_parent = true;
  EXPECT_EQ(InOwnProcess([&] {
              Shared<Record> record;
              const int status = Start(options, *record, [](Daemon& daemon, Record&) {
                if (daemon.Ready().ok()) Serve();
              });
              std::string wrong;
              if (WEXITSTATUS(status) != kKept) wrong += record->text;
              return wrong + CheckSuccess(0, *record);
            }),
            "");
}

TEST_F(DaemonizeTest, SignalThatEndsTheStarterLeavesADaemonThatIsToldSoWithoutASigpipe) {
  EXPECT_EQ(InOwnProcess([] {
              Shared<Record> record;
              const int status = Start(Options(), *record, [](Daemon& daemon, Record& told) {
                kill(told.starter, SIGTERM);
                AwaitEndOf(told.starter);
                const bool blocked_before = ReadCallerState().signal_mask != 0;
                const pid_t first = getppid();
                const absl::Status ready = daemon.Ready();
                if (absl::IsCancelled(ready)) told.seen = 1;
                if (!AwaitEndOf(first)) told.seen = 3;  // it has nobody to tell any more
                if (blocked_before || ReadCallerState().signal_mask != 0) told.seen = 2;
                _exit(0);
              });
              std::string wrong;
              if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGTERM) {
                wrong += "the starter ended with wait status " + std::to_string(status) + "; ";
              }
              wrong += ReapOrphans();
              if (record->seen != 1)
                wrong += "Ready() was not told, " + std::to_string(record->seen) + "; ";
              return wrong;
            }),
            "");
}

TEST_F(DaemonizeTest, FirstChildThatIsKilledChangesNothingButThatNobodyCanTellHowADaemonEnded) {
  EXPECT_EQ(SuccessOf([](Daemon& daemon, Record&) {
              const pid_t first = getppid();
              kill(first, SIGKILL);
              AwaitEndOf(first);
              if (daemon.Ready().ok()) Serve();
            }),
            "");
  EXPECT_EQ(FailureOf(
                [](Daemon&, Record&) {
                  const pid_t first = getppid();
                  kill(first, SIGKILL);
                  AwaitEndOf(first);
                  _exit(7);
                },
                "the daemon ended before it was ready, how is not known",
                absl::StatusCode::kFailedPrecondition),
            "");
}

TEST_F(DaemonizeTest, StepThatFailsIsToldAndLeavesNothing) {
  DaemonizeOptions options = Options();
  options.fork.directory = "/no/such/directory";
  EXPECT_EQ(InOwnProcess([&] {
              Shared<Record> record;
              Start(options, *record, [](Daemon&, Record&) {});
              std::string wrong = record->wrong;
              if (record->step != static_cast<int>(Step::kChDir)) wrong += record->text;
              return wrong + ReapOrphans();
            }),
            "");
}

TEST_F(DaemonizeTest, ProcessWithAnotherThreadIsRefusedUnlessThatIsAllowed) {
  EXPECT_EQ(InOwnProcess([&] {
              std::promise<void> leave;
              std::thread other([&leave] { leave.get_future().wait(); });
              DaemonizeOptions options;
              options.keep_parent = true;
              const absl::Status refused = Daemonize(options).status();
              options.allow_threads = true;
              absl::StatusOr<Daemon> daemon = Daemonize(options);
              if (daemon.ok() && daemon->in_daemon()) {
                if (daemon->Ready().ok()) Serve();
                _exit(1);
              }
              leave.set_value();
              other.join();
              std::string wrong;
              if (!absl::IsFailedPrecondition(refused)) wrong += std::string(refused.message());
              if (!daemon.ok()) return wrong + std::string(daemon.status().message());
              kill(daemon->pid(), SIGKILL);
              return wrong + ReapOrphans();
            }),
            "");
}

TEST_F(DaemonizeTest, ProcessWithOneThreadIsNotRefused) {
#ifdef CLEANFORK_TSAN
  GTEST_SKIP() << "the sanitizer has a thread of its own";
#endif
  EXPECT_EQ(SuccessOf(
                [](Daemon& daemon, Record&) {
                  if (daemon.Ready().ok()) Serve();
                },
                DaemonizeOptions()),
            "");
}

}  // namespace
}  // namespace cleanfork
