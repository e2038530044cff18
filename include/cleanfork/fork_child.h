// ForkChild and RunInChild: children that go on in this program's own code.
//
//   absl::StatusOr<cleanfork::Child> child = cleanfork::RunInChild([] { return Serve(); });
//   if (!child.ok()) return child.status();      // names the step and the errno
//   // ... and later:
//   absl::StatusOr<cleanfork::ExitStatus> ended = child->Wait();
//
// Both retry a fork that fails for the moment, block all signals over it, restore the caller's
// mask on every path, set the child up as ForkOptions say, and return in the parent only once the
// child has reported that this is complete, or why it is not. After a failure there is no child,
// no zombie, no descriptor left, and mask and dispositions are as before.
//
// A child that does not exec has only the thread that called, and whatever locks the others held
// stay held for ever. In a program with threads use Spawn(), or call async-signal-safe functions
// only (signal-safety(7)). Neither function flushes stdio: call fflush(nullptr) before, and leave
// the child by Os::Exit() or, in a body, by returning.
//
// Thread-safe, each call for itself. Not signal-safe. A thread that is cancelled in here
// (pthread_cancel(3)) may leave a child.
#ifndef CLEANFORK_FORK_CHILD_H_
#define CLEANFORK_FORK_CHILD_H_

#include <sys/types.h>

#include <functional>

#include "absl/status/statusor.h"
#include "cleanfork/child.h"
#include "cleanfork/fork_options.h"
#include "cleanfork/os.h"

namespace cleanfork {

// Returns twice: the child's pid in the parent, and 0 in the child, which is then set up. (With
// Session::kDaemon the pid is that of the second child.) In the child it never returns an error:
// one that could not be set up has reported and exited. The caller has to wait for the pid.
absl::StatusOr<pid_t> ForkChild(const ForkOptions& options = ForkOptions(), Os& os = RealOs());

// Runs body() in a child, whose exit status is what it returns (0 to 255; the low eight bits).
// Nothing unwinds into the caller's code: a body that throws ends the child with status 70
// (EX_SOFTWARE of sysexits.h).
absl::StatusOr<Child> RunInChild(const std::function<int()>& body,
                                 const ForkOptions& options = ForkOptions(), Os& os = RealOs());

}  // namespace cleanfork

#endif  // CLEANFORK_FORK_CHILD_H_
