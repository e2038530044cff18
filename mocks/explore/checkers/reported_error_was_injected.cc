#include <algorithm>
#include <cstdint>
#include <utility>

#include "cleanfork/checkers.h"
#include "mocks/explore/checkers/describe.h"

namespace cleanfork {
namespace {

bool CameFromACall(const Execution& run, int64_t error) {
  for (const FaultEntry& entry : run.deviations()) {
    if (entry.kind == FaultEntry::Kind::kErrno && entry.error == error) return true;
  }
  for (const ExecutedCall& call : run.calls()) {
    if (call.error == error) return true;
  }
  return false;
}

std::string Check(const Execution& run, const std::vector<int>& own) {
  if (run.end() == SimEnd::kNondeterminism) return "";
  for (const ExecutedNote& note : run.notes()) {
    if (note.value == 0 || note.key != "error") continue;
    if (std::find(own.begin(), own.end(), note.value) != own.end()) continue;
    if (CameFromACall(run, note.value)) continue;
    return explore::Who(run.processes()[static_cast<size_t>(note.process)]) + " reported " +
           explore::ErrorText(static_cast<int>(note.value)) +
           ", expected an error that a call of this run returned";
  }
  return "";
}

}  // namespace

std::shared_ptr<const Checker> ReportedErrorWasInjected(std::vector<int> own) {
  return MakeChecker("a reported error was returned by a call",
                     [own = std::move(own)](const Execution& run) { return Check(run, own); });
}

}  // namespace cleanfork
