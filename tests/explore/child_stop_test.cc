// Child::Stop() through all failures and orders.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cleanfork/explore_matchers.h"
#include "tests/explore/explored.h"
#include "tests/explore/scenarios.h"

namespace cleanfork::explore {
namespace {

class ChildStop : public Explored {};
TEST_P(ChildStop, KeepsTheRulesWhateverFailsInAnyOrder) {
  EXPECT_THAT(ExploreSlice(StopAChildThatObeys(), GetParam()), Exhausted());
}
INSTANTIATE_TEST_SUITE_P(Bounds, ChildStop, ::testing::ValuesIn(Slices()), SliceName);

class ChildStopIgnored : public Explored {};
TEST_P(ChildStopIgnored, KeepsTheRulesWhateverFailsInAnyOrder) {
  EXPECT_THAT(ExploreSlice(StopAChildThatIgnoresSigterm(), GetParam()), Exhausted());
}
INSTANTIATE_TEST_SUITE_P(Bounds, ChildStopIgnored, ::testing::ValuesIn(Slices()), SliceName);

}  // namespace
}  // namespace cleanfork::explore
