#include "mocks/explore/search.h"

#include <algorithm>

#include "mocks/explore/hash.h"

namespace cleanfork::explore {

void Search::Begin(int deviations) {
  SetMostDeviations(deviations);
  states_.Clear();
  depth_ = 0;
}

void Search::BeginRun() {
  Choices::BeginRun();
  at_ = 0;
  asleep_ = 0;
  steps_ = 0;
}

// Most runs differ from the one before in their last few steps. To save a run takes as long as
// some of these.
bool Search::WantsCheckpoint() const {
  constexpr int kSteps = 6;
  return at_ == depth_ && steps_ >= kSteps && deviations().size() <= Mark::kMost;
}

Search::Saved Search::Save() {
  steps_ = 0;
  return {TakeMark(), at_, asleep_};
}

void Search::BeginRunFrom(const Saved& saved) {
  ReturnTo(saved.mark);
  at_ = saved.at;
  asleep_ = saved.asleep;
  steps_ = 0;
}

bool Search::Advance() {
  for (; depth_ > 0; --depth_) {
    Node& last = nodes_[depth_ - 1];
    if (!last.of_process) {
      if (++last.at < last.faults.size()) return true;
      continue;
    }
    last.done |= BitOf(last.slots[last.at]);
    for (uint32_t i = 0; i < last.count; ++i) {
      if (((last.done | last.asleep) & BitOf(last.slots[i])) != 0) continue;
      last.at = i;
      return true;
    }
  }
  return false;
}

Search::Node& Search::Push(bool of_process) {
  if (depth_ == nodes_.size()) nodes_.emplace_back();
  Node& node = nodes_[depth_++];
  node.of_process = of_process;
  node.at = 0;
  node.count = 0;
  node.asleep = node.done = 0;
  ++at_;
  return node;
}

// Whether all that can follow from here has followed from there. It has where nobody slept who does
// not sleep now, for sleepers were left out there; if not, it follows anew (Godefroid: sleep sets
// and states that are remembered).
bool Search::HasBeenIn(uint64_t state, const sim::Candidate* candidates, int count) {
  Slots asleep = 0;
  for (int i = 0; i < count; ++i) asleep |= asleep_ & BitOf(candidates[i].slot);
  return states_.HasBeenIn(state + DeviationsHash(), asleep);
}

int Search::ChooseProcess(const sim::Candidate* candidates, int count,
                          const sim::StateSource& state) {
  ++steps_;
  const bool bounded = options_.max_preemptions >= 0;
  const bool reduces = options_.reduce && !bounded;
  uint32_t awake[kBits];
  uint32_t awake_count = 0;
  for (int i = 0; i < count; ++i) {
    if ((asleep_ & BitOf(candidates[i].slot)) != 0) continue;
    if (bounded && preemptions() >= options_.max_preemptions &&
        IsPreemption(candidates, count, i)) {
      continue;
    }
    awake[awake_count++] = static_cast<uint32_t>(i);
  }
  if (awake_count == 0) return kAbandon;
  // Up to the last node a run is as the one before it, which has been there. Where nothing more can
  // be chosen now, the next such place will do: there are many, and to look one up takes a while.
  const bool is_beyond =
      options_.merge_states && at_ == depth_ && (awake_count > 1 || deviations_left() > 0);
  if (is_beyond && HasBeenIn(state(), candidates, count)) return kAbandon;
  int chosen = static_cast<int>(awake[0]);
  Slots sleepers = asleep_;
  if (awake_count > 1) {
    const bool is_new = at_ == depth_;
    Node& node = is_new ? Push(true) : nodes_[at_++];
    if (is_new) {
      node.asleep = asleep_;
      for (uint32_t i = 0; i < awake_count; ++i) {
        node.slots[i] = static_cast<int8_t>(candidates[awake[i]].slot);
      }
      node.count = awake_count;
    }
    chosen = static_cast<int>(awake[node.at]);
    sleepers |= node.done;
  }
  if (reduces && sleepers != 0) {
    const sim::Footprint* const step = candidates[chosen].footprint;
    sleepers &= ~BitOf(candidates[chosen].slot);
    asleep_ = step == nullptr ? 0 : Sleeping(sleepers, candidates, count, *step);
  }
  NoteProcess(candidates, count, chosen);
  return chosen;
}

// Those of whom the step does nothing with what they are about to do.
Search::Slots Search::Sleeping(Slots before, const sim::Candidate* candidates, int count,
                               const sim::Footprint& step) {
  Slots still = 0;
  for (int i = 0; i < count; ++i) {
    const Slots bit = BitOf(candidates[i].slot);
    if ((before & bit) == 0 || candidates[i].footprint == nullptr) continue;
    if (AreIndependent(*candidates[i].footprint, step)) still |= bit;
  }
  return still;
}

void Search::NoteInterrupted(const sim::Candidate* others, int count, const sim::Footprint& step) {
  if (asleep_ != 0) asleep_ = Sleeping(asleep_, others, count, step);
}

sim::Fault Search::ChooseFault(const sim::Place& place, bool within,
                               const sim::FaultSource& faults) {
  if (at_ == depth_) {
    Node& node = Push(false);
    FindAlternatives(place, within, faults, &node.faults);
    LeaveToOtherShards(place, &node.faults);
    if (node.faults.empty()) node.faults.emplace_back();
  } else {
    ++at_;
  }
  const Node& node = nodes_[at_ - 1];
  const sim::Fault fault = node.faults[node.at];
  NoteFault(place, within, fault);
  return fault;
}

bool Search::ChooseWhetherItStays(const sim::Place& place, const sim::Fault& fault) {
  if (!MayStay(place, fault)) return false;
  if (at_ == depth_) {
    Node& node = Push(false);
    node.faults.assign(2, sim::Fault());
    node.faults[1] = fault;
  } else {
    ++at_;
  }
  const bool stays = nodes_[at_ - 1].at == 1;
  if (stays) NoteThatItStays(place);
  return stays;
}

// Shards -----------------------------------------------------------------------------------------

bool Search::IsOfShard(uint64_t hash) const {
  return hash % static_cast<uint64_t>(options_.shards) == static_cast<uint64_t>(options_.shard);
}

// A run belongs to who has the hash of its first two deviations, or of those that it has.
void Search::LeaveToOtherShards(const sim::Place& place, std::vector<sim::Fault>* faults) const {
  const size_t before = deviations().size();
  const size_t decides = static_cast<size_t>(std::min(most_deviations(), 2));
  if (options_.shards == 1 || before + 1 != decides) return;
  FaultPlan first = deviations();
  first.emplace_back();
  const auto is_others = [&](const sim::Fault& fault) {
    if (fault.kind == sim::Fault::Kind::kNone) return false;
    first.back() = EntryOf(place, false, fault);
    return !IsOfShard(HashOf(first));
  };
  faults->erase(std::remove_if(faults->begin(), faults->end(), is_others), faults->end());
}

bool Search::IsCounted() const {
  if (deviations_left() != 0) return false;
  return most_deviations() > 0 || options_.shard == 0;
}

double Search::Done() const {
  double done = 0, part = 1;
  for (size_t i = 0; i < depth_; ++i) {
    const Node& node = nodes_[i];
    const double count = node.of_process ? node.count : static_cast<double>(node.faults.size());
    done += part * node.at / count;
    part /= count;
  }
  return done;
}

}  // namespace cleanfork::explore
