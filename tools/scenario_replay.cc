#include "tools/scenario_replay.h"

#include <optional>

#include "cleanfork/explore.h"
#include "tests/explore/all_scenarios.h"

namespace cleanfork::tools {
namespace {

// A name is often cut short, or pasted with what stands beside it.
std::string NamesLike(const std::string& name) {
  std::string like;
  for (const Scenario& scenario : explore::AllScenarios()) {
    const bool is_like = !name.empty() && (scenario.name.find(name) != std::string::npos ||
                                           name.find(scenario.name) != std::string::npos);
    if (is_like) like += (like.empty() ? " Is it one of these?\n  " : "\n  ") + scenario.name;
  }
  return like;
}

}  // namespace

int ListScenarios(std::ostream& out) {
  for (const Scenario& scenario : explore::AllScenarios()) out << scenario.name << "\n";
  return kKeepsTheRules;
}

int ReplayScenario(const std::string& name, const std::string& line, std::ostream& out,
                   std::ostream& err) {
  const std::optional<Scenario> scenario = explore::FindScenario(name);
  if (!scenario.has_value()) {
    err << "replay: there is no scenario \"" << name << "\": --list names them all."
        << NamesLike(name) << "\n";
    return kCannotReplay;
  }
  const ReplayResult replay = Replay(*scenario, line);
  if (!replay.error.empty()) {
    err << "replay: " << replay.error << "\n"
        << "  The line is of another scenario, or of other code than this. What fails now is found "
        << "by\n  ./tools/bazel run -c opt //tests/explore:explore_scenario -- '" << name
        << "' --faults=1\n";
    return kCannotReplay;
  }
  out << replay.picture;
  if (!replay.run.message.empty()) out << replay.run.message << "\n";
  if (replay.rule.empty()) {
    out << "keeps all rules\n";
    return kKeepsTheRules;
  }
  out << "breaks the rule \"" << replay.rule << "\": " << replay.what << "\n";
  return kBreaksARule;
}

}  // namespace cleanfork::tools
