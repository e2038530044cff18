// Daemonize() through all failures and orders.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cleanfork/explore_matchers.h"
#include "tests/explore/explored.h"
#include "tests/explore/scenarios.h"

namespace cleanfork::explore {
namespace {

class Daemonize : public Explored {};
TEST_P(Daemonize, KeepsTheRulesWhateverFailsInAnyOrder) {
  EXPECT_THAT(ExploreSlice(BecomeADaemon(), BoundedByThreadSanitizer(GetParam())), Exhausted());
}
INSTANTIATE_TEST_SUITE_P(Bounds, Daemonize, ::testing::ValuesIn(Slices()), SliceName);

class DaemonizeFails : public Explored {};
TEST_P(DaemonizeFails, KeepsTheRulesWhateverFailsInAnyOrder) {
  Slice slice = BoundedByThreadSanitizer(GetParam());
  // Of two faults there would be most of an hour of runs, beside that of the same by Daemonize.
  if (slice.options.max_signals > 0) slice.options.max_faults = 1;
  EXPECT_THAT(ExploreSlice(BecomeADaemonAndFail(), slice), Exhausted());
}
INSTANTIATE_TEST_SUITE_P(Bounds, DaemonizeFails, ::testing::ValuesIn(Slices()), SliceName);

}  // namespace
}  // namespace cleanfork::explore
