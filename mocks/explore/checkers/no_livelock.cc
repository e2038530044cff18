#include <cerrno>

#include "cleanfork/checkers.h"

namespace cleanfork {
namespace {

bool IsLastingInterruption(const FaultEntry& entry) {
  return entry.kind == FaultEntry::Kind::kErrno && entry.sticky && entry.error == EINTR;
}

}  // namespace

std::shared_ptr<const Checker> NoLivelock() {
  return MakeChecker("no livelock", [](const Execution& run) -> std::string {
    if (run.end() != SimEnd::kTooManyCalls) return "";
    for (const FaultEntry& entry : run.deviations()) {
      if (IsLastingInterruption(entry)) return "";
    }
    return "the processes make calls without end, expected them to come to one: " + run.message();
  });
}

}  // namespace cleanfork
