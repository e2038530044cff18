#include <cerrno>

#include "cleanfork/checkers.h"
#include "mocks/explore/checkers/describe.h"

namespace cleanfork {
namespace {

bool IsFork(OsCall call) { return call == OsCall::kFork || call == OsCall::kVforkCall; }

// Of a write to a regular file Linux writes less when the disk is full: so pwrite(2) is not here.
bool IsTransfer(OsCall call) { return call == OsCall::kRead || call == OsCall::kWrite; }

enum class Passing { kYes, kFork, kNo };

Passing Passes(const FaultEntry& entry) {
  if (entry.kind == FaultEntry::Kind::kShort && IsTransfer(entry.call)) return Passing::kYes;
  if (entry.kind != FaultEntry::Kind::kErrno || entry.sticky) return Passing::kNo;
  if (entry.error == EINTR) return Passing::kYes;
  const bool is_scarcity = entry.error == EAGAIN || entry.error == ENOMEM;
  return is_scarcity && IsFork(entry.call) ? Passing::kFork : Passing::kNo;
}

std::string Check(const Execution& run, int forks) {
  const FaultPlan& deviations = run.deviations();
  if (deviations.empty() || !explore::HasEnded(run)) return "";
  const ExecutedProcess& first = run.processes().front();
  if (first.wait_status == run.fault_free_status()) return "";
  for (const FaultEntry& entry : deviations) {
    const Passing passing = Passes(entry);
    if (passing == Passing::kNo || (passing == Passing::kFork && --forks < 0)) return "";
  }
  return explore::Who(first) + " ended with " + explore::HowItEnded(first.wait_status) +
         " for what passes, expected " + explore::HowItEnded(run.fault_free_status()) +
         " as in a run without faults; " + FaultPlanToString(deviations);
}

}  // namespace

std::shared_ptr<const Checker> TransientFaultsAbsorbed(int forks) {
  return MakeChecker("transient faults are absorbed",
                     [forks](const Execution& run) { return Check(run, forks); });
}

}  // namespace cleanfork
