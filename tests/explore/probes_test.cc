#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <string>

#include "cleanfork/explore.h"
#include "cleanfork/probe.h"

namespace cleanfork {
namespace {

int ForkTwiceIfNeedBe(Os& os) {
  CLEANFORK_PROBE("any run");
  SysResult<pid_t> child = os.Fork();
  if (!child.ok()) {
    CLEANFORK_PROBE("a second fork");
    child = os.Fork();
  }
  if (!child.ok()) {
    CLEANFORK_PROBE("no child");
    return 1;
  }
  if (child.value() == 0) os.Exit(0);
  while (!os.WaitPid(child.value(), 0).ok()) CLEANFORK_PROBE("a second wait");
  return 0;
}

ExploreResult ExploreBody(int faults) {
  Scenario scenario;
  scenario.body = &ForkTwiceIfNeedBe;
  ExploreOptions options;
  options.max_faults = faults;
  options.reports = false;
  return Explore(scenario, options);
}

TEST(Probes, AreCountedOnceForEachRunThatComesToThem) {
  // In a run without faults the child does again what its parent has done: the probe is come to
  // twice.
  EXPECT_EQ(ExploreBody(0).probes, (std::map<std::string, int64_t>{{"any run", 1}}));
  const ExploreResult result = ExploreBody(1);
  ASSERT_EQ(result.verdict, ExploreResult::Verdict::kExhausted) << result;
  std::map<std::string, int64_t> probes = result.probes;
  EXPECT_EQ(probes["any run"], result.runs);
  EXPECT_EQ(probes["a second fork"], 4);  // EAGAIN and ENOMEM, once and from then on
  EXPECT_EQ(probes["no child"], 2);
  EXPECT_EQ(probes["a second wait"], 1);  // EINTR
}

void Listen(const char*) {}

TEST(Probes, HaveTheirListenerBackAfterAnExploration) {
  SetProbeListener(&Listen);
  ExploreBody(0);
  EXPECT_EQ(SetProbeListener(nullptr), &Listen);
}

}  // namespace
}  // namespace cleanfork
