// Which sanitizer a test is built with. ThreadSanitizer is not only slow: its runtime has a thread
// of its own in every process that has forked or was forked, keeps signals back until a call that
// it intercepts, runs their handlers in an order of its own with every signal masked, and answers
// sigaction(2) from its own table. What such a process does is not what the kernel lets others do.
#ifndef CLEANFORK_TESTS_REAL_SANITIZERS_H_
#define CLEANFORK_TESTS_REAL_SANITIZERS_H_

#if defined(__SANITIZE_ADDRESS__)
#define CLEANFORK_TEST_ADDRESS_SANITIZER true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CLEANFORK_TEST_ADDRESS_SANITIZER true
#endif
#endif
#ifndef CLEANFORK_TEST_ADDRESS_SANITIZER
#define CLEANFORK_TEST_ADDRESS_SANITIZER false
#endif

#if defined(__SANITIZE_THREAD__)
#define CLEANFORK_TEST_THREAD_SANITIZER true
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CLEANFORK_TEST_THREAD_SANITIZER true
#endif
#endif
#ifndef CLEANFORK_TEST_THREAD_SANITIZER
#define CLEANFORK_TEST_THREAD_SANITIZER false
#endif

namespace cleanfork {

constexpr bool kAddressSanitizer = CLEANFORK_TEST_ADDRESS_SANITIZER;
constexpr bool kThreadSanitizer = CLEANFORK_TEST_THREAD_SANITIZER;

// What a forked process that has no thread of its own counts for RLIMIT_NPROC and pids.max, once
// its fork(2) has returned. One that has come by execve(2) and not forked yet counts one.
constexpr int kTasksOfAForkedProcess = kThreadSanitizer ? 2 : 1;

}  // namespace cleanfork

#undef CLEANFORK_TEST_ADDRESS_SANITIZER
#undef CLEANFORK_TEST_THREAD_SANITIZER

#endif  // CLEANFORK_TESTS_REAL_SANITIZERS_H_
