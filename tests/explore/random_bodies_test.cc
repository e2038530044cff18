// Bodies by chance: each must have the same outcomes with the reduction of orders and without.
#include "tests/explore/random_bodies.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cleanfork/checker.h"
#include "cleanfork/explore.h"
#include "cleanfork/fault_plan.h"
#include "cleanfork/sim_heap.h"
#include "tests/real/sanitizers.h"

namespace cleanfork {
namespace {

// How fewer runs are made.
struct Reduction {
  const char* name;
  bool reduce;
  bool merge_states;
  bool checkpoints;
};
constexpr Reduction kNoReduction = {"all orders", false, false, false};
constexpr Reduction kReductions[] = {{"all orders, from checkpoints", false, false, true},
                                     {"reduced", true, false, false},
                                     {"merged", false, true, false},
                                     {"reduced and merged", true, true, false},
                                     {"all of it", true, true, true}};

// The outcomes; none where there were too many runs.
bool Outcomes(const RandomBody& body, const RandomBounds& bounds, const Reduction& reduction,
              int64_t most, std::map<std::string, FaultPlan>* outcomes, int64_t* runs) {
  ExploreOptions options = RandomBodyOptions(bounds, most);
  options.reduce = reduction.reduce;
  options.merge_states = reduction.merge_states;
  options.checkpoints = reduction.checkpoints;
  Scenario scenario = body.scenario;
  std::vector<std::pair<std::string, FaultPlan>> all;
  scenario.checkers = {MakeChecker("outcomes", [&all](const Execution& run) {
    all.emplace_back(DescribeRun(run), run.deviations());
    return std::string();
  })};
  const ExploreResult result = Explore(scenario, options);
  *runs = result.runs;
  // Before these are those of explorations that were begun again.
  outcomes->insert(all.end() - result.runs, all.end());
  return result.verdict == ExploreResult::Verdict::kExhausted;
}

std::string PlanText(const FaultPlan& plan) {
  return plan.empty() ? std::string("nothing") : FaultPlanToString(plan);
}

// Empty where both are the same.
std::string Difference(const std::map<std::string, FaultPlan>& all,
                       const std::map<std::string, FaultPlan>& fewer) {
  for (const auto& [outcome, plan] : all) {
    if (fewer.count(outcome) == 0) {
      return "never seen in fewer runs, with " + PlanText(plan) + ":\n  " + outcome;
    }
  }
  for (const auto& [outcome, plan] : fewer) {
    if (all.count(outcome) == 0) {
      return "seen in fewer runs only, with " + PlanText(plan) + ":\n  " + outcome;
    }
  }
  return std::string();
}

// Returns how many bounds could be compared within `most` runs each.
int Compare(int seed, int most) {
  const RandomBody body = MakeRandomBody(seed);
  const SimHeap heap;
  int compared = 0;
  for (const RandomBounds& bounds : kRandomBounds) {
    std::map<std::string, FaultPlan> all;
    int64_t all_runs = 0;
    if (!Outcomes(body, bounds, kNoReduction, most, &all, &all_runs)) continue;
    ++compared;
    for (const Reduction& reduction : kReductions) {
      std::map<std::string, FaultPlan> fewer;
      int64_t runs = 0;
      EXPECT_TRUE(Outcomes(body, bounds, reduction, most, &fewer, &runs));
      EXPECT_EQ(Difference(all, fewer), "")
          << "seed " << seed << ", " << bounds.name << ", " << reduction.name << ": " << body.text
          << ", " << all_runs << " runs and " << runs;
    }
  }
  return compared;
}

// FIRST, COUNT and MOST in the environment look at more.
TEST(RandomBodies, HaveTheSameOutcomesInFewerRuns) {
  const int first = FromEnvironment("FIRST", 1);
  const int count = FromEnvironment("COUNT", kThreadSanitizer ? 60 : 300);
  const int most = FromEnvironment("MOST", 1000);
  int compared = 0;
  for (int seed = first; seed < first + count; ++seed) compared += Compare(seed, most);
  std::printf("%d of %d compared\n", compared, 4 * count);
  EXPECT_GT(compared, count);
}

// Each of these has had outcomes that the reduction left out.
TEST(RandomBodies, ThatOnceDifferedDoNoMore) {
  const int seeds[] = {
      9,                       // a parent-death signal asked for before the parent's last step
      21,   287,  2084,        // SIGCHLD is blocked, or children reaped unasked, after one ended
      339,                     // a signal arrives together with what a call waits for
      1532, 1881, 3141, 3181,  // EINTR of a call that began to wait before that came
      3413, 4365,              // SIGTSTP, and a group that is orphaned or not
      4092, 5380, 6796, 7423,  // a wait for a group that a child leaves
  };
  for (int seed : seeds) EXPECT_GT(Compare(seed, 5000), 0) << seed;
}

}  // namespace
}  // namespace cleanfork
