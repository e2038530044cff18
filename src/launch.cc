#include "src/launch.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "cleanfork/fd_io.h"
#include "src/child/await_child.h"
#include "src/child/run_child_plan.h"
#include "src/fork_limits.h"

namespace cleanfork {
namespace {

bool IsTransient(int error) { return error == EAGAIN || error == ENOMEM; }

}  // namespace

absl::StatusOr<pid_t> Launch::Run() {
  absl::Status ignored = IgnoreSigchld();
  if (!ignored.ok()) return ignored;
  if (options_.before_fork) options_.before_fork();
  absl::StatusOr<pid_t> forked = ForkWithRetry();
  if (forked.ok() && *forked == 0) return 0;
  if (!forked.ok()) {
    RestoreSigchld();
    return forked.status();
  }
  const pid_t child = *forked;
  plan_.CloseChildEnds();
  const ChildReport report = mask_error_ == 0 ? ReadReports(child) : ChildVanished(child);
  const bool started = report.kind == ChildReport::kStarted && mask_error_ == 0;
  const bool daemon = options_.session == Session::kDaemon;
  if (!started || daemon) {
    // A first child has nothing left to do once the second one runs, and a failed child exits.
    if (started) os_.Kill(child, SIGKILL).IgnoreError();
    Reap(child);
  }
  if (!started) {
    RestoreSigchld();
    return Explain(report, child);
  }
  const pid_t pid = daemon ? static_cast<pid_t>(report.pid) : child;
  if (options_.in_parent) options_.in_parent(pid);
  return pid;
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
    if (!IsTransient(forked.error())) return ForkFailed(forked.error(), started);
    int64_t delay = 0;
    if (!retry_.Next(os_, &delay)) return ForkFailed(forked.error(), started);
    // With the caller's own mask: a signal that is to end or to tell the program something must not
    // wait for us. A handler that runs only interrupts the sleep, which is then taken up again.
    SysResult<int64_t> now = os_.ClockGetTime(CLOCK_MONOTONIC);
    if (!now.ok() || !SleepUntil(os_, now.value() + delay).ok()) {
      return ForkFailed(forked.error(), started);
    }
  }
}

// A fork with all signals blocked; in a child that does not exec, its whole set-up too.
SysResult<pid_t> Launch::ForkOnce() {
  const FrozenPlan& frozen = plan_.frozen();
  if (frozen.execs()) {
    ProgramStart start = {&os_, &frozen};
    return os_.VforkCall(&RunProgram, &start);
  }
  SysResult<pid_t> forked = os_.Fork();
  if (forked.ok() && forked.value() == 0) SetUpChild(os_, frozen);
  return forked;
}

absl::Status Launch::RestoreMask(SignalSet mask) {
  SysResult<SignalSet> restored = os_.SigProcMask(SIG_SETMASK, &mask);
  // sigprocmask(2) cannot fail with these arguments. Should it, leaving the program deaf to all
  // signals would be the worst outcome: try once more, and report.
  if (!restored.ok()) restored = os_.SigProcMask(SIG_SETMASK, &mask);
  if (restored.ok()) return absl::OkStatus();
  mask_error_ = restored.error();
  ChildError error;
  error.step = Step::kBlockSignals;
  error.error = mask_error_;
  error.attempt = attempts_;
  return ChildErrorStatus("sigprocmask, to restore the mask", error);
}

absl::Status Launch::ForkFailed(int error, int64_t started) {
  const int64_t now = os_.ClockGetTime(CLOCK_MONOTONIC).value_or(started);
  std::string what =
      absl::StrCat("fork (", attempts_, attempts_ == 1 ? " attempt in " : " attempts in ",
                   absl::FormatDuration(absl::Nanoseconds(now - started)));
  if (error == EAGAIN) absl::StrAppend(&what, "; ", DescribeForkLimits(os_));
  absl::StrAppend(&what, ")");
  ChildError child_error;
  child_error.step = Step::kFork;
  child_error.error = error;
  child_error.attempt = attempts_;
  return ChildErrorStatus(what, child_error);
}

ChildReport Launch::ReadReports(pid_t child) {
  const FrozenPlan& frozen = plan_.frozen();
  for (;;) {
    ChildReport report;
    SysResult<size_t> got = ReadFully(os_, frozen.report_read, &report, sizeof(report));
    if (!got.ok()) {
      ChildVanished(child);
      return ChildReport::Failed(Step::kReport, got.error(), child);
    }
    if (got.value() != sizeof(report)) {
      return options_.session == Session::kDaemon ? ChildVanished(child)
                                                  : DecideAtEndOfFile(os_, child, frozen.execs());
    }
    if (report.kind != ChildReport::kForked) return report;
    // While the first child lives it keeps its child's pid from being used again.
    second_ = static_cast<pid_t>(report.pid);
    second_fd_ = UniqueFd(os_, os_.PidFdOpen(second_, 0).value_or(-1));
  }
}

// Makes sure that nothing is left of a child that will not tell how it ended, and tells it.
ChildReport Launch::ChildVanished(pid_t child) {
  os_.Kill(child, SIGKILL).IgnoreError();
  // A second child may have begun meanwhile: its first act is to say so. The pipe ends with them.
  ChildReport report;
  for (;;) {
    KillSecond();
    SysResult<size_t> got = ReadFully(os_, plan_.frozen().report_read, &report, sizeof(report));
    if (!got.ok() || got.value() != sizeof(report)) break;
    if (report.kind != ChildReport::kForked) continue;
    second_ = static_cast<pid_t>(report.pid);
    second_fd_ = UniqueFd(os_, os_.PidFdOpen(second_, 0).value_or(-1));
  }
  return DecideAtEndOfFile(os_, child, false);
}

void Launch::KillSecond() {
  if (second_fd_.valid()) os_.PidFdSendSignal(second_fd_.get(), SIGKILL).IgnoreError();
}

void Launch::Reap(pid_t child) {
  // ECHILD: the caller ignores SIGCHLD or waits for any child; then there is nothing to reap.
  RetryOnEintr([&] { return os_.WaitPid(child, 0); }).IgnoreError();
}

absl::Status Launch::Explain(const ChildReport& report, pid_t child) const {
  ChildError error;
  error.step = static_cast<Step>(report.step);
  error.error = report.error;
  error.signal = report.signal;
  error.pid = report.pid != 0 ? static_cast<pid_t>(report.pid) : child;
  error.attempt = attempts_;
  if (mask_error_ != 0) {
    error.step = Step::kBlockSignals;
    error.error = mask_error_;
    error.signal = 0;
    return ChildErrorStatus("sigprocmask, to restore the mask", error);
  }
  std::string what = plan_.Describe(error.step);
  if (report.kind == ChildReport::kDied && report.signal == 0) {
    absl::StrAppend(&what, " (exit status ", report.status, ")");
  }
  return ChildErrorStatus(what, error);
}

}  // namespace cleanfork
