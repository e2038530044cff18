#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <set>
#include <vector>

#include "mocks/sim/arena.h"

namespace cleanfork::sim {
namespace {

// One that is given back when the test is over.
class ArenaTest : public ::testing::Test {
 protected:
  ArenaTest() : arena_(*Arena::Take()) {}
  ~ArenaTest() override {
    arena_.Clear();
    Arena::GiveBack(&arena_);
  }

  char* New(size_t size, size_t alignment = 1) {
    return static_cast<char*>(arena_.Allocate(size, alignment));
  }

  Arena& arena_;
};

TEST_F(ArenaTest, BlocksAreApartAndAligned) {
  std::set<std::pair<uintptr_t, uintptr_t>> taken;
  for (size_t alignment = 1; alignment <= 4096; alignment *= 2) {
    for (const size_t size :
         {size_t{0}, size_t{1}, size_t{15}, size_t{16}, size_t{17}, size_t{1008}, size_t{1009},
          size_t{1024}, size_t{5000}, size_t{70'000}}) {
      char* const block = New(size, alignment);
      ASSERT_NE(block, nullptr);
      std::memset(block, 0xff, size);
      const auto at = reinterpret_cast<uintptr_t>(block);
      EXPECT_EQ(at % alignment, 0);
      EXPECT_EQ(at % alignof(std::max_align_t), 0);
      EXPECT_EQ(Arena::Of(block), &arena_);
      for (const auto& [from, to] : taken) EXPECT_TRUE(at >= to || at + size <= from);
      taken.insert({at, at + (size > 0 ? size : 1)});
    }
  }
  EXPECT_EQ(arena_.blocks(), 13 * 10);
}

TEST_F(ArenaTest, WhatIsFreedIsUsedAgain) {
  for (const size_t size : {size_t{1}, size_t{100}, size_t{1024}, size_t{1025}, size_t{100'000}}) {
    char* const first = New(size);
    char* const second = New(size);
    arena_.Free(first);
    EXPECT_EQ(New(size), first);
    arena_.Free(second);
    arena_.Free(first);
    EXPECT_EQ(New(size), first);
    EXPECT_EQ(New(size), second);
  }
  char* const aligned = New(100, 512);
  arena_.Free(aligned);
  EXPECT_EQ(New(100, 512), aligned);
}

TEST_F(ArenaTest, ThereIsRoomForSomeMebibytesAndNoMore) {
  EXPECT_EQ(New(Arena::kSize), nullptr);
  EXPECT_EQ(New(SIZE_MAX), nullptr);
  EXPECT_EQ(New(1, Arena::kSize), nullptr);
  EXPECT_NE(New(Arena::kSize / 4), nullptr);
  EXPECT_EQ(New(Arena::kSize / 2), nullptr);
  EXPECT_NE(New(1), nullptr);
}

TEST_F(ArenaTest, IsWhatItWas) {
  char* const kept = New(100);
  std::memset(kept, 'a', 100);
  char* const freed_later = New(200);
  std::memset(freed_later, 'b', 200);
  Bytes image;
  arena_.Save(&image);

  arena_.Free(freed_later);
  std::memset(kept, 'x', 100);
  char* const again = New(200);
  EXPECT_EQ(again, freed_later);
  std::memset(again, 'y', 200);
  const char* const later = New(300);
  EXPECT_EQ(arena_.blocks(), 3);

  arena_.Restore(image);
  EXPECT_EQ(arena_.blocks(), 2);
  EXPECT_EQ(std::vector<char>(kept, kept + 100), std::vector<char>(100, 'a'));
  EXPECT_EQ(std::vector<char>(freed_later, freed_later + 200), std::vector<char>(200, 'b'));
  EXPECT_EQ(New(300), later);
  EXPECT_NE(New(200), freed_later);
}

TEST(Arena, WhatIsLeftStaysWhereItIs) {
  Arena* const first = Arena::Take();
  void* const block = first->Allocate(100, 1);
  first->Free(block);
  Arena::GiveBack(first);
  Arena* const second = Arena::Take();
  EXPECT_EQ(second, first);
  auto* const left = static_cast<char*>(second->Allocate(100, 1));
  EXPECT_EQ(left, block);
  std::memset(left, 'a', 100);
  Arena::GiveBack(second);

  Arena* const third = Arena::Take();
  EXPECT_EQ(third, first);
  EXPECT_EQ(third->blocks(), 0);
  Bytes image;
  third->Save(&image);
  EXPECT_LT(image.size(), size_t{4096});
  auto* const own = static_cast<char*>(third->Allocate(100, 1));
  EXPECT_GE(own, left + 100);
  std::memset(own, 'b', 100);
  Arena::Of(left)->Free(left);  // by who has it; it is nobody's after that
  EXPECT_EQ(third->blocks(), 1);
  EXPECT_NE(third->Allocate(100, 1), left);
  third->Restore(image);
  EXPECT_EQ(third->Allocate(100, 1), own);
  EXPECT_EQ(left[50], 'a');
  third->Clear();
  Arena::GiveBack(third);
}

TEST(Arena, ManyMayLeaveSomething) {
  for (int i = 0; i < 5000; ++i) {
    Arena* const arena = Arena::Take();
    ASSERT_NE(arena->Allocate(100'000, 1), nullptr);
    Arena::GiveBack(arena);
  }
}

TEST(Arena, OtherMemoryIsInNone) {
  const std::vector<char> block(100);
  const int local = 0;
  EXPECT_EQ(Arena::Of(block.data()), nullptr);
  EXPECT_EQ(Arena::Of(&local), nullptr);
  EXPECT_EQ(Arena::Of(nullptr), nullptr);
}

}  // namespace
}  // namespace cleanfork::sim
