// Explores one of the scenarios by name, within bounds of one's own, or runs a plan of it again:
//
//   bazel run -c opt //tests/explore:explore_scenario -- ForkChild --faults=2 --signals=1 --kills=1
//   bazel run //tests/explore:explore_scenario -- ForkChild --replay='cf1;P.fork#1=EAGAIN'
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string>

#include "cleanfork/explore.h"
#include "tests/explore/all_scenarios.h"
#include "tests/explore/scenarios.h"

namespace cleanfork::explore {
namespace {

// The value of "--name=value", or null.
const char* ValueOf(const std::string& word, const std::string& name, const char* whole) {
  return word.rfind("--" + name + "=", 0) == 0 ? whole + name.size() + 3 : nullptr;
}

int Main(int argc, char** argv) {
  Slice slice;
  slice.name = "by hand";
  std::string plan;
  for (int i = 2; i < argc; ++i) {
    const std::string word = argv[i];
    if (const char* value = ValueOf(word, "replay", argv[i])) plan = value;
    if (const char* value = ValueOf(word, "faults", argv[i])) {
      slice.options.max_faults = std::atoi(value);
    }
    if (const char* value = ValueOf(word, "signals", argv[i])) {
      slice.options.max_signals = std::atoi(value);
      slice.options.signals = {SIGTERM};
    }
    if (const char* value = ValueOf(word, "kills", argv[i])) {
      slice.options.max_kills = std::atoi(value);
    }
    if (const char* value = ValueOf(word, "preemptions", argv[i])) {
      slice.options.max_preemptions = std::atoi(value);
    }
    if (const char* value = ValueOf(word, "seconds", argv[i])) {
      slice.options.max_seconds = std::atof(value);
    }
    if (word == "--merge-states") slice.options.merge_states = true;
    if (word == "--checkpoints") slice.options.checkpoints = true;
    if (word == "--not-sticky") slice.options.sticky_faults = false;
    if (word == "--outcomes") slice.options.outcomes = true;
  }
  for (const Scenario& scenario : AllScenarios()) {
    if (argc > 1 && scenario.name != argv[1]) continue;
    if (plan.empty()) {
      const ExploreResult result = ExploreSlice(scenario, slice);
      std::cout << result.ToString() << "\n";
      for (const auto& [what, runs] : result.probes) std::cout << runs << " " << what << "\n";
      if (slice.options.outcomes) std::cout << result.outcomes.size() << " outcomes\n";
      for (const ExploreFailure& failure : result.failures) std::cout << failure.picture << "\n";
      continue;
    }
    const ReplayResult replay = Replay(scenario, plan);
    std::cout << replay.picture << replay.run.message << replay.error << "\n";
    std::cout << (replay.rule.empty() ? "keeps the rules" : replay.rule + ": " + replay.what)
              << "\n";
  }
  return 0;
}

}  // namespace
}  // namespace cleanfork::explore

int main(int argc, char** argv) { return cleanfork::explore::Main(argc, argv); }
