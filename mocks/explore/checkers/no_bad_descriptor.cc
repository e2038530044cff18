#include <cerrno>
#include <cstddef>

#include "cleanfork/checkers.h"
#include "cleanfork/os_call.h"
#include "mocks/explore/checkers/describe.h"

namespace cleanfork {
namespace {

// So many calls of one name without another between close, or mark, a range.
constexpr int kRange = 16;

// Whether it asks if a descriptor is open.
bool IsProbe(OsCall call) {
  return call == OsCall::kFcntlGetFd || call == OsCall::kFStat || call == OsCall::kIsATty;
}

// How many calls of its name the process made around this one without any other between.
int CountAround(const Execution& run, size_t at) {
  const ExecutedCall& middle = run.calls()[at];
  int count = 1;
  const auto goes_on = [&](const ExecutedCall& call) {
    if (call.process != middle.process) return true;
    if (call.call == middle.call) ++count;
    return call.call == middle.call;
  };
  for (size_t i = at; i > 0 && goes_on(run.calls()[i - 1]);) --i;
  for (size_t i = at + 1; i < run.calls().size() && goes_on(run.calls()[i]);) ++i;
  return count;
}

bool HasLie(const Execution& run) {
  for (const FaultEntry& entry : run.deviations()) {
    if (entry.kind == FaultEntry::Kind::kLie) return true;
  }
  return false;
}

std::string Check(const Execution& run) {
  for (size_t i = 0; i < run.calls().size(); ++i) {
    const ExecutedCall& call = run.calls()[i];
    if (call.error != EBADF || call.injected || IsProbe(call.call)) continue;
    if (run.end() == SimEnd::kNondeterminism || HasLie(run)) return "";
    if (CountAround(run, i) >= kRange) continue;
    return explore::Who(run.processes()[static_cast<size_t>(call.process)]) + " called " +
           GetOsCallInfo(call.call).name + " for the " + std::to_string(call.index) +
           ". time with a descriptor that is not open (EBADF, no fault of this run), expected an "
           "open one";
  }
  return "";
}

}  // namespace

std::shared_ptr<const Checker> NoBadDescriptor() {
  return MakeChecker("no call on a closed descriptor", Check);
}

}  // namespace cleanfork
