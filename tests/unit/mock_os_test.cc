#include "cleanfork/mock_os.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <stdexcept>

#include "cleanfork/unique_fd.h"

namespace cleanfork {
namespace {

using ::testing::_;
using ::testing::InSequence;
using ::testing::NiceMock;
using ::testing::Pointee;
using ::testing::Return;
using ::testing::StrictMock;

// The smallest fork code worth a test: blocks all signals over the fork and tries again once.
SysResult<pid_t> ForkWithSignalsBlocked(Os& os) {
  const SignalSet all = SignalSet::Full();
  SysResult<SignalSet> before = os.SigProcMask(SIG_BLOCK, &all);
  if (!before.ok()) return SysError(before.error());
  SysResult<pid_t> pid = os.Fork();
  if (!pid.ok() && pid.error() == EAGAIN) pid = os.Fork();
  os.SigProcMask(SIG_SETMASK, &before.value()).IgnoreError();
  return pid;
}

// The header's example.
TEST(MockOs, ChecksThatForkIsTriedAgainAndTheMaskRestoredInThisOrder) {
  StrictMock<MockOs> os;
  InSequence in_this_order;
  EXPECT_CALL(os, SigProcMask(SIG_BLOCK, Pointee(SignalSet::Full())))
      .WillOnce(Ok(SignalSet::Of(SIGUSR1)));
  EXPECT_CALL(os, Fork()).WillOnce(Fails(EAGAIN)).WillOnce(ForkAsParent(4711));
  EXPECT_CALL(os, SigProcMask(SIG_SETMASK, Pointee(SignalSet::Of(SIGUSR1))))
      .WillOnce(Ok(SignalSet::Full()));
  EXPECT_THAT(ForkWithSignalsBlocked(os), SysOk(4711));
}

TEST(MockOs, FailsWithEnosysWhereNothingWasSaid) {
  NiceMock<MockOs> os;
  char buffer[8];
  EXPECT_THAT(os.Fork(), SysFails(ENOSYS));
  EXPECT_THAT(os.VforkCall(nullptr, nullptr, SIGCHLD), SysFails(ENOSYS));
  EXPECT_THAT(os.WaitPid(-1, 0), SysFails(ENOSYS));
  EXPECT_THAT(os.SetUid(0), SysFails(ENOSYS));
  EXPECT_THAT(os.Read(0, buffer, sizeof(buffer)), SysFails(ENOSYS));
  EXPECT_THAT(os.Close(0), SysFails(ENOSYS));
  EXPECT_THAT(os.GetPwNam("root"), SysFails(ENOSYS));
}

TEST(MockOs, FailsWithEnosysToAnExpectationWithoutAnAction) {
  StrictMock<MockOs> os;
  EXPECT_CALL(os, SetSid());
  EXPECT_THAT(os.SetSid(), SysFails(ENOSYS));
}

TEST(MockOs, AnswersAsAPlainProcessWhereACallCannotFail) {
  NiceMock<MockOs> os;
  EXPECT_EQ(os.GetPid(), 100);
  EXPECT_EQ(os.GetPpid(), 1);
  EXPECT_EQ(os.GetUid(), 1000u);
  EXPECT_EQ(os.GetEuid(), 1000u);
  EXPECT_EQ(os.GetGid(), 1000u);
  EXPECT_EQ(os.GetEgid(), 1000u);
  EXPECT_EQ(os.Umask(0), 022u);
  EXPECT_EQ(os.GetEnv("HOME"), nullptr);
  ASSERT_NE(os.GetEnviron(), nullptr);
  EXPECT_EQ(os.GetEnviron()[0], nullptr);
  os.SetEnviron(nullptr);
}

TEST(MockOs, ExitThrowsWithTheStatusAndTellsTheHook) {
  StrictMock<MockOs> os;
  EXPECT_CALL(os, OnExit(3));
  EXPECT_THAT([&] { os.Exit(3); }, ExitsWith(3));
}

TEST(MockOs, ExitThrowsEvenWhenTheUsersActionReturns) {
  StrictMock<MockOs> os;
  bool called = false;
  EXPECT_CALL(os, OnExit(_)).WillOnce([&](int) { called = true; });
  EXPECT_THAT([&] { os.Exit(4); }, ExitsWith(4));
  EXPECT_TRUE(called);
}

TEST(MockOs, ExitReportsAnUnexpectedExitAndStillThrows) {
  auto os = std::make_unique<StrictMock<MockOs>>();
  EXPECT_NONFATAL_FAILURE(EXPECT_THAT([&] { os->Exit(1); }, ExitsWith(1)), "OnExit(1)");
}

TEST(MockOs, AcceptsCloseUnrecordedWhileAnExitUnwinds) {
  StrictMock<MockOs> os;
  EXPECT_CALL(os, OnExit(0));
  EXPECT_CALL(os, Close(_)).Times(0);
  EXPECT_THAT(
      [&] {
        UniqueFd first(os, 3);
        UniqueFd second(os, 4);
        os.Exit(0);
      },
      ExitsWith(0));
}

TEST(MockOs, RecordsCloseAgainAfterAnExitWasCaught) {
  StrictMock<MockOs> os;
  EXPECT_CALL(os, OnExit(0));
  EXPECT_THAT([&] { os.Exit(0); }, ExitsWith(0));
  EXPECT_CALL(os, Close(3)).WillOnce(Ok());
  EXPECT_THAT(os.Close(3), SysOk());
}

TEST(MockOs, RecordsCloseWhileAnotherExceptionUnwinds) {
  StrictMock<MockOs> os;
  EXPECT_CALL(os, Close(3)).WillOnce(Ok());
  try {
    UniqueFd fd(os, 3);
    throw std::runtime_error("no exit");
  } catch (const std::runtime_error&) {
  }
}

TEST(MockOs, RecordsCloseWhileAnotherExceptionUnwindsAfterAnExit) {
  StrictMock<MockOs> os;
  EXPECT_CALL(os, OnExit(0));
  EXPECT_CALL(os, Close(3)).WillOnce(Ok());
  EXPECT_CALL(os, Close(4)).WillOnce(Ok());
  EXPECT_THAT([&] { os.Exit(0); }, ExitsWith(0));
  EXPECT_THAT(os.Close(3), SysOk());
  try {
    UniqueFd fd(os, 4);
    throw std::runtime_error("no exit");
  } catch (const std::runtime_error&) {
  }
}

TEST(MockOs, RunsTheChildOfAForkInTheTest) {
  StrictMock<MockOs> os;
  EXPECT_CALL(os, Fork()).WillOnce(ForkAsChild());
  EXPECT_CALL(os, OnExit(7));
  EXPECT_THAT(
      [&] {
        if (os.Fork().value() == 0) os.Exit(7);
      },
      ExitsWith(7));
}

int ExitThroughOs(void* argument) {
  Os& os = *static_cast<Os*>(argument);
  UniqueFd fd(os, 5);
  os.Exit(9);
  return 0;  // g++ does not see that a virtual function never returns
}

TEST(MockOs, VforkAsChildRunsTheFunctionWhichExits) {
  StrictMock<MockOs> os;
  EXPECT_CALL(os, VforkCall(_, _, _)).WillOnce(VforkAsChild());
  EXPECT_CALL(os, OnExit(9));
  EXPECT_THAT([&] { os.VforkCall(&ExitThroughOs, &os, SIGCHLD).IgnoreError(); }, ExitsWith(9));
}

TEST(MockOs, VforkAsChildExitsWithWhatTheFunctionReturns) {
  StrictMock<MockOs> os;
  EXPECT_CALL(os, VforkCall(_, _, _)).WillOnce(VforkAsChild());
  EXPECT_THAT(
      [&] {
        UniqueFd closed_by_nobody(os, 6);
        os.VforkCall([](void*) { return 12; }, nullptr, SIGCHLD).IgnoreError();
      },
      ExitsWith(12));
}

TEST(MockOs, VforkAsParentReturnsThePidAndRunsNothing) {
  StrictMock<MockOs> os;
  EXPECT_CALL(os, VforkCall(_, _, _)).WillOnce(VforkAsParent(4712));
  EXPECT_THAT(os.VforkCall(&ExitThroughOs, &os, SIGCHLD), SysOk(4712));
}

TEST(MockOs, OkFitsEveryKindOfResult) {
  StrictMock<MockOs> os;
  EXPECT_CALL(os, SetUid(1)).WillOnce(Ok());
  EXPECT_CALL(os, Open(_, _, _)).WillOnce(Ok(3));
  EXPECT_CALL(os, Write(_, _, _)).WillOnce(Ok(5));
  EXPECT_CALL(os, Pipe()).WillOnce(Ok(PipeEnds{3, 4}));
  EXPECT_CALL(os, GetUid()).WillOnce(Ok(0));
  EXPECT_CALL(os, ClockGetTime(_)).WillOnce(Ok(int64_t{1} << 40));
  EXPECT_THAT(os.SetUid(1), SysOk());
  EXPECT_THAT(os.Open("/", 0, 0), SysOk(3));
  EXPECT_THAT(os.Write(3, "hello", 5), SysOk(5u));
  EXPECT_EQ(os.Pipe().value().write_end, 4);
  EXPECT_EQ(os.GetUid(), 0u);
  EXPECT_THAT(os.ClockGetTime(CLOCK_MONOTONIC), SysOk(int64_t{1} << 40));
}

TEST(MockOs, ReadsReportFillsInTheRecord) {
  StrictMock<MockOs> os;
  EXPECT_CALL(os, Read(10, _, _))
      .WillOnce(ReadsReport(ChildReport::Failed(Step::kSetUid, EPERM, 4711)))
      .WillOnce(ReadsEof());
  ChildReport report;
  EXPECT_THAT(os.Read(10, &report, sizeof(report)), SysOk(sizeof(report)));
  EXPECT_EQ(report.kind, ChildReport::kFailed);
  EXPECT_EQ(report.step, static_cast<int>(Step::kSetUid));
  EXPECT_EQ(report.error, EPERM);
  EXPECT_EQ(report.pid, 4711);
  EXPECT_THAT(os.Read(10, &report, sizeof(report)), SysOk(0u));
}

TEST(MockOs, ReadsBytesStoresNoMoreThanThereIsRoomFor) {
  StrictMock<MockOs> os;
  EXPECT_CALL(os, PRead(3, _, 4, 0)).WillOnce(ReadsBytes("abcdef"));
  EXPECT_CALL(os, GetRandom(_, _, 0)).WillOnce(ReadsBytes("xy"));
  char buffer[8] = "_______";
  EXPECT_THAT(os.PRead(3, buffer, 4, 0), SysOk(4u));
  EXPECT_STREQ(buffer, "abcd___");
  EXPECT_THAT(os.GetRandom(buffer, 8, 0), SysOk(2u));
  EXPECT_STREQ(buffer, "xycd___");
}

TEST(MockOs, DelegatesToAnotherOsWhatNoExpectationTakes) {
  NiceMock<MockOs> behind;
  ON_CALL(behind, GetPid()).WillByDefault(Return(77));
  ON_CALL(behind, Dup2(1, 2)).WillByDefault(Ok(2));
  NiceMock<MockOs> os;
  os.DelegateTo(behind);
  EXPECT_CALL(os, Pipe()).WillOnce(Fails(EMFILE));
  EXPECT_EQ(os.GetPid(), 77);
  EXPECT_THAT(os.Dup2(1, 2), SysOk(2));
  EXPECT_THAT(os.Pipe(), SysFails(EMFILE));
}

TEST(MockOs, DelegatesExit) {
  StrictMock<MockOs> behind;
  NiceMock<MockOs> os;
  os.DelegateTo(behind);
  EXPECT_CALL(behind, OnExit(5));
  EXPECT_THAT([&] { os.Exit(5); }, ExitsWith(5));
}

template <typename Result, typename... Arguments>
void CallWithZeros(Os& os, Result (Os::*method)(Arguments...)) {
  static_cast<void>((os.*method)(Arguments{}...));
}

// A row that forwarded to another call would be seen here.
TEST(MockOs, DelegatesEveryCallToTheCallOfTheSameName) {
  StrictMock<MockOs> behind;
  NiceMock<MockOs> os;
  os.DelegateTo(behind);
#define CLEANFORK_OS_CALL(Method, name, Result, parameters, arguments, page, errnos) \
  EXPECT_CALL(behind, Method);                                                       \
  CallWithZeros(os, &Os::Method);                                                    \
  testing::Mock::VerifyAndClearExpectations(&behind);
#include "cleanfork/os_calls.inc"
}

}  // namespace
}  // namespace cleanfork
