// ChildRegistry through all failures and orders.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cleanfork/explore_matchers.h"
#include "tests/explore/explored.h"
#include "tests/explore/scenarios.h"

namespace cleanfork::explore {
namespace {

class ChildRegistry : public Explored {};
TEST_P(ChildRegistry, KeepsTheRulesWhateverFailsInAnyOrder) {
  EXPECT_THAT(ExploreSlice(ReapTwoChildren(), GetParam()), Exhausted());
}
INSTANTIATE_TEST_SUITE_P(Bounds, ChildRegistry, ::testing::ValuesIn(Slices()), SliceName);

}  // namespace
}  // namespace cleanfork::explore
