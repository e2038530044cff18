// How to have fork code of one's own explored: own_fork.h keeps all rules in all runs; in
// hasty_fork.h the exploration finds the mistake, with the one fault that it takes.
#include "cleanfork/explore.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "cleanfork/explore_matchers.h"
#include "hasty_fork.h"
#include "own_fork.h"

namespace service {
namespace {

using cleanfork::ExploreOptions;
using cleanfork::ExploreResult;
using cleanfork::Scenario;

constexpr char kHelper[] = "/usr/lib/helper";

// A world in which there is a helper, which exits with 0.
Scenario WithHelper(const std::string& name, cleanfork::SimOs::Body body) {
  Scenario scenario;
  scenario.name = name;
  const auto helper = [](cleanfork::Os&, const std::vector<std::string>&) { return 0; };
  scenario.world.programs.push_back({kHelper, helper});
  scenario.body = std::move(body);
  return scenario;
}

int RunOwn(cleanfork::Os& os) {
  std::string path = kHelper;
  char* argv[] = {&path[0], nullptr};
  return RunHelper(path.c_str(), argv, os).ok() ? 0 : 1;
}

int RunHasty(cleanfork::Os& os) {
  std::string path = kHelper;
  char* argv[] = {&path[0], nullptr};
  return RunHelperHastily(path.c_str(), argv, os) == 0 ? 0 : 1;
}

TEST(RunHelper, SurvivesAnyThreeFaultsInEveryOrder) {
  ExploreOptions options;
  options.max_faults = 3;
  EXPECT_THAT(cleanfork::Explore(WithHelper("run the helper", RunOwn), options),
              cleanfork::Exhausted());
}

TEST(RunHelperHastily, IsFoundToLeaveAChildBehindWhenTheProgramCannotBeExecuted) {
  const Scenario scenario = WithHelper("run the helper hastily", RunHasty);
  const ExploreResult result = cleanfork::Explore(scenario);
  ASSERT_FALSE(result.failures.empty()) << result;
  const cleanfork::ExploreFailure& failure = result.failures[0];
  ASSERT_EQ(failure.deviations.size(), 1u) << result;
  std::cout << result;
  EXPECT_EQ(failure.deviations[0].call, cleanfork::OsCall::kExecVe) << result;
  EXPECT_EQ(cleanfork::Replay(scenario, failure.plan).rule, failure.rule);
}

}  // namespace
}  // namespace service
