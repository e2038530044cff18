#include "cleanfork/checkers.h"
#include "mocks/explore/checkers/describe.h"

namespace cleanfork {
namespace {

std::string Check(const Execution& run) {
  if (run.end() == SimEnd::kNondeterminism) return "";
  for (const ExecutedProcess& process : run.processes()) {
    const bool is_forked = process.parent >= 0 && !process.vfork && !process.program;
    if (!is_forked || process.end != ExecutedProcess::End::kReturned) continue;
    return explore::Who(process) + " was forked and returned from the body with " +
           explore::HowItEnded(process.wait_status) +
           ", expected it to leave by Exit() or exec: it ran its parent's code. (Where a child is "
           "meant to go on in the body: DaemonCheckers().)";
  }
  return "";
}

}  // namespace

std::shared_ptr<const Checker> ExitsOnce() { return MakeChecker("a child exits once", Check); }

}  // namespace cleanfork
