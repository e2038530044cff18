// RunInChild() through all failures and orders.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cleanfork/explore_matchers.h"
#include "tests/explore/explored.h"
#include "tests/explore/scenarios.h"

namespace cleanfork::explore {
namespace {

class RunInChild : public Explored {};
TEST_P(RunInChild, KeepsTheRulesWhateverFailsInAnyOrder) {
  EXPECT_THAT(ExploreSlice(RunInChildWithPipes(), GetParam()), Exhausted());
}
INSTANTIATE_TEST_SUITE_P(Bounds, RunInChild, ::testing::ValuesIn(Slices()), SliceName);

}  // namespace
}  // namespace cleanfork::explore
