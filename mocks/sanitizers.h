// Which sanitizer this is built with: CLEANFORK_ASAN or CLEANFORK_TSAN, or neither. g++ says it by
// macros, clang by __has_feature().
#ifndef CLEANFORK_MOCKS_SANITIZERS_H_
#define CLEANFORK_MOCKS_SANITIZERS_H_

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CLEANFORK_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define CLEANFORK_TSAN 1
#endif
#endif

#if defined(__SANITIZE_ADDRESS__) && !defined(CLEANFORK_ASAN)
#define CLEANFORK_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__) && !defined(CLEANFORK_TSAN)
#define CLEANFORK_TSAN 1
#endif

#endif  // CLEANFORK_MOCKS_SANITIZERS_H_
