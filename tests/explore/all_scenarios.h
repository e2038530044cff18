// Every scenario of the library itself, by name: what the tools explore and replay.
#ifndef CLEANFORK_TESTS_EXPLORE_ALL_SCENARIOS_H_
#define CLEANFORK_TESTS_EXPLORE_ALL_SCENARIOS_H_

#include <optional>
#include <string>
#include <vector>

#include "cleanfork/explore.h"

namespace cleanfork::explore {

// Those of scenarios.h, then those of rare_scenarios.h. No two have one name.
std::vector<Scenario> AllScenarios();

std::optional<Scenario> FindScenario(const std::string& name);

}  // namespace cleanfork::explore

#endif  // CLEANFORK_TESTS_EXPLORE_ALL_SCENARIOS_H_
