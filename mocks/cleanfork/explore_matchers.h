// gMock matchers for what Explore() returned (cleanfork/explore.h).
//
//   EXPECT_THAT(cleanfork::Explore(scenario, options), cleanfork::Exhausted());
//
// A failed expectation prints the run that breaks a rule, beginning with the line that makes it
// again, and a test that does so:
//
//     Value of: result
//     Expected: has exhausted its bounds without a violation
//       Actual:
//     cf1;P.fork#1=EAGAIN;fits=5d1c
//       breaks the rule "no descriptor is leaked": ...
//
//     P (pid 100)
//     ...
//     , which breaks a rule. This test makes the run again:
//
//     TEST(StartTheWorker, KeepsNoDescriptorIsLeaked) {
//     ...
//
// In a library of its own, //:explore_matchers: whoever explores without gMock does not link it.
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
