// Daemonize() through all failures and orders.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "cleanfork/explore_matchers.h"
#include "tests/explore/explored.h"
#include "tests/explore/scenarios.h"

namespace cleanfork::explore {
namespace {

// Of signals in all orders there would be hours of runs: those without preemptions.
Slice Bounded(Slice slice) {
  slice = BoundedByThreadSanitizer(std::move(slice));
  if (slice.options.max_signals == 0) return slice;
  slice.options.merge_states = false;
  slice.options.max_preemptions = 0;
  return slice;
}

class Daemonize : public Explored {};
TEST_P(Daemonize, KeepsTheRulesWhateverFailsInAnyOrder) {
  EXPECT_THAT(ExploreSlice(BecomeADaemon(), Bounded(GetParam())), Exhausted());
}
INSTANTIATE_TEST_SUITE_P(Bounds, Daemonize, ::testing::ValuesIn(Slices()), SliceName);

class DaemonizeFails : public Explored {};
TEST_P(DaemonizeFails, KeepsTheRulesWhateverFailsInAnyOrder) {
  Slice slice = Bounded(GetParam());
  // Where there is no pidfd the starter looks for the end of the daemon some 20 times, and each
  // look is a step at which a signal may come. What two faults take with so few has not been
  // measured.
  if (slice.options.max_signals > 0) slice.options.max_faults = 1;
  EXPECT_THAT(ExploreSlice(BecomeADaemonAndFail(), slice), Exhausted());
}
INSTANTIATE_TEST_SUITE_P(Bounds, DaemonizeFails, ::testing::ValuesIn(Slices()), SliceName);

}  // namespace
}  // namespace cleanfork::explore
