// What the options for limits and priorities come to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cleanfork/fork_options.h"
#include "cleanfork/names.h"
#include "cleanfork/os.h"
#include "src/cli/launch.h"
#include "src/cli/option.h"
#include "src/cli/subcommand.h"

namespace cleanfork::cli {
namespace {

using ::testing::ElementsAre;

absl::StatusOr<Launch> Prepare(std::vector<std::string> words) {
  words.insert(words.begin(), "start");
  Settings settings;
  const absl::Status parsed = ParseOptions(words, StartSubcommand().options, &settings);
  if (!parsed.ok()) return parsed;
  return PrepareLaunch(settings, ForkOptions(), RealOs());
}

TEST(LaunchOptions, LimitsAreNamedAsSetrlimitDoesSoftAndHardOrBothAtOnce) {
  const absl::StatusOr<Launch> launch =
      Prepare({"--limit=NOFILE=1024:4096", "--limit=RLIMIT_CORE=0", "--limit=AS=8:infinity",
               "--limit", "CPU=infinity", "true"});
  ASSERT_TRUE(launch.ok()) << launch.status();
  std::vector<std::string> limits;
  for (const ChildLimit& limit : launch->options.limits) {
    limits.push_back(std::string(ResourceName(limit.resource)) + " " +
                     std::to_string(limit.limit.soft) + " " + std::to_string(limit.limit.hard));
  }
  const std::string infinity = std::to_string(RLIM_INFINITY);
  EXPECT_THAT(limits,
              ElementsAre("RLIMIT_NOFILE 1024 4096", "RLIMIT_CORE 0 0", "RLIMIT_AS 8 " + infinity,
                          "RLIMIT_CPU " + infinity + " " + infinity));
}

TEST(LaunchOptions, EveryLimitThatTheLibraryNamesCanBeGiven) {
  int named = 0;
  for (int resource = 0; resource < RLIM_NLIMITS; ++resource) {
    if (ResourceName(resource) == nullptr) continue;
    ++named;
    const absl::StatusOr<Launch> launch =
        Prepare({std::string("--limit=") + (ResourceName(resource) + 7) + "=1", "true"});
    ASSERT_TRUE(launch.ok()) << launch.status();
    EXPECT_EQ(launch->options.limits.at(0).resource, resource);
  }
  EXPECT_EQ(named, RLIM_NLIMITS);
}

TEST(LaunchOptions, PrioritiesMayBeNegative) {
  for (int value : {-20, -5, 0, 19}) {
    const std::string text = std::to_string(value);
    const absl::StatusOr<Launch> launch =
        Prepare({"--nice=" + text, "--oom-score-adjust", text + "0", "--no-new-privs", "true"});
    ASSERT_TRUE(launch.ok()) << launch.status();
    EXPECT_EQ(launch->options.nice, value);
    EXPECT_EQ(launch->options.oom_score_adjust, 10 * value);
    EXPECT_TRUE(launch->options.no_new_privs);
  }
  EXPECT_FALSE(Prepare({"true"})->options.no_new_privs);
  EXPECT_FALSE(Prepare({"true"})->options.nice.has_value());
}

}  // namespace
}  // namespace cleanfork::cli
