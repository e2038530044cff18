// Whether RealOs's VforkCall() is a plain fork(2) here, as it is under the sanitizers that cannot
// follow a child on a stack of its own in its parent's memory. What such a child writes to memory
// is lost to its parent, so that whether it has come to its exec is known from /proc alone.
#ifndef CLEANFORK_TESTS_REAL_VFORK_IS_FORK_H_
#define CLEANFORK_TESTS_REAL_VFORK_IS_FORK_H_

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CLEANFORK_VFORK_IS_FORK true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CLEANFORK_VFORK_IS_FORK true
#endif
#endif
#ifndef CLEANFORK_VFORK_IS_FORK
#define CLEANFORK_VFORK_IS_FORK false
#endif

namespace cleanfork {

constexpr bool kVforkIsFork = CLEANFORK_VFORK_IS_FORK;

}  // namespace cleanfork

#undef CLEANFORK_VFORK_IS_FORK

#endif  // CLEANFORK_TESTS_REAL_VFORK_IS_FORK_H_
