// Daemonizer: fork code as a careful author writes it, for bench/sim_os_bench.cc and
// bench/explore_bench.cc to run on doubles. Its two processes make 30 calls of Os, with the end of
// each.
#ifndef CLEANFORK_BENCH_DAEMONIZER_H_
#define CLEANFORK_BENCH_DAEMONIZER_H_

#include <sys/types.h>

#include "cleanfork/os.h"

namespace cleanfork {

constexpr uid_t kDaemonUser = 33;

// Forks a child that sets itself up, says so over a pipe and exits. Returns 0, or an errno: of the
// child's step that failed, or of one's own.
int RunDaemonizer(Os& os);

// The same, but the child waits over a second pipe until its starter has heard of it. If that does
// not come, it gives up. 36 calls.
int RunAcknowledgedDaemonizer(Os& os);

}  // namespace cleanfork

#endif  // CLEANFORK_BENCH_DAEMONIZER_H_
