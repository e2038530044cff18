#include "tests/explore/seeded/seeded.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <set>
#include <string>

#include "cleanfork/explore.h"

namespace cleanfork::seeded {
namespace {

struct Counted {
  int faults = 0;
  int signals = 0;
  int kills = 0;
};

Counted Count(const FaultPlan& deviations) {
  Counted counted;
  for (const FaultEntry& entry : deviations) {
    const bool is_signal = entry.kind == FaultEntry::Kind::kSignal;
    ++(!is_signal ? counted.faults : entry.signal == SIGKILL ? counted.kills : counted.signals);
  }
  return counted;
}

// What a bug needs is found with these bounds, and nothing with any less.
void ExpectFound(const Seeded& seeded, int64_t* runs) {
  const ExploreResult result =
      ExploreSeeded(seeded, false, Bounds(seeded.faults, seeded.signals, seeded.kills));
  *runs = result.runs;
  ASSERT_EQ(result.verdict, ExploreResult::Verdict::kFailed) << seeded.name << "\n" << result;
  ASSERT_EQ(result.failures.size(), 1u);
  const Counted counted = Count(result.failures[0].deviations);
  EXPECT_EQ(result.failures[0].rule, seeded.rule) << seeded.name << "\n" << result;
  EXPECT_EQ(counted.faults, seeded.faults) << seeded.name << "\n" << result;
  EXPECT_EQ(counted.signals, seeded.signals) << seeded.name << "\n" << result;
  EXPECT_EQ(counted.kills, seeded.kills) << seeded.name << "\n" << result;
}

// One fault more than its bug needs none of.
void ExpectQuiet(const Seeded& seeded, int64_t* runs) {
  const ExploreResult result =
      ExploreSeeded(seeded, true, Bounds(std::max(seeded.faults, 1), seeded.signals, seeded.kills));
  *runs = result.runs;
  EXPECT_EQ(result.verdict, ExploreResult::Verdict::kExhausted) << seeded.name << "\n" << result;
}

TEST(Scoreboard, FindsEachBugAndIsQuietAboutEachTwin) {
  std::printf("%-54s %-44s %s\n", "the program", "breaks the rule",
              "faults signals kills    runs | twin's runs");
  int64_t all_runs = 0, all_twin_runs = 0;
  for (const Seeded& seeded : AllBugs()) {
    int64_t runs = 0, twin_runs = 0;
    ExpectFound(seeded, &runs);
    ExpectQuiet(seeded, &twin_runs);
    std::printf("%-54s %-44s %6d %7d %5d %7lld | %11lld\n", seeded.name.c_str(),
                seeded.rule.c_str(), seeded.faults, seeded.signals, seeded.kills,
                static_cast<long long>(runs), static_cast<long long>(twin_runs));
    all_runs += runs;
    all_twin_runs += twin_runs;
  }
  std::printf("%zu programs, each with its twin: %lld runs, and %lld of the twins\n",
              AllBugs().size(), static_cast<long long>(all_runs),
              static_cast<long long>(all_twin_runs));
}

TEST(Scoreboard, HasManyProgramsOfDifferentNames) {
  std::set<std::string> names;
  for (const Seeded& seeded : AllBugs()) names.insert(seeded.name);
  EXPECT_EQ(names.size(), AllBugs().size());
  EXPECT_GE(names.size(), 24u);
}

}  // namespace
}  // namespace cleanfork::seeded
