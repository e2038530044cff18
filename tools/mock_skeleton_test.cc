#include "tools/mock_skeleton.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "cleanfork/fault_plan.h"
#include "cleanfork/os_call.h"

namespace cleanfork::tools {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

FaultPlan Parse(const std::string& line) {
  FaultPlanError error;
  const std::optional<FaultPlan> plan = ParseFaultPlan(line, &error);
  EXPECT_TRUE(plan.has_value()) << error.Caret(line);
  return plan.value_or(FaultPlan());
}

std::string Skeleton(const std::string& line) {
  std::string error;
  const std::optional<std::string> skeleton = MockSkeleton(Parse(line), &error);
  EXPECT_TRUE(skeleton.has_value()) << error;
  return skeleton.value_or("");
}

std::string ErrorOf(const std::string& line) {
  std::string error;
  EXPECT_FALSE(MockSkeleton(Parse(line), &error).has_value());
  return error;
}

TEST(MockSkeleton, FailsTheCallAfterThoseThatSucceed) {
  EXPECT_THAT(Skeleton("cf1;P.pipe2#2=EMFILE"),
              HasSubstr("TEST(CodeUnderTest, SurvivesWhatFailsInP) {\n"
                        "  testing::NiceMock<cleanfork::MockOs> os;\n"
                        "  EXPECT_CALL(os, Pipe2)\n"
                        "      .WillOnce(cleanfork::Ok(cleanfork::PipeEnds{}))  // P.pipe2#1\n"
                        "      .WillOnce(cleanfork::Fails(EMFILE));  // P.pipe2#2=EMFILE\n"
                        "  EXPECT_NE(CodeUnderTest(os), 0);\n"
                        "}\n"));
}

TEST(MockSkeleton, GoesOnAsTheChildInWhichSomethingFails) {
  EXPECT_THAT(Skeleton("cf1;P.fork#1=EAGAIN;P.2.setgid#1=EPERM"),
              HasSubstr("TEST(CodeUnderTest, SurvivesWhatFailsInP_2) {\n"
                        "  testing::NiceMock<cleanfork::MockOs> os;\n"
                        "  EXPECT_CALL(os, Fork)\n"
                        "      .WillOnce(cleanfork::Fails(EAGAIN))  // P.fork#1=EAGAIN\n"
                        "      .WillOnce(cleanfork::ForkAsParent(4711))  // P.fork#2\n"
                        "      .WillOnce(cleanfork::ForkAsChild());  // P.fork#3: goes on as P.2\n"
                        "  EXPECT_CALL(os, SetGid)\n"
                        "      .WillOnce(cleanfork::Fails(EPERM));  // P.2.setgid#1=EPERM\n"
                        "  EXPECT_THAT([&os] { CodeUnderTest(os); }, "
                        "cleanfork::ExitsWith(testing::Ne(0)));\n"));
}

TEST(MockSkeleton, HasFaultsThatStayShortTransfersAndLies) {
  const std::string skeleton =
      Skeleton("cf1;P.fork#1+=ENOMEM;P.read#1=short:1;P.write#1=short:2;P.setuid#1=lie");
  EXPECT_THAT(skeleton, HasSubstr(".WillRepeatedly(cleanfork::Fails(ENOMEM));"));
  EXPECT_THAT(skeleton, HasSubstr(".WillOnce(cleanfork::ReadsBytes(std::string(1, 'x')));"));
  EXPECT_THAT(skeleton, HasSubstr(".WillOnce(cleanfork::Ok(size_t{2}));"));
  EXPECT_THAT(skeleton, HasSubstr(".WillOnce(cleanfork::Ok());  // P.setuid#1=lie"));
}

TEST(MockSkeleton, BeginsWithThePlan) {
  EXPECT_THAT(Skeleton("cf1;P.fork#1=EAGAIN"), StartsWith("// cf1;P.fork#1=EAGAIN\n"));
}

TEST(MockSkeleton, RefusesWhatAMockCannotDo) {
  EXPECT_THAT(ErrorOf("cf1"), StartsWith("a plan in which nothing fails"));
  EXPECT_THAT(ErrorOf("cf1;P>P.1@read#1"), StartsWith("P>P.1@read#1: a mock has no other process"));
  EXPECT_THAT(ErrorOf("cf1;P!SIGTERM@read#1"), HasSubstr("a mock delivers no signals"));
  EXPECT_THAT(ErrorOf("cf1;P.read#51=EIO"), HasSubstr("at most 50 calls"));
  EXPECT_THAT(ErrorOf("cf1;P.60.read#1=EIO"), HasSubstr("does not go so far"));
  EXPECT_THAT(ErrorOf("cf1;P.fork#1+=EAGAIN;P.1.read#1=EIO"), HasSubstr("no child comes of it"));
}

// That they compile: //tools:every_result_skeleton.
TEST(MockSkeleton, HasAnActionForEveryCallThatMayFail) {
  for (const OsCallInfo& info : OsCalls()) {
    if (info.errnos.empty()) continue;
    FaultEntry entry;
    entry.call = info.call;
    entry.index = 2;
    entry.error = info.errnos[0];
    std::string error;
    const std::optional<std::string> skeleton = MockSkeleton({entry}, &error);
    ASSERT_TRUE(skeleton.has_value()) << error;
    EXPECT_THAT(*skeleton, HasSubstr(std::string("EXPECT_CALL(os, ") + info.method + ")"));
    EXPECT_THAT(*skeleton, Not(HasSubstr("Ok({})"))) << *skeleton;
  }
}

}  // namespace
}  // namespace cleanfork::tools
