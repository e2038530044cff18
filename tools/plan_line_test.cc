#include "tools/plan_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cleanfork/fault_plan.h"

namespace cleanfork::tools {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

TEST(PlanLine, LeavesOutWhatTheExplorerAddsAndSaysSo) {
  const PlanLine line = ReadPlanLine("cf1;P.fork#1=EAGAIN;fits=5d1c");
  ASSERT_TRUE(line.plan.has_value()) << line.error;
  EXPECT_EQ(FaultPlanToString(*line.plan), "cf1;P.fork#1=EAGAIN");
  EXPECT_THAT(line.note, StartsWith("\"fits=5d1c\" tells whether the code"));
  EXPECT_THAT(ReadPlanLine("cf1;P.fork#1=EAGAIN").note, IsEmpty());
}

TEST(PlanLine, PointsAtWhatIsNoPlan) {
  const PlanLine line = ReadPlanLine("cf1;P.frok#1=EAGAIN;fits=5d1c");
  EXPECT_FALSE(line.plan.has_value());
  EXPECT_THAT(line.error, HasSubstr("did you mean \"fork\"?"));
}

std::string Refused(const char* line) {
  return WhatOnlyTheSimulatedKernelDoes(*ReadPlanLine(line).plan);
}

TEST(PlanLine, TellsWhatTheRealKernelCannotBeMadeToDo) {
  EXPECT_THAT(Refused("cf1;P.fork#1=EAGAIN;P!SIGTERM@read#1;P!SIGKILL@_exit#1"), IsEmpty());
  EXPECT_THAT(Refused("cf1;P.fork#1=EAGAIN;P>P.1@read#1"),
              StartsWith("P>P.1@read#1: on the real kernel nobody can tell who runs. Replay() of"));
  EXPECT_THAT(Refused("cf1;P!SIGTERM+@read#1"),
              StartsWith("P!SIGTERM+@read#1: on the real kernel nobody can tell when a process "));
  EXPECT_THAT(Refused("cf1;P!SIGKILL@_exit#2"),
              StartsWith("P!SIGKILL@_exit#2: on the real kernel an end has no steps"));
}

}  // namespace
}  // namespace cleanfork::tools
