#include "cleanfork/checkers.h"

namespace cleanfork {

std::shared_ptr<const Checker> NothingNondeterministic() {
  return MakeChecker("nothing is nondeterministic", [](const Execution& run) -> std::string {
    if (run.end() != SimEnd::kNondeterminism) return "";
    return "a child did something else than its parent had done: " + run.message();
  });
}

}  // namespace cleanfork
