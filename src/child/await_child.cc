#include "src/child/await_child.h"

#include <poll.h>

#include <cerrno>
#include <ctime>

#include "cleanfork/fd_io.h"
#include "cleanfork/probe.h"
#include "src/child/process_stat.h"

namespace cleanfork {
namespace {

constexpr int64_t kMillisecond = 1'000'000;
constexpr int64_t kLongestLook = 50 * kMillisecond;

// How often to look again at a child that has closed its pipe and is neither exec'd nor dying: the
// kernel is about to mark it as one of the two.
constexpr int kLooks = 1000;

SysResult<WaitIdResult> Wait(Os& os, pid_t child, int options) {
  return RetryOnEintr(
      [&] { return os.WaitId(P_PID, static_cast<id_t>(child), WEXITED | WNOWAIT | options); });
}

bool HasReachedExec(const AwaitedChild& child) {
  return child.exec_reached != nullptr && *child.exec_reached != 0;
}

// One that is hidden until its exec. Once nobody knows it any more, it has ended and been waited
// for; and he who ignores SIGCHLD, or waits for any child, does that after an exec only.
ExecState AskWait(Os& os, const AwaitedChild& child) {
  const SysResult<WaitIdResult> known = Wait(os, child.pid, WNOHANG);
  if (known.ok()) return ExecState::kExecd;
  const SysResult<WaitIdResult> hidden = LookAtChild(os, child.pid);
  if (hidden.ok()) return hidden.value().pid == 0 ? ExecState::kNotYet : ExecState::kDying;
  const bool is_gone = known.error() == ECHILD && hidden.error() == ECHILD;
  if (!is_gone) {  // a filter forbids waitid(2)
    CLEANFORK_PROBE("whether a child has exec'd is asked of /proc, not of waitid");
    return GetExecState(os, child.pid);
  }
  CLEANFORK_PROBE("a hidden child is gone");
  return HasReachedExec(child) ? ExecState::kExecd : ExecState::kDying;
}

ExecState GetState(Os& os, const AwaitedChild& child) {
  return child.hidden_until_exec ? AskWait(os, child) : GetExecState(os, child.pid);
}

ChildReport WaitForDeath(Os& os, pid_t child) {
  const SysResult<WaitIdResult> ended = Wait(os, child, __WALL);
  if (!ended.ok()) return ChildReport::Failed(Step::kStart, ended.error(), child);
  if (ended.value().code == CLD_EXITED) return ChildReport::Died(0, ended.value().status, child);
  return ChildReport::Died(ended.value().status, 0, child);
}

// Without /proc: a child that had come to its exec, and wrote no report of a failure, has exec'd if
// it lives, or has exited by itself; one that a signal ended may have been in the exec still. Where
// a filter forbids to look, it is taken to live.
ChildReport DecideWithoutProc(Os& os, const AwaitedChild& child) {
  CLEANFORK_PROBE("without /proc a child is judged by what it has reached");
  if (!HasReachedExec(child)) return WaitForDeath(os, child.pid);
  const SysResult<WaitIdResult> ended = LookAtChild(os, child.pid);
  if (!ended.ok() && ended.error() != ECHILD) return ChildReport::Started(child.pid);
  if (!ended.ok()) return ChildReport::Failed(Step::kStart, ended.error(), child.pid);
  if (ended.value().pid == 0) return ChildReport::Started(child.pid);
  if (ended.value().code != CLD_EXITED) {
    return ChildReport::Died(ended.value().status, 0, child.pid);
  }
  // Our own status may be that of a child whose report got lost.
  if (ended.value().status == kChildFailedStatus) {
    return ChildReport::Died(0, kChildFailedStatus, child.pid);
  }
  return ChildReport::Started(child.pid);
}

ChildReport ReadReport(Os& os, const AwaitedChild& child) {
  ChildReport report;
  SysResult<size_t> got = ReadFully(os, child.report_read, &report, sizeof(report));
  if (!got.ok()) return ChildReport::Failed(Step::kReport, got.error(), child.pid);
  if (got.value() == sizeof(report)) return report;
  if (got.value() > 0) CLEANFORK_PROBE("a report breaks off");
  return DecideAtEndOfFile(os, child);
}

// Of a child that has ended. poll(2) looks at one descriptor after the other: it may have written
// after the look at the pipe, and ended before the look at the pidfd.
ChildReport ReadLastReport(Os& os, const AwaitedChild& child) {
  struct pollfd look = {child.report_read, POLLIN, 0};
  const SysResult<size_t> count = RetryOnEintr([&] { return os.Poll(&look, 1, 0); });
  if (count.value_or(0) > 0) return ReadReport(os, child);
  CLEANFORK_PROBE("a child ends without a report");
  return DecideAtEndOfFile(os, child);
}

}  // namespace

SysResult<WaitIdResult> LookAtChild(Os& os, pid_t child) {
  return Wait(os, child, WNOHANG | __WALL);
}

bool KillByPidFd(Os& os, int pid_fd) {
  if (pid_fd < 0) return false;
  const SysResult<void> sent = os.PidFdSendSignal(pid_fd, SIGKILL);
  return sent.ok() || sent.error() == ESRCH;
}

void KillChild(Os& os, pid_t child, int pid_fd) {
  if (KillByPidFd(os, pid_fd)) return;
  CLEANFORK_PROBE("a child is killed by its pid");
  const SysResult<WaitIdResult> known = LookAtChild(os, child);
  if (known.ok() && known.value().pid == 0) os.Kill(child, SIGKILL).IgnoreError();
}

bool HasExecd(Os& os, pid_t pid) { return GetExecState(os, pid) == ExecState::kExecd; }

ChildReport DecideAtEndOfFile(Os& os, const AwaitedChild& child) {
  // Where no exec closed the pipe, death did, or is about to: a dying process closes its
  // descriptors before it can be waited for.
  if (!child.execs) return WaitForDeath(os, child.pid);
  if (child.hidden_until_exec) {  // an exec makes it known before it closes the pipe
    ExecState state = AskWait(os, child);
    if (state == ExecState::kUnknown) return DecideWithoutProc(os, child);
    // It is dying, then. But to wait for the death of a program that runs could take for ever.
    if (state == ExecState::kNotYet) {
      CLEANFORK_PROBE("a hidden child has closed its pipe and is known to wait");
      state = GetExecState(os, child.pid);
    }
    return state == ExecState::kExecd ? ChildReport::Started(child.pid)
                                      : WaitForDeath(os, child.pid);
  }
  for (int looks = 0; looks < kLooks; ++looks) {
    switch (GetExecState(os, child.pid)) {
      case ExecState::kExecd: return ChildReport::Started(child.pid);
      case ExecState::kDying: return WaitForDeath(os, child.pid);
      case ExecState::kUnknown: return DecideWithoutProc(os, child);
      case ExecState::kNotYet: break;
    }
    // Ended early by a signal it only looks the sooner.
    CLEANFORK_PROBE("a child has closed its pipe and is looked at again");
    os.ClockNanoSleep(CLOCK_MONOTONIC, 0, kMillisecond).IgnoreError();
  }
  return WaitForDeath(os, child.pid);
}

ChildReport AwaitReport(Os& os, const AwaitedChild& child) {
  // With a pidfd a death wakes us; an exec shows itself by the end of the pipe alone.
  const bool must_look = child.execs || child.pid_fd < 0;
  bool dying = false;
  for (int64_t look = kMillisecond;; look = look < kLongestLook ? look * 2 : look) {
    struct pollfd ready[2] = {{child.report_read, POLLIN, 0}, {child.pid_fd, POLLIN, 0}};
    SysResult<size_t> count = os.Poll(ready, 2, must_look ? look : -1);
    if (!count.ok() && count.error() == EINTR) {
      CLEANFORK_PROBE("the wait for a report is interrupted");
      continue;
    }
    if (!count.ok()) CLEANFORK_PROBE("the wait for a report fails and its pipe has to do");
    // Where there is no waiting for either, the pipe alone has to do.
    if (!count.ok() || ready[0].revents != 0) return ReadReport(os, child);
    if (count.value() > 0) return ReadLastReport(os, child);
    const ExecState state = GetState(os, child);
    if (child.execs && state == ExecState::kExecd) return ChildReport::Started(child.pid);
    // What it may have written since the poll, before it died, the next turn finds.
    if (dying) return DecideAtEndOfFile(os, child);
    dying = state == ExecState::kDying;
  }
}

}  // namespace cleanfork
