#include "src/cli/supervisor.h"

#include <cerrno>
#include <csignal>
#include <ctime>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cleanfork/child_error.h"
#include "cleanfork/fd_io.h"
#include "cleanfork/probe.h"
#include "src/cli/await.h"
#include "src/cli/duration.h"
#include "src/cli/readiness.h"

namespace cleanfork::cli {
namespace {

constexpr SignalSet kEnding = SignalSet::Of(SIGTERM, SIGINT, SIGQUIT);
constexpr SignalSet kHandedOn = SignalSet::Of(SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2);

}  // namespace

SignalSet Supervisor::Signals() {
  SignalSet signals = kHandedOn;
  signals.Add(SIGCHLD);
  return signals;
}

void Supervisor::Say(const std::string& what) {
  context_.err << "cleanfork: " << subcommand_ << ": " << OneLine(what) << std::endl;
}

absl::Status Supervisor::Start() {
  Launch launch = launch_;
  const absl::StatusOr<std::unique_ptr<Readiness>> readiness =
      MakeReadiness(settings_.wait_for, &launch, os_);
  if (!readiness.ok()) return readiness.status();
  absl::StatusOr<Started> started = StartChild(std::move(launch), settings_, subcommand_, context_);
  if (!started.ok()) return started.status();
  if (*readiness != nullptr) {
    (*readiness)->Started();
    const absl::Status ready =
        AwaitReadiness(**readiness, started->child, kEnding, settings_, subcommand_, context_);
    if (!ready.ok()) return ready;  // and the child, which has been stopped, is reaped
  }
  started->logs->Keep();
  logs_.Keep();
  child_ = std::move(started->child);
  pid_ = child_->pid();
  return absl::OkStatus();
}

// Waits for a signal, and does what it means. Nothing has come in the time: no error.
absl::Status Supervisor::TakeSignal(int64_t nanoseconds) {
  const SysResult<SignalInfo> taken = os_.SigTimedWait(Signals(), nanoseconds);
  if (!taken.ok()) {
    if (taken.error() == EAGAIN) return absl::OkStatus();
    if (taken.error() == EINTR) {
      CLEANFORK_PROBE("the wait of a supervisor is interrupted");
      return absl::OkStatus();
    }
    return StatusFromErrno(taken.error(), "sigtimedwait()");
  }
  const int signal = taken.value().signal;
  if (signal == SIGCHLD) {
    logs_.Look();
    return absl::OkStatus();
  }
  if (signal == SIGHUP) logs_.HangUp();
  is_ending_ = is_ending_ || kEnding.Contains(signal);
  // What is typed at a terminal has reached the program too, which is in our process group.
  const bool from_terminal = signal != SIGHUP && taken.value().code == SI_KERNEL;
  if (child_.has_value() && !from_terminal) child_->Signal(signal).IgnoreError();
  return absl::OkStatus();
}

// Until the program has ended.
absl::StatusOr<std::optional<ExitStatus>> Supervisor::RunOnce() {
  for (;;) {
    absl::StatusOr<std::optional<ExitStatus>> ended = child_->TryWait();
    if (!ended.ok() || ended->has_value()) return ended;
    const absl::Status taken = TakeSignal(-1);
    if (!taken.ok()) return taken;
  }
}

// Waits before the next start. False: it has been told to end. An error: the limit is reached.
absl::StatusOr<bool> Supervisor::Pause(const std::string& why) {
  SysResult<int64_t> now = os_.ClockGetTime(CLOCK_MONOTONIC);
  if (!now.ok()) return StatusFromErrno(now.error(), "clock_gettime(CLOCK_MONOTONIC)");
  uint32_t random = 0;
  // Without it all wait equally long, which does no harm to one.
  RetryOnEintr([&] { return os_.GetRandom(&random, sizeof(random), 0); }).IgnoreError();
  const std::optional<int64_t> delay = schedule_.Next(now.value(), random);
  if (!delay.has_value()) {
    CLEANFORK_PROBE("a program has ended too often");
    return absl::AbortedError(absl::StrCat(why, ", after ", schedule_.count(), " respawns within ",
                                           PrintDuration(settings_.respawn.interval),
                                           ": it is not started again [step respawn]"));
  }
  Say(absl::StrCat(why, "; it is started again in ", PrintDuration(absl::Nanoseconds(*delay))));
  CLEANFORK_PROBE("a program is to be started again");
  const int64_t until = Later(now.value(), *delay);
  while (!is_ending_ && now.value() < until) {
    const absl::Status taken = TakeSignal(until - now.value());
    if (!taken.ok()) return taken;
    now = os_.ClockGetTime(CLOCK_MONOTONIC);
    if (!now.ok()) return StatusFromErrno(now.error(), "clock_gettime(CLOCK_MONOTONIC)");
  }
  return !is_ending_;
}

absl::StatusOr<ExitStatus> Supervisor::Run() {
  ExitStatus last(0);
  for (;;) {
    std::string why;
    if (child_.has_value()) {
      const absl::StatusOr<std::optional<ExitStatus>> ended = RunOnce();
      if (!ended.ok()) return ended.status();
      last = **ended;
      why = absl::StrCat(settings_.command[0], " (pid ", child_->pid(),
                         ") has ended: ", last.ToString());
      child_.reset();
      if (is_ending_ || !IsWantedAgain(settings_.respawn.when, last)) return last;
    }
    for (bool is_started = false; !is_started;) {
      const absl::StatusOr<bool> go_on = Pause(why);
      if (!go_on.ok()) return go_on.status();
      if (!*go_on) return last;
      const absl::Status started = Start();
      is_started = started.ok();
      why = std::string(started.message());
    }
    if (settings_.verbose) Say(absl::StrCat("started again (pid ", pid(), ")"));
  }
}

}  // namespace cleanfork::cli
