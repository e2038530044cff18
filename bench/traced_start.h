// What a start makes the kernel do: counted by ptrace(2), in a run of its own, since it is slow.
#ifndef CLEANFORK_BENCH_TRACED_START_H_
#define CLEANFORK_BENCH_TRACED_START_H_

#include <string>
#include <vector>

namespace cleanfork {

struct TracedStart {
  long calls = 0;  // of the starter and all that it forks, until each ends or is the daemon
  long starter_kibibytes = 0;  // the most that was resident in the starter: VmHWM of proc(5)
  long largest_kibibytes = 0;  // the same of whichever had the most
  int exit_code = -1;
};

// In a child that is about to execute a starter: what that says goes to /dev/null. No allocation.
void BeSilent();

// Runs `words` until every process that comes of it has ended. One that executes `daemon`, an
// absolute path without symbolic links, is let go, and killed when the starter has ended.
// ru_maxrss of getrusage(2) would not do: a new process begins with what its parent had.
TracedStart TraceStart(const std::vector<std::string>& words, const std::string& daemon);

}  // namespace cleanfork

#endif  // CLEANFORK_BENCH_TRACED_START_H_
