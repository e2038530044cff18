#include "src/cli/exit_code.h"

#include <cerrno>
#include <map>
#include <set>
#include <string>

#include "cleanfork/child_error.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cleanfork::cli {
namespace {

using ::testing::HasSubstr;

absl::Status FailureOf(Step step, int error) {
  ChildError failure;
  failure.step = step;
  failure.error = error;
  return ChildErrorStatus("call()", failure);
}

TEST(ExitCodeTest, EveryStepHasANonZeroCodeThatTheHelpExplainsAndNamesTheStepBeside) {
  std::map<int, std::string> meanings;
  for (const ExitCodeRow& row : ExitCodes()) meanings[row.code] = row.meaning;
  for (int i = 0; i < kStepCount; ++i) {
    const Step step = static_cast<Step>(i);
    const int code = ExitCodeOf(step);
    EXPECT_NE(code, 0) << StepName(step);
    ASSERT_EQ(meanings.count(code), 1u) << StepName(step);
    EXPECT_THAT(meanings[code], HasSubstr(StepName(step)));
    EXPECT_EQ(ExitCodeOf(FailureOf(step, EIO)), code) << StepName(step);
  }
}

TEST(ExitCodeTest, OnlyAStepThatCannotHappenHereCountsAsOurOwnFault) {
  for (int i = 0; i < kStepCount; ++i) {
    const Step step = static_cast<Step>(i);
    EXPECT_EQ(ExitCodeOf(step) == kExitInternal, step == Step::kReseed) << StepName(step);
  }
}

TEST(ExitCodeTest, CodesAreExplainedOnceInAscendingOrder) {
  int last = -1;
  for (const ExitCodeRow& row : ExitCodes()) {
    EXPECT_GT(row.code, last);
    EXPECT_LE(row.code, 255);
    last = row.code;
  }
}

// systemd.exec(5), table "systemd-specific exit codes".
TEST(ExitCodeTest, TheCodesOfStepsAreSystemds) {
  EXPECT_EQ(ExitCodeOf(Step::kChDir), 200);
  EXPECT_EQ(ExitCodeOf(Step::kNice), 201);
  EXPECT_EQ(ExitCodeOf(Step::kLimits), 205);
  EXPECT_EQ(ExitCodeOf(Step::kOomScore), 206);
  EXPECT_EQ(ExitCodeOf(Step::kCloseDescriptors), 202);
  EXPECT_EQ(ExitCodeOf(Step::kExec), 203);
  EXPECT_EQ(ExitCodeOf(Step::kSignalMask), 207);
  EXPECT_EQ(ExitCodeOf(Step::kStdin), 208);
  EXPECT_EQ(ExitCodeOf(Step::kStdout), 209);
  EXPECT_EQ(ExitCodeOf(Step::kChRoot), 210);
  EXPECT_EQ(ExitCodeOf(Step::kSetGroups), 216);
  EXPECT_EQ(ExitCodeOf(Step::kSetGid), 216);
  EXPECT_EQ(ExitCodeOf(Step::kSetUid), 217);
  EXPECT_EQ(ExitCodeOf(Step::kSetSid), 220);
  EXPECT_EQ(ExitCodeOf(Step::kStderr), 222);
  EXPECT_EQ(ExitCodeOf(Step::kNoNewPrivs), 227);
}

TEST(ExitCodeTest, AStreamThatCannotBeOpenedHasTheCodeOfThatStream) {
  ChildError failure;
  failure.step = Step::kOpenStream;
  failure.error = ENOENT;
  const int codes[] = {208, 209, 222};
  std::map<int, std::string> meanings;
  for (const ExitCodeRow& row : ExitCodes()) meanings[row.code] = row.meaning;
  for (failure.stream = 0; failure.stream < 3; ++failure.stream) {
    const int code = codes[failure.stream];
    EXPECT_EQ(ExitCodeOf(ChildErrorStatus("open()", failure)), code);
    EXPECT_THAT(meanings[code], HasSubstr("open-stream"));
  }
}

TEST(ExitCodeTest, AHeldPidFileHasACodeOfItsOwn) {
  EXPECT_EQ(ExitCodeOf(FailureOf(Step::kWritePidFile, EEXIST)), kExitAlreadyRunning);
  EXPECT_EQ(ExitCodeOf(FailureOf(Step::kWritePidFile, EACCES)), kExitPidFile);
}

TEST(ExitCodeTest, WhatIsNoStepIsToldByItsCode) {
  EXPECT_EQ(ExitCodeOf(absl::OkStatus()), 0);
  EXPECT_EQ(ExitCodeOf(absl::InvalidArgumentError("")), kExitUsage);
  EXPECT_EQ(ExitCodeOf(absl::PermissionDeniedError("")), kExitNotPermitted);
  EXPECT_EQ(ExitCodeOf(absl::DeadlineExceededError("")), kExitStillRunning);
  EXPECT_EQ(ExitCodeOf(absl::UnavailableError("")), kExitTryAgain);
  EXPECT_EQ(ExitCodeOf(absl::UnknownError("")), kExitSystem);
}

}  // namespace
}  // namespace cleanfork::cli
