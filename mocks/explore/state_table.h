// StateTable: which states runs have come to, and who slept there in all of them; a word of 8 bytes
// a state.
//
// All 64 bits of a state tell it from others. They are scattered by a factor, which loses none. The
// upper 12 say in which segment a state is noted; the other 52 stand in its word. The 12 bits that
// this leaves are the number of a set of sleepers: there are few different ones, and each is kept
// once. Two states are thus taken for one only where their hashes are the same: among n there are
// two such with a probability of n^2 / 2^65, which is 2^-5 for 10^9 of them, 2^-12 for 10^8, and
// 2^-20 for 6 * 10^6. With hashes of 64 bits no table does better, whatever it keeps.
#ifndef CLEANFORK_MOCKS_EXPLORE_STATE_TABLE_H_
#define CLEANFORK_MOCKS_EXPLORE_STATE_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace cleanfork::explore {

class StateTable {
 public:
  // Odd, so that no two states are scattered to the same; 2^64 over the golden ratio.
  static constexpr uint64_t kFactor = 0x9e3779b97f4a7c15;

  // Whether `state` is known, and with no sleepers but such as are in `asleep`, a bit each. If not,
  // it is from now on: with those of `asleep` who have slept each time.
  //
  // Sets of sleepers beyond the first 4,094 that differ are noted as one of these that holds more,
  // or as everybody: then a known state may be taken for a new one, and never the other way round.
  bool HasBeenIn(uint64_t state, uint64_t asleep);

  // Gives all memory back but that of the segments' row, which an empty table does not have.
  void Clear();

  size_t size() const { return size_; }  // states
  size_t bytes() const;                  // that the states' words take

 private:
  static constexpr int kSetBits = 12;
  static constexpr size_t kSets = size_t{1} << kSetBits;
  static constexpr size_t kEverybody = 1;  // a set's number; 0 is for a word that is free
  static constexpr int kSegmentShift = 64 - kSetBits;

  // Open addressing, linear probing. Each grows by itself, so that only one is there twice, and by
  // a quarter: from 7/8 full to 7/10.
  struct Segment {
    std::unique_ptr<uint64_t[]> words;  // the lower 52 bits of what is scattered, a set's number
    uint32_t capacity = 0;
    uint32_t count = 0;

    bool IsFull() const { return uint64_t{count} * 8 >= uint64_t{capacity} * 7; }
    uint64_t& Find(uint64_t word);
    void Grow();
  };

  size_t NumberOf(uint64_t set);

  std::vector<Segment> segments_;  // none, or all
  size_t size_ = 0;
  std::vector<uint64_t> sets_;  // by their numbers
  absl::flat_hash_map<uint64_t, size_t> numbers_;
};

}  // namespace cleanfork::explore

#endif  // CLEANFORK_MOCKS_EXPLORE_STATE_TABLE_H_
