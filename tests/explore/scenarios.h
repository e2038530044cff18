// The library applied to itself: what a program does with ForkChild(), Spawn(), Daemonize() and the
// others, as scenarios for Explore() (cleanfork/explore.h), and the bounds within which they are.
//
// The same tests are run with two sets of bounds. One fault, as every `bazel test` does; and those
// of the targets *_deep_test, which are run by hand: CLEANFORK_EXPLORE_DEEP=1 in the environment
// asks for three faults, and for two with a signal and a kill.
#ifndef CLEANFORK_TESTS_EXPLORE_SCENARIOS_H_
#define CLEANFORK_TESTS_EXPLORE_SCENARIOS_H_

#include <string>
#include <vector>

#include "cleanfork/explore.h"

namespace cleanfork::explore {

// Children
Scenario ForkChildAsAnotherUser();
Scenario ForkChildAsADaemon();
Scenario RunInChildWithPipes();
Scenario SpawnAProgram();
Scenario SpawnADaemon();
Scenario StopAChildThatObeys();
Scenario StopAChildThatIgnoresSigterm();
Scenario ReapTwoChildren();

// Services
Scenario BecomeADaemon();
Scenario BecomeADaemonAndFail();
Scenario ClaimOnePidFileTwice();
Scenario RemoveAStalePidFileWhileItIsClaimed();
Scenario StartAServiceByCommand();

// What seldom happens: for the branches that deal with it.
Scenario ForkChildAsANumber();
Scenario ForkChildWithManyGroups();
Scenario DropAChild();
Scenario LoseAChild();
Scenario BecomeADaemonThatIsNeverReady();
Scenario BecomeADaemonAndLeave();
Scenario StopAChildThatEnds();
Scenario SpawnWhatIsOpenForWriting();
Scenario ClaimWhatIsNotToBeHad();
Scenario StartAServiceWithALog();

// All of these; those of rare_scenarios.h are apart.
std::vector<Scenario> Scenarios();

// A part of the runs of one set of bounds; that of a whole is the only one.
struct Slice {
  std::string name;
  ExploreOptions options;
};
std::vector<Slice> Slices();

// With one preemption at most where ThreadSanitizer is: all orders would take it minutes.
Slice BoundedByThreadSanitizer(Slice slice);

// Explores `scenario`, with a heap that takes back what its processes leave; says on stdout how
// many runs it took.
ExploreResult ExploreSlice(const Scenario& scenario, const Slice& slice);

}  // namespace cleanfork::explore

#endif  // CLEANFORK_TESTS_EXPLORE_SCENARIOS_H_
