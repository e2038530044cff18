// When a service is started again, and when no longer.
#include "src/cli/respawn.h"

#include <csignal>
#include <cstdint>
#include <optional>

#include "absl/time/time.h"
#include "cleanfork/child.h"
#include "gtest/gtest.h"

namespace cleanfork::cli {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

RespawnSettings Settings3In10() {
  RespawnSettings settings;
  settings.first_delay = absl::Seconds(1);
  settings.longest_delay = absl::Seconds(3);
  settings.limit = 3;
  settings.interval = absl::Seconds(10);
  return settings;
}

TEST(RespawnScheduleTest, TheDelayDoublesUpToTheLongest) {
  RespawnSchedule schedule(Settings3In10());
  EXPECT_EQ(schedule.Next(0, 0), 1 * kSecond);
  EXPECT_EQ(schedule.Next(1, 0), 2 * kSecond);
  EXPECT_EQ(schedule.Next(2, 0), 3 * kSecond);
}

TEST(RespawnScheduleTest, AfterTheLimitWithinTheIntervalThereIsNoMore) {
  RespawnSchedule schedule(Settings3In10());
  for (int64_t i = 0; i < 3; ++i) EXPECT_TRUE(schedule.Next(i, 0).has_value());
  EXPECT_EQ(schedule.Next(9 * kSecond, 0), std::nullopt);
  EXPECT_EQ(schedule.count(), 3u);
}

TEST(RespawnScheduleTest, WhatIsLongerAgoThanTheIntervalIsForgotten) {
  RespawnSchedule schedule(Settings3In10());
  for (int64_t i = 0; i < 3; ++i) schedule.Next(i, 0);
  EXPECT_EQ(schedule.Next(11 * kSecond, 0), 1 * kSecond);
  for (int64_t i = 0; i < 100; ++i) {
    EXPECT_TRUE(schedule.Next((20 + i * 4) * kSecond, 0).has_value()) << i;
  }
}

TEST(RespawnScheduleTest, ChanceTakesAwayHalfAtTheMost) {
  for (const uint32_t random : {1u, 4711u, 0xFFFFu, 0xFFFFFFFFu}) {
    RespawnSchedule schedule(Settings3In10());
    const int64_t delay = schedule.Next(0, random).value();
    EXPECT_LT(delay, kSecond);
    EXPECT_GE(delay, kSecond / 2);
  }
}

TEST(IsWantedAgainTest, OnFailureMeansAStatusOrASignalThatNobodyAskedFor) {
  constexpr auto kOnFailure = RespawnSettings::When::kOnFailure;
  EXPECT_FALSE(IsWantedAgain(kOnFailure, ExitStatus(0)));
  EXPECT_TRUE(IsWantedAgain(kOnFailure, ExitStatus(3 << 8)));
  EXPECT_TRUE(IsWantedAgain(kOnFailure, ExitStatus(SIGKILL)));
  EXPECT_TRUE(IsWantedAgain(kOnFailure, ExitStatus(SIGSEGV | 0x80)));
  for (const int signal : {SIGHUP, SIGINT, SIGTERM, SIGPIPE}) {
    EXPECT_FALSE(IsWantedAgain(kOnFailure, ExitStatus(signal))) << signal;
    EXPECT_TRUE(IsWantedAgain(RespawnSettings::When::kAlways, ExitStatus(signal))) << signal;
  }
  EXPECT_TRUE(IsWantedAgain(RespawnSettings::When::kAlways, ExitStatus(0)));
  EXPECT_FALSE(IsWantedAgain(RespawnSettings::When::kNever, ExitStatus(3 << 8)));
}

}  // namespace
}  // namespace cleanfork::cli
