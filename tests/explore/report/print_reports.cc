// Writes the reports of small explorations to a directory, to be looked at: one that is exhausted,
// one that fails, one that fails by its order alone.
#include <cstdio>

#include "cleanfork/explore.h"
#include "cleanfork/explore_report.h"
#include "tests/explore/report/worker_scenario.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "Usage: print_reports DIRECTORY\n");
    return 64;  // EX_USAGE of sysexits.h
  }
  bool written = true;
  cleanfork::ExploreOptions options = cleanfork::WorkerOptions(2);
  for (const cleanfork::Scenario& scenario :
       {cleanfork::StartTheWorkerScenario(), cleanfork::ForgetfulWorkerScenario(),
        cleanfork::RacingWorkersScenario()}) {
    written &= cleanfork::WriteReports(scenario, cleanfork::Explore(scenario, options), argv[1]);
  }
  return written ? 0 : 1;
}
