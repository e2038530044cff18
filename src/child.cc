#include "cleanfork/child.h"

#include <poll.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "cleanfork/child_error.h"
#include "cleanfork/fd_io.h"
#include "cleanfork/names.h"
#include "cleanfork/probe.h"
#include "src/child/await_child.h"
#include "src/lost_child.h"
#include "src/wait_for_end.h"
#include "src/walk_schedule.h"

namespace cleanfork {
namespace {

absl::Status CannotBeSignalled(pid_t pid) {
  return absl::FailedPreconditionError(absl::StrCat(
      "process ", pid, " cannot be signalled safely: its number may be another's by now"));
}

}  // namespace

std::string ExitStatus::ToString() const {
  if (exited()) return absl::StrCat("exit status ", exit_status());
  const char* name = SignalName(term_signal());
  return absl::StrCat("signal ", term_signal(), name != nullptr ? " (" : "",
                      name != nullptr ? name : "", name != nullptr ? ")" : "",
                      dumped_core() ? ", core dumped" : "");
}

Child::Child(Os& os, pid_t pid, Pipes pipes, UniqueFd pid_fd)
    : os_(&os), pid_(pid), pipes_(std::move(pipes)), pid_fd_(std::move(pid_fd)) {}

Child Child::Daemon(Os& os, pid_t pid, UniqueFd pid_fd) {
  Child child(os, pid, Pipes(), std::move(pid_fd));
  child.state_ = State::kDaemon;
  return child;
}

Child Child::Lost(Os& os, pid_t pid, Pipes pipes) {
  Child child(os, pid, std::move(pipes));
  child.state_ = State::kLost;
  return child;
}

Child::Child(Child&& other) noexcept
    : os_(other.os_),
      pid_(other.pid_),
      state_(std::exchange(other.state_, State::kDetached)),
      exit_status_(other.exit_status_),
      pipes_(std::move(other.pipes_)),
      pid_fd_(std::move(other.pid_fd_)) {}

Child& Child::operator=(Child&& other) noexcept {
  if (this != &other) {
    EndOfLife();
    os_ = other.os_;
    pid_ = other.pid_;
    state_ = std::exchange(other.state_, State::kDetached);
    exit_status_ = other.exit_status_;
    pipes_ = std::move(other.pipes_);
    pid_fd_ = std::move(other.pid_fd_);
  }
  return *this;
}

Child::~Child() { EndOfLife(); }

SysResult<void> Child::Send(int signal) {
  if (pid_fd_.valid()) return os_->PidFdSendSignal(pid_fd_.get(), signal);
  // What nobody knows any more has been reaped, and its number may be a stranger's.
  const SysResult<WaitIdResult> known = LookAtChild(*os_, pid_);
  if (!known.ok() && known.error() == ECHILD) {
    CLEANFORK_PROBE("a child that is to be signalled has been reaped by somebody else");
    return SysError(ESRCH);
  }
  CLEANFORK_PROBE("a child is signalled by its pid");
  return os_->Kill(pid_, signal);
}

void Child::EndOfLife() {
  if (state_ != State::kRunning) return;
  CLEANFORK_PROBE("a child is ended with its handle");
  SysResult<void> killed = Send(SIGKILL);
  // ESRCH: it has ended, and is only to be reaped, if nobody else has.
  if (killed.ok() || killed.error() == ESRCH) {
    RetryOnEintr([&] { return os_->WaitPid(pid_, 0); }).IgnoreError();
  }
  state_ = State::kDetached;
}

absl::StatusOr<std::optional<ExitStatus>> Child::WaitWith(int options) {
  switch (state_) {
    case State::kEnded: return std::optional<ExitStatus>(exit_status_);
    case State::kLost: return LostChild(pid_);
    case State::kDaemon:
      return absl::FailedPreconditionError(
          absl::StrCat("process ", pid_, " is a daemon, not a child to be waited for"));
    case State::kDetached:
      return absl::FailedPreconditionError(absl::StrCat("child ", pid_, " has been detached"));
    case State::kRunning: break;
  }
  SysResult<WaitResult> result = RetryOnEintr([&] { return os_->WaitPid(pid_, options); });
  if (!result.ok()) {
    if (result.error() != ECHILD) {
      return StatusFromErrno(result.error(), absl::StrCat("waitpid(", pid_, ")"));
    }
    CLEANFORK_PROBE("a child is found to be lost");
    state_ = State::kLost;
    pid_fd_.Reset();
    return WaitWith(options);
  }
  if (result.value().pid == 0) return std::optional<ExitStatus>();
  exit_status_ = ExitStatus(result.value().status);
  state_ = State::kEnded;
  pid_fd_.Reset();
  return std::optional<ExitStatus>(exit_status_);
}

absl::StatusOr<ExitStatus> Child::Wait() {
  absl::StatusOr<std::optional<ExitStatus>> ended = WaitWith(0);
  if (!ended.ok()) return ended.status();
  return **ended;
}

absl::StatusOr<std::optional<ExitStatus>> Child::TryWait() { return WaitWith(WNOHANG); }

// Whether it has ended by the deadline. A child is then reaped; of a daemon the pidfd tells.
absl::StatusOr<bool> Child::WaitUntil(int64_t deadline) {
  const int pid_fd = pid_fd_.valid() ? pid_fd_.get() : -1;
  return WaitForEnd(*os_, pid_fd, deadline, [this, pid_fd]() -> absl::StatusOr<bool> {
    if (state_ != State::kDaemon) {
      const absl::StatusOr<std::optional<ExitStatus>> ended = WaitWith(WNOHANG);
      if (!ended.ok()) return ended.status();
      return ended->has_value();
    }
    struct pollfd look = {pid_fd, POLLIN, 0};
    const SysResult<size_t> ready = RetryOnEintr([&] { return os_->Poll(&look, 1, 0); });
    if (!ready.ok()) return StatusFromErrno(ready.error(), "poll(pidfd)");
    return ready.value() > 0;
  });
}

absl::StatusOr<ExitStatus> Child::Wait(absl::Duration timeout) {
  // First, so that a child that has ended is reaped whatever becomes of the clock.
  const absl::StatusOr<std::optional<ExitStatus>> already = WaitWith(WNOHANG);
  if (!already.ok()) return already.status();
  if (already->has_value()) return **already;
  const absl::StatusOr<int64_t> deadline = DeadlineAfter(*os_, timeout);
  if (!deadline.ok()) return deadline.status();
  const absl::StatusOr<bool> ended = WaitUntil(*deadline);
  if (!ended.ok()) return ended.status();
  if (*ended) return exit_status_;
  return absl::DeadlineExceededError(
      absl::StrCat("child ", pid_, " still runs after ", absl::FormatDuration(timeout)));
}

absl::StatusOr<std::optional<ExitStatus>> Child::Stop(const StopSchedule& schedule) {
  const bool daemon = state_ == State::kDaemon;
  if (daemon && !pid_fd_.valid()) return CannotBeSignalled(pid_);
  if (!daemon) {
    absl::StatusOr<std::optional<ExitStatus>> already = WaitWith(WNOHANG);
    if (!already.ok() || already->has_value()) return already;
  }
  const absl::StatusOr<bool> ended = WalkSchedule(
      schedule, *os_,
      [&](int signal) {
        const absl::Status sent = Signal(signal);
        // A child that is no more has been reaped by somebody else: waiting for it will say so.
        return absl::IsNotFound(sent) && !daemon ? absl::OkStatus() : sent;
      },
      [&](int64_t deadline) { return WaitUntil(deadline); });
  if (!ended.ok()) return ended.status();
  if (*ended) return daemon ? std::optional<ExitStatus>() : std::optional<ExitStatus>(exit_status_);
  return absl::DeadlineExceededError(
      absl::StrCat(daemon ? "daemon " : "child ", pid_, " still runs after ", schedule.ToString()));
}

absl::Status Child::Signal(int signal) {
  if (state_ == State::kEnded || state_ == State::kLost) {
    return StatusFromErrno(ESRCH, absl::StrCat("child ", pid_, " has ended"));
  }
  if (state_ == State::kDetached || (state_ == State::kDaemon && !pid_fd_.valid())) {
    return CannotBeSignalled(pid_);
  }
  SysResult<void> sent = Send(signal);
  if (sent.ok()) return absl::OkStatus();
  return StatusFromErrno(sent.error(), absl::StrCat("signal ", signal, " to process ", pid_));
}

pid_t Child::Detach() {
  if (state_ == State::kRunning) state_ = State::kDetached;
  pid_fd_.Reset();
  return pid_;
}

}  // namespace cleanfork
