// gMock matchers for what Explore() returned (cleanfork/explore.h).
//
//   EXPECT_THAT(cleanfork::Explore(scenario), cleanfork::Exhausted());
//
// A failed expectation prints the run that breaks a rule: first, on a line of its own, the plan
// that makes it again; then the rule, the run as a picture, and a whole TEST() to paste that makes
// it again.
//
// In a library of its own, //:explore_matchers: who explores without gMock does not link it.
// No errors. Thread safety: that of the result.
#ifndef CLEANFORK_EXPLORE_MATCHERS_H_
#define CLEANFORK_EXPLORE_MATCHERS_H_

#include <gmock/gmock.h>

#include <ostream>

#include "cleanfork/explore.h"

namespace cleanfork {
namespace explore_internal {

class ExploreMatcher {
 public:
  using is_gtest_matcher = void;
  explicit ExploreMatcher(bool exhausted) : exhausted_(exhausted) {}

  bool MatchAndExplain(const ExploreResult& result, std::ostream* listener) const;
  void DescribeTo(std::ostream* out) const;
  void DescribeNegationTo(std::ostream* out) const;

 private:
  const bool exhausted_;  // all runs within the bounds have to have been made
};

}  // namespace explore_internal

// All runs within the bounds were made, and none breaks a rule.
inline explore_internal::ExploreMatcher Exhausted() {
  return explore_internal::ExploreMatcher(true);
}

// None of the runs that were made breaks a rule; a bound of time or number may have ended the
// exploration early.
inline explore_internal::ExploreMatcher FindsNoViolation() {
  return explore_internal::ExploreMatcher(false);
}

}  // namespace cleanfork

#endif  // CLEANFORK_EXPLORE_MATCHERS_H_
