#include "mocks/explore/coverage.h"

#include "cleanfork/names.h"
#include "cleanfork/os_call.h"
#include "mocks/os_text.h"

namespace cleanfork::explore {
namespace {

std::string SiteOf(const FaultEntry& entry) {
  return entry.process.ToString() + "." + GetOsCallInfo(entry.call).name + "#" +
         std::to_string(entry.index);
}

std::string FaultName(const FaultEntry& entry) {
  switch (entry.kind) {
    case FaultEntry::Kind::kShort: return "short";
    case FaultEntry::Kind::kLie: return "lie";
    case FaultEntry::Kind::kSignal: return SignalText(entry.signal);
    default: {
      const char* const name = ErrnoName(entry.error);
      return name != nullptr ? name : std::to_string(entry.error);
    }
  }
}

}  // namespace

void Coverage::AddSites(const Execution& run,
                        std::map<std::string, std::map<std::string, FaultOutcomes>>* coverage) {
  for (const ExecutedCall& call : run.calls()) {
    if (GetOsCallInfo(call.call).errnos.empty()) continue;
    FaultEntry entry;
    entry.process = run.processes()[static_cast<size_t>(call.process)].path;
    entry.call = call.call;
    entry.index = call.index;
    (*coverage)[SiteOf(entry)];
  }
}

size_t Coverage::Hash::operator()(const FaultEntry& entry) const {
  size_t hash = static_cast<size_t>(entry.call);
  hash = hash * 31 + entry.index;
  hash = hash * 31 + static_cast<size_t>(entry.kind);
  hash = hash * 31 + static_cast<size_t>(entry.error);
  hash = hash * 31 + static_cast<size_t>(entry.signal);
  return hash * 31 + static_cast<size_t>(entry.process.depth());
}

void Coverage::Count(const FaultPlan& deviations, bool violation, bool as_without) {
  for (const FaultEntry& entry : deviations) {
    FaultOutcomes& outcomes = outcomes_[entry];
    ++(violation ? outcomes.violation : as_without ? outcomes.absorbed : outcomes.reported);
  }
}

void Coverage::AddTo(std::map<std::string, std::map<std::string, FaultOutcomes>>* coverage) const {
  for (const auto& [entry, counts] : outcomes_) {
    FaultOutcomes& outcomes = (*coverage)[SiteOf(entry)][FaultName(entry)];
    outcomes.absorbed += counts.absorbed;
    outcomes.reported += counts.reported;
    outcomes.violation += counts.violation;
  }
}

}  // namespace cleanfork::explore
