// Child and ChildRegistry: whom they wait for and signal, and whom never.
#include "cleanfork/child.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cleanfork/child_error.h"
#include "cleanfork/child_registry.h"
#include "cleanfork/fd_io.h"
#include "cleanfork/fork_child.h"
#include "tests/unit/scripted_os.h"

namespace cleanfork {
namespace {

using testing::_;
using testing::StrictMock;

constexpr pid_t kChild = 4711;
constexpr int kPidFd = 50;

UniqueFd PidFd(MockOs& os) { return UniqueFd(os, kPidFd); }

TEST(ExitStatusTest, SaysHowAProcessEnded) {
  EXPECT_EQ(ExitStatus(0x0200).ToString(), "exit status 2");
  EXPECT_EQ(ExitStatus(SIGKILL).ToString(), "signal 9 (SIGKILL)");
  EXPECT_EQ(ExitStatus(SIGSEGV | 0x80).ToString(), "signal 11 (SIGSEGV), core dumped");
  EXPECT_TRUE(ExitStatus(0).success());
  EXPECT_FALSE(ExitStatus(SIGTERM).success());
}

TEST(ChildTest, IsKilledAndReapedWhenNobodyHasWaitedForIt) {
  StrictMock<MockOs> os;
  testing::InSequence in_this_order;
  EXPECT_CALL(os, PidFdSendSignal(kPidFd, SIGKILL)).WillOnce(Ok());
  EXPECT_CALL(os, WaitPid(kChild, 0)).WillOnce(Fails(EINTR)).WillOnce(Ok(WaitResult{kChild, 9}));
  EXPECT_CALL(os, Close(kPidFd)).WillOnce(Ok());
  const Child child(os, kChild, Child::Pipes(), PidFd(os));
}

TEST(ChildTest, ThatMayNotBeKilledIsLeftAlone) {
  StrictMock<MockOs> os;
  EXPECT_CALL(os, WaitId(P_PID, kChild, WEXITED | WNOHANG | WNOWAIT | __WALL))
      .WillOnce(Ok(WaitIdResult{}));
  EXPECT_CALL(os, Kill(kChild, SIGKILL)).WillOnce(Fails(EPERM));
  const Child child(os, kChild, Child::Pipes());
}

// Its number may be a stranger's by then.
TEST(ChildTest, WithoutAPidfdIsNotSignalledOnceNobodyKnowsIt) {
  StrictMock<MockOs> os;
  EXPECT_CALL(os, WaitId(P_PID, kChild, WEXITED | WNOHANG | WNOWAIT | __WALL))
      .WillRepeatedly(Fails(ECHILD));
  EXPECT_CALL(os, WaitPid(kChild, 0)).WillOnce(Fails(ECHILD));
  Child child(os, kChild, Child::Pipes());
  EXPECT_TRUE(absl::IsNotFound(child.Signal(SIGTERM)));
}

TEST(ChildTest, ThatIsLostFromTheBeginningIsNeitherWaitedForNorSignalled) {
  StrictMock<MockOs> os;
  Child child = Child::Lost(os, kChild, Child::Pipes());
  EXPECT_EQ(child.pid(), kChild);
  EXPECT_FALSE(child.owned());
  EXPECT_TRUE(absl::IsNotFound(child.Wait().status()));
  EXPECT_TRUE(absl::IsNotFound(child.Signal(SIGTERM)));
}

TEST(ChildTest, ThatHasEndedIsSignalledNoMoreAndItsStatusIsKept) {
  StrictMock<MockOs> os;
  EXPECT_CALL(os, WaitPid(kChild, WNOHANG))
      .WillOnce(Ok(WaitResult{}))
      .WillOnce(Ok(WaitResult{kChild, 0x0300}));
  Child child(os, kChild, Child::Pipes());
  EXPECT_FALSE((*child.TryWait()).has_value());
  EXPECT_EQ((**child.TryWait()).exit_status(), 3);
  EXPECT_EQ(child.Wait()->exit_status(), 3);
  EXPECT_TRUE(absl::IsNotFound(child.Signal(SIGTERM)) || !child.Signal(SIGTERM).ok());
  EXPECT_FALSE(child.owned());
}

TEST(ChildTest, ThatSomebodyElseReapedIsLostAndNeverSignalled) {
  StrictMock<MockOs> os;
  EXPECT_CALL(os, WaitPid(kChild, 0)).WillOnce(Fails(ECHILD));
  Child child(os, kChild, Child::Pipes());
  EXPECT_EQ(child.Wait().status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(child.Signal(SIGTERM).ok());
}

TEST(ChildTest, ThatWasMovedFromOrGivenUpSignalsNobody) {
  StrictMock<MockOs> os;
  EXPECT_CALL(os, WaitPid(kChild, 0)).WillOnce(Ok(WaitResult{kChild, 0}));
  Child moved_from(os, kChild, Child::Pipes());
  Child child(std::move(moved_from));
  EXPECT_TRUE(child.Wait().ok());
  EXPECT_EQ(moved_from.Signal(SIGTERM).code(), absl::StatusCode::kFailedPrecondition);  // NOLINT
  Child given_up(os, kChild, Child::Pipes());
  EXPECT_EQ(given_up.Detach(), kChild);
  EXPECT_EQ(given_up.Signal(SIGTERM).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(given_up.Wait().status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(ChildTest, ADaemonIsSignalledByItsPidfdAlone) {
  StrictMock<MockOs> os;
  EXPECT_CALL(os, PidFdSendSignal(kPidFd, SIGHUP)).WillOnce(Ok());
  EXPECT_CALL(os, Close(kPidFd)).WillOnce(Ok());
  EXPECT_TRUE(Child::Daemon(os, kChild, PidFd(os)).Signal(SIGHUP).ok());
  EXPECT_EQ(Child::Daemon(os, kChild, UniqueFd()).Signal(SIGHUP).code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(ChildRegistryTest, TakesNoNumberForAChildThatWaitpidTakesForMany) {
  StrictMock<MockOs> os;
  ChildRegistry registry(os);
  registry.Adopt(0);
  registry.Adopt(-1);
  registry.Adopt(Child::Daemon(os, kChild, UniqueFd()));
  EXPECT_EQ(registry.size(), 0u);
  EXPECT_TRUE(registry.Reap().empty());
}

TEST(ChildRegistryTest, SaysThatAChildIsLostThatWasSoWhenItCame) {
  StrictMock<MockOs> os;
  ChildRegistry registry(os);
  registry.Adopt(Child::Lost(os, kChild, Child::Pipes()));
  EXPECT_EQ(registry.size(), 1u);
  const std::vector<ChildRegistry::Ended> ended = registry.Reap();
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].pid, kChild);
  EXPECT_TRUE(absl::IsNotFound(ended[0].status.status()));
  EXPECT_EQ(registry.size(), 0u);
}

TEST(ChildRegistryTest, ReapsItsOwnChildrenAndSaysWhichAreLost) {
  StrictMock<MockOs> os;
  ChildRegistry registry(os);
  registry.Adopt(1001);
  registry.Adopt(Child(os, 1002, Child::Pipes()));
  registry.Adopt(1003);
  EXPECT_CALL(os, WaitPid(1001, WNOHANG)).WillOnce(Ok(WaitResult{}));
  EXPECT_CALL(os, WaitPid(1002, WNOHANG)).WillOnce(Ok(WaitResult{1002, 0x0100}));
  EXPECT_CALL(os, WaitPid(1003, WNOHANG)).WillOnce(Fails(ECHILD));
  const std::vector<ChildRegistry::Ended> ended = registry.Reap();
  ASSERT_EQ(ended.size(), 2u);
  EXPECT_EQ(ended[0].pid, 1002);
  EXPECT_EQ(ended[0].status->exit_status(), 1);
  EXPECT_EQ(ended[1].pid, 1003);
  EXPECT_EQ(ended[1].status.status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(registry.size(), 1u);
}

TEST(HooksTest, AHookThatThrowsInTheChildEndsIt) {
  ScriptedOs os;
  ForkOptions options;
  options.in_child = [] { throw std::string("from the hook"); };
  EXPECT_CALL(os, Fork()).WillOnce(ForkAsChild());
  EXPECT_CALL(os, OnExit(70));
  EXPECT_THAT([&] { (void)RunInChild([] { return 0; }, options, os); }, ExitsWith(70));
}

TEST(HooksTest, AHookThatThrowsInTheParentLeavesNoChildBehind) {
  ScriptedOs os;
  os.ChildWillReport(ChildReport::Started(kChild));
  ForkOptions options;
  options.in_parent = [](pid_t) { throw std::string("from the hook"); };
  EXPECT_CALL(os, Fork()).WillOnce(ForkAsParent(kChild));
  EXPECT_CALL(os, Kill(kChild, SIGKILL)).WillOnce(Ok());
  EXPECT_CALL(os, WaitPid(kChild, 0));
  EXPECT_THROW((void)ForkChild(options, os), std::string);
}

TEST(HooksTest, AHookThatThrowsBeforeTheForkLeavesSigchldAlone) {
  ScriptedOs os;
  ForkOptions options = ForkOptions::OpenXpki();
  options.before_fork = [] { throw std::string("from the hook"); };
  EXPECT_CALL(os, SigAction(_, _)).Times(0);
  EXPECT_THROW((void)ForkChild(options, os), std::string);
}

TEST(ChildErrorTest, ControlCharactersOfANameDoNotReachTheText) {
  const absl::Status status = ChildErrorStatus("exec(\"a\nb\x7f\")", ChildError());
  EXPECT_EQ(std::string(status.message()), "exec(\"a\\x0ab\\x7f\") [step validate]");
}

TEST(LaterTest, EndsWhereTimeDoes) {
  EXPECT_EQ(Later(1, 2), 3);
  EXPECT_EQ(Later(1, std::numeric_limits<int64_t>::max()), std::numeric_limits<int64_t>::max());
}

}  // namespace
}  // namespace cleanfork
