// Spawn() through all failures and orders.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cleanfork/explore_matchers.h"
#include "tests/explore/explored.h"
#include "tests/explore/scenarios.h"

namespace cleanfork::explore {
namespace {

class Spawn : public Explored {};
TEST_P(Spawn, KeepsTheRulesWhateverFailsInAnyOrder) {
  EXPECT_THAT(ExploreSlice(SpawnAProgram(), GetParam()), Exhausted());
}
INSTANTIATE_TEST_SUITE_P(Bounds, Spawn, ::testing::ValuesIn(Slices()), SliceName);

class SpawnDaemon : public Explored {};
TEST_P(SpawnDaemon, KeepsTheRulesWhateverFailsInAnyOrder) {
  EXPECT_THAT(ExploreSlice(SpawnADaemon(), GetParam()), Exhausted());
}
INSTANTIATE_TEST_SUITE_P(Bounds, SpawnDaemon, ::testing::ValuesIn(Slices()), SliceName);

}  // namespace
}  // namespace cleanfork::explore
