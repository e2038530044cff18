#include "mocks/explore/plan_choices.h"

#include <csignal>
#include <limits>
#include <utility>

namespace cleanfork::explore {
namespace {

bool IsAt(const FaultEntry& entry, const sim::Place& place) {
  return entry.process == place.process && entry.call == place.call && entry.index == place.index;
}

bool IsWithin(const FaultEntry& entry) {
  return entry.kind == FaultEntry::Kind::kSignal && entry.sticky;
}

// As many deviations of each kind as anybody may write into a plan.
ExploreOptions WithoutBounds(const FaultPlan& plan) {
  ExploreOptions options;
  options.max_faults = options.max_signals = options.max_kills = std::numeric_limits<int>::max();
  for (const FaultEntry& entry : plan) {
    const bool is_signal = entry.kind == FaultEntry::Kind::kSignal && entry.signal != SIGKILL;
    if (is_signal) options.signals.push_back(entry.signal);
  }
  return options;
}

sim::Fault FaultOf(const FaultEntry& entry) {
  sim::Fault fault;
  fault.sticky = entry.sticky;
  switch (entry.kind) {
    case FaultEntry::Kind::kErrno:
      // A descriptor is closed even when close() fails: close(2).
      fault.kind =
          entry.call == OsCall::kClose ? sim::Fault::Kind::kErrnoAfter : sim::Fault::Kind::kErrno;
      fault.error = static_cast<int16_t>(entry.error);
      break;
    case FaultEntry::Kind::kShort:
      fault.kind = sim::Fault::Kind::kShort;
      fault.bytes = entry.bytes;
      break;
    case FaultEntry::Kind::kLie: fault.kind = sim::Fault::Kind::kLie; break;
    case FaultEntry::Kind::kSignal:
      fault.kind = sim::Fault::Kind::kSignal;
      fault.signal = static_cast<int16_t>(entry.signal);
      break;
    case FaultEntry::Kind::kSwitch: break;
  }
  return fault;
}

}  // namespace

PlanChoices::PlanChoices(const FaultPlan& plan, std::optional<std::vector<Step>> order)
    : Choices(WithoutBounds(plan)), entries_(plan), order_(std::move(order)) {
  SetMostDeviations(std::numeric_limits<int>::max());
}

void PlanChoices::BeginRun() {
  Choices::BeginRun();
  done_.assign(entries_.size(), false);
  followed_ = 0;
}

const FaultEntry* PlanChoices::FirstLeft() const {
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (!done_[i]) return &entries_[i];
  }
  return nullptr;
}

// Whether one is still to come to who waits there.
bool PlanChoices::HasSignalWithin(const sim::Place& place) const {
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (!done_[i] && IsWithin(entries_[i]) && IsAt(entries_[i], place)) return true;
  }
  return false;
}

// Where time went on without having been asked for, that is not in the order.
int PlanChoices::Follow(const sim::Candidate* candidates, int count) {
  if (followed_ == order_->size()) return 0;
  const Step& step = (*order_)[followed_];
  for (int i = 0; i < count; ++i) {
    const bool is_time = candidates[i].slot == sim::kNone;
    if (is_time != step.is_time || candidates[i].can_run == step.within) continue;
    if (!is_time && !(candidates[i].place->process == step.process)) continue;
    ++followed_;
    return i;
  }
  return 0;
}

int PlanChoices::ChooseProcess(const sim::Candidate* candidates, int count,
                               const sim::StateSource&) {
  if (order_.has_value()) {
    const int next = Follow(candidates, count);
    NoteProcess(candidates, count, next);
    return next;
  }
  int chosen = 0;
  for (size_t i = 0; i < entries_.size(); ++i) {
    const FaultEntry& entry = entries_[i];
    if (done_[i]) continue;
    if (entry.kind == FaultEntry::Kind::kSwitch) {
      const bool is_here = candidates[0].slot != sim::kNone && IsAt(entry, *candidates[0].place);
      for (int other = 1; is_here && other < count; ++other) {
        if (candidates[other].place->process != entry.next) continue;
        // Who waits goes on by a signal only.
        if (!candidates[other].can_run && !HasSignalWithin(*candidates[other].place)) continue;
        chosen = other;
        done_[i] = true;
        break;
      }
      break;  // switches are made in their order
    }
    if (!IsWithin(entry) || candidates[0].slot != sim::kNone) continue;
    // Nobody can go on without a signal.
    for (int other = 1; other < count; ++other) {
      if (IsAt(entry, *candidates[other].place)) chosen = other;
    }
    if (chosen != 0) break;
  }
  NoteProcess(candidates, count, chosen);
  return chosen;
}

sim::Fault PlanChoices::ChooseFault(const sim::Place& place, bool within, const sim::FaultSource&) {
  for (size_t i = 0; i < entries_.size(); ++i) {
    const FaultEntry& entry = entries_[i];
    if (done_[i] || entry.kind == FaultEntry::Kind::kSwitch) continue;
    if (!IsAt(entry, place) || IsWithin(entry) != within) continue;
    done_[i] = true;
    const sim::Fault fault = FaultOf(entry);
    NoteFault(place, within, fault);
    return fault;
  }
  return sim::Fault();
}

}  // namespace cleanfork::explore
