// ForkChild() through all failures and orders.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cleanfork/explore_matchers.h"
#include "tests/explore/explored.h"
#include "tests/explore/scenarios.h"

namespace cleanfork::explore {
namespace {

class ForkChild : public Explored {};
TEST_P(ForkChild, KeepsTheRulesWhateverFailsInAnyOrder) {
  EXPECT_THAT(ExploreSlice(ForkChildAsAnotherUser(), GetParam()), Exhausted());
}
INSTANTIATE_TEST_SUITE_P(Bounds, ForkChild, ::testing::ValuesIn(Slices()), SliceName);

class ForkChildDaemon : public Explored {};
TEST_P(ForkChildDaemon, KeepsTheRulesWhateverFailsInAnyOrder) {
  EXPECT_THAT(ExploreSlice(ForkChildAsADaemon(), BoundedByThreadSanitizer(GetParam())),
              Exhausted());
}
INSTANTIATE_TEST_SUITE_P(Bounds, ForkChildDaemon, ::testing::ValuesIn(Slices()), SliceName);

}  // namespace
}  // namespace cleanfork::explore
