// Bodies by chance: the line that a failure is printed with must make the same run again.
#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <string>

#include "cleanfork/checker.h"
#include "cleanfork/explore.h"
#include "tests/explore/random_bodies.h"
#include "tests/real/sanitizers.h"

namespace cleanfork {
namespace {

// The one that the fewest runs come to; empty where there are too many runs.
std::string RarestOutcome(Scenario scenario, const ExploreOptions& options) {
  std::map<std::string, int> outcomes;
  scenario.checkers = {MakeChecker("counts", [&outcomes](const Execution& run) {
    ++outcomes[DescribeRun(run)];
    return std::string();
  })};
  if (Explore(scenario, options).verdict != ExploreResult::Verdict::kExhausted) return "";
  std::string rarest;
  for (const auto& [outcome, runs] : outcomes) {
    if (rarest.empty() || runs < outcomes[rarest]) rarest = outcome;
  }
  return rarest;
}

// Whether there was something to replay.
bool IsReplayed(int seed, const RandomBounds& bounds) {
  const RandomBody body = MakeRandomBody(seed);
  Scenario scenario = body.scenario;
  const ExploreOptions options = RandomBodyOptions(bounds, 1000);
  const std::string outcome = RarestOutcome(scenario, options);
  if (outcome.empty()) return false;
  scenario.checkers = {MakeChecker("has not the rarest outcome", [outcome](const Execution& run) {
    return DescribeRun(run) == outcome ? "it has" : "";
  })};
  const ExploreResult result = Explore(scenario, options);
  if (result.failures.size() != 1) {
    ADD_FAILURE() << "seed " << seed << ", " << bounds.name << ": is not found again";
    return false;
  }
  const ExploreFailure& failure = result.failures[0];
  SCOPED_TRACE("seed " + std::to_string(seed) + ", " + bounds.name + ": " + body.text + "\n" +
               failure.plan);
  EXPECT_EQ(failure.what, "it has");
  const ReplayResult replayed = Replay(scenario, failure.plan, options.max_calls);
  EXPECT_EQ(replayed.error, "");
  EXPECT_EQ(replayed.rule, failure.rule);
  EXPECT_EQ(replayed.what, failure.what);
  EXPECT_EQ(replayed.picture, failure.picture);
  return true;
}

// FIRST and COUNT in the environment look at more.
TEST(Replay, OfTheLineOfAFailureMakesTheSameRun) {
  const int first = FromEnvironment("FIRST", 1);
  const int count = FromEnvironment("COUNT", kThreadSanitizer ? 10 : 100);
  int replayed = 0;
  for (int seed = first; seed < first + count; ++seed) {
    for (const RandomBounds& bounds : kRandomBounds) replayed += IsReplayed(seed, bounds) ? 1 : 0;
  }
  std::printf("%d of %d replayed\n", replayed, 4 * count);
  EXPECT_GT(replayed, count);
}

}  // namespace
}  // namespace cleanfork
