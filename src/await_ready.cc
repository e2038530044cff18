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
#include "cleanfork/probe.h"
#include "src/child/await_child.h"
#include "src/look_schedule.h"

namespace cleanfork {
namespace {

constexpr int64_t kForEver = std::numeric_limits<int64_t>::max();

// For the first child to say how the daemon has ended, or for a daemon that has closed its pipe to
// end: both are under way then.
constexpr int64_t kLastWord = 1'000'000'000;

DaemonReport Failure(Step step, int error, pid_t pid) {
  return {ChildReport::Failed(step, error, pid), ""};
}

// Of a child of this process: whether it has ended.
bool HasChildEnded(Os& os, pid_t pid) {
  const SysResult<WaitIdResult> ended = LookAtChild(os, pid);
  return ended.ok() ? ended.value().pid != 0 : ended.error() == ECHILD;
}

// Where there is no pidfd: whether the daemon has ended, as far as can be told.
bool HasEnded(Os& os, const AwaitedDaemon& daemon) {
  if (daemon.is_child) return HasChildEnded(os, daemon.pid);
  if (daemon.is_gone) return true;
  return daemon.handle != nullptr && daemon.handle->WaitUntil(0).value_or(false);
}

// How a daemon has ended that is this process's child, or was handed on to it as to a subreaper.
DaemonReport HowItEnded(Os& os, const AwaitedDaemon& daemon) {
  ChildReport report = ChildReport::Died(0, 0, daemon.pid);
  const SysResult<WaitIdResult> ended = LookAtChild(os, daemon.pid);
  if (!ended.ok() || ended.value().pid == 0) {
    CLEANFORK_PROBE("how a daemon has ended is not known");
    report.error = kEndUnknown;
  } else if (ended.value().code == CLD_EXITED) {
    report.status = ended.value().status;
  } else {
    report.signal = ended.value().status;
  }
  return {report, ""};
}

// Reads `size` bytes of what was written at once (pipe(7)), so that the rest of it follows at once.
// Who keeps it back must not keep us: less than `size` is all there is. `is_there`: a poll(2) has
// said that reading will not block.
SysResult<size_t> ReadPrompt(Os& os, int fd, void* buffer, size_t size, bool is_there) {
  char* bytes = static_cast<char*>(buffer);
  std::optional<int64_t> until;
  for (size_t done = 0;; is_there = false) {
    if (done == size) return done;
    if (!is_there) {
      const SysResult<int64_t> now = os.ClockGetTime(CLOCK_MONOTONIC);
      if (!now.ok()) return SysError(now.error());
      if (!until.has_value()) until = Later(now.value(), kLastWord);
      struct pollfd rest = {fd, POLLIN, 0};
      const int64_t wait = std::max<int64_t>(*until - now.value(), 0);
      const SysResult<size_t> ready = os.Poll(&rest, 1, wait);
      if (!ready.ok() && ready.error() == EINTR) {
        CLEANFORK_PROBE("the wait for the rest of a word is interrupted");
        continue;
      }
      if (!ready.ok()) return ready;
      if (ready.value() == 0) {
        CLEANFORK_PROBE("the rest of a word does not come");
        return done;
      }
    }
    const SysResult<size_t> got =
        RetryOnEintr([&] { return os.Read(fd, bytes + done, size - done); });
    if (!got.ok()) return got;
    if (got.value() == 0) return done;
    done += got.value();
  }
}

// Whether `kind` is of a word that can come from a daemon that is set up, or from its parent.
bool IsExpected(int32_t kind) {
  return kind == ChildReport::kReady || kind == ChildReport::kGaveUp ||
         kind == ChildReport::kDied || kind == ChildReport::kFailed;
}

// One word of the daemon's or of its parent's, once poll(2) has shown the pipe to be readable.
// Nullopt: it has come to its end. The daemon may have become another user by now, or write where
// it should not: nothing that it writes may hold us up, and what is no word is a failure (EPROTO).
std::optional<DaemonReport> ReadWord(Os& os, const AwaitedDaemon& daemon) {
  DaemonReport word;
  const SysResult<size_t> got =
      ReadPrompt(os, daemon.report_read, &word.report, sizeof(word.report), true);
  if (!got.ok()) return Failure(Step::kReport, got.error(), daemon.pid);
  if (got.value() == 0) return std::nullopt;
  if (got.value() < sizeof(word.report) || !IsExpected(word.report.kind)) {
    CLEANFORK_PROBE("what a daemon has written is no word");
    return Failure(Step::kReport, EPROTO, daemon.pid);
  }
  if (word.report.kind != ChildReport::kGaveUp) return word;
  const int32_t size = word.report.size;
  word.text.resize(size > 0 ? std::min(static_cast<size_t>(size), kLongestText) : 0);
  const SysResult<size_t> text =
      ReadPrompt(os, daemon.report_read, word.text.data(), word.text.size(), false);
  word.text.resize(text.value_or(0));
  return word;
}

// Whether the pipe can be read now. poll(2) looks at one descriptor after the other: a daemon may
// speak after it has looked at the pipe, and end before it looks at the pidfd.
bool HasWord(Os& os, const AwaitedDaemon& daemon) {
  struct pollfd look = {daemon.report_read, POLLIN, 0};
  return RetryOnEintr([&] { return os.Poll(&look, 1, 0); }).value_or(0) > 0;
}

}  // namespace

DaemonReport AwaitReady(Os& os, const AwaitedDaemon& daemon, int64_t deadline) {
  bool ended = false;      // the daemon has: who can tell how?
  bool silent = false;     // the pipe has come to its end: nobody can say anything any more
  bool last_word = false;  // one of the two has just been seen
  int64_t until = deadline;
  LookSchedule looks;
  for (;;) {
    const SysResult<int64_t> now = os.ClockGetTime(CLOCK_MONOTONIC);
    if (!now.ok()) return Failure(Step::kReport, now.error(), daemon.pid);
    if (last_word)
      until =
          ended ? Later(now.value(), kLastWord) : std::min(until, Later(now.value(), kLastWord));
    last_word = false;
    const bool must_look = daemon.pid_fd < 0 && !ended;
    const int64_t wake = must_look ? looks.Next(now.value(), until) : std::max(until, now.value());
    struct pollfd ready[2] = {{silent ? -1 : daemon.report_read, POLLIN, 0},
                              {ended ? daemon.parent_fd : daemon.pid_fd, POLLIN, 0}};
    const SysResult<size_t> count = os.Poll(ready, 2, wake == kForEver ? -1 : wake - now.value());
    if (!count.ok() && count.error() == EINTR) {
      CLEANFORK_PROBE("the wait for a daemon to be ready is interrupted");
      continue;
    }
    if (!count.ok()) return Failure(Step::kReport, count.error(), daemon.pid);
    // What was said before the end, or before the deadline, counts.
    if (ready[0].revents != 0) {
      std::optional<DaemonReport> word = ReadWord(os, daemon);
      if (word.has_value()) return *word;
      CLEANFORK_PROBE("the pipe ends before a daemon is ready");
      silent = last_word = true;
      looks = LookSchedule();  // it may be about to end: its descriptors are closed before
      if (silent && ended) return HowItEnded(os, daemon);  // the first child is gone as well
    } else if (ready[1].revents != 0 || (must_look && HasEnded(os, daemon))) {
      if (!silent && HasWord(os, daemon)) {
        CLEANFORK_PROBE("a daemon has spoken just before its end");
        continue;
      }
      if (ended || silent || daemon.is_child) return HowItEnded(os, daemon);
      CLEANFORK_PROBE("a daemon ends before it is ready, its parent is to say how");
      ended = last_word = true;
    } else if (now.value() >= until) {
      if (ended) return HowItEnded(os, daemon);
      CLEANFORK_PROBE("a daemon is not ready in time");
      return Failure(Step::kReady, silent ? EPIPE : ETIME, daemon.pid);
    } else {
      looks.Looked(wake);
    }
  }
}

bool AwaitEnd(Os& os, const AwaitedDaemon& daemon, int64_t deadline) {
  int pipe = daemon.report_read;
  LookSchedule looks;
  for (;;) {
    const SysResult<int64_t> now = os.ClockGetTime(CLOCK_MONOTONIC);
    if (!now.ok()) return false;
    const bool must_look = daemon.pid_fd < 0;
    const int64_t wake =
        must_look ? looks.Next(now.value(), deadline) : std::max(deadline, now.value());
    struct pollfd ready[2] = {{pipe, POLLIN, 0}, {daemon.pid_fd, POLLIN, 0}};
    const SysResult<size_t> count = os.Poll(ready, 2, wake - now.value());
    if (!count.ok() && count.error() == EINTR) {
      CLEANFORK_PROBE("the wait for the end of a daemon is interrupted");
      continue;
    }
    if (!count.ok()) return false;
    if (ready[1].revents != 0) return true;
    if (ready[0].revents != 0) {
      const std::optional<DaemonReport> word = ReadWord(os, daemon);
      if (word.has_value() && word->report.kind == ChildReport::kDied) return true;
      const bool unreadable = word.has_value() && word->report.kind == ChildReport::kFailed;
      if (!word.has_value() || unreadable) {
        CLEANFORK_PROBE("the pipe ends before a daemon does");
        pipe = -1;
        looks = LookSchedule();  // who closes it is likely to end
      }
    } else if (must_look && HasEnded(os, daemon)) {
      return true;
    } else {
      looks.Looked(wake);
    }
    if (now.value() < deadline) continue;
    CLEANFORK_PROBE("a daemon does not end in time");
    return false;  // also where what the daemon has forked writes without end
  }
}

void KillDaemon(Os& os, const AwaitedDaemon& daemon) {
  if (daemon.is_child) return KillChild(os, daemon.pid, daemon.pid_fd);
  if (KillByPidFd(os, daemon.pid_fd)) return;
  // There is none, or a filter knows pidfd_open(2) and not the call that signals by it.
  // Its pid is its own until its parent, the first child, has reaped it, which says so before.
  const bool is_unreaped = daemon.parent != 0 && !HasChildEnded(os, daemon.parent);
  if (daemon.handle != nullptr) {
    CLEANFORK_PROBE("a daemon is killed by its handle");
    daemon.handle->Signal(SIGKILL).IgnoreError();
  } else if (is_unreaped) {
    CLEANFORK_PROBE("a daemon is killed by its pid");
    os.Kill(daemon.pid, SIGKILL).IgnoreError();
  }
}

}  // namespace cleanfork
