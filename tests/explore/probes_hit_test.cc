// Every branch of src/ that puts something right again is come to by an exploration of the
// library, or is one of those that are listed here with what they would take.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "cleanfork/checkers.h"
#include "cleanfork/explore.h"
#include "tests/explore/probes/probes_of_src.h"
#include "tests/explore/rare_scenarios.h"
#include "tests/explore/scenarios.h"

namespace cleanfork::explore {
namespace {

// What a probe takes that no scenario has.
enum class Takes {
  kOtherKernel,  // what SimOs does not model, or a state of it that a world cannot have
  kImpossible,   // an error that docs/faults.md says no kernel returns: defence in depth
};

struct Rare {
  const char* probe;
  Takes takes;
  const char* why;
};

const Rare kRare[] = {
    {"the PID namespace for children is dead", Takes::kOtherKernel,
     "NSpid in /proc/PID/status, by which its init is looked for"},
    {"a child is killed since the mask cannot be restored", Takes::kImpossible,
     "sigprocmask(2) that fails"},
    {"there is no sleeping between two forks", Takes::kImpossible, "clock_gettime(2) that fails"},
    {"the mask is restored once more", Takes::kImpossible, "sigprocmask(2) that fails"},
    {"a child whose pipe cannot be read is killed", Takes::kImpossible,
     "an error of read(2) of a pipe"},
    {"the pipe of a daemon cannot be read", Takes::kImpossible, "an error of read(2) of a pipe"},
    {"the open of a file of /proc is made again", Takes::kImpossible, "EINTR of open(2) in /proc"},
    {"the read of a file of /proc is made again", Takes::kImpossible, "EINTR of read(2) in /proc"},
    {"the read of a directory of /proc is made again", Takes::kImpossible,
     "an error of getdents(2)"},
    {"a child has closed its pipe and is looked at again", Takes::kOtherKernel,
     "a moment within execve(2), which is one step of SimOs"},
    {"the wait for a report fails and its pipe has to do", Takes::kImpossible,
     "ENOMEM of poll(2) of two descriptors"},
    {"a descriptor is busy and is installed again", Takes::kImpossible,
     "EBUSY of dup2(2) without threads"},
    {"the first child cannot read of the second and kills it", Takes::kImpossible,
     "an error of read(2) of a pipe"},
};

// Daemons have three processes, and many orders: those of the first will do.
int PreemptionsFor(const Scenario& scenario) {
  if (scenario.name == "PidFile removed") return 3;
  const bool is_like_another = scenario.name.rfind("Daemonize ", 0) == 0;
  return is_like_another ? 0 : 1;
}

// Few orders, since any run that comes to a probe will do.
void Explore(const RareScenario& rare, std::set<std::string>* hit) {
  for (int kills = 0; kills <= rare.faults; ++kills) {
    Slice slice;
    slice.name = kills == 0 ? "for probes" : "for probes, with a kill";
    slice.options.max_faults = kills == 0 ? rare.faults : 0;
    slice.options.max_kills = kills;
    slice.options.max_preemptions = rare.preemptions;
    slice.options.reports = false;
    Scenario scenario = rare.scenario;
    scenario.checkers.push_back(HeapAsBefore());
    const ExploreResult result = ExploreSlice(scenario, slice);
    EXPECT_EQ(result.verdict, ExploreResult::Verdict::kExhausted) << result;
    for (const auto& [probe, runs] : result.probes) hit->insert(probe);
  }
}

std::set<std::string> Hit() {
  std::set<std::string> hit;
  for (const Scenario& scenario : Scenarios()) {
    Explore(RareScenario{scenario, PreemptionsFor(scenario)}, &hit);
  }
  for (const RareScenario& rare : RareScenarios()) Explore(rare, &hit);
  return hit;
}

TEST(ProbesOfSrc, AreEachHitOrRare) {
  std::map<std::string, Rare> rare;
  for (const Rare& each : kRare) rare[each.probe] = each;
  const std::set<std::string> hit = Hit();
  for (const SourceProbe& probe : ProbesOfSrc()) {
    const bool is_rare = rare.count(probe.text) > 0;
    const bool is_hit = hit.count(probe.text) > 0;
    EXPECT_TRUE(is_hit || is_rare)
        << probe.file << ":" << probe.line << ": no exploration comes to \"" << probe.text << "\"";
    EXPECT_FALSE(is_hit && is_rare)
        << "\"" << probe.text << "\" is hit and need not be in the list any more";
    rare.erase(probe.text);
  }
  for (const auto& [text, each] : rare) ADD_FAILURE() << "there is no probe \"" << text << "\"";
}

}  // namespace
}  // namespace cleanfork::explore
