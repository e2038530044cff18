// What the search makes of small bodies, whose runs can be counted on paper.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cerrno>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cleanfork/checkers.h"
#include "cleanfork/explore.h"
#include "cleanfork/explore_matchers.h"
#include "cleanfork/os.h"
#include "cleanfork/unique_fd.h"
#include "tests/explore/test_scenario.h"

namespace cleanfork {
namespace {

using ::testing::Contains;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::SizeIs;

ExploreOptions Without(bool reduce, int faults) {
  ExploreOptions options;
  options.max_faults = faults;
  options.sticky_faults = false;
  options.reduce = reduce;
  options.outcomes = true;
  options.progress = false;
  return options;
}

int64_t Choose(int64_t of, int64_t take) {
  int64_t count = 1;
  for (int64_t i = 1; i <= take; ++i) count = count * (of - take + i) / i;
  return count;
}

// A process that makes no more calls takes two steps more to its end.
constexpr int kStepsOfAnEnd = 2;

TEST(Search, MakesEveryOrderOfTwoProcessesOnce) {
  for (int parent_calls = 0; parent_calls <= 3; ++parent_calls) {
    for (int child_calls = 0; child_calls <= 3; ++child_calls) {
      const Scenario scenario = ScenarioOf([=](Os& os) {
        const bool is_child = os.Fork().value() == 0;
        CallOften(os, is_child ? child_calls : parent_calls);
        if (is_child) os.Exit(0);
        return 0;
      });
      const ExploreResult result = Explore(scenario, Without(false, 0));
      EXPECT_EQ(result.verdict, ExploreResult::Verdict::kExhausted);
      const int64_t parent = parent_calls + kStepsOfAnEnd, child = child_calls + kStepsOfAnEnd;
      EXPECT_EQ(result.runs, Choose(parent + child, child)) << parent_calls << " " << child_calls;
      EXPECT_EQ(result.pruned, 0);
    }
  }
}

TEST(Search, MakesEveryChoiceOfSoManyFaultsOnce) {
  constexpr int kCalls = 6;
  const Scenario scenario = ScenarioOf([](Os& os) {
    for (int i = 0; i < kCalls; ++i) os.SetUid(0).IgnoreError();  // EPERM, and nothing else
    return 0;
  });
  ExploreOptions options = Without(true, 4);
  options.fault_filter = [](const FaultEntry& fault) { return fault.error == EPERM; };
  const ExploreResult result = Explore(scenario, options);
  ASSERT_THAT(result.runs_by_deviations, SizeIs(5));
  for (int faults = 0; faults <= 4; ++faults) {
    EXPECT_EQ(result.runs_by_deviations[static_cast<size_t>(faults)], Choose(kCalls, faults));
  }
}

TEST(Search, AFaultThatStaysIsOneForEachCallFromWhichItDoes) {
  const Scenario scenario = ScenarioOf([](Os& os) {
    for (int i = 0; i < 5; ++i) os.SetUid(0).IgnoreError();
    return 0;
  });
  ExploreOptions options = Without(true, 1);
  options.sticky_faults = true;
  options.fault_filter = [](const FaultEntry& fault) {
    return fault.error == EPERM && fault.sticky;
  };
  EXPECT_THAT(Explore(scenario, options).runs_by_deviations, ::testing::ElementsAre(1, 5));
}

// At the last call there is nothing left for it to fail.
TEST(Search, AFaultStaysOrDoesNotAsSoonAsItsCallIsMadeAgain) {
  std::set<std::string> plans;
  Scenario scenario = ScenarioOf([](Os& os) {
    int failed = 0;
    for (int i = 0; i < 4; ++i) failed += os.SetUid(0).ok() ? 0 : 1;
    return failed;
  });
  scenario.checkers = {MakeChecker("plans", [&plans](const Execution& run) {
    const int failed = WEXITSTATUS(run.processes()[0].wait_status);
    plans.insert(FaultPlanToString(run.deviations()) + " " + std::to_string(failed));
    return std::string();
  })};
  ExploreOptions options = Without(true, 1);
  options.sticky_faults = true;
  options.fault_filter = [](const FaultEntry& fault) { return fault.error == EPERM; };
  EXPECT_THAT(Explore(scenario, options).runs_by_deviations, ::testing::ElementsAre(1, 4 + 3));
  EXPECT_THAT(plans,
              ::testing::UnorderedElementsAre("cf1 0", "cf1;P.setuid#1=EPERM 1",
                                              "cf1;P.setuid#1+=EPERM 4", "cf1;P.setuid#2=EPERM 1",
                                              "cf1;P.setuid#2+=EPERM 3", "cf1;P.setuid#3=EPERM 1",
                                              "cf1;P.setuid#3+=EPERM 2", "cf1;P.setuid#4=EPERM 1"));
}

TEST(Search, WithABoundOnPreemptionsMakesThoseRunsOnly) {
  // One process takes all its steps, or makes room once at any of them.
  const Scenario scenario = ScenarioOf([](Os& os) {
    const bool is_child = os.Fork().value() == 0;
    CallOften(os, 2);
    if (is_child) os.Exit(0);
    return 0;
  });
  ExploreOptions options = Without(true, 0);
  options.max_preemptions = 0;
  EXPECT_EQ(Explore(scenario, options).runs, 1);
  options.max_preemptions = 1;
  // At each of the parent's steps but before its first the child may go on; then to its end.
  EXPECT_EQ(Explore(scenario, options).runs, 1 + 4);
}

// Bodies in which the order of steps matters.
int PipeBody(Os& os) {
  const SysResult<PipeEnds> made = os.Pipe();
  if (!made.ok()) return 9;
  const PipeEnds pipe = made.value();
  const pid_t child = os.Fork().value_or(-1);
  if (child == 0) {
    os.Close(pipe.read_end).IgnoreError();
    const bool wrote = os.Write(pipe.write_end, "ab", 2).ok();
    os.Close(pipe.write_end).IgnoreError();
    os.Exit(wrote ? 0 : 1);
  }
  os.Close(pipe.write_end).IgnoreError();
  char bytes[2];
  const size_t got = os.Read(pipe.read_end, bytes, 2).value_or(7);
  os.Close(pipe.read_end).IgnoreError();
  if (child > 0) os.WaitPid(child, 0).IgnoreError();
  return static_cast<int>(got);
}

int PollBody(Os& os) {  // does the child end before it is asked for?
  const pid_t child = os.Fork().value_or(-1);
  if (child == 0) os.Exit(3);
  if (child < 0) return 9;
  os.Umask(0);
  const SysResult<WaitResult> ended = os.WaitPid(child, WNOHANG);
  if (ended.value_or(WaitResult()).pid == child) return 1;
  os.WaitPid(child, 0).IgnoreError();
  return 2;
}

int KillBody(Os& os) {
  const pid_t child = os.Fork().value_or(-1);
  if (child == 0) {
    os.SigProcMask(SIG_BLOCK, nullptr).IgnoreError();
    os.Umask(0);
    os.Exit(0);
  }
  if (child < 0) return 9;
  os.Kill(child, SIGTERM).IgnoreError();
  return os.WaitPid(child, 0).value_or(WaitResult()).status == SIGTERM ? 1 : 2;
}

int handled = 0;
void Handle(int) { ++handled; }

int HandlerBody(Os& os) {
  handled = 0;
  SignalAction action;
  action.handler = &Handle;
  os.SigAction(SIGCHLD, &action).IgnoreError();
  const pid_t child = os.Fork().value_or(-1);
  if (child == 0) os.Exit(0);
  if (child < 0) return 9;
  os.Umask(0);
  const int at_once = handled;
  os.Umask(022);
  for (SysResult<WaitResult> ended = os.WaitPid(child, 0); !ended.ok() && ended.error() == EINTR;) {
    ended = os.WaitPid(child, 0);
  }
  return at_once;
}

int TwoChildrenBody(Os& os) {
  const pid_t one = os.Fork().value_or(-1);
  if (one == 0) os.Exit(1);
  const pid_t two = os.Fork().value_or(-1);
  if (two == 0) os.Exit(2);
  const SysResult<WaitResult> first = os.WaitPid(-1, 0);
  os.WaitPid(-1, 0).IgnoreError();
  return first.value_or(WaitResult()).pid == one ? 1 : 2;
}

int FileBody(Os& os) {
  const pid_t child = os.Fork().value_or(-1);
  const int fd = os.Open("/tmp/one", O_CREAT | O_EXCL | O_WRONLY, 0600).value_or(-1);
  if (child == 0) os.Exit(fd < 0 ? 1 : 0);
  return fd < 0 ? 1 : 0;
}

std::vector<Small> SmallBodies() {
  return {{"pipe", PipeBody},       {"poll", PollBody},       {"kill", KillBody},
          {"handler", HandlerBody}, {"two", TwoChildrenBody}, {"file", FileBody}};
}

TEST(Search, FindsTheSameOutcomesWithAndWithoutReduction) {
  for (const Small& small : SmallBodies()) {
    for (int faults = 0; faults <= 1; ++faults) {
      const Scenario scenario = ScenarioOf(small.body);
      const ExploreResult all = Explore(scenario, Without(false, faults));
      const ExploreResult reduced = Explore(scenario, Without(true, faults));
      EXPECT_EQ(all.verdict, ExploreResult::Verdict::kExhausted) << small.name;
      EXPECT_EQ(reduced.verdict, ExploreResult::Verdict::kExhausted) << small.name;
      EXPECT_EQ(OutcomesOf(all), OutcomesOf(reduced)) << small.name << ", faults: " << faults;
      EXPECT_LE(reduced.runs, all.runs) << small.name;
      std::printf(
          "%-8s %d faults: %6lld runs, %4lld of them needed (and %lld given up), %zu outcomes\n",
          small.name, faults, static_cast<long long>(all.runs),
          static_cast<long long>(reduced.runs), static_cast<long long>(reduced.pruned),
          all.outcomes.size());
    }
  }
}

TEST(Search, SignalsAndKillsFindTheSameOutcomesWithAndWithoutReduction) {
  for (const Small& small : SmallBodies()) {
    const Scenario scenario = ScenarioOf(small.body);
    ExploreOptions options = Without(false, 0);
    options.signals = {SIGTERM};
    options.max_signals = 1;
    options.max_kills = 1;
    const ExploreResult all = Explore(scenario, options);
    options.reduce = true;
    const ExploreResult reduced = Explore(scenario, options);
    EXPECT_EQ(OutcomesOf(all), OutcomesOf(reduced)) << small.name;
    std::printf("%-8s %6lld runs, %4lld of them needed, %zu outcomes\n", small.name,
                static_cast<long long>(all.runs), static_cast<long long>(reduced.runs),
                all.outcomes.size());
  }
}

TEST(Search, NobodyIsSignalledWhoBlocksTheSignal) {
  const Scenario scenario = ScenarioOf([](Os& os) {
    const pid_t child = os.Fork().value();
    CallOften(os, 3);
    if (child == 0) os.Exit(0);
    return os.WaitPid(child, 0).ok() ? 0 : 1;
  });
  ExploreOptions options = Without(true, 0);
  options.signals = {SIGTERM};
  options.max_signals = 1;
  Scenario blocked = scenario;
  blocked.world.signal_mask = SignalSet::Of(SIGTERM);
  EXPECT_THAT(Explore(blocked, options).runs_by_deviations, ::testing::ElementsAre(1, 0));
  EXPECT_THAT(Explore(scenario, options).runs_by_deviations, ::testing::ElementsAre(1, Gt(0)));
}

TEST(Search, ShardsMakeTheRunsOfTheWholeBetweenThem) {
  const Scenario scenario = ScenarioOf(PipeBody);
  ExploreOptions options = Without(true, 2);
  const ExploreResult whole = Explore(scenario, options);
  options.shards = 3;
  std::set<uint64_t> outcomes;
  int64_t runs = 0;
  for (options.shard = 0; options.shard < options.shards; ++options.shard) {
    const ExploreResult part = Explore(scenario, options);
    EXPECT_LT(part.runs, whole.runs);
    runs += part.runs;
    for (uint64_t outcome : OutcomesOf(part)) outcomes.insert(outcome);
  }
  EXPECT_EQ(runs, whole.runs);
  EXPECT_EQ(outcomes, OutcomesOf(whole));
}

TEST(Search, EachShardKnowsARunWithoutFaults) {
  Scenario scenario = ScenarioOf([](Os& os) {
    const SysResult<PipeEnds> made = os.Pipe();
    if (!made.ok()) return 3;
    const UniqueFd read_end(os, made.value().read_end);
    const UniqueFd write_end(os, made.value().write_end);
    char bytes[20] = {};
    os.Write(write_end.get(), bytes, 20).IgnoreError();
    for (int i = 0; i < 10; ++i) os.Read(read_end.get(), bytes, 2).IgnoreError();  // short or not
    return 3;
  });
  scenario.checkers = {TransientFaultsAbsorbed()};
  ExploreOptions options = Without(true, 1);
  options.fault_filter = [](const FaultEntry& fault) { return fault.call == OsCall::kRead; };
  options.shards = 3;
  for (options.shard = 0; options.shard < options.shards; ++options.shard) {
    const ExploreResult part = Explore(scenario, options);
    EXPECT_GT(part.runs, options.shard == 0 ? 1 : 0);
    EXPECT_THAT(part, Exhausted());
    EXPECT_THAT(part.coverage, Contains(Key("P.pipe#1")));
  }
}

TEST(Search, OfARunThatBreaksARuleTheSmallestIsShownAndCanBeReplayed) {
  Scenario scenario = ScenarioOf(PipeBody);
  scenario.checkers.push_back(MakeChecker("both bytes arrive", [](const Execution& run) {
    const int status = run.processes()[0].wait_status;
    return status == 2 << 8 ? std::string() : "status " + std::to_string(status);
  }));
  ExploreOptions options = Without(true, 3);
  const ExploreResult result = Explore(scenario, options);
  ASSERT_EQ(result.verdict, ExploreResult::Verdict::kFailed);
  ASSERT_THAT(result.failures, SizeIs(1));
  const ExploreFailure& failure = result.failures[0];
  EXPECT_EQ(failure.rule, "both bytes arrive");
  EXPECT_THAT(failure.deviations, SizeIs(1)) << failure.plan;
  const ReplayResult again = Replay(scenario, failure.plan);
  EXPECT_THAT(again.error, IsEmpty());
  EXPECT_EQ(again.rule, failure.rule);
  EXPECT_EQ(again.what, failure.what);
  EXPECT_EQ(again.picture, failure.picture);
}

TEST(Search, ALivelockIsReplayedWithinTheBoundOfCallsThatFoundIt) {
  Scenario scenario = ScenarioOf([](Os& os) {
    for (int i = 0; i < 60; ++i) os.Umask(022);
    return 0;
  });
  scenario.checkers = {MakeChecker("ends", [](const Execution& run) {
    return run.end() == SimEnd::kTooManyCalls ? "it does not" : "";
  })};
  ExploreOptions options = Without(true, 0);
  options.max_calls = 50;
  const ExploreResult result = Explore(scenario, options);
  ASSERT_THAT(result.failures, SizeIs(1));
  EXPECT_EQ(Replay(scenario, result.failures[0].plan, options.max_calls).rule, "ends");
  EXPECT_EQ(Replay(scenario, result.failures[0].plan).rule, "");
}

TEST(SearchDeathTest, ABodyThatCrashesSaysInWhichRun) {
  const Scenario scenario = ScenarioOf([](Os& os) {
    const PipeEnds pipe = os.Pipe().value();  // aborts where there is none
    return pipe.read_end;
  });
  EXPECT_DEATH(Explore(scenario, Without(true, 1)), "crashes in the run.*cf1;P.pipe#1=EMFILE");
}

// Which UBSan would tell before the kernel does.
__attribute__((no_sanitize("undefined"))) int ReadNowhere() {
  volatile int* const nowhere = nullptr;
  return *nowhere;
}

// SimOs has handlers as well, and from the second bound on each hands on to the other.
TEST(SearchDeathTest, ABodyThatTheKernelEndsSaysInWhichRunAndEnds) {
  const Scenario scenario = ScenarioOf([](Os& os) { return os.Pipe().ok() ? 0 : ReadNowhere(); });
  EXPECT_DEATH(Explore(scenario, Without(true, 1)), "crashes in the run.*cf1;P.pipe#1=EMFILE");
}

TEST(Search, APlanThatDoesNotFitIsRefused) {
  const Scenario scenario = ScenarioOf(PipeBody);
  EXPECT_THAT(Replay(scenario, "cf1;P.frok#1=EAGAIN").error, HasSubstr("not a plan"));
  EXPECT_THAT(Replay(scenario, "cf1;P.fork#7=EAGAIN").error, HasSubstr("P.fork#7=EAGAIN"));
  EXPECT_THAT(Replay(scenario, "cf1;P.fork#1=EAGAIN;fits=0000").error, HasSubstr("does not fit"));
  EXPECT_THAT(Replay(scenario, "cf1;P.fork#1=EAGAIN").error, IsEmpty());
}

TEST(Search, IsTruncatedByTheBoundThatItNames) {
  ExploreOptions options = Without(false, 0);
  options.max_runs = 3;
  const ExploreResult result = Explore(ScenarioOf(PipeBody), options);
  EXPECT_EQ(result.verdict, ExploreResult::Verdict::kTruncated);
  EXPECT_EQ(result.truncated_by, "max_runs");
  EXPECT_EQ(result.runs, 3);
}

TEST(Search, IsTheSameEveryTime) {
  const ExploreResult one = Explore(ScenarioOf(PipeBody), Without(true, 2));
  const ExploreResult two = Explore(ScenarioOf(PipeBody), Without(true, 2));
  EXPECT_EQ(one.runs_by_deviations, two.runs_by_deviations);
  EXPECT_EQ(one.outcomes, two.outcomes);
  EXPECT_EQ(one.pruned, two.pruned);
}

TEST(Search, RunsByChanceComeOnTop) {
  ExploreOptions options = Without(true, 0);
  options.random_runs = 200;
  const ExploreResult result = Explore(ScenarioOf(PipeBody), options);
  EXPECT_EQ(result.verdict, ExploreResult::Verdict::kExhausted);
  EXPECT_EQ(result.random_runs, 200);
  EXPECT_GT(result.outcomes.size(),
            Explore(ScenarioOf(PipeBody), Without(true, 0)).outcomes.size());
}

}  // namespace
}  // namespace cleanfork
