// Which of the limits that fork(2) names under EAGAIN is full. For the message of a fork that
// has failed for good.
//
//   DescribeForkLimits(os)   "RLIMIT_NPROC is full: 64 of 64 tasks of uid 61001"
//                            "no limit that can be read is full (RLIMIT_NPROC 12 of 64,
//                             threads-max 214 of 186000, pid_max 214 of 32768)"
#ifndef CLEANFORK_SRC_FORK_LIMITS_H_
#define CLEANFORK_SRC_FORK_LIMITS_H_

#include <string>

#include "cleanfork/os.h"

namespace cleanfork {

// Reads, from /proc and the cgroup file systems, RLIMIT_NPROC against the tasks of the real uid;
// pids.max of every control group from the caller's own up to the root (versions 1 and 2);
// kernel.threads-max and kernel.pid_max against the tasks of the whole system. What cannot be
// read, and what does not bind the caller, is left out. A count may be lower than the kernel's:
// /proc shows the processes of one PID namespace, and with hidepid only the caller's.
//
// Never fails. The number of calls is bounded, at some hundred thousand on a system with as many
// processes, and none of them waits. Leaves no descriptor behind. Thread-safe; allocates, so it
// is for the parent's side only.
std::string DescribeForkLimits(Os& os);

}  // namespace cleanfork

#endif  // CLEANFORK_SRC_FORK_LIMITS_H_
