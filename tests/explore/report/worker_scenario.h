// A piece of fork code that starts a worker, and what it forgets: what the reports are tested with.
#ifndef CLEANFORK_TESTS_EXPLORE_REPORT_WORKER_SCENARIO_H_
#define CLEANFORK_TESTS_EXPLORE_REPORT_WORKER_SCENARIO_H_

#include "cleanfork/explore.h"

namespace cleanfork {

// A pipe, a child that writes to it, a handler of SIGCHLD. Correct.
Scenario StartTheWorkerScenario();

// The same, but it forgets the pipe where the fork fails.
Scenario ForgetfulWorkerScenario();

// Two children write to one pipe, and the parent relies on who is first: only a switch shows that.
Scenario RacingWorkersScenario();

// At most `faults` in a run, without files.
ExploreOptions WorkerOptions(int faults);

}  // namespace cleanfork

#endif  // CLEANFORK_TESTS_EXPLORE_REPORT_WORKER_SCENARIO_H_
