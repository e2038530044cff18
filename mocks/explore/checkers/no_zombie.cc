#include "cleanfork/checkers.h"
#include "mocks/explore/checkers/describe.h"

namespace cleanfork {
namespace {

std::string Check(const Execution& run) {
  if (!explore::HasEnded(run)) return "";
  const ExecutedProcess* returned = explore::ReturnedFirst(run);
  for (const ExecutedProcess& process : run.processes()) {
    const bool runs = process.end == ExecutedProcess::End::kRuns;
    if (process.zombies == 0 || (!runs && &process != returned)) continue;
    return explore::Who(process) + (runs ? " runs on" : " returned") + " with " +
           std::to_string(process.zombies) +
           (process.zombies == 1 ? " child that has ended" : " children that have ended") +
           " and not been waited for, expected none";
  }
  return "";
}

}  // namespace

std::shared_ptr<const Checker> NoZombie() { return MakeChecker("no zombie is left", Check); }

}  // namespace cleanfork
