#include "src/await_ready.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <limits>
#include <optional>

#include "absl/status/statusor.h"
#include "cleanfork/fd_io.h"

namespace cleanfork {
namespace {

constexpr int64_t kForEver = std::numeric_limits<int64_t>::max();

// How often a process is looked at where no pidfd tells of its end.
constexpr int64_t kLookEvery = 20'000'000;

// For the first child to say how the daemon has ended, or for a daemon that has closed its pipe to
// end: both are under way then.
constexpr int64_t kLastWord = 1'000'000'000;

DaemonReport Failure(Step step, int error, pid_t pid) {
  return {ChildReport::Failed(step, error, pid), ""};
}

// Of a child of this process: whether it has ended.
bool HasChildEnded(Os& os, pid_t pid) {
  const SysResult<WaitIdResult> ended = RetryOnEintr(
      [&] { return os.WaitId(P_PID, static_cast<id_t>(pid), WEXITED | WNOHANG | WNOWAIT); });
  return ended.ok() ? ended.value().pid != 0 : ended.error() == ECHILD;
}

// Where there is no pidfd: whether the daemon has ended, as far as can be told.
bool HasEnded(Os& os, const AwaitedDaemon& daemon) {
  if (daemon.is_child) return HasChildEnded(os, daemon.pid);
  return daemon.handle != nullptr && daemon.handle->WaitUntil(0).value_or(false);
}

// How a daemon has ended that is this process's child, or was handed on to it as to a subreaper.
DaemonReport HowItEnded(Os& os, const AwaitedDaemon& daemon) {
  ChildReport report = ChildReport::Died(0, 0, daemon.pid);
  const SysResult<WaitIdResult> ended = RetryOnEintr(
      [&] { return os.WaitId(P_PID, static_cast<id_t>(daemon.pid), WEXITED | WNOHANG | WNOWAIT); });
  if (!ended.ok() || ended.value().pid == 0) {
    report.error = kEndUnknown;
  } else if (ended.value().code == CLD_EXITED) {
    report.status = ended.value().status;
  } else {
    report.signal = ended.value().status;
  }
  return {report, ""};
}

// One word of the daemon's or of its parent's. Nullopt: the pipe has come to its end.
std::optional<DaemonReport> ReadWord(Os& os, const AwaitedDaemon& daemon) {
  DaemonReport word;
  const SysResult<size_t> got =
      ReadFully(os, daemon.report_read, &word.report, sizeof(word.report));
  if (!got.ok()) return Failure(Step::kReport, got.error(), daemon.pid);
  if (got.value() < sizeof(word.report)) return std::nullopt;
  if (word.report.kind != ChildReport::kGaveUp) return word;
  const int32_t size = word.report.size;
  word.text.resize(size > 0 ? std::min(static_cast<size_t>(size), kLongestText) : 0);
  const SysResult<size_t> text =
      ReadFully(os, daemon.report_read, word.text.data(), word.text.size());
  word.text.resize(text.value_or(0));
  return word;
}

}  // namespace

DaemonReport AwaitReady(Os& os, const AwaitedDaemon& daemon, int64_t deadline) {
  bool ended = false;      // the daemon has: who can tell how?
  bool silent = false;     // the pipe has come to its end: nobody can say anything any more
  bool last_word = false;  // one of the two has just been seen
  int64_t until = deadline;
  for (;;) {
    const SysResult<int64_t> now = os.ClockGetTime(CLOCK_MONOTONIC);
    if (!now.ok()) return Failure(Step::kReport, now.error(), daemon.pid);
    if (last_word)
      until =
          ended ? Later(now.value(), kLastWord) : std::min(until, Later(now.value(), kLastWord));
    last_word = false;
    int64_t wait = std::max<int64_t>(until - now.value(), 0);
    const bool must_look = daemon.pid_fd < 0 && !ended;
    if (must_look) wait = std::min(wait, kLookEvery);
    struct pollfd ready[2] = {{silent ? -1 : daemon.report_read, POLLIN, 0},
                              {ended ? daemon.parent_fd : daemon.pid_fd, POLLIN, 0}};
    const SysResult<size_t> count = os.Poll(ready, 2, until == kForEver && !must_look ? -1 : wait);
    if (!count.ok() && count.error() == EINTR) continue;
    if (!count.ok()) return Failure(Step::kReport, count.error(), daemon.pid);
    // What was said before the end, or before the deadline, counts.
    if (ready[0].revents != 0) {
      std::optional<DaemonReport> word = ReadWord(os, daemon);
      const bool is_word = word.has_value() && word->report.kind != ChildReport::kForked &&
                           word->report.kind != ChildReport::kStarted;
      if (is_word) return *word;
      silent = last_word = !word.has_value();
      if (silent && ended) return HowItEnded(os, daemon);  // the first child is gone as well
    } else if (ready[1].revents != 0 || (must_look && HasEnded(os, daemon))) {
      if (ended || silent || daemon.is_child) return HowItEnded(os, daemon);
      ended = last_word = true;
    } else if (now.value() >= until) {
      if (ended) return HowItEnded(os, daemon);
      return Failure(Step::kReady, silent ? EPIPE : ETIME, daemon.pid);
    }
  }
}

bool AwaitEnd(Os& os, const AwaitedDaemon& daemon, int64_t deadline) {
  int pipe = daemon.report_read;
  for (;;) {
    const SysResult<int64_t> now = os.ClockGetTime(CLOCK_MONOTONIC);
    if (!now.ok()) return false;
    const int64_t left = std::max<int64_t>(deadline - now.value(), 0);
    struct pollfd ready[2] = {{pipe, POLLIN, 0}, {daemon.pid_fd, POLLIN, 0}};
    const SysResult<size_t> count =
        os.Poll(ready, 2, daemon.pid_fd >= 0 ? left : std::min(left, kLookEvery));
    if (!count.ok() && count.error() == EINTR) continue;
    if (!count.ok()) return false;
    if (ready[0].revents != 0) {
      const std::optional<DaemonReport> word = ReadWord(os, daemon);
      if (word.has_value() && word->report.kind == ChildReport::kDied) return true;
      const bool unreadable = word.has_value() && word->report.kind == ChildReport::kFailed;
      if (!word.has_value() || unreadable) pipe = -1;
    } else if (ready[1].revents != 0 || (daemon.pid_fd < 0 && HasEnded(os, daemon))) {
      return true;
    } else if (left == 0) {
      return false;
    }
  }
}

void KillDaemon(Os& os, const AwaitedDaemon& daemon) {
  if (daemon.pid_fd >= 0) {
    const SysResult<void> sent = os.PidFdSendSignal(daemon.pid_fd, SIGKILL);
    if (sent.ok() || sent.error() == ESRCH) return;
    // A filter may know pidfd_open(2) and not this.
  }
  // A child's pid is its own until its parent has reaped it: this process, or the first child,
  // which says so before.
  const bool is_unreaped =
      daemon.is_child || (daemon.parent != 0 && !HasChildEnded(os, daemon.parent));
  if (daemon.handle != nullptr) {
    daemon.handle->Signal(SIGKILL).IgnoreError();
  } else if (is_unreaped) {
    os.Kill(daemon.pid, SIGKILL).IgnoreError();
  }
}

}  // namespace cleanfork
