// Runs by chance, beyond the bounds: the line of one that breaks a rule makes it again.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

#include "cleanfork/explore.h"
#include "tests/explore/random_bodies.h"
#include "tests/explore/rarest_outcome.h"
#include "tests/real/sanitizers.h"

namespace cleanfork {
namespace {

// Within the bounds nothing goes wrong.
ExploreOptions Options(int64_t random_runs) {
  ExploreOptions options = RandomBodyOptions({"alone", 0, 0, 0}, 2000);
  options.random_runs = random_runs;
  options.random_deviations = 4;
  return options;
}

// The rarest of those that only runs by chance come to; empty where there is none.
std::string RarestBeyond(const Scenario& scenario, int64_t random_runs) {
  Outcomes within, all;
  if (!CountOutcomes(scenario, Options(0), &within)) return "";
  CountOutcomes(scenario, Options(random_runs), &all);
  return RarestOf(all, within);
}

// Whether there was something to replay.
bool IsReplayed(int seed, int64_t random_runs) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  const RandomBody body = MakeRandomBody(seed);
  const std::string outcome = RarestBeyond(body.scenario, random_runs);
  if (outcome.empty()) return false;
  const std::optional<ExploreFailure> failure = FindAndReplay(body, outcome, Options(random_runs));
  if (!failure.has_value()) return false;
  EXPECT_FALSE(failure->deviations.empty()) << failure->plan;
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
