#include <csignal>

#include "cleanfork/checkers.h"
#include "mocks/explore/checkers/describe.h"

namespace cleanfork {
namespace {

// Whether somebody outside killed it, so that it could not look after its children.
bool WasKilledFromOutside(const Execution& run, const ExecutedProcess& process) {
  for (const FaultEntry& entry : run.deviations()) {
    if (entry.kind == FaultEntry::Kind::kSignal && entry.signal == SIGKILL &&
        entry.process == process.path) {
      return true;
    }
  }
  return false;
}

bool HasLostAnAncestor(const Execution& run, const ExecutedProcess& process) {
  for (int at = process.parent; at >= 0;) {
    const ExecutedProcess& ancestor = run.processes()[static_cast<size_t>(at)];
    if (WasKilledFromOutside(run, ancestor)) return true;
    at = ancestor.parent;
  }
  return false;
}

// Of a run whose first process has returned or exited.
std::string FindStray(const Execution& run, bool failed) {
  const ExecutedProcess& first = run.processes().front();
  const std::string expected =
      failed ? std::string(", expected no process to be left after a failure") +
                   " (without faults it ends with " + explore::HowItEnded(run.fault_free_status()) +
                   ")"
             : std::string(", expected no process to be left");
  for (size_t i = 1; i < run.processes().size(); ++i) {
    const ExecutedProcess& process = run.processes()[i];
    if (process.end != ExecutedProcess::End::kRuns) continue;
    if (!failed && HasLostAnAncestor(run, process)) continue;
    return explore::Who(process) + " runs on after " + explore::Who(first) + " has ended with " +
           explore::HowItEnded(first.wait_status) + expected;
  }
  if (first.children == 0) return "";
  return explore::Who(first) + " ended with " + explore::HowItEnded(first.wait_status) + " while " +
         std::to_string(first.children) +
         (first.children == 1 ? " child of its still ran" : " children of its still ran") +
         expected;
}

std::string Check(const Execution& run, bool after_failure_only) {
  if (!explore::HasEnded(run)) return "";
  const ExecutedProcess& first = run.processes().front();
  if (first.end == ExecutedProcess::End::kRuns || first.end == ExecutedProcess::End::kKilled) {
    return "";
  }
  const bool failed = first.wait_status != run.fault_free_status();
  if (after_failure_only && !failed) return "";
  if (first.children == 0 && run.end() == SimEnd::kAllEnded) return "";
  return FindStray(run, failed);
}

}  // namespace

std::shared_ptr<const Checker> NoStrayChild() {
  return MakeChecker("no child is left", [](const Execution& run) { return Check(run, false); });
}

std::shared_ptr<const Checker> NothingRunsOnAfterFailure() {
  return MakeChecker("nothing runs on after a failure",
                     [](const Execution& run) { return Check(run, true); });
}

}  // namespace cleanfork
