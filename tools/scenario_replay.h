// Runs a line that the explorer has printed again, with the scenario of the library that it is of.
#ifndef CLEANFORK_TOOLS_SCENARIO_REPLAY_H_
#define CLEANFORK_TOOLS_SCENARIO_REPLAY_H_

#include <ostream>
#include <string>

namespace cleanfork::tools {

// The exit statuses of these.
constexpr int kKeepsTheRules = 0;
constexpr int kBreaksARule = 1;
constexpr int kCannotReplay = 64;  // EX_USAGE of sysexits.h

// A line for each scenario: its name.
int ListScenarios(std::ostream& out);

// Prints the run as a picture, and the rule that it breaks, on `out`; why it cannot be made, and
// what to do about it, on `err`.
int ReplayScenario(const std::string& name, const std::string& line, std::ostream& out,
                   std::ostream& err);

}  // namespace cleanfork::tools

#endif  // CLEANFORK_TOOLS_SCENARIO_REPLAY_H_
