// AwaitChild: how a parent learns what became of the child that it has just made. Used by the
// caller's process and, with a second fork, by the first child: signal-safe like all of src/child/.
#ifndef CLEANFORK_SRC_CHILD_AWAIT_CHILD_H_
#define CLEANFORK_SRC_CHILD_AWAIT_CHILD_H_

#include "cleanfork/child_report.h"
#include "cleanfork/os.h"

namespace cleanfork {

// The exit status of a child that could not be set up; its report says why.
constexpr int kChildFailedStatus = 127;

// Decides what the end of file on a child's pipe means. `child` is a child of the calling process.
// If it execs, its program may be running: kStarted; else it is dead or dying: kDied, for which
// the call waits without reaping. kFailed with ECHILD at kStart if somebody else has reaped it and
// nothing can be told.
ChildReport DecideAtEndOfFile(Os& os, pid_t child, bool execs);

}  // namespace cleanfork

#endif  // CLEANFORK_SRC_CHILD_AWAIT_CHILD_H_
