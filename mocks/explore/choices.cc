#include "mocks/explore/choices.h"

#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "mocks/explore/hash.h"

namespace cleanfork::explore {
namespace {

uint64_t HashOfOne(const FaultEntry& entry) {
  Hasher hasher;
  hasher.Add(entry.ToString());
  return hasher.Mixed();
}

}  // namespace

FaultEntry EntryOf(const sim::Place& place, bool within, const sim::Fault& fault) {
  FaultEntry entry;
  entry.process = place.process;
  entry.call = place.call;
  entry.index = place.index;
  entry.sticky = fault.sticky;
  switch (fault.kind) {
    case sim::Fault::Kind::kShort:
      entry.kind = FaultEntry::Kind::kShort;
      entry.bytes = fault.bytes;
      break;
    case sim::Fault::Kind::kLie: entry.kind = FaultEntry::Kind::kLie; break;
    case sim::Fault::Kind::kSignal:
      entry.kind = FaultEntry::Kind::kSignal;
      entry.signal = fault.signal;
      entry.sticky = within;
      break;
    default: entry.kind = FaultEntry::Kind::kErrno; entry.error = fault.error;
  }
  return entry;
}

FaultEntry SwitchEntry(const sim::Place& before, const ProcessPath& next) {
  FaultEntry entry;
  entry.kind = FaultEntry::Kind::kSwitch;
  entry.process = before.process;
  entry.call = before.call;
  entry.index = before.index;
  entry.next = next;
  return entry;
}

Choices::Choices(const ExploreOptions& options) : options_(options) {}

void Choices::BeginRun() {
  plan_.clear();
  deviations_.clear();
  deviations_hash_ = 0;
  steps_.clear();
  faults_ = signals_ = kills_ = preemptions_ = last_ = 0;
  FindPossibleSignals();
}

Choices::Mark Choices::TakeMark() const {
  Mark mark = {plan_.size(), deviations_.size(), 0,    deviations_hash_, faults_, signals_,
               kills_,       preemptions_,       last_};
  for (size_t i = 0; i < deviations_.size(); ++i) {
    if (deviations_[i].sticky) mark.lasting |= uint64_t{1} << i;
  }
  return mark;
}

void Choices::ReturnTo(const Mark& mark) {
  plan_.resize(mark.plan);
  deviations_.resize(mark.deviations);
  faults_ = mark.faults;
  signals_ = mark.signals;
  kills_ = mark.kills;
  preemptions_ = mark.preemptions;
  last_ = mark.last;
  // A fault may have become a lasting one since.
  size_t deviation = 0;
  for (FaultEntry& entry : plan_) {
    if (entry.kind == FaultEntry::Kind::kSwitch) continue;
    entry.sticky = (mark.lasting >> deviation & 1) != 0;
    deviations_[deviation++].sticky = entry.sticky;
  }
  deviations_hash_ = mark.deviations_hash;
  FindPossibleSignals();
}

void Choices::FindPossibleSignals() {
  possible_signals_.clear();
  if (signals_ < options_.max_signals) possible_signals_ = options_.signals;
  if (kills_ < options_.max_kills) possible_signals_.push_back(SIGKILL);
}

bool Choices::TakeNewlySignalled() {
  if (newly_signalled_.empty()) return false;
  signalled_.merge(std::exchange(newly_signalled_, {}));
  return true;
}

bool Choices::SeesOwnSteps(const ProcessPath& process) const {
  if (!options_.reduce || options_.max_preemptions >= 0) return true;
  return !signalled_.empty() && signalled_.count(process) > 0;
}

void Choices::NoteSignalled(const ProcessPath& process) {
  if (signalled_.count(process) == 0) newly_signalled_.insert(process);
}

bool Choices::IsAllowed(const sim::Place& place, const sim::Fault& fault) const {
  return options_.fault_filter == nullptr || options_.fault_filter(EntryOf(place, false, fault));
}

// What is interrupted for ever is no kernel's doing; nor is a descriptor closed twice.
bool Choices::MayStay(const sim::Place& place, sim::Fault fault) const {
  const bool is_lasting = fault.kind == sim::Fault::Kind::kErrno && fault.error != EINTR;
  fault.sticky = true;
  return options_.sticky_faults && is_lasting && IsAllowed(place, fault);
}

void Choices::FindAlternatives(const sim::Place& place, bool within, const sim::FaultSource& faults,
                               std::vector<sim::Fault>* alternatives) const {
  sim::FaultList found;
  faults(&found);
  if (options_.lies && WantsFaults() && !within && MayLie(place.call)) {
    sim::Fault lie;
    lie.kind = sim::Fault::Kind::kLie;
    found.Add(lie);
  }
  alternatives->clear();
  if (!within) alternatives->push_back(sim::Fault());
  for (sim::Fault fault : found) {
    if (fault.kind == sim::Fault::Kind::kShort && !options_.short_transfers) continue;
    const bool is_signal = fault.kind == sim::Fault::Kind::kSignal;
    const bool once = is_signal || IsAllowed(place, fault);
    fault.sticky = !once && MayStay(place, fault);
    if (once || fault.sticky) alternatives->push_back(fault);
  }
}

bool Choices::IsPreemption(const sim::Candidate* candidates, int count, int chosen) const {
  if (candidates[chosen].slot == last_) return false;
  return std::any_of(candidates, candidates + count, [this](const sim::Candidate& candidate) {
    return candidate.slot == last_ && candidate.can_run;
  });
}

void Choices::NoteProcess(const sim::Candidate* candidates, int count, int chosen) {
  if (IsPreemption(candidates, count, chosen)) ++preemptions_;
  last_ = candidates[chosen].slot;
  if (notes_steps_) {
    const sim::Candidate& taken = candidates[chosen];
    const bool is_time = taken.slot == sim::kNone;
    steps_.push_back({is_time, !taken.can_run, is_time ? ProcessPath() : taken.place->process});
  }
  if (chosen == 0 || candidates[0].slot == sim::kNone) return;
  plan_.push_back(SwitchEntry(*candidates[0].place, candidates[chosen].place->process));
}

void Choices::NoteFault(const sim::Place& place, bool within, const sim::Fault& fault) {
  switch (fault.kind) {
    case sim::Fault::Kind::kNone: return;
    case sim::Fault::Kind::kSignal:
      ++(fault.signal == SIGKILL ? kills_ : signals_);
      FindPossibleSignals();
      break;
    default: ++faults_;
  }
  const FaultEntry entry = EntryOf(place, within, fault);
  plan_.push_back(entry);
  deviations_.push_back(entry);
  if (options_.merge_states) deviations_hash_ += HashOfOne(entry);
}

void Choices::NoteThatItStays(const sim::Place& place) {
  for (FaultPlan* plan : {&plan_, &deviations_}) {
    for (FaultEntry& entry : *plan) {
      const bool is_at =
          entry.process == place.process && entry.call == place.call && entry.index == place.index;
      if (is_at && entry.kind == FaultEntry::Kind::kErrno) entry.sticky = true;
    }
  }
  if (!options_.merge_states) return;
  deviations_hash_ = 0;
  for (const FaultEntry& entry : deviations_) deviations_hash_ += HashOfOne(entry);
}

}  // namespace cleanfork::explore
