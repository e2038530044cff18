// What becomes of a test whose privileges are not to be had: it skips and says which; where
// CLEANFORK_REQUIRE_PRIVILEGED=1 is in the environment, as .ci/run sets it for root, it fails.
#ifndef CLEANFORK_TESTS_REAL_REQUIRED_PRIVILEGES_H_
#define CLEANFORK_TESTS_REAL_REQUIRED_PRIVILEGES_H_

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <string>

namespace cleanfork {

// How the message of such a skip begins.
constexpr const char* kNeedsPrivileges = "needs privileges: ";

inline bool PrivilegesAreRequired() {
  const char* const required = std::getenv("CLEANFORK_REQUIRE_PRIVILEGED");
  return required != nullptr && std::strcmp(required, "1") == 0;
}

// The caller has to return after it.
inline void SkipWithoutPrivileges(const std::string& why) {
  if (PrivilegesAreRequired()) {
    FAIL() << kNeedsPrivileges << why << ", and CLEANFORK_REQUIRE_PRIVILEGED=1";
  }
  GTEST_SKIP() << kNeedsPrivileges << why;
}

}  // namespace cleanfork

#endif  // CLEANFORK_TESTS_REAL_REQUIRED_PRIVILEGES_H_
