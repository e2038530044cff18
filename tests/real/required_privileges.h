// What becomes of a test whose privileges are not to be had: it skips and says which; where
// CLEANFORK_REQUIRE_PRIVILEGED=1 is in the environment, as .ci/run sets it for root, it fails.
#ifndef CLEANFORK_TESTS_REAL_REQUIRED_PRIVILEGES_H_
#define CLEANFORK_TESTS_REAL_REQUIRED_PRIVILEGES_H_

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

#include "tests/real/unused_uid.h"

namespace cleanfork {

// How the message of such a skip begins.
constexpr const char* kNeedsPrivileges = "needs privileges: ";

inline bool PrivilegesAreRequired() {
  const char* const required = std::getenv("CLEANFORK_REQUIRE_PRIVILEGED");
  return required != nullptr && std::strcmp(required, "1") == 0;
}

// Null if this process may do all that root may; else what it lacks.
inline const char* WhyNotPrivileged() {
  if (::geteuid() != 0) return "root: run it with sudo";
  std::ifstream map("/proc/self/uid_map");
  unsigned first = 0, outside = 0, count = 0;
  if (map >> first >> outside >> count && (outside != 0 || count <= kHighestUnusedUid)) {
    return "root of the whole system, and this is root of a user namespace only";
  }
  return nullptr;
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
