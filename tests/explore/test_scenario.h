// Scenarios of bodies that stand in a test, and what came out of their runs.
#ifndef CLEANFORK_TESTS_EXPLORE_TEST_SCENARIO_H_
#define CLEANFORK_TESTS_EXPLORE_TEST_SCENARIO_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <set>

#include "cleanfork/explore.h"
#include "cleanfork/os.h"

namespace cleanfork {

// Named as the test that runs, and without a checker.
inline Scenario ScenarioOf(const SimOs::Body& body) {
  Scenario scenario;
  scenario.name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
  scenario.body = body;
  scenario.checkers.clear();
  return scenario;
}

// Without how many runs have come to each.
inline std::set<uint64_t> OutcomesOf(const ExploreResult& result) {
  std::set<uint64_t> outcomes;
  for (const auto& [outcome, count] : result.outcomes) outcomes.insert(outcome);
  return outcomes;
}

// Calls that have nothing to do with anybody else's.
inline void CallOften(Os& os, int times) {
  for (int i = 0; i < times; ++i) os.Umask(022);
}

// A body that has few runs, for tables.
struct Small {
  const char* name;
  SimOs::Body body;
};

}  // namespace cleanfork

#endif  // CLEANFORK_TESTS_EXPLORE_TEST_SCENARIO_H_
