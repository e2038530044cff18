// A test that explores nothing must not pass.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <stdexcept>

#include "cleanfork/explore.h"

namespace cleanfork {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

Scenario Nothing() {
  Scenario scenario;
  scenario.body = [](Os&) { return 0; };
  return scenario;
}

template <typename Change>
ExploreOptions With(const Change& change) {
  ExploreOptions options;
  change(options);
  return options;
}

TEST(ExploreOptionsDeathTest, WhatCannotBeExploredIsRefusedByName) {
  EXPECT_DEATH(Explore(Scenario()), "Explore: Scenario::body is empty");
  EXPECT_DEATH(Explore(Nothing(), With([](ExploreOptions& o) { o.max_faults = -1; })),
               "max_faults is -1, and has to be at least 0");
  EXPECT_DEATH(Explore(Nothing(), With([](ExploreOptions& o) { o.max_signals = -2; })),
               "max_signals is -2");
  EXPECT_DEATH(Explore(Nothing(), With([](ExploreOptions& o) { o.max_kills = -1; })), "max_kills");
  EXPECT_DEATH(Explore(Nothing(), With([](ExploreOptions& o) { o.max_runs = 0; })),
               "max_runs is 0, and has to be at least 1");
  EXPECT_DEATH(Explore(Nothing(), With([](ExploreOptions& o) { o.max_calls = 0; })), "max_calls");
  EXPECT_DEATH(Explore(Nothing(), With([](ExploreOptions& o) { o.shard = 3; })),
               "shards is 1, and has to be at least 4");
  EXPECT_DEATH(Explore(Nothing(), With([](ExploreOptions& o) { o.max_seconds = -0.5; })),
               "max_seconds");
  EXPECT_DEATH(Explore(Nothing(), With([](ExploreOptions& o) { o.max_signals = 1; })),
               "there are no signals");
  EXPECT_DEATH(Explore(Nothing(), With([](ExploreOptions& o) {
                         o.signals = {SIGTERM, SIGKILL};
                       })),
               "signals has SIGKILL, which max_kills is for");
  EXPECT_DEATH(Explore(Nothing(), With([](ExploreOptions& o) { o.signals = {65}; })),
               "signals has a number that no signal has");
}

TEST(ExploreOptions, ABodyThatThrowsWithoutAFaultIsNotExhausted) {
  Scenario scenario;
  scenario.body = [](Os&) -> int { throw std::runtime_error("no such thing"); };
  const ExploreResult result = Explore(scenario);
  EXPECT_EQ(result.verdict, ExploreResult::Verdict::kFailed);
  ASSERT_THAT(result.failures, SizeIs(1));
  EXPECT_EQ(result.failures[0].rule, "no uncaught exception");
  EXPECT_THAT(result.failures[0].what, HasSubstr("no such thing"));
}

}  // namespace
}  // namespace cleanfork
