// What Exhausted() and FindsNoViolation() accept, and what they say where they do not.
#include "cleanfork/explore_matchers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cleanfork/explore.h"
#include "cleanfork/explore_report.h"
#include "tests/explore/report/worker_scenario.h"

namespace cleanfork {
namespace {

using ::testing::DescribeMatcher;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::PrintToString;
using ::testing::StartsWith;

template <typename Matcher>
std::string Explain(const Matcher& matcher, const ExploreResult& result) {
  testing::StringMatchResultListener listener;
  testing::ExplainMatchResult(matcher, result, &listener);
  return listener.str();
}

TEST(ExploreMatchers, AcceptWhatIsExhausted) {
  const ExploreResult result = Explore(StartTheWorkerScenario(), WorkerOptions(1));
  EXPECT_THAT(result, Exhausted());
  EXPECT_THAT(result, FindsNoViolation());
}

TEST(ExploreMatchers, TellWhatABoundHasEnded) {
  ExploreOptions options = WorkerOptions(1);
  options.max_runs = 3;
  const ExploreResult result = Explore(StartTheWorkerScenario(), options);
  EXPECT_THAT(result, FindsNoViolation());
  EXPECT_THAT(result, Not(Exhausted()));
  EXPECT_EQ(Explain(Exhausted(), result), "which was ended by max_runs before all runs were made");
}

TEST(ExploreMatchers, ShowTheRunThatBreaksARuleBeginningWithItsPlan) {
  const ExploreResult result = Explore(ForgetfulWorkerScenario(), WorkerOptions(1));
  ASSERT_FALSE(result.failures.empty());
  const ExploreFailure& failure = result.failures[0];
  EXPECT_THAT(result, Not(Exhausted()));
  EXPECT_THAT(result, Not(FindsNoViolation()));
  // gMock prints the value, then the explanation.
  EXPECT_THAT(PrintToString(result),
              StartsWith("\n" + failure.plan + "\n  breaks the rule \"no descriptor is leaked\": " +
                         failure.what + "\n\n" + failure.picture));
  for (const std::string& text :
       {Explain(Exhausted(), result), Explain(FindsNoViolation(), result)}) {
    EXPECT_EQ(text, "which breaks a rule. This test makes the run again:\n\n" + ReplayTest(result));
  }
}

TEST(ExploreMatchers, DescribeThemselves) {
  EXPECT_EQ(DescribeMatcher<ExploreResult>(Exhausted()),
            "has exhausted its bounds without a violation");
  EXPECT_EQ(DescribeMatcher<ExploreResult>(Not(Exhausted())),
            "has not exhausted its bounds, or finds a violation");
  EXPECT_EQ(DescribeMatcher<ExploreResult>(FindsNoViolation()), "finds no violation");
  EXPECT_EQ(DescribeMatcher<ExploreResult>(Not(FindsNoViolation())), "finds a violation");
}

}  // namespace
}  // namespace cleanfork
