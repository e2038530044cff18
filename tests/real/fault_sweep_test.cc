// Each call that starting a child makes, in the parent and in the child, fails once with each errno
// that its manual page lists, on the real kernel, until a run in which nothing fails shows no call
// that was not failed. After each run: an error with the right step, or success where the fault is
// one that has to be absorbed; no zombie, no stray process, and the caller as before.
#include "cleanfork/fault_sweep.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
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
#include "tests/real/shared_memory.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CLEANFORK_VFORK_IS_FORK 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CLEANFORK_VFORK_IS_FORK 1
#endif

namespace cleanfork {
namespace {

// Under these sanitizers VforkCall() forks, and what the child writes to memory is lost: that it
// has come to its exec is then known from /proc alone, and when is a matter of time.
#ifdef CLEANFORK_VFORK_IS_FORK
constexpr bool kVforkIsFork = true;
#else
constexpr bool kVforkIsFork = false;
#endif

// Faults that the manual pages list and that cannot happen in the state in which the library makes
// the call. This is the one place where a fault is left out of the sweep.
struct Impossible {
  OsCall call;
  int error;
  const char* why;
};

constexpr Impossible kImpossible[] = {
    {OsCall::kSigProcMask, EINVAL, "`how` is a constant that the page lists"},
    {OsCall::kWaitPid, EINVAL, "the options are constants that the page lists"},
    {OsCall::kWaitPid, ECHILD, "the child is there and is waited for only once"},
    {OsCall::kClockGetTime, EINVAL, "CLOCK_MONOTONIC is on every Linux"},
    {OsCall::kRead, EAGAIN, "the pipe is not O_NONBLOCK"},
    {OsCall::kWrite, EAGAIN, "the pipe is not O_NONBLOCK"},
};

// The same for calls that are only made to deal with a fault, and fail as a second one.
constexpr Impossible kImpossibleInSeconds[] = {
    {OsCall::kWaitId, EINVAL, "the options are constants that the page lists"},
    {OsCall::kWaitId, ECHILD, "the child is there and has not been waited for"},
    {OsCall::kWaitId, EAGAIN, "said of P_PIDFD and a non-blocking descriptor only"},
    {OsCall::kPidFdSendSignal, EBADF, "the descriptor is a pidfd"},
    {OsCall::kPidFdSendSignal, EINVAL, "the signal is a constant"},
    {OsCall::kPidFdSendSignal, EPERM, "the caller is root, or its child has its saved uid"},
    {OsCall::kPidFdSendSignal, ESRCH, "only if the child is gone, which is what is wanted"},
    {OsCall::kPidFdSendSignal, ENOSYS, "a kernel with pidfd_open(2) has it: it is the older one"},
    {OsCall::kClockNanoSleep, EINVAL, "the clock and the time are good"},
    {OsCall::kClockNanoSleep, ENOTSUP, "CLOCK_MONOTONIC can be slept on"},
};

int faults = 1;  // in one run; --faults=

// Which rows have excluded something: one that never does has no business here.
struct UsedRows {
  std::atomic<bool> row[std::size(kImpossible)] = {};
};
UsedRows* used_rows = nullptr;

bool IsPossible(const FaultEntry& fault) {
  bool possible = true;
  for (size_t i = 0; i < std::size(kImpossible); ++i) {
    if (kImpossible[i].call != fault.call || kImpossible[i].error != fault.error) continue;
    used_rows->row[i] = true;
    possible = false;
  }
  return possible && std::none_of(std::begin(kImpossibleInSeconds), std::end(kImpossibleInSeconds),
                                  [&](const Impossible& row) {
                                    return row.call == fault.call && row.error == fault.error;
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

Verdict JudgeInParent(const FaultEntry& fault, bool daemon) {
  switch (fault.call) {
    case OsCall::kFork:
    case OsCall::kVforkCall:
      return fault.error == ENOSYS ? Fails({Step::kFork}) : Absorbed();  // tried again
    case OsCall::kPipe2: return Fails({Step::kPipe, Step::kOpenStream});
    case OsCall::kFcntlDupFd:
      // EBADF: the stream is closed.
      return Either({Step::kOpenStream, Step::kMoveDescriptor, Step::kPipe});
    case OsCall::kFcntlGetFd: return Fails({Step::kKeepDescriptor, Step::kMoveDescriptor});
    // Of /dev/null. Of /proc/PID/stat: the answer is then looked for elsewhere.
    case OsCall::kOpen: return fault.index == 1 ? Fails({Step::kOpenStream}) : Absorbed();
    case OsCall::kFStat:
      return Either({Step::kOpenStream});  // EBADF: the stream is closed
    // The report, of which a daemon sends two; or /proc/PID/stat, as above.
    case OsCall::kRead:
      return fault.index <= (daemon ? 2u : 1u) ? Fails({Step::kReport}) : Absorbed();
    case OsCall::kStat: return Either({Step::kValidate});
    case OsCall::kGetPwNam:
    case OsCall::kGetPwUid:
    case OsCall::kGetGrNam: return Fails({Step::kResolveUser});
    case OsCall::kGetGroupList:
      return Either({Step::kResolveUser});  // ERANGE: asked again with more room
    case OsCall::kSigAction: return Fails({Step::kBlockSignals});
    case OsCall::kClose:
    case OsCall::kPidFdOpen:
    case OsCall::kPoll:             // the pipe is then read without
    case OsCall::kPidFdSendSignal:  // to a first child, which leaves by itself as well
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
    case OsCall::kChRoot: return Fails({Step::kChRoot});
    case OsCall::kSetRLimit: return Fails({Step::kLimits});
    case OsCall::kSetPriority: return Fails({Step::kNice});
    case OsCall::kSetSid: return Fails({Step::kSetSid});
    case OsCall::kPipe2: return Fails({Step::kPipe});
    case OsCall::kFcntlDupFd: return Fails({Step::kPipe});
    case OsCall::kDup2:
      return fault.error == EBUSY
                 ? Absorbed()
                 : Fails({Step::kStdin, Step::kStdout, Step::kStderr, Step::kMoveDescriptor});
    case OsCall::kCloseRange:
      return fault.error == ENOSYS || fault.error == EPERM ? Absorbed()
                                                           : Fails({Step::kCloseDescriptors});
    case OsCall::kFcntlSetFd: return Fails({Step::kKeepDescriptor});
    case OsCall::kChDir: return Fails({Step::kChRoot, Step::kChDir});
    case OsCall::kExecVe: return Fails({Step::kExec});
    case OsCall::kSetGroups: return Fails({Step::kSetGroups});
    // The second call is the attempt to take the old id back, which is to fail.
    case OsCall::kSetResGid: return fault.index == 1 ? Fails({Step::kSetGid}) : Absorbed();
    case OsCall::kSetResUid: return fault.index == 1 ? Fails({Step::kSetUid}) : Absorbed();
    case OsCall::kCapGet:
    case OsCall::kGetGroups: return Fails({Step::kVerifyIdentity});
    case OsCall::kGetRandom: return Fails({Step::kReseed});
    case OsCall::kPrctlSetNoNewPrivs: return Fails({Step::kNoNewPrivs});
    case OsCall::kPrctlSetPdeathsig: return Fails({Step::kParentDeathSignal});
    // A report that is lost: the child says it by its exit status. One that comes after the report
    // of success can change nothing.
    // So it is with the score, which is written before.
    case OsCall::kWrite: return Either({Step::kStart, Step::kOomScore});
    case OsCall::kRead: return Either({Step::kReport, Step::kStart});
    // Of oom_score_adj; or of /proc/PID/stat, as in the parent.
    case OsCall::kOpen: return Either({Step::kOomScore});
    case OsCall::kClose: return Absorbed();
    default: return Fails({});
  }
}

Verdict Judge(const FaultPlan& plan, bool daemon, bool spawns) {
  if (plan.empty() || IsRestarted(plan[0])) return Absorbed();
  const OsCall call = plan[0].call;
  if (kVforkIsFork && spawns && (call == OsCall::kRead || call == OsCall::kOpen)) {
    return Either({Step::kReport, Step::kStart, Step::kOpenStream, Step::kOomScore});
  }
  return plan[0].process.depth() == 0 ? JudgeInParent(plan[0], daemon) : JudgeInChild(plan[0]);
}

// Whether the error's errno is the fault's, or what is left of it.
bool IsRightErrno(const ChildError& error, const FaultEntry& fault) {
  if (error.error == fault.error) return true;
  // Of pid_for_children: a namespace without a process, which is an option that cannot hold.
  if (fault.call == OsCall::kStat && fault.error == ENOENT) return error.error == EINVAL;
  // A lost report has no errno, and nor has a number of groups that is not the one asked for, which
  // is what EINVAL of getgroups(2) says.
  return error.error == 0 && (error.step == Step::kStart || error.step == Step::kVerifyIdentity);
}

std::string CheckOutcome(const FaultPlan& plan, bool daemon, bool spawns,
                         const absl::Status& status) {
  if (plan.size() > 1) {  // of two faults either may be told, or both absorbed
    return status.ok() || GetChildError(status).has_value() ? "" : "no step is told; ";
  }
  const Verdict verdict = Judge(plan, daemon, spawns);
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
  if (!IsRightErrno(*error, plan[0])) {
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
  if (variant.identity) {
    options.identity = Identity::User("nobody");
    options.limits = {{RLIMIT_CORE, {0, 0}}, {RLIMIT_NOFILE, {64, 64}}};
    options.nice = 5;
    options.descriptors = {{0, 5}};
    options.listen_fds = {{3, "three"}, {0, ""}};
    options.oom_score_adjust = 100;
    options.chroot = "/";
    options.no_new_privs = true;
    if (variant.session != Session::kDaemon) options.parent_death_signal = SIGTERM;
  }
  SignalAction ignore;
  ignore.handler = SIG_IGN;
  options.signal_handlers.push_back({SIGPIPE, ignore});
  options.keep_descriptors = {variant.identity ? 6 : 3};
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
    const bool daemon = variant.session == Session::kDaemon;
    wrong += CheckOutcome(fired ? plan : FaultPlan(), daemon, entry == EntryPoint::kSpawn,
                          child.status());
    if (child.ok() && !daemon) {
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
  for (int fd : {3, 6}) {
    if (fcntl(fd, F_GETFD) == -1 && dup2(0, fd) != fd) return "no descriptor to keep";
  }
  FaultSweepOptions options;
  options.filter = &IsPossible;
  options.max_faults = faults;
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

class SweepOfEveryFault : public ::testing::TestWithParam<std::tuple<EntryPoint, Variant>> {
 protected:
  static void SetUpTestSuite() {
    shared_ = new Shared<UsedRows>;
    used_rows = &**shared_;
  }
  static void TearDownTestSuite() {
    if (::testing::UnitTest::GetInstance()->failed_test_count() == 0 && swept_ == kSweeps) {
      for (size_t i = 0; i < std::size(kImpossible); ++i) {
        EXPECT_TRUE(used_rows->row[i])
            << "a row that excludes nothing: " << GetOsCallInfo(kImpossible[i].call).name << ", "
            << kImpossible[i].why;
      }
    }
    delete shared_;
  }

  static constexpr size_t kSweeps = 3 * std::size(kVariants);
  static Shared<UsedRows>* shared_;
  static size_t swept_;
};

Shared<UsedRows>* SweepOfEveryFault::shared_ = nullptr;
size_t SweepOfEveryFault::swept_ = 0;

TEST_P(SweepOfEveryFault, IsAnErrorOfItsStepOrAbsorbedAndLeavesNothing) {
  const EntryPoint entry = std::get<0>(GetParam());
  const Variant variant = std::get<1>(GetParam());
  if (variant.identity) CLEANFORK_SKIP_WITHOUT_PRIVILEGES();
  EXPECT_EQ(InOwnProcess([&] { return Sweep(entry, variant); }), "");
  ++swept_;
}

INSTANTIATE_TEST_SUITE_P(Real, SweepOfEveryFault,
                         ::testing::Combine(EntryPoints(), ::testing::ValuesIn(kVariants)),
                         [](const ::testing::TestParamInfo<std::tuple<EntryPoint, Variant>>& info) {
                           return std::string(EntryPointName(std::get<0>(info.param))) +
                                  std::get<1>(info.param).name;
                         });

}  // namespace
}  // namespace cleanfork

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument.rfind("--faults=", 0) == 0) cleanfork::faults = std::atoi(argument.c_str() + 9);
  }
  return RUN_ALL_TESTS();
}
