#include "mocks/explore/chance.h"

namespace cleanfork::explore {
namespace {

// Half of all steps that could be switches are not: runs of steps of one process are as likely as
// not. Of some ten calls one goes wrong, as long as there may be faults.
constexpr uint64_t kSwitchOneIn = 3;
constexpr uint64_t kFaultOneIn = 10;

ExploreOptions ForChance(ExploreOptions options) {
  options.max_faults = options.random_deviations;
  if (options.max_signals > 0) options.max_signals = options.random_deviations;
  if (options.max_kills > 0) options.max_kills = options.random_deviations;
  options.max_preemptions = -1;
  return options;
}

}  // namespace

Chance::Chance(const ExploreOptions& options) : Choices(ForChance(options)), random_(options.seed) {
  SetMostDeviations(options.random_deviations);
}

int Chance::ChooseProcess(const sim::Candidate* candidates, int count, const sim::StateSource&) {
  int chosen = 0;
  if (count > 1 && Happens(kSwitchOneIn)) {
    chosen = static_cast<int>(random_() % static_cast<uint64_t>(count));
  }
  NoteProcess(candidates, count, chosen);
  return chosen;
}

sim::Fault Chance::ChooseFault(const sim::Place& place, bool within,
                               const sim::FaultSource& faults) {
  if (!within && !Happens(kFaultOneIn)) return sim::Fault();
  FindAlternatives(place, within, faults, &alternatives_);
  if (alternatives_.empty()) return sim::Fault();
  sim::Fault fault = alternatives_[random_() % alternatives_.size()];
  fault.sticky = fault.sticky || (MayStay(place, fault) && Happens(2));
  NoteFault(place, within, fault);
  return fault;
}

}  // namespace cleanfork::explore
