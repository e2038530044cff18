// The programs without bugs, beyond the bounds that find the bugs: by hand, since it takes a
// minute.
#include <gtest/gtest.h>

#include <cstdint>
#include <iostream>

#include "cleanfork/explore.h"
#include "tests/explore/seeded/seeded.h"

namespace cleanfork::seeded {
namespace {

TEST(Twins, BreakNoRuleAtTwoFaultsASignalAndAKill) {
  int64_t runs = 0;
  for (const Seeded& seeded : AllBugs()) {
    const ExploreResult result = ExploreSeeded(seeded, true, Bounds(2, 1, 1));
    EXPECT_EQ(result.verdict, ExploreResult::Verdict::kExhausted) << seeded.name << "\n" << result;
    runs += result.runs;
  }
  std::cout << runs << " runs\n";
}

}  // namespace
}  // namespace cleanfork::seeded
