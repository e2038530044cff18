// Each call that starting a child makes, in the parent and in the child, fails once with each errno
// that its manual page lists, on the real kernel, until a run in which nothing fails shows no call
// that was not failed. After each run: an error with the right step, or success where the fault is
// one that has to be absorbed; no zombie, no stray process, and the caller as before.
#include "cleanfork/fault_sweep.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/statusor.h"
#include "cleanfork/child.h"
#include "cleanfork/child_error.h"
#include "cleanfork/fault_os.h"
#include "cleanfork/fault_plan.h"
#include "cleanfork/fork_options.h"
#include "cleanfork/names.h"
#include "tests/real/entry_points.h"
#include "tests/real/generation_os.h"
#include "tests/real/own_process.h"
#include "tests/real/process_state.h"

namespace cleanfork {
namespace {

// Faults that the manual pages list and that cannot happen in the state in which the library makes
// the call. This is the one place where a fault is left out of the sweep.
struct Impossible {
  OsCall call;
  int error;  // 0: every one
  const char* why;
};

constexpr Impossible kImpossible[] = {
    {OsCall::kSigProcMask, EINVAL, "`how` is a constant that the page lists"},
    {OsCall::kWaitPid, EINVAL, "the options are constants that the page lists"},
    {OsCall::kWaitPid, ECHILD, "the child is there and is waited for only once"},
    {OsCall::kWaitId, EINVAL, "the options are constants that the page lists"},
    {OsCall::kWaitId, ECHILD, "the child is there and has not been waited for"},
    {OsCall::kWaitId, EAGAIN, "said of P_PIDFD and a non-blocking descriptor only"},
    {OsCall::kKill, EINVAL, "the signal is a constant"},
    {OsCall::kKill, ESRCH, "the child has not been waited for, so that its pid is its own"},
    {OsCall::kKill, EPERM, "the child's saved uid is the caller's, or the caller is root"},
    {OsCall::kPidFdSendSignal, 0, "the descriptor and the signal are good, the child is unreaped"},
    {OsCall::kClockGetTime, EINVAL, "CLOCK_MONOTONIC is on every Linux"},
    {OsCall::kClockNanoSleep, EINVAL, "the clock and the time are good"},
    {OsCall::kClockNanoSleep, ENOTSUP, "CLOCK_MONOTONIC can be slept on"},
    {OsCall::kRead, EAGAIN, "the pipe is not O_NONBLOCK"},
    {OsCall::kWrite, EAGAIN, "the pipe is not O_NONBLOCK"},
};

bool IsPossible(const FaultEntry& fault) {
  return std::none_of(std::begin(kImpossible), std::end(kImpossible), [&](const Impossible& row) {
    return row.call == fault.call && (row.error == 0 || row.error == fault.error);
  });
}

// What has to come of a fault.
struct Verdict {
  bool may_succeed = false;
  bool may_fail = true;
  std::vector<Step> steps;  // of which one, when it fails
};

Verdict Absorbed() { return {true, false, {}}; }
Verdict Fails(std::vector<Step> steps) { return {false, true, std::move(steps)}; }
Verdict Either(std::vector<Step> steps) { return {true, true, std::move(steps)}; }

// The interrupted calls that have to be taken up again.
bool IsRestarted(const FaultEntry& fault) { return fault.error == EINTR; }

Verdict JudgeInParent(const FaultEntry& fault) {
  switch (fault.call) {
    case OsCall::kFork:
    case OsCall::kVforkCall:
      return fault.error == ENOSYS ? Fails({Step::kFork}) : Absorbed();  // tried again
    case OsCall::kPipe2: return Fails({Step::kPipe, Step::kOpenStream});
    case OsCall::kFcntlDupFd: return Either({Step::kOpenStream});  // EBADF: the stream is closed
    case OsCall::kFcntlGetFd: return Fails({Step::kKeepDescriptor});
    // Of /dev/null. Of /proc/PID/stat: the answer is then looked for elsewhere.
    case OsCall::kOpen: return fault.index == 1 ? Fails({Step::kOpenStream}) : Absorbed();
    case OsCall::kFStat:
      return Either({Step::kOpenStream});  // EBADF: the stream is closed
    // The report; or /proc/PID/stat, as above.
    case OsCall::kRead: return fault.index == 1 ? Fails({Step::kReport}) : Absorbed();
    case OsCall::kStat: return Either({Step::kValidate});
    case OsCall::kGetPwNam:
    case OsCall::kGetPwUid:
    case OsCall::kGetGrNam: return Fails({Step::kResolveUser});
    case OsCall::kGetGroupList:
      return Either({Step::kResolveUser});  // ERANGE: asked again with more room
    case OsCall::kSigAction: return Fails({Step::kBlockSignals});
    case OsCall::kClose:
    case OsCall::kPidFdOpen:
    case OsCall::kGetRandom: return Absorbed();
    default: return Fails({});
  }
}

Verdict JudgeInChild(const FaultEntry& fault) {
  switch (fault.call) {
    case OsCall::kFork:
    case OsCall::kVforkCall: return fault.error == ENOSYS ? Fails({Step::kSecondFork}) : Absorbed();
    case OsCall::kSigAction:  // EINVAL of a real-time signal: glibc keeps it
      return Either({Step::kResetSignals, Step::kSignalHandlers});
    case OsCall::kSetSid: return Fails({Step::kSetSid});
    case OsCall::kDup2:
      return fault.error == EBUSY ? Absorbed()
                                  : Fails({Step::kStdin, Step::kStdout, Step::kStderr});
    case OsCall::kCloseRange:
      return fault.error == ENOSYS || fault.error == EPERM ? Absorbed()
                                                           : Fails({Step::kCloseDescriptors});
    case OsCall::kFcntlSetFd: return Fails({Step::kKeepDescriptor});
    case OsCall::kChDir: return Fails({Step::kChDir});
    case OsCall::kExecVe: return Fails({Step::kExec});
    case OsCall::kSetGroups: return Fails({Step::kSetGroups});
    // The second call is the attempt to take the old id back, which is to fail.
    case OsCall::kSetResGid: return fault.index == 1 ? Fails({Step::kSetGid}) : Absorbed();
    case OsCall::kSetResUid: return fault.index == 1 ? Fails({Step::kSetUid}) : Absorbed();
    case OsCall::kGetGroups: return Fails({Step::kVerifyIdentity});
    case OsCall::kGetRandom: return Fails({Step::kReseed});
    // A report that is lost: the child says it by its exit status. One that comes after the report
    // of success can change nothing.
    case OsCall::kWrite: return Either({Step::kStart});
    case OsCall::kRead: return Either({Step::kReport, Step::kStart});
    case OsCall::kClose:
    case OsCall::kOpen: return Absorbed();
    default: return Fails({});
  }
}

Verdict Judge(const FaultPlan& plan) {
  if (plan.empty() || IsRestarted(plan[0])) return Absorbed();
  return plan[0].process.depth() == 0 ? JudgeInParent(plan[0]) : JudgeInChild(plan[0]);
}

std::string CheckOutcome(const FaultPlan& plan, const absl::Status& status) {
  const Verdict verdict = Judge(plan);
  if (status.ok()) return verdict.may_succeed ? "" : "it is a success; ";
  const std::string text(status.message());
  if (!verdict.may_fail) return "it is not absorbed: " + text + "; ";
  const std::optional<ChildError> error = GetChildError(status);
  if (!error.has_value()) return "no step is told: " + text + "; ";
  std::string wrong;
  const auto& steps = verdict.steps;
  if (std::find(steps.begin(), steps.end(), error->step) == steps.end()) {
    wrong += "it is another step: " + text + "; ";
  }
  if (error->step != Step::kStart && error->error != plan[0].error) {
    wrong += "it is another errno: " + text + "; ";
  }
  if (error->error != 0 && text.find(ErrnoName(error->error)) == std::string::npos) {
    wrong += "the errno is not named: " + text + "; ";
  }
  return wrong;
}

// The kernel, which says which pids are its caller's own children.
class RecordingOs : public GenerationOs {
 public:
  RecordingOs() : GenerationOs(RealOs()) {}

 private:
  void BeforeCall(OsCall) override {}
};

struct Variant {
  const char* name;
  Session session;
  bool identity;
};
constexpr Variant kVariants[] = {
    {"Child", Session::kNew, false},
    {"Daemon", Session::kDaemon, false},
    {"ChildOfAnotherUser", Session::kNew, true},
    {"DaemonOfAnotherUser", Session::kDaemon, true},
};

ForkOptions Options(const Variant& variant) {
  ForkOptions options;
  options.session = variant.session;
  options.retry.initial = options.retry.cap = absl::ZeroDuration();
  options.retry.attempts = 3;
  if (variant.identity) options.identity = Identity::User("nobody");
  SignalAction ignore;
  ignore.handler = SIG_IGN;
  options.signal_handlers.push_back({SIGPIPE, ignore});
  options.keep_descriptors = {3};
  return options;
}

// One run under `plan`; what is wrong with it.
std::string RunOnce(EntryPoint entry, const Variant& variant, const FaultPlan& plan,
                    FaultSweep* sweep) {
  const CallerState before = ReadCallerState();
  RecordingOs kernel;
  FaultOs os(kernel, plan);
  std::string wrong;
  {
    absl::StatusOr<Child> child = StartExiting(entry, 7, Options(variant), os);
    const bool fired = os.FaultsFired() > 0;
    wrong += CheckOutcome(fired ? plan : FaultPlan(), child.status());
    if (child.ok() && variant.session != Session::kDaemon) {
      absl::StatusOr<ExitStatus> ended = child->Wait();
      if (!ended.ok()) {
        wrong += "it cannot be waited for: " + std::string(ended.status().message()) + "; ";
      } else if (ended->ToString() != "exit status 7") {
        wrong += "it ended with " + ended->ToString() + "; ";
      }
    }
  }
  for (pid_t pid : kernel.first_children()) {
    if (waitpid(pid, nullptr, WNOHANG) != -1 || errno != ECHILD) wrong += "its child is left; ";
  }
  wrong += variant.session == Session::kDaemon ? ReapOrphans() : DescribeChildren();
  wrong += Difference(before, ReadCallerState());
  sweep->Record(os);
  return wrong.empty() ? "" : FaultPlanToString(plan) + ": " + wrong + "\n";
}

std::string Sweep(EntryPoint entry, const Variant& variant) {
  if (fcntl(3, F_GETFD) == -1 && dup2(0, 3) != 3) return "no descriptor to keep";
  FaultSweepOptions options;
  options.filter = &IsPossible;
  FaultSweep sweep(options);
  FaultPlan plan;
  std::string wrong;
  while (sweep.Next(&plan)) wrong += RunOnce(entry, variant, plan, &sweep);
  if (!sweep.complete()) wrong += "the sweep did not end\n";
  // Fewer would mean that the sweep has missed the child.
  if (sweep.runs_fired() < 150) {
    wrong += "only " + std::to_string(sweep.runs_fired()) + " faults fired\n";
  }
  return wrong;
}

class SweepOfEveryFault : public ::testing::TestWithParam<std::tuple<EntryPoint, Variant>> {};

TEST_P(SweepOfEveryFault, IsAnErrorOfItsStepOrAbsorbedAndLeavesNothing) {
  const EntryPoint entry = std::get<0>(GetParam());
  const Variant variant = std::get<1>(GetParam());
  if (variant.identity) CLEANFORK_SKIP_WITHOUT_PRIVILEGES();
  EXPECT_EQ(InOwnProcess([&] { return Sweep(entry, variant); }), "");
}

INSTANTIATE_TEST_SUITE_P(Real, SweepOfEveryFault,
                         ::testing::Combine(EntryPoints(), ::testing::ValuesIn(kVariants)),
                         [](const ::testing::TestParamInfo<std::tuple<EntryPoint, Variant>>& info) {
                           return std::string(EntryPointName(std::get<0>(info.param))) +
                                  std::get<1>(info.param).name;
                         });

}  // namespace
}  // namespace cleanfork
