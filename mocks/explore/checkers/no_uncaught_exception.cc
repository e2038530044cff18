#include "cleanfork/checkers.h"

namespace cleanfork {

// SimRun::message is where an exception that has ended a process is told.
std::shared_ptr<const Checker> NoUncaughtException() {
  return MakeChecker("no uncaught exception", [](const Execution& run) -> std::string {
    if (run.message().find(" ended by an exception: ") == std::string::npos) return "";
    return run.message() + "; expected exceptions to be caught";
  });
}

}  // namespace cleanfork
