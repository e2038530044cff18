// Bodies by chance: the line that a failure is printed with must make the same run again.
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "cleanfork/checker.h"
#include "cleanfork/explore.h"
#include "tests/explore/random_bodies.h"
#include "tests/real/sanitizers.h"

namespace cleanfork {
namespace {

struct Bounds {
  const char* name;
  int faults;
  int signals;
  int kills;
};

ExploreOptions OptionsOf(const Bounds& bounds) {
  ExploreOptions options;
  options.max_faults = bounds.faults;
  options.sticky_faults = false;
  options.max_signals = bounds.signals;
  if (bounds.signals > 0) options.signals = {SIGTERM, SIGUSR1};
  options.max_kills = bounds.kills;
  options.max_runs = 1000;
  options.max_calls = 400;
  options.progress = false;
  options.reports = false;
  return options;
}

int FromEnvironment(const char* name, int otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoi(text);
}

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
bool IsReplayed(int seed, const Bounds& bounds) {
  const RandomBody body = MakeRandomBody(seed);
  Scenario scenario = body.scenario;
  const ExploreOptions options = OptionsOf(bounds);
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
  static const Bounds kAllBounds[] = {
      {"alone", 0, 0, 0}, {"fault", 1, 0, 0}, {"signal", 0, 1, 0}, {"kill", 0, 0, 1}};
  const int first = FromEnvironment("FIRST", 1);
  const int count = FromEnvironment("COUNT", kThreadSanitizer ? 10 : 100);
  int replayed = 0;
  for (int seed = first; seed < first + count; ++seed) {
    for (const Bounds& bounds : kAllBounds) replayed += IsReplayed(seed, bounds) ? 1 : 0;
  }
  std::printf("%d of %d replayed\n", replayed, 4 * count);
  EXPECT_GT(replayed, count);
}

}  // namespace
}  // namespace cleanfork
