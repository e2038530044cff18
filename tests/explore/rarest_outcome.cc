#include "tests/explore/rarest_outcome.h"

#include <gtest/gtest.h>

#include "cleanfork/checker.h"

namespace cleanfork {

bool CountOutcomes(Scenario scenario, const ExploreOptions& options, Outcomes* outcomes) {
  scenario.checkers = {MakeChecker("counts", [outcomes](const Execution& run) {
    ++(*outcomes)[DescribeRun(run)];
    return std::string();
  })};
  return Explore(scenario, options).verdict == ExploreResult::Verdict::kExhausted;
}

std::string RarestOf(const Outcomes& outcomes, const Outcomes& but) {
  std::string rarest;
  int fewest = 0;
  for (const auto& [outcome, runs] : outcomes) {
    if (but.count(outcome) > 0 || (!rarest.empty() && runs >= fewest)) continue;
    rarest = outcome;
    fewest = runs;
  }
  return rarest;
}

std::optional<ExploreFailure> FindAndReplay(const RandomBody& body, const std::string& outcome,
                                            const ExploreOptions& options) {
  Scenario scenario = body.scenario;
  scenario.checkers = {MakeChecker("has not the rarest outcome", [outcome](const Execution& run) {
    return DescribeRun(run) == outcome ? "it has" : "";
  })};
  const ExploreResult result = Explore(scenario, options);
  if (result.failures.size() != 1) {
    ADD_FAILURE() << "is not found again";
    return std::nullopt;
  }
  const ExploreFailure& failure = result.failures[0];
  SCOPED_TRACE(body.text + "\n" + failure.plan);
  EXPECT_EQ(failure.what, "it has");
  const ReplayResult replayed = Replay(scenario, failure.plan, options.max_calls);
  EXPECT_EQ(replayed.error, "");
  EXPECT_EQ(replayed.rule, failure.rule);
  EXPECT_EQ(replayed.what, failure.what);
  EXPECT_EQ(replayed.picture, failure.picture);
  return failure;
}

}  // namespace cleanfork
