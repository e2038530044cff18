// Bodies by chance: the line that a failure is printed with must make the same run again.
#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "cleanfork/explore.h"
#include "tests/explore/random_bodies.h"
#include "tests/explore/rarest_outcome.h"
#include "tests/real/sanitizers.h"

namespace cleanfork {
namespace {

// Whether there was something to replay.
bool IsReplayed(int seed, const RandomBounds& bounds) {
  SCOPED_TRACE("seed " + std::to_string(seed) + ", " + bounds.name);
  const RandomBody body = MakeRandomBody(seed);
  const ExploreOptions options = RandomBodyOptions(bounds, 1000);
  Outcomes outcomes;
  if (!CountOutcomes(body.scenario, options, &outcomes)) return false;  // too many runs
  return FindAndReplay(body, RarestOf(outcomes), options).has_value();
}

// FIRST and COUNT in the environment look at more.
TEST(Replay, OfTheLineOfAFailureMakesTheSameRun) {
  const int first = FromEnvironment("FIRST", 1);
  const int count = FromEnvironment("COUNT", kThreadSanitizer ? 10 : 100);
  int replayed = 0;
  for (int seed = first; seed < first + count; ++seed) {
    for (const RandomBounds& bounds : kRandomBounds) replayed += IsReplayed(seed, bounds) ? 1 : 0;
  }
  std::printf("%d of %d replayed\n", replayed, 4 * count);
  EXPECT_GT(replayed, count);
}

}  // namespace
}  // namespace cleanfork
