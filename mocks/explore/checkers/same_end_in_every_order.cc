#include "cleanfork/checkers.h"
#include "mocks/explore/checkers/describe.h"

namespace cleanfork {
namespace {

std::string Check(const Execution& run) {
  if (!explore::HasEnded(run) || !run.deviations().empty()) return "";
  const ExecutedProcess& first = run.processes().front();
  if (first.wait_status == run.fault_free_status()) return "";
  return explore::Who(first) + " ended with " + explore::HowItEnded(first.wait_status) +
         " though nothing went wrong, expected " + explore::HowItEnded(run.fault_free_status()) +
         " as in another order of the processes";
}

}  // namespace

std::shared_ptr<const Checker> SameEndInEveryOrder() {
  return MakeChecker("the end is the same in every order", Check);
}

}  // namespace cleanfork
