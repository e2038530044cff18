// A caller whose signals are as bad as can be: all blocked, all ignored or all handled. The child
// starts with clean ones, and the caller's own are bit for bit what they were: whatever happened.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <optional>
#include <string>
#include <tuple>

#include "absl/status/statusor.h"
#include "cleanfork/child_error.h"
#include "cleanfork/fork_child.h"
#include "cleanfork/os_wrapper.h"
#include "cleanfork/spawn.h"
#include "tests/real/entry_points.h"
#include "tests/real/own_process.h"
#include "tests/real/process_state.h"

namespace cleanfork {
namespace {

enum class Start { kAllIgnored, kAllHandled, kSomeBlocked };
constexpr const char* kStartNames[] = {"AllIgnored", "AllHandled", "SomeBlocked"};

void Nothing(int) {}

void BeHostile(Start start) {
  struct sigaction action = {};
  action.sa_handler = start == Start::kAllIgnored ? SIG_IGN : &Nothing;
  action.sa_flags = SA_RESTART | SA_NODEFER;
  sigfillset(&action.sa_mask);
  for (int signal = 1; signal < NSIG; ++signal) sigaction(signal, &action, nullptr);
  // All, or some: a mask that is left as it is over the fork, all blocked, has to be seen as well.
  sigset_t mask;
  sigfillset(&mask);
  if (start == Start::kSomeBlocked) {
    sigdelset(&mask, SIGTERM);
    sigdelset(&mask, SIGRTMIN);
  }
  sigprocmask(SIG_SETMASK, &mask, nullptr);
}

std::string Hexadecimal(uint64_t bits) {
  char text[32];
  snprintf(text, sizeof(text), "%llx", static_cast<unsigned long long>(bits));
  return text;
}

std::string CheckSignals(EntryPoint entry, const ProcessState& state, uint64_t blocked,
                         uint64_t ignored, uint64_t caught) {
  std::string wrong;
  const auto check = [&wrong](const char* what, uint64_t is, uint64_t wanted) {
    if ((is & ~kLibcSignals) != wanted) {
      wrong += std::string(what) + Hexadecimal(is) + ", not " + Hexadecimal(wanted) + "; ";
    }
  };
  check("SigBlk ", state.signals_blocked, blocked);
  check("SigIgn ", state.signals_ignored, ignored);
  // No handler survives an exec: what a program has there is its own.
  if (entry != EntryPoint::kSpawn) check("SigCgt ", state.signals_caught, caught);
  return wrong;
}

class HostileStart : public ::testing::TestWithParam<std::tuple<EntryPoint, Start>> {
 protected:
  EntryPoint entry() const { return std::get<0>(GetParam()); }
  Start start() const { return std::get<1>(GetParam()); }
};

TEST_P(HostileStart, ChildHasNoSignalBlockedIgnoredOrHandled) {
  EXPECT_EQ(InOwnProcess([this] {
              BeHostile(start());
              const CallerState before = ReadCallerState();
              std::string wrong;
              {
                absl::StatusOr<Child> child = StartPausing(entry(), ForkOptions(), RealOs());
                // An application that ignores SIGCHLD can still start programs and bodies.
                if (!child.ok()) return std::string(child.status().message());
                wrong = CheckSignals(entry(), *ReadProcessState(child->pid()), 0, 0, 0);
              }
              return wrong + Difference(before, ReadCallerState()) + ReapOrphans();
            }),
            "");
}

TEST_P(HostileStart, HandlersAndMaskThatAreAskedForAreTheOnlyOnes) {
  EXPECT_EQ(InOwnProcess([this] {
              BeHostile(start());
              const CallerState before = ReadCallerState();
              std::string wrong;
              {
                ForkOptions options;
                options.signal_mask = SignalSet::Of(SIGUSR1, SIGRTMAX);
                SignalAction ignore;
                ignore.handler = SIG_IGN;
                options.signal_handlers.push_back({SIGPIPE, ignore});
                uint64_t caught = 0;
                if (entry() != EntryPoint::kSpawn) {
                  SignalAction handle;
                  handle.handler = &Nothing;
                  options.signal_handlers.push_back({SIGHUP, handle});
                  caught = SignalSet::Of(SIGHUP).bits();
                }
                absl::StatusOr<Child> child = StartPausing(entry(), options, RealOs());
                if (!child.ok()) return std::string(child.status().message());
                wrong =
                    CheckSignals(entry(), *ReadProcessState(child->pid()),
                                 options.signal_mask.bits(), SignalSet::Of(SIGPIPE).bits(), caught);
              }
              return wrong + Difference(before, ReadCallerState()) + ReapOrphans();
            }),
            "");
}

TEST_P(HostileStart, CallersSignalsAreAsBeforeAfterAFailureInTheChildToo) {
  EXPECT_EQ(InOwnProcess([this] {
              BeHostile(start());
              const CallerState before = ReadCallerState();
              ForkOptions options;
              options.directory = "/no/such/directory";
              absl::StatusOr<Child> child = StartPausing(entry(), options, RealOs());
              if (child.ok()) return std::string("it did not fail");
              const std::optional<ChildError> error = GetChildError(child.status());
              std::string wrong;
              if (!error.has_value() || error->step != Step::kChDir || error->error != ENOENT) {
                wrong = std::string(child.status().message()) + "; ";
              }
              return wrong + Difference(before, ReadCallerState()) + DescribeChildren();
            }),
            "");
}

// A kernel without processes to give.
class ForklessOs : public OsWrapper {
 public:
  ForklessOs() : OsWrapper(RealOs()) {}
  SysResult<pid_t> Fork() override { return SysError(ENOSYS); }
  SysResult<pid_t> VforkCall(int (*)(void*), void*, int) override { return SysError(ENOSYS); }
};

TEST_P(HostileStart, CallersSignalsAreAsBeforeAfterAForkThatFailedToo) {
  EXPECT_EQ(InOwnProcess([this] {
              BeHostile(start());
              const CallerState before = ReadCallerState();
              ForklessOs os;
              absl::StatusOr<Child> child = StartPausing(entry(), ForkOptions(), os);
              if (child.ok()) return std::string("it did not fail");
              return Difference(before, ReadCallerState()) + DescribeChildren();
            }),
            "");
}

// A handler of the caller's must never run in the child: not even of a signal that arrives while
// the child is being set up.
volatile sig_atomic_t handled_in = 0;
void NoteWhere(int) { handled_in = static_cast<sig_atomic_t>(getpid()); }

class SignallingOs : public OsWrapper {
 public:
  explicit SignallingOs(int signal) : OsWrapper(RealOs()), signal_(signal) {}
  SysResult<SignalAction> SigAction(int signal, const SignalAction* action) override {
    // The first thing that a child does with its signals: its parent's handlers still stand.
    if (getpid() != parent_ && !sent_) {
      sent_ = true;
      kill(getpid(), signal_);
    }
    return OsWrapper::SigAction(signal, action);
  }

 private:
  const pid_t parent_ = getpid();
  const int signal_;
  bool sent_ = false;
};

TEST_P(HostileStart, SignalThatArrivesInTheChildBeforeItsResetNeverRunsTheCallersHandler) {
  if (start() == Start::kAllIgnored) return;
  EXPECT_EQ(InOwnProcess([this] {
              struct sigaction action = {};
              action.sa_handler = &NoteWhere;
              sigaction(SIGTERM, &action, nullptr);
              SignallingOs os(SIGTERM);
              absl::StatusOr<Child> child = StartPausing(entry(), ForkOptions(), os);
              // It is pending until the child's own mask comes, and then ends the child, by the
              // default action: before its start is complete.
              if (handled_in != 0) return std::string("the handler ran in the caller");
              if (child.ok()) {
                absl::StatusOr<ExitStatus> ended = child->Wait();
                if (!ended.ok() || ended->term_signal() != SIGTERM) return std::string("not ended");
                return std::string();
              }
              const std::optional<ChildError> error = GetChildError(child.status());
              if (!error.has_value() || error->step != Step::kStart || error->signal != SIGTERM) {
                return std::string(child.status().message());
              }
              return DescribeChildren();
            }),
            "");
}

INSTANTIATE_TEST_SUITE_P(Real, HostileStart,
                         ::testing::Combine(EntryPoints(), ::testing::Values(Start::kAllIgnored,
                                                                             Start::kAllHandled,
                                                                             Start::kSomeBlocked)),
                         [](const ::testing::TestParamInfo<std::tuple<EntryPoint, Start>>& info) {
                           return std::string(EntryPointName(std::get<0>(info.param))) +
                                  kStartNames[static_cast<int>(std::get<1>(info.param))];
                         });

}  // namespace
}  // namespace cleanfork
