// Each call that starting a child makes, in the parent and in the child, fails once with each errno
// that its manual page lists, on the real kernel, until a run in which nothing fails shows no call
// that was not failed. After each run: an error with the right step, or success where the fault is
// one that has to be absorbed; no zombie, no stray process, and the caller as before, bit by bit.
// The child makes no call that is not async-signal-safe. Over all the runs every step has failed.
#include "cleanfork/fault_sweep.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
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
#include "cleanfork/step.h"
#include "tests/real/entry_points.h"
#include "tests/real/generation_os.h"
#include "tests/real/own_process.h"
#include "tests/real/process_state.h"
#include "tests/real/shared_memory.h"
#include "tests/real/vfork_is_fork.h"

namespace cleanfork {
namespace {

// Faults that the manual pages list and that cannot happen in the state in which the library makes
// the call. This is the one place where a fault is left out of the sweep.
struct Impossible {
  OsCall call;
  int error;
  const char* why;
  bool (*when)(const FaultEntry&) = nullptr;  // null: always
};

bool IsALaterOneOfTheParent(const FaultEntry& fault) {
  return fault.process.depth() == 0 && fault.index > 1;
}

bool IsOfAChild(const FaultEntry& fault) { return fault.process.depth() > 0; }

constexpr Impossible kImpossible[] = {
    {OsCall::kVforkCall, EINVAL, "the parent has taken a termination signal that there is",
     &IsOfAChild},
    {OsCall::kSigProcMask, EINVAL, "puts back what the first one, which may fail, has changed",
     &IsALaterOneOfTheParent},
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

// What the sweeps, each in a process of its own, have come to.
struct Reached {
  // Which rows have excluded something: one that never does has no business here.
  std::atomic<bool> row[std::size(kImpossible)] = {};
  std::atomic<bool> row_of_seconds[std::size(kImpossibleInSeconds)] = {};
  std::atomic<bool> failed[kStepCount] = {};
};
Reached* reached = nullptr;

template <size_t kSize>
bool IsIn(const Impossible (&rows)[kSize], const FaultEntry& fault,
          std::atomic<bool> (&used)[kSize]) {
  bool found = false;
  for (size_t i = 0; i < kSize; ++i) {
    if (rows[i].call != fault.call || rows[i].error != fault.error) continue;
    if (rows[i].when != nullptr && !rows[i].when(fault)) continue;
    used[i] = true;
    found = true;
  }
  return found;
}

bool IsPossible(const FaultEntry& fault) {
  return !IsIn(kImpossible, fault, reached->row) &&
         !IsIn(kImpossibleInSeconds, fault, reached->row_of_seconds);
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

Verdict JudgeInParent(const FaultEntry& fault, EntryPoint entry, bool daemon) {
  const bool awaits_ready = entry == EntryPoint::kDaemonize;
  switch (fault.call) {
    case OsCall::kFork:
      return fault.error == ENOSYS ? Fails({Step::kFork}) : Absorbed();  // tried again
    case OsCall::kVforkCall: {  // again, or with SIGCHLD; under a sanitizer it is that already
      const bool is_last = kVforkIsFork && fault.index > 1;
      const bool is_tried_again = fault.error == EAGAIN || fault.error == ENOMEM;
      return is_last && !is_tried_again ? Fails({Step::kFork}) : Absorbed();
    }
    case OsCall::kPipe2: return Fails({Step::kPipe, Step::kOpenStream});
    case OsCall::kFcntlDupFd:  // EBADF: the stream is closed, and becomes /dev/null
      return {fault.error == EBADF, true, {Step::kOpenStream, Step::kMoveDescriptor, Step::kPipe}};
    case OsCall::kFcntlGetFd: return Fails({Step::kKeepDescriptor, Step::kMoveDescriptor});
    // Of /dev/null. Of /proc/PID/stat: the answer is then looked for elsewhere.
    case OsCall::kOpen: return fault.index == 1 ? Fails({Step::kOpenStream}) : Absorbed();
    case OsCall::kReadLink: return Absorbed();
    // Of /dev/null; of standard error, where EBADF says that it is closed.
    case OsCall::kFStat:
      return fault.index == 2 && fault.error == EBADF ? Absorbed() : Fails({Step::kOpenStream});
    // The report, of which a daemon sends two, and one more that it is ready; or /proc/PID/stat, as
    // above.
    case OsCall::kRead:
      return fault.index <= (daemon ? 2u : 1u) + (awaits_ready ? 1u : 0u) ? Fails({Step::kReport})
                                                                          : Absorbed();
    case OsCall::kStat: return Either({Step::kValidate});
    case OsCall::kGetPwNam:
    case OsCall::kGetPwUid:
    case OsCall::kGetGrNam: return Fails({Step::kResolveUser});
    case OsCall::kGetGroupList:  // ERANGE: asked again with more room
      return fault.error == ERANGE ? Absorbed() : Fails({Step::kResolveUser});
    case OsCall::kSigProcMask: return Fails({Step::kBlockSignals});
    case OsCall::kSigAction: return Fails({Step::kBlockSignals});
    // The pipe is then read without; but readiness has a deadline.
    case OsCall::kPoll: return awaits_ready ? Either({Step::kReport}) : Absorbed();
    case OsCall::kClose:
    case OsCall::kPidFdOpen:
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
    case OsCall::kSigProcMask: return Fails({Step::kSignalMask});
    case OsCall::kStat:
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
    case OsCall::kExecVe:
      return fault.error == ETXTBSY ? Absorbed() : Fails({Step::kExec});  // tried again
    case OsCall::kSetGroups: return Fails({Step::kSetGroups});
    // The second call is the attempt to take the old id back, which is to fail.
    case OsCall::kSetResGid: return fault.index == 1 ? Fails({Step::kSetGid}) : Absorbed();
    case OsCall::kSetResUid: return fault.index == 1 ? Fails({Step::kSetUid}) : Absorbed();
    case OsCall::kCapGet:
    case OsCall::kGetGroups: return Fails({Step::kVerifyIdentity});
    case OsCall::kFTruncate:
    case OsCall::kPWrite: return Fails({Step::kWritePidFile});
    case OsCall::kGetRandom: return Fails({Step::kReseed});
    case OsCall::kPrctlSetNoNewPrivs: return Fails({Step::kNoNewPrivs});
    case OsCall::kPrctlSetPdeathsig: return Fails({Step::kParentDeathSignal});
    // A report that is lost: the child says it by its exit status. One that comes after the report
    // of success can change nothing.
    // So it is with the score, which is written before, and with the word that a daemon is ready.
    case OsCall::kWrite: return Either({Step::kStart, Step::kOomScore, Step::kReady});
    case OsCall::kRead: return Either({Step::kReport, Step::kStart});
    // In the first child of a daemon that has yet to become ready.
    case OsCall::kPidFdOpen:
    case OsCall::kReadLink:
    case OsCall::kPoll: return Absorbed();
    // In a daemon that releases its first child when that has left already: the SIGPIPE is ignored.
    case OsCall::kSigTimedWait: return Absorbed();
    // Of oom_score_adj; or of /proc/PID/stat, as in the parent.
    case OsCall::kOpen: return Either({Step::kOomScore});
    case OsCall::kClose: return Absorbed();
    default: return Fails({});
  }
}

// What has to come of a call in the child that says that it has succeeded and has done nothing.
// docs/steps.md lists which lies are found out.
Verdict JudgeLie(const FaultEntry& fault, bool daemon) {
  switch (fault.call) {
    case OsCall::kSetGroups:
    case OsCall::kGetGroups: return Fails({Step::kVerifyIdentity});
    case OsCall::kSetResGid:
    case OsCall::kSetResUid:
      return Fails({fault.index == 1 ? Step::kVerifyIdentity : Step::kRegain});
    // What no second call is asked about.
    case OsCall::kSigAction:
    case OsCall::kSigProcMask:
    case OsCall::kSetSid:
    case OsCall::kSetRLimit:
    case OsCall::kSetPriority:
    case OsCall::kChRoot:  // to the root that is: child_settings_test has another
    case OsCall::kDup2:
    case OsCall::kFcntlSetFd:
    case OsCall::kFTruncate:
    case OsCall::kPWrite:
    case OsCall::kCloseRange:
    case OsCall::kCapGet:  // it says that there is none
    case OsCall::kPrctlSetNoNewPrivs:
    case OsCall::kPrctlSetPdeathsig:
    case OsCall::kReadLink:
    case OsCall::kSigTimedWait:
    case OsCall::kWaitId:  // it says that the second child has exec'd, and so it has
    case OsCall::kGetRandom: return Absorbed();
    case OsCall::kStat: return Fails({Step::kChRoot});
    case OsCall::kChDir: return fault.index == 1 ? Fails({Step::kChRoot}) : Absorbed();
    // A descriptor that is not open fails the next call. The report comes from those that are left.
    // A first child opens /proc/PID/stat alone, and looks elsewhere.
    case OsCall::kOpen:
      return daemon && fault.process.depth() == 1 ? Absorbed() : Fails({Step::kOomScore});
    case OsCall::kPipe2:
    case OsCall::kFcntlDupFd: return Fails({Step::kPipe, Step::kReport});
    case OsCall::kRead:
    case OsCall::kWrite: return Either({Step::kReport, Step::kStart});
    default: return Fails({});
  }
}

// The same of a process that is or becomes a daemon, where it is otherwise; else nothing.
std::optional<Verdict> JudgeInDaemonize(const FaultEntry& fault, bool daemon) {
  const bool is_lie = fault.kind == FaultEntry::Kind::kLie;
  const bool is_first_child = daemon && fault.process.depth() == 1;
  switch (fault.call) {
    // Once more around the daemon's word. A mask that is not put back nobody can do anything about.
    case OsCall::kSigProcMask:
      if (fault.index == 1) return std::nullopt;
      return is_lie ? Absorbed() : Either({Step::kReady});
    // A word that was never written.
    case OsCall::kWrite:
      if (!is_lie) return std::nullopt;
      return Either({Step::kReport, Step::kStart, Step::kReady});
    // The first child then does not hear of the end, or is not released; the starter ends it.
    case OsCall::kPidFdOpen:
    case OsCall::kPoll:
      if (!is_lie || !is_first_child) return std::nullopt;
      return Absorbed();
    case OsCall::kPipe2:
      if (!is_lie || !is_first_child) return std::nullopt;
      return Either({Step::kPipe, Step::kReport});
    default: return std::nullopt;
  }
}

Verdict Judge(const FaultPlan& plan, bool daemon, EntryPoint entry) {
  if (plan.empty() || IsRestarted(plan[0])) return Absorbed();
  const OsCall call = plan[0].call;
  const bool in_child = plan[0].process.depth() > 0;
  if (in_child && entry == EntryPoint::kDaemonize) {
    const std::optional<Verdict> verdict = JudgeInDaemonize(plan[0], daemon);
    if (verdict.has_value()) return *verdict;
  }
  if (kVforkIsFork && entry == EntryPoint::kSpawn &&
      (call == OsCall::kRead || call == OsCall::kOpen || call == OsCall::kReadLink)) {
    return Either({Step::kReport, Step::kStart, Step::kOpenStream, Step::kOomScore});
  }
  if (plan[0].kind == FaultEntry::Kind::kLie) return JudgeLie(plan[0], daemon);
  return in_child ? JudgeInChild(plan[0]) : JudgeInParent(plan[0], entry, daemon);
}

// Whether the error's errno is the fault's, or what is left of it.
bool IsRightErrno(const ChildError& error, const FaultEntry& fault) {
  if (error.error == fault.error) return true;
  // Of pid_for_children: a namespace without a process, which is an option that cannot hold.
  if (fault.call == OsCall::kStat && fault.error == ENOENT) return error.error == EINVAL;
  if (fault.kind == FaultEntry::Kind::kLie) {  // of a descriptor that is not open
    return error.error == 0 || error.error == EBADF || error.step == Step::kStart;
  }
  // A lost report has no errno, and nor has a number of groups that is not the one asked for, which
  // is what EINVAL of getgroups(2) says.
  return error.error == 0 && (error.step == Step::kStart || error.step == Step::kReady ||
                              error.step == Step::kVerifyIdentity);
}

std::string CheckOutcome(const FaultPlan& plan, bool daemon, EntryPoint entry,
                         const absl::Status& status) {
  if (plan.size() > 1) {  // of two faults either may be told, or both absorbed
    return status.ok() || GetChildError(status).has_value() ? "" : "no step is told; ";
  }
  const Verdict verdict = Judge(plan, daemon, entry);
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

// Descriptors of the caller's: one to keep, and one that is the pid file.
constexpr int kKept = 6;
constexpr int kPidFile = 8;

ForkOptions Options(EntryPoint entry, const Variant& variant) {
  ForkOptions options;
  options.session = variant.session;
  options.retry.initial = options.retry.cap = absl::ZeroDuration();
  options.retry.attempts = 3;
  if (variant.identity) {
    options.identity = Identity::User("nobody");
    options.limits = {{RLIMIT_CORE, {0, 0}}, {RLIMIT_NOFILE, {64, 64}}};
    // Allowed to everybody, and no lower in the queue for a processor than it takes.
    options.nice = std::max(5, getpriority(PRIO_PROCESS, 0));
    options.descriptors = {{0, 5}};
    options.listen_fds = {{kKept, "three"}, {0, ""}};
    options.oom_score_adjust = 1000;
    options.chroot = "/";
    options.no_new_privs = true;
    if (variant.session != Session::kDaemon) options.parent_death_signal = SIGTERM;
    options.pid_file_descriptor = kPidFile;
    if (entry != EntryPoint::kSpawn) options.reseed = [](const unsigned char*, size_t) {};
  }
  SignalAction ignore;
  ignore.handler = SIG_IGN;
  options.signal_handlers.push_back({SIGPIPE, ignore});
  options.keep_descriptors = {kKept};
  return options;
}

// A caller of whom there is something to be lost: a handler with flags and a mask, an ignored
// signal, a blocked one, descriptors with offsets and flags.
bool BecomeElaborate() {
  if (fcntl(kKept, F_GETFD) == -1 && dup2(0, kKept) != kKept) return false;
  int ends[2];
  const int file = memfd_create("pid", 0);
  const int log = memfd_create("log", MFD_CLOEXEC);
  if (pipe2(ends, O_NONBLOCK) != 0 || dup2(file, kPidFile) != kPidFile) return false;
  if (fcntl(log, F_SETFL, O_APPEND) != 0 || pwrite(log, "abc", 3, 0) != 3) return false;
  struct sigaction handler = {};
  handler.sa_handler = [](int) {};
  handler.sa_flags = SA_RESTART | SA_NODEFER;
  sigaddset(&handler.sa_mask, SIGHUP);
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGWINCH);
  sigaddset(&blocked, SIGRTMAX);
  return lseek(log, 1, SEEK_SET) == 1 && sigaction(SIGUSR1, &handler, nullptr) == 0 &&
         sigaction(SIGRTMIN, &handler, nullptr) == 0 && signal(SIGUSR2, SIG_IGN) != SIG_ERR &&
         sigprocmask(SIG_BLOCK, &blocked, nullptr) == 0;
}

// Calls of Os that are no async-signal-safe ones, and that only a parent may make: os.h,
// signal-safety(7).
constexpr OsCall kUnsafe[] = {OsCall::kGetPwNam,     OsCall::kGetPwUid, OsCall::kGetGrNam,
                              OsCall::kGetGroupList, OsCall::kGetEnv,   OsCall::kSetEnv,
                              OsCall::kUnsetEnv};

std::string DescribeUnsafeCalls(const FaultOs& os) {
  std::string text;
  for (const CallSite& site : os.CallsMade()) {
    if (site.process.depth() == 0) continue;
    if (std::find(std::begin(kUnsafe), std::end(kUnsafe), site.call) == std::end(kUnsafe)) continue;
    text += std::string("a child calls ") + GetOsCallInfo(site.call).name + "; ";
  }
  return text;
}

// One run under `plan`; what is wrong with it.
std::string RunOnce(EntryPoint entry, const Variant& variant, const FaultPlan& plan,
                    FaultSweep* sweep) {
  const CallerState before = ReadCallerState();
  RecordingOs kernel;
  FaultOs os(kernel, plan);
  std::string wrong;
  {
    absl::StatusOr<Child> child = StartExiting(entry, 7, Options(entry, variant), os);
    const bool fired = os.FaultsFired() > 0;
    const bool daemon = variant.session == Session::kDaemon;
    if (const auto error = GetChildError(child.status()); error.has_value() && fired) {
      reached->failed[static_cast<size_t>(error->step)] = true;
    }
    wrong += CheckOutcome(fired ? plan : FaultPlan(), daemon, entry, child.status());
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
  wrong += DescribeUnsafeCalls(os);
  sweep->Record(os);
  return wrong.empty() ? "" : FaultPlanToString(plan) + ": " + wrong + "\n";
}

// Those of a child that say that they have succeeded. Not close(2), which on Linux always has.
bool IsLieOfAChild(const FaultEntry& fault) {
  return fault.kind == FaultEntry::Kind::kLie && fault.process.depth() > 0 &&
         fault.call != OsCall::kClose;
}

// How often the parent polls, and looks at /proc/PID/stat, depends on how long the child takes; and
// whether a daemon still finds the first child, whose absence is a SIGPIPE to be taken back. The
// first child of a daemon that has become ready is ended by the starter, however far it has come:
// its first call once it has forked is to open a pidfd.
bool IsMadeByTheClock(const FaultEntry& fault) {
  const OsCall call = fault.call;
  if (call == OsCall::kPidFdOpen) return fault.process.depth() == 1;
  return call == OsCall::kSigTimedWait || call == OsCall::kReadLink || call == OsCall::kPoll ||
         call == OsCall::kOpen || call == OsCall::kRead || call == OsCall::kClose;
}

std::string Sweep(EntryPoint entry, const Variant& variant, const FaultSweepOptions& options,
                  size_t least_fired) {
  if (!BecomeElaborate()) return "the caller cannot be prepared";
  FaultSweep sweep(options);
  FaultPlan plan;
  std::string wrong;
  while (sweep.Next(&plan)) wrong += RunOnce(entry, variant, plan, &sweep);
  if (!sweep.complete()) wrong += "the sweep did not end\n";
  // Fewer would mean that the sweep has missed the child.
  if (sweep.runs_fired() < least_fired) {
    wrong += "only " + std::to_string(sweep.runs_fired()) + " faults fired\n";
  }
  for (const FaultPlan& unfired : sweep.unfired()) {
    if (unfired.size() > 1 || IsMadeByTheClock(unfired[0])) continue;
    wrong += "not made again: " + FaultPlanToString(unfired) + "\n";
  }
  return wrong;
}

class SweepOfEveryFault : public ::testing::TestWithParam<std::tuple<EntryPoint, Variant>> {
 protected:
  static void SetUpTestSuite() {
    shared_ = new Shared<Reached>;
    reached = &**shared_;
  }
  static void TearDownTestSuite() {
    if (::testing::UnitTest::GetInstance()->failed_test_count() == 0 && swept_ == kSweeps) {
      ExpectUsed(kImpossible, reached->row);
      if (faults > 1) ExpectUsed(kImpossibleInSeconds, reached->row_of_seconds);
      for (int i = 0; i < kStepCount; ++i) {
        const Step step = static_cast<Step>(i);
        if (step == Step::kUmask) continue;  // umask(2) cannot fail, and can say nothing wrong
        EXPECT_TRUE(reached->failed[i]) << "a step that has never failed: " << StepName(step);
      }
    }
    delete shared_;
  }

  template <size_t kSize>
  static void ExpectUsed(const Impossible (&rows)[kSize], std::atomic<bool> (&used)[kSize]) {
    for (size_t i = 0; i < kSize; ++i) {
      EXPECT_TRUE(used[i]) << "a row that excludes nothing: " << GetOsCallInfo(rows[i].call).name
                           << ", " << rows[i].why;
    }
  }

  // Of errors all, of lies those of children with an identity.
  static constexpr size_t kSweeps = 4 * std::size(kVariants) * 3 / 2;
  static Shared<Reached>* shared_;
  static size_t swept_;
};

Shared<Reached>* SweepOfEveryFault::shared_ = nullptr;
size_t SweepOfEveryFault::swept_ = 0;

TEST_P(SweepOfEveryFault, IsAnErrorOfItsStepOrAbsorbedAndLeavesNothing) {
  const EntryPoint entry = std::get<0>(GetParam());
  const Variant variant = std::get<1>(GetParam());
  if (variant.identity) CLEANFORK_SKIP_WITHOUT_PRIVILEGES();
  FaultSweepOptions options;
  options.filter = &IsPossible;
  options.max_faults = faults;
  const int deadline_seconds = faults > 1 ? 1800 : 240;
  EXPECT_EQ(InOwnProcess([&] { return Sweep(entry, variant, options, 150); }, deadline_seconds),
            "");
  ++swept_;
}

TEST_P(SweepOfEveryFault, ThatIsALieOfAChildsIsFoundOutWhereItCanBe) {
  const EntryPoint entry = std::get<0>(GetParam());
  const Variant variant = std::get<1>(GetParam());
  if (!variant.identity) return;  // the steps of these are among those of the others
  CLEANFORK_SKIP_WITHOUT_PRIVILEGES();
  FaultSweepOptions options;
  options.lies = true;
  options.filter = &IsLieOfAChild;
  EXPECT_EQ(InOwnProcess([&] { return Sweep(entry, variant, options, 20); }), "");
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
