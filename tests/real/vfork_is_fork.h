// Whether RealOs's VforkCall() is a plain fork(2) here, as it is under the sanitizers that cannot
// follow a child on a stack of its own in its parent's memory. What such a child writes to memory
// is lost to its parent, so that whether it has come to its exec is known from /proc alone.
#ifndef CLEANFORK_TESTS_REAL_VFORK_IS_FORK_H_
#define CLEANFORK_TESTS_REAL_VFORK_IS_FORK_H_

#include "tests/real/sanitizers.h"

namespace cleanfork {

constexpr bool kVforkIsFork = kAddressSanitizer || kThreadSanitizer;
constexpr const char* kNoVfork = "VforkCall() is a fork(2) under this sanitizer";

}  // namespace cleanfork

#endif  // CLEANFORK_TESTS_REAL_VFORK_IS_FORK_H_
