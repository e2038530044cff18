#include "src/launch.h"

#include <poll.h>

#include <cerrno>
#include <string>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "cleanfork/fd_io.h"
#include "cleanfork/probe.h"
#include "cleanfork/process_handle.h"
#include "src/child/run_child_plan.h"
#include "src/fork_limits.h"
#include "src/fork_obstacle.h"
#include "src/wait_for_end.h"

namespace cleanfork {
namespace {

// For a daemon that has given up to exit by itself; and for the end of one that was killed, which
// waits for as long as a system call of its is not to be interrupted.
constexpr absl::Duration kTimeToLeave = absl::Seconds(5);
constexpr absl::Duration kTimeToDie = absl::Seconds(5);

// The code that a daemon gave its failure. One that is none, as 0 is, must not be a success.
absl::StatusCode FailureCode(int32_t code) {
  const bool is_failure = code >= static_cast<int32_t>(absl::StatusCode::kCancelled) &&
                          code <= static_cast<int32_t>(absl::StatusCode::kUnauthenticated);
  return is_failure ? static_cast<absl::StatusCode>(code) : absl::StatusCode::kUnknown;
}

bool IsTransient(int error) { return error == EAGAIN || error == ENOMEM; }

}  // namespace

absl::StatusOr<std::optional<Child>> Launch::Run() {
  if (options_.before_fork) options_.before_fork();
  absl::Status ignored = IgnoreSigchld();
  if (!ignored.ok()) return ignored;
  absl::StatusOr<pid_t> forked = ForkWithRetry();
  if (forked.ok() && *forked == 0) return std::optional<Child>();
  if (!forked.ok()) {
    RestoreSigchld();
    return forked.status();
  }
  const bool daemon = options_.session == Session::kDaemon;
  child_.pid = *forked;
  child_fd_ = UniqueFd(os_, os_.PidFdOpen(child_.pid, 0).value_or(-1));
  // If somebody has taken the child away already, its number may have been another's by then.
  const SysResult<WaitIdResult> known = LookAtChild(os_, child_.pid);
  const bool is_lost = !known.ok() && known.error() == ECHILD;
  if (is_lost) CLEANFORK_PROBE("somebody else has reaped a child before it was looked at");
  if (is_lost) child_fd_.Reset();
  child_.pid_fd = child_fd_.get();
  child_.report_read = plan_.frozen().report_read;
  child_.execs = plan_.frozen().execs() && !daemon;
  child_.exec_reached = plan_.frozen().exec_reached;
  plan_.CloseChildEnds();
  if (mask_error_ != 0) {
    CLEANFORK_PROBE("a child is killed since the mask cannot be restored");
    KillChild();
  }
  const ChildReport report = daemon ? AwaitDaemon() : AwaitOwnChild();
  const bool started = report.kind == ChildReport::kStarted && mask_error_ == 0;
  const bool awaits_ready = plan_.frozen().awaits_ready;
  if (!started || (daemon && !awaits_ready)) {
    // A first child has nothing left to do once the second one runs, and a failed child exits.
    if (started) KillChild();
    ReapChild();
  }
  if (!started) {
    CLEANFORK_PROBE("a child has not started and is reaped");
    if (report.kind == ChildReport::kStarted) KillSecond();
    RestoreSigchld();
    return Explain(report);
  }
  std::optional<Child> result;
  if (awaits_ready) {
    return std::optional<Child>(Child::Daemon(os_, daemon ? second_ : child_.pid, UniqueFd()));
  }
  if (daemon) {
    result = Child::Daemon(os_, static_cast<pid_t>(report.pid), std::move(second_fd_));
  } else {
    result = is_lost ? Child::Lost(os_, child_.pid, plan_.TakePipes())
                     : Child(os_, child_.pid, plan_.TakePipes(), std::move(child_fd_));
  }
  if (options_.in_parent) options_.in_parent(result->pid());
  return result;
}

absl::Status Launch::IgnoreSigchld() {
  if (options_.sigchld != SigchldPolicy::kIgnore) return absl::OkStatus();
  SignalAction ignore;
  ignore.handler = SIG_IGN;
  SysResult<SignalAction> old = os_.SigAction(SIGCHLD, &ignore);
  if (!old.ok()) {
    ChildError error;
    error.step = Step::kBlockSignals;
    error.error = old.error();
    return ChildErrorStatus("sigaction(SIGCHLD)", error);
  }
  old_sigchld_ = old.value();
  return absl::OkStatus();
}

void Launch::RestoreSigchld() {
  if (!old_sigchld_.has_value()) return;
  CLEANFORK_PROBE("SIGCHLD is what it was before a failure");
  RetryOnEintr([&] { return os_.SigAction(SIGCHLD, &*old_sigchld_); }).IgnoreError();
}

absl::StatusOr<pid_t> Launch::ForkWithRetry() {
  const int64_t started = os_.ClockGetTime(CLOCK_MONOTONIC).value_or(0);
  for (;;) {
    ++attempts_;
    const SignalSet all = SignalSet::Full();
    SysResult<SignalSet> mask = os_.SigProcMask(SIG_SETMASK, &all);
    if (!mask.ok()) {
      ChildError error;
      error.step = Step::kBlockSignals;
      error.error = mask.error();
      error.attempt = attempts_;
      return ChildErrorStatus("sigprocmask", error);
    }
    SysResult<pid_t> forked = ForkOnce();
    if (forked.ok() && forked.value() == 0) return 0;
    absl::Status restored = RestoreMask(mask.value());
    if (forked.ok()) return forked.value();
    if (!restored.ok()) return restored;
    if (!IsTransient(forked.error())) return ForkFailed(forked.error(), started, "");
    const ForkObstacle obstacle = FindForkObstacle(os_, forked.error());
    int64_t delay = 0;
    if (obstacle.permanent || !retry_.Next(os_, &delay)) {
      CLEANFORK_PROBE("no further fork is tried");
      return ForkFailed(forked.error(), started, obstacle.cause);
    }
    // With the caller's own mask: a signal that is to end or to tell the program something must not
    // wait for us. A handler that runs only interrupts the sleep, which is then taken up again.
    CLEANFORK_PROBE("a fork is tried again");
    SysResult<int64_t> now = os_.ClockGetTime(CLOCK_MONOTONIC);
    if (!now.ok() || !SleepUntil(os_, Later(now.value(), delay)).ok()) {
      CLEANFORK_PROBE("there is no sleeping between two forks");
      return ForkFailed(forked.error(), started, obstacle.cause);
    }
  }
}

// A fork with all signals blocked; in a child that does not exec, its whole set-up too.
SysResult<pid_t> Launch::ForkOnce() {
  const FrozenPlan& frozen = plan_.frozen();
  if (frozen.execs()) {
    // Without a termination signal until its exec: then wait(2) knows it from one that has exec'd,
    // and a caller who ignores SIGCHLD, or waits for any child, does not take it away from us.
    ProgramStart start = {&os_, &frozen, 0};
    const SysResult<pid_t> forked = os_.VforkCall(&RunProgram, &start, 0);
    child_.hidden_until_exec = forked.ok();
    if (forked.ok() || IsTransient(forked.error())) return forked;
    CLEANFORK_PROBE("there are no children without a termination signal");
    start.termination_signal = SIGCHLD;
    return os_.VforkCall(&RunProgram, &start, SIGCHLD);
  }
  SysResult<pid_t> forked = os_.Fork();
  if (forked.ok() && forked.value() == 0) supervisor_ = SetUpChild(os_, frozen);
  return forked;
}

absl::Status Launch::RestoreMask(SignalSet mask) {
  SysResult<SignalSet> restored = os_.SigProcMask(SIG_SETMASK, &mask);
  // sigprocmask(2) cannot fail with these arguments. Should it, leaving the program deaf to all
  // signals would be the worst outcome: try once more, and report.
  if (!restored.ok()) {
    CLEANFORK_PROBE("the mask is restored once more");
    restored = os_.SigProcMask(SIG_SETMASK, &mask);
  }
  if (restored.ok()) return absl::OkStatus();
  mask_error_ = restored.error();
  ChildError error;
  error.step = Step::kBlockSignals;
  error.error = mask_error_;
  error.attempt = attempts_;
  return ChildErrorStatus("sigprocmask, to restore the mask", error);
}

absl::Status Launch::ForkFailed(int error, int64_t started, const std::string& cause) {
  const int64_t now = os_.ClockGetTime(CLOCK_MONOTONIC).value_or(started);
  std::string what =
      absl::StrCat("fork (", attempts_, attempts_ == 1 ? " attempt in " : " attempts in ",
                   absl::FormatDuration(absl::Nanoseconds(now - started)));
  if (!cause.empty()) {
    absl::StrAppend(&what, "; ", cause);
  } else if (error == EAGAIN) {
    absl::StrAppend(&what, "; ", DescribeForkLimits(os_));
  }
  absl::StrAppend(&what, ")");
  ChildError child_error;
  child_error.step = Step::kFork;
  child_error.error = error;
  child_error.attempt = attempts_;
  return ChildErrorStatus(what, child_error);
}

void Launch::KillChild() { cleanfork::KillChild(os_, child_.pid, child_fd_.get()); }

// ECHILD: the caller ignores SIGCHLD or waits for any child; then there is nothing to reap.
void Launch::ReapChild() {
  RetryOnEintr([&] { return os_.WaitPid(child_.pid, __WALL); }).IgnoreError();
}

// A child that has been sent a SIGKILL. It need not end: having become another user it may not be
// ours to signal (EPERM), or it sleeps in the kernel. It must not hold us.
void Launch::ReapKilledChild() {
  const auto has_ended = [this]() -> absl::StatusOr<bool> {
    const SysResult<WaitIdResult> ended = LookAtChild(os_, child_.pid);
    return !ended.ok() || ended.value().pid != 0;
  };
  const absl::StatusOr<int64_t> deadline = DeadlineAfter(os_, kTimeToDie);
  // Without a clock there is no other way to leave no zombie than to wait.
  const bool may_be_reaped =
      !deadline.ok() || WaitForEnd(os_, child_fd_.get(), *deadline, has_ended).value_or(true);
  if (may_be_reaped) return ReapChild();
  CLEANFORK_PROBE("a killed child does not end in time");
}

ChildReport Launch::AwaitOwnChild() {
  const ChildReport report = AwaitReport(os_, child_);
  const bool unreadable =
      report.kind == ChildReport::kFailed && report.step == static_cast<int32_t>(Step::kReport);
  if (unreadable) {
    CLEANFORK_PROBE("a child whose pipe cannot be read is killed");
    KillChild();
  }
  return report;
}

ChildReport Launch::AwaitDaemon() {
  for (;;) {
    const ChildReport report = AwaitReport(os_, child_);
    const Step step = static_cast<Step>(report.step);
    const bool vanished = report.kind == ChildReport::kDied ||
                          (report.kind == ChildReport::kFailed && step == Step::kStart);
    if (report.kind == ChildReport::kForked) {
      NoteSecond(report);
    } else if (vanished && report.pid == child_.pid) {
      CLEANFORK_PROBE("the first child of a daemon vanishes");
      const ChildReport second = FirstChildVanished(mask_error_ == 0);
      return second.kind == ChildReport::kStarted ? second : report;
    } else if (report.kind == ChildReport::kFailed && step == Step::kReport) {
      CLEANFORK_PROBE("the pipe of a daemon cannot be read");
      KillChild();
      FirstChildVanished(false);
      return report;
    } else {
      return report;
    }
  }
}

// Once: what came next could be a word of the process itself, of whatever user it is by then, and
// name a stranger to be killed.
void Launch::NoteSecond(const ChildReport& report) {
  if (second_ != 0) return;
  second_ = static_cast<pid_t>(report.pid);
  second_fd_ = UniqueFd(os_, os_.PidFdOpen(second_, 0).value_or(-1));
}

// The first child was killed before it could say what became of the second. If that runs already,
// and `may_run`, it is what was asked for; else it is ended, and its end waited for, since it may
// be using the plan. kStarted, or kDied.
ChildReport Launch::FirstChildVanished(bool may_run) {
  constexpr int kTurns = 100;
  constexpr int64_t kTurn = 10'000'000;  // nanoseconds
  const bool execs = plan_.frozen().execs();
  bool pipe_ended = false;
  for (int turn = 0; turn < kTurns; ++turn) {
    // A second child says that it is there before anything else.
    struct pollfd ready[2] = {{pipe_ended ? -1 : child_.report_read, POLLIN, 0},
                              {second_fd_.get(), POLLIN, 0}};
    SysResult<size_t> count = os_.Poll(ready, 2, turn == 0 ? 0 : kTurn);
    if (!count.ok() && count.error() != EINTR) break;
    if (ready[0].revents != 0) {
      ChildReport report;
      SysResult<size_t> got = ReadFully(os_, child_.report_read, &report, sizeof(report));
      pipe_ended = !got.ok() || got.value() != sizeof(report);
      if (!pipe_ended && report.kind == ChildReport::kForked) NoteSecond(report);
      if (!pipe_ended && report.kind == ChildReport::kStarted && may_run) {
        CLEANFORK_PROBE("a second child says that it runs after the first has vanished");
        return report;
      }
      if (!pipe_ended) continue;
    } else if (ready[1].revents != 0) {
      break;
    }
    if (pipe_ended && !second_fd_.valid()) break;
    if (may_run && execs && second_fd_.valid() && HasExecd(os_, second_)) {
      CLEANFORK_PROBE("a second child has exec'd after the first has vanished");
      return ChildReport::Started(second_);
    }
    // Whatever it has written before the signal came. Where none can be sent it goes on, and is
    // then no failure.
    if (KillSecond()) {
      CLEANFORK_PROBE("a second child is killed after the first has vanished");
      may_run = false;
    }
  }
  KillSecond();
  return ChildReport::Died(SIGKILL, 0, second_);
}

// Whether there was a way to.
bool Launch::KillSecond() { return KillByPidFd(os_, second_fd_.get()); }

absl::Status Launch::AwaitReady(absl::Duration timeout) {
  AwaitedDaemon daemon;
  daemon.report_read = child_.report_read;
  daemon.is_child = options_.session != Session::kDaemon;
  daemon.pid = daemon.is_child ? child_.pid : second_;
  daemon.pid_fd = daemon.is_child ? child_fd_.get() : second_fd_.get();
  daemon.parent = daemon.is_child ? 0 : child_.pid;
  daemon.parent_fd = daemon.is_child ? -1 : child_fd_.get();
  absl::StatusOr<ProcessHandle> handle = absl::UnknownError("there is a pidfd");
  if (!daemon.is_child && daemon.pid_fd < 0) {
    CLEANFORK_PROBE("a daemon without a pidfd is known by its start");
    handle = ProcessHandle::Open(daemon.pid, os_);
  }
  if (handle.ok()) daemon.handle = &*handle;
  daemon.is_gone = absl::IsNotFound(handle.status());

  const DaemonReport heard = cleanfork::AwaitReady(os_, daemon, FromNow(timeout));
  if (heard.report.kind == ChildReport::kReady) {
    // Its parent is not needed any more. Nobody would reap it but us.
    if (!daemon.is_child) KillChild();
    if (!daemon.is_child) ReapChild();
    return absl::OkStatus();
  }
  EndDaemon(daemon, heard);
  RestoreSigchld();
  return ExplainUnready(heard, timeout);
}

int64_t Launch::FromNow(absl::Duration time) {
  return Later(os_.ClockGetTime(CLOCK_MONOTONIC).value_or(0), absl::ToInt64Nanoseconds(time));
}

// After this there is no daemon, and no first child.
void Launch::EndDaemon(const AwaitedDaemon& daemon, const DaemonReport& heard) {
  bool gone = heard.report.kind == ChildReport::kDied;
  // One that says that it gives up is about to exit, and may have something to put in order.
  if (heard.report.kind == ChildReport::kGaveUp) {
    CLEANFORK_PROBE("a daemon that gives up is given time to leave");
    gone = AwaitEnd(os_, daemon, FromNow(kTimeToLeave));
  }
  if (!gone) {
    CLEANFORK_PROBE("a daemon that is not ready is killed");
    KillDaemon(os_, daemon);
    if (daemon.is_child) return ReapKilledChild();
    gone = AwaitEnd(os_, daemon, FromNow(kTimeToDie));
  }
  if (!daemon.is_child) {
    // It reaps the daemon and exits; but a daemon that cannot be killed must not hold us.
    AwaitedDaemon first;
    first.pid = child_.pid;
    first.pid_fd = child_fd_.get();
    first.is_child = true;
    if (!gone || !AwaitEnd(os_, first, FromNow(kTimeToDie))) {
      CLEANFORK_PROBE("the first child of a daemon does not leave by itself");
      KillChild();
    }
  }
  ReapChild();
}

absl::Status Launch::ExplainUnready(const DaemonReport& heard, absl::Duration timeout) const {
  const ChildReport& report = heard.report;
  ChildError error;
  error.step = Step::kReady;
  error.error = report.error;
  error.signal = report.signal;
  error.pid = second_ != 0 ? second_ : child_.pid;
  error.attempt = attempts_;
  if (report.kind == ChildReport::kGaveUp) {
    const absl::Status status = ChildErrorStatus(heard.text, error);
    absl::Status coded(FailureCode(report.status), status.message());
    status.ForEachPayload(
        [&coded](const auto& url, const absl::Cord& payload) { coded.SetPayload(url, payload); });
    return coded;
  }
  std::string what = "the daemon ended before it was ready";
  if (report.kind == ChildReport::kDied) {
    if (report.error == kEndUnknown) what += ", how is not known";
    if (report.error == 0 && report.signal == 0) {
      absl::StrAppend(&what, " (exit status ", report.status, ")");
    }
    error.error = 0;
  } else if (report.error == ETIME) {
    what = absl::StrCat("the daemon was not ready after ", absl::FormatDuration(timeout));
  } else if (static_cast<Step>(report.step) == Step::kReady) {
    what = "the daemon has closed the pipe on which it was to say that it is ready";
  } else {
    error.step = Step::kReport;
    what = "read of the daemon's report";
  }
  return ChildErrorStatus(what, error);
}

absl::Status Launch::Explain(const ChildReport& report) const {
  ChildError error;
  error.step = static_cast<Step>(report.step);
  error.error = report.error;
  error.signal = report.signal;
  // Where children are in another PID namespace, a child's own idea of its pid is not ours.
  error.pid = report.pid != 0 && second_ != 0 ? static_cast<pid_t>(report.pid) : child_.pid;
  error.attempt = attempts_;
  if (mask_error_ != 0) {
    error.step = Step::kBlockSignals;
    error.error = mask_error_;
    error.signal = 0;
    return ChildErrorStatus("sigprocmask, to restore the mask", error);
  }
  std::string what = error.step == Step::kExec && error.error == ENOENT
                         ? plan_.DescribeMissingProgram(os_)
                         : plan_.Describe(error.step);
  if (error.step == Step::kStart && error.error == ECHILD) {
    what = "whether it started is unknown: somebody else has waited for the child";
  }
  if (error.step == Step::kChRoot && error.error == 0) {
    absl::StrAppend(&what, " has not changed the root");
  }
  if (report.kind == ChildReport::kDied && report.signal == 0) {
    absl::StrAppend(&what, " (exit status ", report.status, ")");
  }
  return ChildErrorStatus(what, error);
}

}  // namespace cleanfork
