// The command `cleanfork start` through all failures and orders.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cleanfork/explore_matchers.h"
#include "tests/explore/explored.h"
#include "tests/explore/scenarios.h"

namespace cleanfork::explore {
namespace {

class StartCommand : public Explored {};
TEST_P(StartCommand, KeepsTheRulesWhateverFailsInAnyOrder) {
  EXPECT_THAT(ExploreSlice(StartAServiceByCommand(), GetParam()), Exhausted());
}
INSTANTIATE_TEST_SUITE_P(Bounds, StartCommand, ::testing::ValuesIn(Slices()), SliceName);

}  // namespace
}  // namespace cleanfork::explore
