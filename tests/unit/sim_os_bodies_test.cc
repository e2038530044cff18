// SimOs runs bodies that exit, fork, wait and are killed in noexcept destructors and deep in the
// stack, built with exceptions and without.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "cleanfork/sim_os.h"
#include "tests/unit/sim_bodies.h"

namespace cleanfork {
namespace {

TEST(SimBodies, AreBuiltAsTheTargetSays) {
  const char* const built = std::getenv("CLEANFORK_BODIES");
  ASSERT_NE(built, nullptr);
  EXPECT_EQ(std::string(built), BodiesHaveExceptions() ? "exceptions" : "no exceptions");
}

struct NamedBody {
  const char* name;
  int (*body)(Os& os);
};

class SimBodies : public testing::TestWithParam<NamedBody> {};

// Several times: stacks and logs are used again.
TEST_P(SimBodies, EndAsTheyShould) {
  SimOs sim;
  for (int i = 0; i < 3; ++i) {
    const SimRun run = sim.Run(GetParam().body);
    EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
    EXPECT_EQ(sim.process(100)->wait_status, 0) << sim.TraceText();
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, SimBodies,
    testing::Values(NamedBody{"WaitsForADestructor", &WaitsForADestructor},
                    NamedBody{"IsKilledInADestructor", &IsKilledInADestructor},
                    NamedBody{"ExitsDeepInTheStack", &ExitsDeepInTheStack},
                    NamedBody{"ExitsInADestructor", &ExitsInADestructor},
                    NamedBody{"ForksInADestructor", &ForksInADestructor},
                    NamedBody{"HandlesASignalInADestructor", &HandlesASignalInADestructor}),
    [](const testing::TestParamInfo<NamedBody>& info) { return info.param.name; });

}  // namespace
}  // namespace cleanfork
