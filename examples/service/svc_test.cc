#include "svc.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

#include "absl/status/statusor.h"
#include "cleanfork/child_error.h"
#include "cleanfork/child_report.h"
#include "cleanfork/fault_os.h"
#include "cleanfork/mock_os.h"
#include "cleanfork/os.h"
#include "leftovers.h"

namespace service {
namespace {

using cleanfork::ChildReport;
using cleanfork::Fails;
using cleanfork::ForkAsParent;
using cleanfork::Ok;
using cleanfork::ReadsReport;
using cleanfork::Step;
using testing::_;
using testing::HasSubstr;

std::string MessageOf(const absl::Status& status) { return std::string(status.message()); }

std::string File() { return testing::TempDir() + "/stored"; }

std::string Contents(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// Of a failure under a fault plan: there was a fault, and its errno is in the message. Only of a
// child whose report is what the fault took there is no more to say than how it ended.
void ExpectNamesItsCause(const absl::Status& status, const cleanfork::FaultOs& os) {
  ASSERT_EQ(os.fired().size(), 1u) << status;
  const std::optional<cleanfork::ChildError> error = cleanfork::GetChildError(status);
  if (error.has_value() && error->step == Step::kStart) return;
  EXPECT_THAT(MessageOf(status), HasSubstr(NameOfErrno(os.fired()[0])));
}

// A kernel whose files, pipes and clock are real, while its processes are what the test says.
class StartWorkerOnMockOs : public testing::Test {
 protected:
  static constexpr pid_t kChild = 1 << 30;  // no process can have it

  StartWorkerOnMockOs() {
    os_.DelegateTo(cleanfork::RealOs());
    ON_CALL(os_, WaitPid(kChild, _)).WillByDefault(Ok(cleanfork::WaitResult{kChild, 0}));
    ON_CALL(os_, WaitId(P_PID, kChild, _)).WillByDefault(Ok(cleanfork::WaitIdResult()));
  }

  testing::NiceMock<cleanfork::MockOs> os_;
};

TEST_F(StartWorkerOnMockOs, ForksAgainAfterAPauseWhenTheKernelSaysEagain) {
  EXPECT_CALL(os_, Fork()).WillOnce(Fails(EAGAIN)).WillOnce(ForkAsParent(kChild));
  EXPECT_CALL(os_, ClockNanoSleep(_, _, _)).WillOnce(Ok());  // and no time passes
  EXPECT_CALL(os_, Read(_, _, sizeof(ChildReport)))
      .WillOnce(ReadsReport(ChildReport::Started(kChild)));
  absl::StatusOr<cleanfork::Child> worker = StartWorker("text", File(), os_);
  ASSERT_TRUE(worker.ok()) << worker.status();
  EXPECT_TRUE(worker->Wait()->success());
}

TEST_F(StartWorkerOnMockOs, SaysThatLaterMayHelpWhenTheKernelSaysNothingElse) {
  EXPECT_CALL(os_, Fork()).Times(5).WillRepeatedly(Fails(EAGAIN));
  EXPECT_CALL(os_, ClockNanoSleep(_, _, _)).Times(4).WillRepeatedly(Ok());
  EXPECT_EQ(ExitCodeOf(StartWorker("text", File(), os_).status()), 75);
}

TEST_F(StartWorkerOnMockOs, AStepThatFailsInTheChildComesBackWithItsErrno) {
  EXPECT_CALL(os_, Fork()).WillOnce(ForkAsParent(kChild));
  EXPECT_CALL(os_, Read(_, _, sizeof(ChildReport)))
      .WillOnce(ReadsReport(ChildReport::Failed(Step::kSetSid, EPERM, kChild)));
  EXPECT_CALL(os_, WaitPid(kChild, _));  // the child that failed is reaped
  const absl::Status status = StartWorker("text", File(), os_).status();
  const std::optional<cleanfork::ChildError> error = cleanfork::GetChildError(status);
  ASSERT_TRUE(error.has_value()) << status;
  EXPECT_EQ(error->step, Step::kSetSid);
  EXPECT_EQ(error->error, EPERM);
  EXPECT_EQ(ExitCodeOf(status), 71);
}

// The same without a mock: the fault is made in the child, which is real.
TEST(StartWorker, AStepThatFailsInARealChildComesBackWithItsErrno) {
  cleanfork::FaultOs os(cleanfork::RealOs(), "cf1;P.1.setsid#1=EPERM");
  const absl::Status status = StartWorker("text", File(), os).status();
  EXPECT_THAT(MessageOf(status), HasSubstr("setsid: Operation not permitted (EPERM) [step setsid"));
  EXPECT_EQ(os.FaultsFired(), 1u);
}

TEST(StartWorker, AFileThatCannotBeOpenedIsAnErrorBeforeAnythingIsForked) {
  const absl::Status status = StartWorker("text", "/no/such/file", cleanfork::RealOs()).status();
  EXPECT_THAT(MessageOf(status), HasSubstr("(ENOENT) [step open-stream]"));
}

TEST(StartWorker, StoresAllOrSaysSoAndLeavesNothingWhicheverCallFails) {
  SweepEveryFault([](cleanfork::FaultOs& os) {
    std::ofstream(File()).close();  // empty again
    absl::StatusOr<cleanfork::Child> worker = StartWorker("text\n", File(), os);
    if (!worker.ok()) return ExpectNamesItsCause(worker.status(), os);
    const absl::StatusOr<cleanfork::ExitStatus> ended = worker->Wait();
    ASSERT_TRUE(ended.ok()) << ended.status();
    EXPECT_EQ(Contents(File()), ended->success() ? "text\n" : "");
  });
}

TEST(OutputOf, IsWhatTheHelperPrinted) {
  const absl::StatusOr<std::string> text = OutputOf({"echo", "one", "two"}, cleanfork::RealOs());
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(*text, "one two\n");
}

TEST(OutputOf, MayBeMoreThanAPipeHolds) {
  const std::string script =
      "i=0; while [ $i -lt 9999 ]; do echo 12345678901234567890; "
      "i=$((i+1)); done";
  const absl::StatusOr<std::string> text = OutputOf({"sh", "-c", script}, cleanfork::RealOs());
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(text->size(), 9999u * 21u);
}

TEST(OutputOf, SaysWhyThereIsNone) {
  cleanfork::Os& os = cleanfork::RealOs();
  const absl::Status absent = OutputOf({"/no/such/program"}, os).status();
  EXPECT_THAT(
      MessageOf(absent),
      HasSubstr("exec(\"/no/such/program\"): No such file or directory (ENOENT) [step exec"));
  EXPECT_EQ(ExitCodeOf(absent), 127);
  EXPECT_EQ(ExitCodeOf(OutputOf({"/"}, os).status()), 126);
  EXPECT_EQ(MessageOf(OutputOf({"sh", "-c", "exit 3"}, os).status()),
            "the helper ended: exit status 3");
}

TEST(OutputOf, IsAllOfItOrAnErrorAndNothingIsLeftWhicheverCallFails) {
  SweepEveryFault([](cleanfork::FaultOs& os) {
    const absl::StatusOr<std::string> text = OutputOf({"/bin/echo", "text"}, os);
    if (!text.ok()) return ExpectNamesItsCause(text.status(), os);
    EXPECT_EQ(*text, "text\n");
  });
}

}  // namespace
}  // namespace service
