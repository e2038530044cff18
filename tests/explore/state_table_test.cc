#include "mocks/explore/state_table.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <unordered_map>
#include <vector>

namespace cleanfork::explore {
namespace {

// The state that is scattered to `scattered`.
uint64_t StateOf(uint64_t scattered) {
  uint64_t inverse = StateTable::kFactor;  // of its lower 3 bits; each step doubles them (Newton)
  for (int bits = 3; bits < 64; bits *= 2) inverse *= 2 - StateTable::kFactor * inverse;
  return scattered * inverse;
}

// What the table has to say: of each state, who slept there each time.
class Reference {
 public:
  bool HasBeenIn(uint64_t state, uint64_t asleep) {
    const auto [known, is_new] = slept_.try_emplace(state, asleep);
    if (is_new) return false;
    if ((known->second & ~asleep) == 0) return true;
    known->second &= asleep;
    return false;
  }
  size_t size() const { return slept_.size(); }

 private:
  std::unordered_map<uint64_t, uint64_t> slept_;
};

TEST(StateTable, KnowsAStateWhereNobodySleptWhoIsAwakeNow) {
  StateTable table;
  EXPECT_FALSE(table.HasBeenIn(7, 0b0110));
  EXPECT_TRUE(table.HasBeenIn(7, 0b0110));
  EXPECT_TRUE(table.HasBeenIn(7, 0b1110));
  EXPECT_FALSE(table.HasBeenIn(8, 0b1110));
  EXPECT_FALSE(table.HasBeenIn(7, 0b1010));
}

TEST(StateTable, KeepsWhoHasSleptEachTime) {
  StateTable table;
  EXPECT_FALSE(table.HasBeenIn(7, 0b0110));
  EXPECT_FALSE(table.HasBeenIn(7, 0b1010));
  EXPECT_TRUE(table.HasBeenIn(7, 0b0010));
  EXPECT_FALSE(table.HasBeenIn(7, 0b1100));
  EXPECT_TRUE(table.HasBeenIn(7, 0));
  EXPECT_EQ(table.size(), 1u);
}

TEST(StateTable, NoughtIsAState) {
  StateTable table;
  EXPECT_FALSE(table.HasBeenIn(0, 0));
  EXPECT_TRUE(table.HasBeenIn(0, 0));
  EXPECT_FALSE(table.HasBeenIn(1, 0));
}

TEST(StateTable, EveryBitTellsStatesApart) {
  for (uint64_t scattered : {uint64_t{0}, ~uint64_t{0}, uint64_t{0x0123456789abcdef}}) {
    ASSERT_EQ(StateOf(scattered) * StateTable::kFactor, scattered);
    StateTable table;
    EXPECT_FALSE(table.HasBeenIn(StateOf(scattered), 0));
    for (int bit = 0; bit < 64; ++bit) {
      EXPECT_FALSE(table.HasBeenIn(StateOf(scattered ^ uint64_t{1} << bit), 0)) << bit;
    }
    EXPECT_EQ(table.size(), 65u);
  }
}

// All of them begin to look for themselves in the same place: the first of a segment, one in the
// midst, and the last, after which comes the first.
TEST(StateTable, HasRoomForStatesThatFallTogether) {
  constexpr uint64_t kCount = 5000;
  for (uint64_t place : {uint64_t{0}, uint64_t{0x123456789ab}, ~uint64_t{0} >> 20}) {
    StateTable table;
    for (uint64_t i = 0; i < kCount; ++i) {
      EXPECT_FALSE(table.HasBeenIn(StateOf(place << 20 | i), i % 64));
    }
    for (uint64_t i = 0; i < kCount; ++i) {
      EXPECT_TRUE(table.HasBeenIn(StateOf(place << 20 | i), i % 64));
    }
    EXPECT_EQ(table.size(), kCount);
  }
}

TEST(StateTable, IsAsItsReferenceWhileItGrows) {
  std::mt19937_64 random(1);
  StateTable table;
  Reference reference;
  for (int i = 0; i < 3'000'000; ++i) {
    // Half of them anywhere, and half that come again; some bits of sets twice as often as not.
    const uint64_t state = i % 2 == 0 ? random() : random() % 500'000;
    const uint64_t asleep = (random() | random()) & 0x1'0000'03ff;
    ASSERT_EQ(table.HasBeenIn(state, asleep), reference.HasBeenIn(state, asleep)) << i;
  }
  EXPECT_EQ(table.size(), reference.size());
  EXPECT_GT(table.size(), 1'900'000u);
}

TEST(StateTable, TakesLessThanTwelveBytesAState) {
  StateTable table;
  for (uint64_t state = 0; state < 3'000'000; ++state) {
    table.HasBeenIn(state, 0);
    if (state > 200'000 && state % 50'000 == 0) {
      EXPECT_LT(table.bytes(), 12 * table.size()) << state;
    }
  }
}

TEST(StateTable, WhereThereAreTooManySetsItKnowsLess) {
  std::mt19937_64 random(1);
  StateTable table;
  Reference reference;
  int known = 0;
  for (int i = 0; i < 100'000; ++i) {
    const uint64_t state = random() % 10'000;
    const uint64_t asleep = (random() | random() | random()) & 0x3'ffff;
    const bool has_been = table.HasBeenIn(state, asleep);
    const bool would_be = reference.HasBeenIn(state, asleep);
    ASSERT_LE(has_been, would_be) << i;
    known += has_been ? 1 : 0;
  }
  EXPECT_GT(known, 0);
  EXPECT_EQ(table.size(), reference.size());
  for (uint64_t state = 0; state < 10'000; ++state) {
    const uint64_t everybody = ~uint64_t{0};
    EXPECT_EQ(table.HasBeenIn(state, everybody), reference.HasBeenIn(state, everybody));
  }
}

TEST(StateTable, ASetTooManyIsNotedAsTheSmallestThatHoldsIt) {
  StateTable table;
  uint64_t state = 0;
  for (uint64_t set : {0b1111, 0b0111, 0b1'0111}) table.HasBeenIn(++state, set);
  for (uint64_t set = 1; set < 5000; ++set) table.HasBeenIn(++state, set << 8);
  EXPECT_FALSE(table.HasBeenIn(++state, 0b0001));
  EXPECT_TRUE(table.HasBeenIn(state, 0b0111));
  EXPECT_FALSE(table.HasBeenIn(state, 0b0001));
}

TEST(StateTable, KnowsNothingWhenItIsCleared) {
  StateTable table;
  table.Clear();
  for (int time = 0; time < 3; ++time) {
    for (uint64_t state = 0; state < 1000; ++state) {
      ASSERT_FALSE(table.HasBeenIn(state, state));
      ASSERT_TRUE(table.HasBeenIn(state, state));
    }
    EXPECT_GT(table.bytes(), 0u);
    table.Clear();
    EXPECT_EQ(table.size(), 0u);
    EXPECT_EQ(table.bytes(), 0u);
  }
}

}  // namespace
}  // namespace cleanfork::explore
