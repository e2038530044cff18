// How many runs come to a probe.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cleanfork/explore.h"
#include "cleanfork/os.h"
#include "cleanfork/probe.h"

namespace cleanfork {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

// One run without a fault, and one for each of its errors.
int MakePipe(Os& os) {
  const SysResult<PipeEnds> made = os.Pipe2(0);
  if (!made.ok()) {
    for (int i = 0; i < 3; ++i) CLEANFORK_PROBE("there is no pipe");
    return 1;
  }
  CLEANFORK_PROBE("there is a pipe");
  os.Close(made.value().read_end).IgnoreError();
  os.Close(made.value().write_end).IgnoreError();
  return 0;
}

Scenario MakePipeScenario() {
  Scenario scenario;
  scenario.body = MakePipe;
  scenario.checkers.clear();
  return scenario;
}

ExploreOptions FaultsOfPipe() {
  ExploreOptions options;
  options.sticky_faults = false;
  options.fault_filter = [](const FaultEntry& fault) { return fault.call == OsCall::kPipe2; };
  return options;
}

TEST(ExploreProbes, AreCountedOnceARun) {
  const ExploreResult result = Explore(MakePipeScenario(), FaultsOfPipe());
  EXPECT_EQ(result.runs, 1 + 3);  // EMFILE, ENFILE, ENOMEM
  EXPECT_THAT(result.probes, ElementsAre(Pair("there is a pipe", 1), Pair("there is no pipe", 3)));
}

void Listen(const char*) {}

TEST(ExploreProbes, LeaveTheListenerThatThereWas) {
  SetProbeListener(&Listen);
  Explore(MakePipeScenario(), FaultsOfPipe());
  EXPECT_EQ(SetProbeListener(nullptr), &Listen);
}

// Of what a forked child does again to come to where it was forked nothing is counted, but its
// parent's run is the same one.
TEST(ExploreProbes, OfAChildAreCountedToo) {
  Scenario scenario = MakePipeScenario();
  scenario.body = [](Os& os) {
    CLEANFORK_PROBE("before the fork");
    if (os.Fork().value_or(-1) != 0) return 0;
    CLEANFORK_PROBE("in the child");
    os.Exit(0);
    return 0;
  };
  ExploreOptions options;
  options.max_faults = 0;
  const ExploreResult result = Explore(scenario, options);
  EXPECT_THAT(result.probes,
              ElementsAre(Pair("before the fork", result.runs), Pair("in the child", result.runs)));
}

}  // namespace
}  // namespace cleanfork
