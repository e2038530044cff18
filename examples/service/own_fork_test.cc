// How to test fork code of one's own: with MockOs which calls it makes, and in which order; with
// FaultOs on the real kernel what is left when any of them fails; with TraceOs to see what it does.
#include "own_fork.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <iostream>
#include <string>
#include <vector>

#include "cleanfork/fault_os.h"
#include "cleanfork/mock_os.h"
#include "cleanfork/os.h"
#include "cleanfork/trace_os.h"
#include "leftovers.h"

namespace service {
namespace {

using cleanfork::ExitsWith;
using cleanfork::Fails;
using cleanfork::ForkAsChild;
using cleanfork::ForkAsParent;
using cleanfork::Ok;
using testing::_;
using testing::Contains;
using testing::EndsWith;
using testing::StrEq;

HelperResult RunIn(cleanfork::Os& os, std::string path = "/usr/lib/helper") {
  char* argv[] = {&path[0], nullptr};
  return RunHelper(path.c_str(), argv, os);
}

// Strict: a call that is not expected fails the test. In sequence: so does another order.
class RunHelperOnMockOs : public testing::Test {
 protected:
  testing::InSequence in_this_order_;
  testing::StrictMock<cleanfork::MockOs> os_;
};

TEST_F(RunHelperOnMockOs, WaitsForTheChildThatItForkedHoweverOftenASignalInterrupts) {
  EXPECT_CALL(os_, Fork()).WillOnce(ForkAsParent(4711));
  EXPECT_CALL(os_, WaitPid(4711, 0))
      .WillOnce(Fails(EINTR))
      .WillOnce(Fails(EINTR))
      .WillOnce(Ok(cleanfork::WaitResult{4711, SIGKILL}));
  EXPECT_EQ(Describe(RunIn(os_)), "helper killed by signal 9");
}

TEST_F(RunHelperOnMockOs, SaysWhichErrnoForkFailedWithAndWaitsForNobody) {
  EXPECT_CALL(os_, Fork()).WillOnce(Fails(EAGAIN));
  EXPECT_EQ(Describe(RunIn(os_)), "fork: EAGAIN");
}

TEST_F(RunHelperOnMockOs, SaysWhichErrnoWaitingFailedWith) {
  EXPECT_CALL(os_, Fork()).WillOnce(ForkAsParent(4711));
  EXPECT_CALL(os_, WaitPid(4711, 0)).WillOnce(Fails(ECHILD));
  EXPECT_EQ(Describe(RunIn(os_)), "waitpid: ECHILD");
}

TEST_F(RunHelperOnMockOs, TheChildLeadsASessionBeforeItExecs) {
  EXPECT_CALL(os_, Fork()).WillOnce(ForkAsChild());
  EXPECT_CALL(os_, SetSid()).WillOnce(Ok(4711));
  EXPECT_CALL(os_, ExecVe(StrEq("/usr/lib/helper"), _, _)).WillOnce(Fails(ENOENT));
  EXPECT_CALL(os_, OnExit(kExitNotFound));
  EXPECT_THAT([this] { RunIn(os_); }, ExitsWith(kExitNotFound));
}

TEST_F(RunHelperOnMockOs, TheChildDoesNotExecWithoutASessionOfItsOwn) {
  EXPECT_CALL(os_, Fork()).WillOnce(ForkAsChild());
  EXPECT_CALL(os_, SetSid()).WillOnce(Fails(EPERM));
  EXPECT_CALL(os_, OnExit(kExitSetUpFailed));
  EXPECT_THAT([this] { RunIn(os_); }, ExitsWith(kExitSetUpFailed));
}

// What RunHelper() has to say of /bin/true when this call of it fails.
std::string Expected(const cleanfork::FaultPlan& plan) {
  if (plan.empty()) return "helper exited with status 0";
  switch (plan[0].call) {
    case cleanfork::OsCall::kFork: return "fork: " + NameOfErrno(plan[0]);
    case cleanfork::OsCall::kSetSid: return "helper exited with status 71";
    case cleanfork::OsCall::kExecVe:
      return std::string("helper exited with status ") + (plan[0].error == ENOENT ? "127" : "126");
    case cleanfork::OsCall::kWaitPid: return "helper exited with status 0";  // EINTR: goes on
    default: return "a call that this test knows nothing of";
  }
}

TEST(RunHelperOnTheRealKernel, TellsTheTruthAndLeavesNothingWhicheverCallFails) {
  SweepEveryFault([](cleanfork::FaultOs& os) {
    const HelperResult result = RunIn(os, "/bin/true");
    EXPECT_EQ(Describe(result), Expected(os.fired()));
  });
}

TEST(RunHelperOnTheRealKernel, ReportsHowTheHelperEnded) {
  cleanfork::Os& os = cleanfork::RealOs();
  EXPECT_TRUE(RunIn(os, "/bin/true").ok());
  EXPECT_EQ(Describe(RunIn(os, "/bin/false")), "helper exited with status 1");
  EXPECT_EQ(Describe(RunIn(os, "/no/such/program")), "helper exited with status 127");
  EXPECT_EQ(Describe(RunIn(os, "/")), "helper exited with status 126");
}

TEST(RunHelperOnTheRealKernel, CanBeTraced) {
  cleanfork::TraceOs os(cleanfork::RealOs());
  RunIn(os, "/no/such/program");
  std::cout << os.Text();
  EXPECT_THAT(os.Lines(), Contains("P.1 execve(\"/no/such/program\", [\"/no/such/program\"], envp) "
                                   "= -1 ENOENT (No such file or directory)"));
  EXPECT_THAT(os.Lines(), Contains(EndsWith(", exited with 127}")));
}

}  // namespace
}  // namespace service
