#include "mocks/explore/choices.h"

#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace cleanfork::explore {

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
  steps_.clear();
  faults_ = signals_ = kills_ = preemptions_ = last_ = 0;
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

void Choices::AddAlternative(const sim::Place& place, bool within, const sim::Fault& fault,
                             std::vector<sim::Fault>* alternatives) const {
  const bool filtered = options_.fault_filter != nullptr && fault.kind != sim::Fault::Kind::kSignal;
  if (filtered && !options_.fault_filter(EntryOf(place, within, fault))) return;
  alternatives->push_back(fault);
}

void Choices::FindAlternatives(const sim::Place& place, bool within, const sim::FaultSource& faults,
                               std::vector<sim::Fault>* alternatives) const {
  sim::FaultList found;
  faults(&found);
  alternatives->clear();
  if (!within) alternatives->push_back(sim::Fault());
  for (sim::Fault fault : found) {
    if (fault.kind == sim::Fault::Kind::kShort && !options_.short_transfers) continue;
    AddAlternative(place, within, fault, alternatives);
    // What is interrupted for ever is no kernel's doing; nor is a descriptor closed twice.
    if (fault.kind != sim::Fault::Kind::kErrno || fault.error == EINTR) continue;
    if (!options_.sticky_faults) continue;
    fault.sticky = true;
    AddAlternative(place, within, fault, alternatives);
  }
  if (options_.lies && WantsFaults() && !within && MayLie(place.call)) {
    sim::Fault lie;
    lie.kind = sim::Fault::Kind::kLie;
    AddAlternative(place, within, lie, alternatives);
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
}

}  // namespace cleanfork::explore
