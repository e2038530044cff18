// PidFile through all failures and orders.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cleanfork/explore_matchers.h"
#include "tests/explore/explored.h"
#include "tests/explore/scenarios.h"

namespace cleanfork::explore {
namespace {

class PidFileClaim : public Explored {};
TEST_P(PidFileClaim, KeepsTheRulesWhateverFailsInAnyOrder) {
  EXPECT_THAT(ExploreSlice(ClaimOnePidFileTwice(), GetParam()), Exhausted());
}
INSTANTIATE_TEST_SUITE_P(Bounds, PidFileClaim, ::testing::ValuesIn(Slices()), SliceName);

class PidFileRemove : public Explored {};
TEST_P(PidFileRemove, KeepsTheRulesWhateverFailsInAnyOrder) {
  EXPECT_THAT(ExploreSlice(RemoveAStalePidFileWhileItIsClaimed(), GetParam()), Exhausted());
}
INSTANTIATE_TEST_SUITE_P(Bounds, PidFileRemove, ::testing::ValuesIn(Slices()), SliceName);

}  // namespace
}  // namespace cleanfork::explore
