#include "cleanfork/stop.h"

#include <csignal>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cleanfork {
namespace {

using ::testing::HasSubstr;

std::string Reprinted(const std::string& text) {
  const absl::StatusOr<StopSchedule> schedule = StopSchedule::Parse(text);
  return schedule.ok() ? schedule->ToString() : std::string(schedule.status().message());
}

TEST(StopScheduleTest, TheDefaultIsTermThenKillFiveSecondsEach) {
  EXPECT_EQ(StopSchedule().ToString(), "TERM/5s/KILL/5s");
}

TEST(StopScheduleTest, SignalsAreReadByNameAndByNumberAfterADash) {
  const absl::StatusOr<StopSchedule> schedule = StopSchedule::Parse("INT/SIGHUP/-USR1/-9/1");
  ASSERT_TRUE(schedule.ok()) << schedule.status();
  ASSERT_EQ(schedule->actions.size(), 4u);
  EXPECT_EQ(schedule->actions[0].signal, SIGINT);
  EXPECT_EQ(schedule->actions[1].signal, SIGHUP);
  EXPECT_EQ(schedule->actions[2].signal, SIGUSR1);
  EXPECT_EQ(schedule->actions[3].signal, SIGKILL);
  EXPECT_EQ(schedule->actions[0].wait, absl::ZeroDuration());
  EXPECT_EQ(schedule->actions[3].wait, absl::Seconds(1));
}

TEST(StopScheduleTest, DurationsAreSecondsUnlessTheySayMilliseconds) {
  EXPECT_EQ(Reprinted("TERM/5/KILL/5"), "TERM/5s/KILL/5s");
  EXPECT_EQ(Reprinted("TERM/1500ms/KILL/2000ms"), "TERM/1500ms/KILL/2s");
}

TEST(StopScheduleTest, ADurationAloneMeansTermAndKillWithThatWait) {
  EXPECT_EQ(Reprinted("10"), "TERM/10s/KILL/10s");
  EXPECT_EQ(Reprinted("250ms"), "TERM/250ms/KILL/250ms");
}

TEST(StopScheduleTest, WaitsInARowAddUp) { EXPECT_EQ(Reprinted("TERM/1/2s/500ms"), "TERM/3500ms"); }

TEST(StopScheduleTest, AfterASignalAtTheEndThereIsAWait) {
  EXPECT_EQ(Reprinted("TERM/1/KILL"), "TERM/1s/KILL/5s");
  EXPECT_EQ(Reprinted("TERM"), "TERM/5s");
}

TEST(StopScheduleTest, WhatIsPrintedIsReadAsTheSameScheduleAgain) {
  for (const char* text :
       {"TERM/5s/KILL/5s", "INT/TERM/1ms/QUIT/2s", "TERM/1s/forever/KILL/1s", "5s/TERM/5s",
        "forever/TERM/10ms", "TERM/forever/5s/KILL/1s", "-40/1s", "TERM/0s", "5s/0s"}) {
    EXPECT_EQ(Reprinted(text), text);
  }
}

TEST(StopScheduleTest, WhatIsNoScheduleIsRefusedWithItsColumn) {
  EXPECT_THAT(Reprinted("TERM/5x"), HasSubstr("column 6: \"5x\""));
  EXPECT_THAT(Reprinted(""), HasSubstr("column 1: \"\""));
  EXPECT_THAT(Reprinted("TERM//5"), HasSubstr("column 6: \"\""));
  EXPECT_THAT(Reprinted("TERM/5/"), HasSubstr("column 8: \"\""));
  EXPECT_THAT(Reprinted("NOSUCH/5"), HasSubstr("column 1: \"NOSUCH\""));
  EXPECT_THAT(Reprinted("-0/5"), HasSubstr("column 1: \"-0\""));
  EXPECT_THAT(Reprinted("-65/5"), HasSubstr("column 1: \"-65\""));
  EXPECT_THAT(Reprinted("-99999999999/5"), HasSubstr("column 1: \"-99999999999\""));
  EXPECT_THAT(Reprinted("TERM/99999999999"), HasSubstr("column 6"));
  EXPECT_THAT(Reprinted("TERM/-5s"), HasSubstr("column 6: \"-5s\""));
  EXPECT_THAT(Reprinted("forever/TERM/forever/5"), HasSubstr("column 14: \"forever\""));
}

TEST(StopScheduleTest, NoTimeAtAllAloneIsRefused) {
  for (const char* text : {"0", "0s", "0ms"}) {
    EXPECT_THAT(Reprinted(text), HasSubstr("would kill at once and not wait for the end"));
  }
}

TEST(StopScheduleTest, RepeatingWithoutAWaitIsRefused) {
  EXPECT_THAT(Reprinted("TERM/5/forever"), HasSubstr("there has to be a wait"));
  EXPECT_THAT(Reprinted("forever/TERM/0"), HasSubstr("there has to be a wait"));
}

}  // namespace
}  // namespace cleanfork
