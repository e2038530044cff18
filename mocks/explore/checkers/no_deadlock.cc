#include "cleanfork/checkers.h"
#include "mocks/explore/checkers/describe.h"

namespace cleanfork {

std::shared_ptr<const Checker> NoDeadlock() {
  return MakeChecker("no deadlock", [](const Execution& run) -> std::string {
    if (run.end() != SimEnd::kDeadlock || run.processes().empty()) return "";
    return explore::Who(run.processes().front()) +
           " waits for what will not come, expected it to end: " + run.message();
  });
}

}  // namespace cleanfork
