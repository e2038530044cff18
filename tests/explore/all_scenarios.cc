#include "tests/explore/all_scenarios.h"

#include "tests/explore/rare_scenarios.h"
#include "tests/explore/scenarios.h"

namespace cleanfork::explore {

std::vector<Scenario> AllScenarios() {
  std::vector<Scenario> all = Scenarios();
  for (const RareScenario& rare : RareScenarios()) all.push_back(rare.scenario);
  return all;
}

std::optional<Scenario> FindScenario(const std::string& name) {
  for (const Scenario& scenario : AllScenarios()) {
    if (scenario.name == name) return scenario;
  }
  return std::nullopt;
}

}  // namespace cleanfork::explore
