#include "mocks/explore/state_table.h"

#include <algorithm>
#include <utility>

namespace cleanfork::explore {

bool StateTable::HasBeenIn(uint64_t state, uint64_t asleep) {
  if (segments_.empty()) segments_.resize(kSets);
  if (sets_.empty()) sets_ = {0, ~uint64_t{0}};
  const uint64_t scattered = state * kFactor;
  Segment& segment = segments_[scattered >> kSegmentShift];
  if (segment.IsFull()) segment.Grow();
  const uint64_t without_set = scattered << kSetBits;
  uint64_t& word = segment.Find(without_set);
  if (word == 0) {
    word = without_set | NumberOf(asleep);
    ++segment.count;
    ++size_;
    return false;
  }
  const uint64_t slept = sets_[word & (kSets - 1)];
  if ((slept & ~asleep) == 0) return true;
  word = without_set | NumberOf(slept & asleep);
  return false;
}

// The one with the same upper bits, or the free one where it goes. What is scattered into a segment
// stands there in about the order of its upper bits, so that Grow() goes through both one way.
uint64_t& StateTable::Segment::Find(uint64_t word) {
  uint64_t at = (word >> 32) * capacity >> 32;
  while (words[at] != 0 && (words[at] ^ word) >> kSetBits != 0) {
    if (++at == capacity) at = 0;
  }
  return words[at];
}

void StateTable::Segment::Grow() {
  const std::unique_ptr<uint64_t[]> old = std::move(words);
  const uint32_t old_capacity = capacity;
  capacity += std::max<uint32_t>(4, capacity / 4);
  words = std::make_unique<uint64_t[]>(capacity);
  for (uint32_t i = 0; i < old_capacity; ++i) {
    if (old[i] != 0) Find(old[i]) = old[i];
  }
}

size_t StateTable::NumberOf(uint64_t set) {
  const auto known = numbers_.find(set);
  if (known != numbers_.end()) return known->second;
  if (sets_.size() < kSets) {
    sets_.push_back(set);
    return numbers_[set] = sets_.size() - 1;
  }
  size_t best = kEverybody;
  for (size_t i = kEverybody + 1; i < sets_.size(); ++i) {
    if ((set & ~sets_[i]) != 0) continue;
    if (__builtin_popcountll(sets_[i]) < __builtin_popcountll(sets_[best])) best = i;
  }
  return best;
}

void StateTable::Clear() {
  if (size_ == 0) return;
  segments_.clear();
  sets_.clear();
  numbers_.clear();
  size_ = 0;
}

size_t StateTable::bytes() const {
  size_t words = 0;
  for (const Segment& segment : segments_) words += segment.capacity;
  return words * sizeof(uint64_t);
}

}  // namespace cleanfork::explore
