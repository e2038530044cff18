// Small programs with a bug each, of the kinds that fork code of real projects had, and the same
// programs without it: what an exploration has to find, and has to keep quiet about.
#ifndef CLEANFORK_TESTS_EXPLORE_SEEDED_SEEDED_H_
#define CLEANFORK_TESTS_EXPLORE_SEEDED_SEEDED_H_

#include <string>
#include <vector>

#include "cleanfork/explore.h"
#include "cleanfork/os.h"

namespace cleanfork::seeded {

struct Seeded {
  std::string name;  // what is done wrong
  int (*run)(Os& os, bool right);
  std::string rule;  // that is broken where it is not `right`

  // With fewer of them nothing is broken.
  int faults = 0;
  int signals = 0;  // SIGTERM
  int kills = 0;

  // What the scenario needs beside World() and StandardCheckers(); may be null.
  void (*prepare)(Scenario* scenario) = nullptr;
};

// By the noun that the bug is about.
std::vector<Seeded> PipeBugs();
std::vector<Seeded> WaitBugs();
std::vector<Seeded> ForkBugs();
std::vector<Seeded> SignalBugs();
std::vector<Seeded> IdentityBugs();
std::vector<Seeded> FileBugs();
std::vector<Seeded> AllBugs();

// A user "www", 33, and a program "/bin/worker" that succeeds.
SimOsOptions World();

// Bounds of so many, of a run.
ExploreOptions Bounds(int faults, int signals, int kills);

// Explores the program, with its bug or `right`.
ExploreResult ExploreSeeded(const Seeded& seeded, bool right, const ExploreOptions& options);

// Whether the first process said that it succeeded.
bool Succeeded(const Execution& run);

// Parts of the programs that are right -----------------------------------------------------------

// Returns only on failure.
SysResult<void> ExecWorker(Os& os);

// The wait status, or -1.
int WaitFor(Os& os, pid_t child);

// Waits as a daemon does, for a signal that ends it.
[[noreturn]] void ServeForEver(Os& os);

}  // namespace cleanfork::seeded

#endif  // CLEANFORK_TESTS_EXPLORE_SEEDED_SEEDED_H_
