// What the explorations of the library's own scenarios leave in the program: nothing.
#include <gtest/gtest.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/cord.h"
#include "cleanfork/explore_matchers.h"
#include "tests/explore/scenarios.h"

namespace cleanfork::explore {
namespace {

TEST(Slices, NoCordOfAProcessThatExitsIsRemembered) {
  absl::cord_internal::set_cordz_mean_interval(1);
  Scenario scenario;
  scenario.body = [](Os& os) {
    absl::Status status = absl::InternalError("no payload yet");
    for (const char* name : {"one", "two", "three"}) {
      status.SetPayload(name, absl::Cord(std::string(100, 'x')));
    }
    for (int i = 0; i < 5; ++i) os.Stat("/").IgnoreError();
    os.Exit(0);
    return 0;
  };
  EXPECT_THAT(ExploreSlice(scenario, Slices().front()), Exhausted());
  EXPECT_EQ(absl::cord_internal::get_cordz_mean_interval(), 0);
}

}  // namespace
}  // namespace cleanfork::explore
