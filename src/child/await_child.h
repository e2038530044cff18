// AwaitReport: how a parent learns what became of the child that it has just made. Used by the
// caller's process and, in part, by the first child of two: signal-safe like all of src/child/.
#ifndef CLEANFORK_SRC_CHILD_AWAIT_CHILD_H_
#define CLEANFORK_SRC_CHILD_AWAIT_CHILD_H_

#include "cleanfork/child_report.h"
#include "cleanfork/os.h"

namespace cleanfork {

// The exit status of a child that could not be set up; its report says why.
constexpr int kChildFailedStatus = 127;

// A child of the calling process, at its set-up.
struct AwaitedChild {
  pid_t pid = 0;
  int pid_fd = -1;       // of pid; -1 where there is none
  int report_read = -1;  // the pipe that it reports on
  bool execs = false;    // its set-up ends with an exec, which closes the pipe

  // It has no termination signal, and until its exec only a wait with __WALL knows it: wait(2),
  // execve(2). Then /proc is needed only where a wait is refused.
  bool hidden_until_exec = false;

  // Set by a child that shares the caller's memory just before its exec; null if there is no such
  // thing. It counts where nothing else tells.
  const volatile int* exec_reached = nullptr;
};

// Waits for the child's next report, or for its exec or its death if there is none to come, and
// does not reap it. The end of the pipe is not relied upon: a process that another thread of the
// caller forked meanwhile may hold the other end, and live for ever.
//   kForked, kFailed     as the child wrote it
//   kStarted             so it wrote, or it has exec'd
//   kDied                it is dead, or was when last seen
//   kFailed at kStart    somebody else has waited for it, and nothing can be told (ECHILD)
//   kFailed at kReport   the pipe cannot be read; the child may live
ChildReport AwaitReport(Os& os, const AwaitedChild& child);

// What became of a child whose pipe has come to its end: kStarted, kDied or kFailed as above.
ChildReport DecideAtEndOfFile(Os& os, const AwaitedChild& child);

// How a child is, hidden or not; it is neither waited for nor reaped. pid 0: it lives. ECHILD:
// somebody else has reaped it, and its number may be a stranger's.
SysResult<WaitIdResult> LookAtChild(Os& os, pid_t child);

// Sends a SIGKILL by a pidfd; -1 for none. Whether it was sent, or the process has ended already.
bool KillByPidFd(Os& os, int pid_fd);

// The same of a child. Without a pidfd, or where a filter forbids that, by its pid, if a look at it
// says that it lives.
void KillChild(Os& os, pid_t child, int pid_fd);

// Whether the process runs a program that it has exec'd, as far as /proc shows.
bool HasExecd(Os& os, pid_t pid);

}  // namespace cleanfork

#endif  // CLEANFORK_SRC_CHILD_AWAIT_CHILD_H_
