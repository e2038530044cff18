// When a process is looked at that nothing tells the end of.
#include "src/look_schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <vector>

namespace cleanfork {
namespace {

using ::testing::ElementsAre;

constexpr int64_t kMillisecond = 1'000'000;
constexpr int64_t kSecond = 1000 * kMillisecond;
constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

// The milliseconds at which is looked from `begin` on, by who is awake at those moments and no
// other.
std::vector<int64_t> Looks(LookSchedule looks, int64_t begin, int64_t deadline) {
  std::vector<int64_t> moments;
  for (int64_t now = begin; now < deadline; looks.Looked(now)) {
    now = looks.Next(now, deadline);
    moments.push_back(now / kMillisecond);
  }
  return moments;
}

TEST(LookScheduleTest, EachIntervalIsTwiceTheOneBeforeUpToTheLongest) {
  EXPECT_THAT(Looks(LookSchedule(), 0, 1580 * kMillisecond),
              ElementsAre(20, 60, 140, 300, 620, 940, 1260, 1580));
  EXPECT_THAT(Looks(LookSchedule(), 7 * kSecond, 7300 * kMillisecond),
              ElementsAre(7020, 7060, 7140, 7300))
      << "from the moment on at which it begins";
}

TEST(LookScheduleTest, FiveSecondsAreNineteenLooks) {
  EXPECT_EQ(Looks(LookSchedule(), 0, 5 * kSecond).size(), 19u);
}

TEST(LookScheduleTest, IsNeverLaterThanTheDeadline) {
  EXPECT_THAT(Looks(LookSchedule(), 0, 5 * kMillisecond), ElementsAre(5));
  EXPECT_THAT(Looks(LookSchedule(), 0, 700 * kMillisecond),
              ElementsAre(20, 60, 140, 300, 620, 700));
  LookSchedule late;
  EXPECT_EQ(late.Next(9, 5), 9) << "nor earlier than now";
}

TEST(LookScheduleTest, ADeadlineThatIsNoneAndTheEndOfTimeDoNotOverflow) {
  LookSchedule looks;
  EXPECT_EQ(looks.Next(0, kNever), 20 * kMillisecond);
  LookSchedule last;
  EXPECT_EQ(last.Next(kNever - 1, kNever), kNever);
}

TEST(LookScheduleTest, AWaitThatEndsEarlyLeavesTheLookWhereItIs) {
  LookSchedule looks;
  for (int64_t now = 0; now < 20; ++now) {
    EXPECT_EQ(looks.Next(now * kMillisecond, kNever), 20 * kMillisecond);
    looks.Looked(now * kMillisecond);  // also where that was a look that was not asked for
  }
  looks.Looked(20 * kMillisecond);
  EXPECT_EQ(looks.Next(20 * kMillisecond, kNever), 60 * kMillisecond);
}

TEST(LookScheduleTest, ALookThatIsOverdueStaysDueUntilItIsDone) {
  LookSchedule looks;
  looks.Next(0, kNever);
  EXPECT_EQ(looks.Next(25 * kMillisecond, kNever), 25 * kMillisecond);
  EXPECT_EQ(looks.Next(31 * kMillisecond, kNever), 31 * kMillisecond);
  looks.Looked(31 * kMillisecond);
  EXPECT_EQ(looks.Next(31 * kMillisecond, kNever), 71 * kMillisecond);
}

TEST(LookScheduleTest, LooksThatWereMissedAreNotMadeUpFor) {
  LookSchedule looks;
  looks.Next(0, kNever);
  looks.Looked(60 * kSecond);
  EXPECT_EQ(looks.Next(60 * kSecond, kNever), 60 * kSecond + 40 * kMillisecond);
}

TEST(LookScheduleTest, ADeadlineThatIsMovedDoesNotMoveTheLook) {
  LookSchedule looks;
  EXPECT_EQ(looks.Next(0, 10 * kMillisecond), 10 * kMillisecond);
  looks.Looked(10 * kMillisecond);
  EXPECT_EQ(looks.Next(10 * kMillisecond, kSecond), 20 * kMillisecond);
}

}  // namespace
}  // namespace cleanfork
