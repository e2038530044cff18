// Which sanitizer a test is built with. ThreadSanitizer is not only slow: its runtime has a thread
// of its own in every process that has forked or was forked, keeps signals back until a call that
// it intercepts, runs their handlers in an order of its own with every signal masked, and answers
// sigaction(2) from its own table. What such a process does is not what the kernel lets others do.
#ifndef CLEANFORK_TESTS_REAL_SANITIZERS_H_
#define CLEANFORK_TESTS_REAL_SANITIZERS_H_

#include "mocks/sanitizers.h"

namespace cleanfork {

#ifdef CLEANFORK_ASAN
constexpr bool kAddressSanitizer = true;
#else
constexpr bool kAddressSanitizer = false;
#endif
#ifdef CLEANFORK_TSAN
constexpr bool kThreadSanitizer = true;
#else
constexpr bool kThreadSanitizer = false;
#endif

// What a forked process that has no thread of its own counts for RLIMIT_NPROC and pids.max, once
// its fork(2) has returned. One that has come by execve(2) and not forked yet counts one.
constexpr int kTasksOfAForkedProcess = kThreadSanitizer ? 2 : 1;

}  // namespace cleanfork

#endif  // CLEANFORK_TESTS_REAL_SANITIZERS_H_
