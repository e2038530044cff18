// What a careful author writes without the library: the same steps in the same order, every result
// checked, the child's failure told to the parent over a pipe. What the library is measured by.
#ifndef CLEANFORK_BENCH_BY_HAND_H_
#define CLEANFORK_BENCH_BY_HAND_H_

#include <sys/types.h>

namespace cleanfork {

// As ForkChild() with default options: the pid in the parent, 0 in the child, -1 on failure.
pid_t ForkByHand();

// fork(2) and execv(2) with the same steps; the pid, or -1. With a `user` the child becomes it, for
// good and verified: groups, gid and uid, looked up by name each time.
pid_t ForkAndExecByHand(const char* path, const char* user = nullptr);

}  // namespace cleanfork

#endif  // CLEANFORK_BENCH_BY_HAND_H_
