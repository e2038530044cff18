// The library applied to itself where it meets what seldom happens: thieves, hostile daemons, other
// kernels, the command's supervisor and its log writers. Bodies for the branches that deal with
// that; the same rules hold for them as for those of scenarios.h.
#ifndef CLEANFORK_TESTS_EXPLORE_RARE_SCENARIOS_H_
#define CLEANFORK_TESTS_EXPLORE_RARE_SCENARIOS_H_

#include <vector>

#include "cleanfork/explore.h"

namespace cleanfork::explore {

// A scenario, and bounds that let it come to all that it is there for.
struct RareScenario {
  Scenario scenario;
  int preemptions = 1;  // how often a process that could go on makes room for another one, at most
  int faults = 1;       // at most; and kills, in other runs
};

// Children
Scenario SpawnWithEveryOption();
Scenario RunInChildThatWritesMuch();
Scenario ForkChildWithSigpipeBlocked();
Scenario ForkChildWithMoreGroupsThanRoom();
Scenario SignalAStolenChild();
Scenario SpawnUnderAThief();
Scenario StopAProcessThatEnds();
std::vector<RareScenario> RareChildScenarios();

// Daemons
Scenario BecomeADaemonThatWritesHalfAWord();
Scenario BecomeADaemonThatClosesEverything();
Scenario BecomeADaemonThatEndsAtOnce();
Scenario BecomeADaemonThatFailsAndStays();
Scenario BecomeAChildThatCannotBeKilled();
Scenario BecomeADaemonThatCannotBeKilled();
std::vector<RareScenario> RareDaemonScenarios();

// Pid files
Scenario ReadThePidFileOfOneThatClosesFiles();
Scenario ClaimAPidFileOfTheFuture();
Scenario ClaimAPidFileThatIsReplaced();
Scenario ClaimAPidFileInAChroot();
std::vector<RareScenario> RarePidFileScenarios();

// Other kernels than the one that SimOs is
Scenario SpawnUnderAFilterOfClone();
Scenario SpawnUnderAFilterOfWaitId();
Scenario SpawnInAChroot();
Scenario ForkIntoADeadPidNamespace();
Scenario ForkIntoAnEmptyPidNamespace();
Scenario ForkUnderSchedDeadline();
Scenario ForkChildWithAnotherNullDevice();
std::vector<RareScenario> OtherKernelScenarios();

// The command
Scenario RunAProgram();
Scenario RunAProgramAgainAndAgain();
Scenario StartASupervisedService();
Scenario StartAServiceThatCannotBeStarted();
Scenario WriteTwoLogs();
Scenario StartAServiceWithALogWriter();
Scenario StartAServiceThatLeavesItsLogOpen();
Scenario StartAServiceThatNotifies();
Scenario StartAServiceWithAReadyDescriptor();
Scenario RestartAService();
Scenario ReloadAService();
std::vector<RareScenario> CommandScenarios();

// All of them.
std::vector<RareScenario> RareScenarios();

}  // namespace cleanfork::explore

#endif  // CLEANFORK_TESTS_EXPLORE_RARE_SCENARIOS_H_
