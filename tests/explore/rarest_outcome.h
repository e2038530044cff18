// The rarest of the outcomes of a body by chance, taken for a failure: its line must make the run
// again.
#ifndef CLEANFORK_TESTS_EXPLORE_RAREST_OUTCOME_H_
#define CLEANFORK_TESTS_EXPLORE_RAREST_OUTCOME_H_

#include <map>
#include <optional>
#include <string>

#include "cleanfork/explore.h"
#include "tests/explore/random_bodies.h"

namespace cleanfork {

// What DescribeRun() says of the runs, and of how many it says that.
using Outcomes = std::map<std::string, int>;

// Adds those within the bounds; whether these were exhausted.
bool CountOutcomes(Scenario scenario, const ExploreOptions& options, Outcomes* outcomes);

// The outcome that the fewest runs come to, and that is not among `but`; empty where there is none.
std::string RarestOf(const Outcomes& outcomes, const Outcomes& but = {});

// Explores up to a run with that outcome, and replays the line of that: the test fails where it is
// not found, or the replay shows anything else. What was found.
std::optional<ExploreFailure> FindAndReplay(const RandomBody& body, const std::string& outcome,
                                            const ExploreOptions& options);

}  // namespace cleanfork

#endif  // CLEANFORK_TESTS_EXPLORE_RAREST_OUTCOME_H_
