// Runs by chance, beyond the bounds: the line of one that breaks a rule makes it again.
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

using Outcomes = std::map<std::string, int>;

// Within the bounds nothing goes wrong.
ExploreOptions Options(int64_t random_runs) {
  ExploreOptions options = RandomBodyOptions({"alone", 0, 0, 0}, 2000);
  options.random_runs = random_runs;
  options.random_deviations = 4;
  return options;
}

bool CountOutcomes(Scenario scenario, const ExploreOptions& options, Outcomes* outcomes) {
  scenario.checkers = {MakeChecker("counts", [outcomes](const Execution& run) {
    ++(*outcomes)[DescribeRun(run)];
    return std::string();
  })};
  return Explore(scenario, options).verdict == ExploreResult::Verdict::kExhausted;
}

// The rarest of those that only runs by chance come to; empty where there is none.
std::string RarestBeyond(const Scenario& scenario, int64_t random_runs) {
  Outcomes within, all;
  if (!CountOutcomes(scenario, Options(0), &within)) return "";
  CountOutcomes(scenario, Options(random_runs), &all);
  std::string rarest;
  for (const auto& [outcome, runs] : all) {
    if (within.count(outcome) > 0) continue;
    if (rarest.empty() || runs < all[rarest]) rarest = outcome;
  }
  return rarest;
}

// Whether there was something to replay.
bool IsReplayed(int seed, int64_t random_runs) {
  const RandomBody body = MakeRandomBody(seed);
  Scenario scenario = body.scenario;
  const std::string outcome = RarestBeyond(scenario, random_runs);
  if (outcome.empty()) return false;
  scenario.checkers = {MakeChecker("has not the rarest outcome", [outcome](const Execution& run) {
    return DescribeRun(run) == outcome ? "it has" : "";
  })};
  const ExploreOptions options = Options(random_runs);
  const ExploreResult result = Explore(scenario, options);
  if (result.failures.size() != 1) {
    ADD_FAILURE() << "seed " << seed << ": is not found again";
    return false;
  }
  const ExploreFailure& failure = result.failures[0];
  SCOPED_TRACE("seed " + std::to_string(seed) + ": " + body.text + "\n" + failure.plan);
  EXPECT_FALSE(failure.deviations.empty());
  EXPECT_EQ(failure.what, "it has");
  const ReplayResult replayed = Replay(scenario, failure.plan, options.max_calls);
  EXPECT_EQ(replayed.error, "");
  EXPECT_EQ(replayed.rule, failure.rule);
  EXPECT_EQ(replayed.what, failure.what);
  EXPECT_EQ(replayed.picture, failure.picture);
  return true;
}

// FIRST and COUNT in the environment look at more.
TEST(Chance, TheLineOfARunBeyondTheBoundsMakesItAgain) {
  const int first = FromEnvironment("FIRST", 1);
  const int count = FromEnvironment("COUNT", kThreadSanitizer ? 20 : 150);
  int replayed = 0;
  for (int seed = first; seed < first + count; ++seed) replayed += IsReplayed(seed, 300) ? 1 : 0;
  std::printf("%d of %d replayed\n", replayed, count);
  EXPECT_GT(2 * replayed, count);
}

}  // namespace
}  // namespace cleanfork
