// FindForkObstacle: whether a fork that has just failed fails for a cause that waiting does not
// cure.
//
//   EAGAIN  the calling thread runs under SCHED_DEADLINE without the reset-on-fork flag: fork(2),
//           sched(7). That is asked of the kernel, and certain.
//   ENOMEM  the PID namespace into which children go is dead, its init having ended:
//           pid_namespaces(7). There is no call that says so. It is certain if /proc shows all
//           processes and none of them is that init, alive; the files that are read for it are
//           there since Linux 4.12. It has been seen on 6.18.
//
// What is not certain is not permanent: it is tried again, and `cause` says what it may be.
#ifndef CLEANFORK_SRC_FORK_OBSTACLE_H_
#define CLEANFORK_SRC_FORK_OBSTACLE_H_

#include <string>

#include "cleanfork/os.h"

namespace cleanfork {

struct ForkObstacle {
  bool permanent = false;
  std::string cause;  // and the remedy; "" where there is nothing to be said
};

// `error` is the errno of the fork that the calling thread has just tried. Never fails. Two calls,
// but where children go into another PID namespace: there it looks at every process, with the
// bounds of src/proc_files.h. Thread-safe; allocates, so it is for the parent's side only.
//
// The second fork of a daemon has no such look. Neither cause can be met there: a daemon whose
// children would be in another namespace is refused (docs/steps.md, validate), the init of one's
// own namespace cannot end before oneself does, and under SCHED_DEADLINE the first fork has either
// failed or, by the flag, made a child without that policy.
ForkObstacle FindForkObstacle(Os& os, int error);

}  // namespace cleanfork

#endif  // CLEANFORK_SRC_FORK_OBSTACLE_H_
