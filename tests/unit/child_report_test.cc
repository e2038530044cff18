// What the parent makes of what its child says, or does not say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <cerrno>
#include <string>

#include "cleanfork/child_error.h"
#include "cleanfork/fork_child.h"
#include "cleanfork/spawn.h"
#include "src/child/run_child_plan.h"
#include "tests/unit/scripted_os.h"

namespace cleanfork {
namespace {

using testing::_;
using testing::StrEq;

constexpr pid_t kChild = ScriptedOs::kChild;
constexpr pid_t kSecond = 4712;
constexpr int kStat = 40;
constexpr pid_t kOwnPid = 4000;
constexpr unsigned kExiting = 0x4;
constexpr unsigned kForkedButNoExec = 0x40;
constexpr unsigned kOtherFlags = 0x400000;
constexpr int kLook = WEXITED | WNOHANG | WNOWAIT | __WALL;

// Where a child cannot be hidden until its exec, as in an emulator of user programs, /proc tells.
template <typename Action>
void EmulatorForks(ScriptedOs& os, Action action) {
  EXPECT_CALL(os, VforkCall(_, _, 0)).WillOnce(Fails(EINVAL));
  EXPECT_CALL(os, VforkCall(_, _, SIGCHLD)).WillOnce(action);
}

// That it has not been taken away already is looked at right after the fork.
void ChildIsThere(ScriptedOs& os) {
  EXPECT_CALL(os, WaitId(P_PID, _, kLook)).Times(testing::AnyNumber());
}

class ChildReportTest : public testing::Test {
 protected:
  ChildReportTest() { ChildIsThere(os_); }

  // /proc/PID/stat of `pid`, with these flags of include/linux/sched.h in its ninth field.
  void ShowFlags(pid_t pid, unsigned flags, pid_t own_pid = kOwnPid) {
    ShowStat("/proc/" + std::to_string(pid) + "/stat", kStat, pid, flags);
    ON_CALL(os_, ReadLink(StrEq("/proc/self"), _, _))
        .WillByDefault([own_pid](const char*, void* buffer, size_t size) {
          return ReadsBytes(std::to_string(own_pid))(0, buffer, size);
        });
    ON_CALL(os_, GetPid()).WillByDefault(testing::Return(kOwnPid));
  }

  void ShowStat(const std::string& path, int fd, pid_t pid, unsigned flags) {
    ON_CALL(os_, Open(StrEq(path), _, _)).WillByDefault(Ok(fd));
    const std::string line =
        std::to_string(pid) + " (a) b (c) S 1 2 3 0 -1 " + std::to_string(flags) + " 107 0 0";
    ON_CALL(os_, Read(fd, _, _))
        .WillByDefault([line, reads = 0](int from, void* buffer, size_t size) mutable {
          return reads++ % 2 == 0 ? ReadsBytes(line)(from, buffer, size) : SysResult<size_t>(0);
        });
  }

  ScriptedOs os_;
  ForkOptions options_;
};

TEST_F(ChildReportTest, AFailedStepComesBackAsAStatusAndTheChildIsReaped) {
  os_.ChildWillReport(ChildReport::Failed(Step::kSetUid, EPERM, kChild));
  options_.identity = Identity::Ids(65534, 65534);
  EXPECT_CALL(os_, Fork()).WillOnce(ForkAsParent(kChild));
  EXPECT_CALL(os_, WaitPid(kChild, __WALL)).WillOnce(Ok(WaitResult{kChild, 0x7f00}));
  absl::StatusOr<pid_t> pid = ForkChild(options_, os_);
  EXPECT_EQ(pid.status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(std::string(pid.status().message()),
            "setuid(65534): Operation not permitted (EPERM) [step setuid, child 4711]");
  std::optional<ChildError> error = GetChildError(pid.status());
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->step, Step::kSetUid);
  EXPECT_EQ(error->error, EPERM);
  EXPECT_EQ(error->signal, 0);
  EXPECT_EQ(error->pid, kChild);
  EXPECT_EQ(error->attempt, 1);
}

TEST_F(ChildReportTest, AnInterruptedWaitForTheFailedChildIsTakenUpAgain) {
  os_.ChildWillReport(ChildReport::Failed(Step::kChDir, ENOENT, kChild));
  EXPECT_CALL(os_, Fork()).WillOnce(ForkAsParent(kChild));
  EXPECT_CALL(os_, WaitPid(kChild, __WALL))
      .WillOnce(Fails(EINTR))
      .WillOnce(Ok(WaitResult{kChild, 0}));
  EXPECT_EQ(GetChildError(ForkChild(options_, os_).status())->error, ENOENT);
}

TEST_F(ChildReportTest, AChildThatIsKilledBeforeItReportsIsAnErrorWithItsSignal) {
  EXPECT_CALL(os_, Fork()).WillOnce(ForkAsParent(kChild));
  EXPECT_CALL(os_, WaitId(P_PID, kChild, WEXITED | WNOWAIT | __WALL))
      .WillOnce(Ok(WaitIdResult{kChild, CLD_KILLED, SIGKILL}));
  EXPECT_CALL(os_, WaitPid(kChild, __WALL));
  absl::StatusOr<pid_t> pid = ForkChild(options_, os_);
  EXPECT_EQ(pid.status().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(std::string(pid.status().message()),
            "the child ended before it was set up: killed by signal 9 (SIGKILL) "
            "[step start, child 4711]");
  EXPECT_EQ(GetChildError(pid.status())->signal, SIGKILL);
}

TEST_F(ChildReportTest, AChildThatSomebodyElseReapedBeforeItReportedIsAnErrorWithoutACause) {
  EXPECT_CALL(os_, Fork()).WillOnce(ForkAsParent(kChild));
  EXPECT_CALL(os_, WaitId(P_PID, kChild, _)).WillRepeatedly(Fails(ECHILD));
  EXPECT_CALL(os_, WaitPid(kChild, __WALL)).WillOnce(Fails(ECHILD));
  absl::StatusOr<pid_t> pid = ForkChild(options_, os_);
  EXPECT_EQ(GetChildError(pid.status())->step, Step::kStart);
  EXPECT_EQ(GetChildError(pid.status())->error, ECHILD);
}

TEST_F(ChildReportTest, TheEndOfThePipeIsSuccessWhenTheKernelSaysThatTheChildHasExecd) {
  EmulatorForks(os_, VforkAsParent(kChild));
  ShowFlags(kChild, kOtherFlags);
  absl::StatusOr<Child> child = Spawn({"/bin/true"}, options_, os_);
  ASSERT_TRUE(child.ok()) << child.status();
  EXPECT_EQ(child->Detach(), kChild);
}

TEST_F(ChildReportTest, TheEndOfThePipeIsNoSuccessWhenTheChildHasNotExecd) {
  EmulatorForks(os_, VforkAsParent(kChild));
  ShowFlags(kChild, kOtherFlags | kForkedButNoExec | kExiting);
  EXPECT_CALL(os_, WaitId(P_PID, kChild, WEXITED | WNOWAIT | __WALL))
      .WillOnce(Ok(WaitIdResult{kChild, CLD_DUMPED, SIGSEGV}));
  absl::StatusOr<Child> child = Spawn({"/bin/true"}, options_, os_);
  EXPECT_EQ(GetChildError(child.status())->signal, SIGSEGV);
}

TEST_F(ChildReportTest, AProcOfAnotherPidNamespaceIsNotBelieved) {
  EmulatorForks(os_, VforkAsParent(kChild));
  ShowFlags(kChild, kOtherFlags, kOwnPid + 1);
  EXPECT_CALL(os_, WaitId(P_PID, kChild, WEXITED | WNOWAIT | __WALL))
      .WillOnce(Ok(WaitIdResult{kChild, CLD_KILLED, SIGKILL}));
  EXPECT_EQ(GetChildError(Spawn({"/bin/true"}, options_, os_).status())->signal, SIGKILL);
}

// Another thread's child may hold the other end of the pipe: then it never comes to its end.
TEST_F(ChildReportTest, AnExecIsSeenAlsoWhereThePipeDoesNotEnd) {
  EmulatorForks(os_, VforkAsParent(kChild));
  EXPECT_CALL(os_, Poll(_, 2, _)).WillOnce(Ok(size_t{0}));
  EXPECT_CALL(os_, Read(ScriptedOs::kReportRead, _, _)).Times(0);
  EXPECT_CALL(os_, Read(kStat, _, _)).Times(testing::AnyNumber());
  ShowFlags(kChild, kOtherFlags);
  absl::StatusOr<Child> child = Spawn({"/bin/true"}, options_, os_);
  ASSERT_TRUE(child.ok()) << child.status();
  child->Detach();
}

// What the child of a VforkCall() does just before its exec.
SysResult<pid_t> ReachExec(int (*)(void*), void* argument, int) {
  *static_cast<ProgramStart*>(argument)->plan->exec_reached = 1;
  return kChild;
}

// A child that is hidden until its exec: a wait(2) without __WALL knows it only after that.
class HiddenChildTest : public ChildReportTest {
 protected:
  void WaitSays(const SysResult<WaitIdResult>& plain, const SysResult<WaitIdResult>& all) {
    EXPECT_CALL(os_, WaitId(P_PID, kChild, WEXITED | WNOHANG | WNOWAIT))
        .WillRepeatedly(testing::Return(plain));
    EXPECT_CALL(os_, WaitId(P_PID, kChild, kLook)).WillRepeatedly(testing::Return(all));
    EXPECT_CALL(os_, Open(_, _, _)).Times(testing::AnyNumber());
    EXPECT_CALL(os_, Open(StrEq("/proc/4711/stat"), _, _)).Times(0);
  }
};

TEST_F(HiddenChildTest, HasExecdOnceItIsOneLikeAnyOther) {
  EXPECT_CALL(os_, VforkCall(_, _, 0)).WillOnce(VforkAsParent(kChild));
  WaitSays(WaitIdResult{}, SysError(EIO));
  absl::StatusOr<Child> child = Spawn({"/bin/true"}, options_, os_);
  ASSERT_TRUE(child.ok()) << child.status();
  EXPECT_EQ(child->Detach(), kChild);
}

TEST_F(HiddenChildTest, HasExecdAlsoWhereThatHasEndedAlready) {
  EXPECT_CALL(os_, VforkCall(_, _, 0)).WillOnce(VforkAsParent(kChild));
  WaitSays(WaitIdResult{kChild, CLD_KILLED, SIGSEGV}, SysError(EIO));
  absl::StatusOr<Child> child = Spawn({"/bin/true"}, options_, os_);
  ASSERT_TRUE(child.ok()) << child.status();
  EXPECT_EQ(child->Detach(), kChild);
}

TEST_F(HiddenChildTest, HasNotExecdWhenItEndsHidden) {
  EXPECT_CALL(os_, VforkCall(_, _, 0)).WillOnce(VforkAsParent(kChild));
  WaitSays(SysError(ECHILD), WaitIdResult{kChild, CLD_KILLED, SIGKILL});
  EXPECT_CALL(os_, WaitId(P_PID, kChild, WEXITED | WNOWAIT | __WALL))
      .WillOnce(Ok(WaitIdResult{kChild, CLD_KILLED, SIGKILL}));
  EXPECT_CALL(os_, WaitPid(kChild, __WALL));
  EXPECT_EQ(GetChildError(Spawn({"/bin/true"}, options_, os_).status())->signal, SIGKILL);
}

// Which cannot be said of one that has closed the pipe and runs on.
TEST_F(HiddenChildTest, IsLookedForInProcWhenItLivesAndHasNotExecd) {
  EXPECT_CALL(os_, VforkCall(_, _, 0)).WillOnce(VforkAsParent(kChild));
  EXPECT_CALL(os_, WaitId(P_PID, kChild, WEXITED | WNOHANG | WNOWAIT)).WillOnce(Fails(EINVAL));
  EXPECT_CALL(os_, WaitId(P_PID, kChild, kLook)).WillRepeatedly(Ok(WaitIdResult{}));
  ShowFlags(kChild, kOtherFlags);
  absl::StatusOr<Child> child = Spawn({"/bin/true"}, options_, os_);
  ASSERT_TRUE(child.ok()) << child.status();
  child->Detach();
}

TEST_F(HiddenChildTest, HasExecdWhenItCameToThatAndTheCallerHasItsEndedChildrenTakenAway) {
  EXPECT_CALL(os_, VforkCall(_, _, 0)).WillOnce(ReachExec);
  WaitSays(SysError(ECHILD), SysError(ECHILD));
  absl::StatusOr<Child> child = Spawn({"/bin/true"}, options_, os_);
  ASSERT_TRUE(child.ok()) << child.status();
  EXPECT_EQ(child->Detach(), kChild);
}

// By a filter of system calls, say. Then /proc tells, as it does where no child can be hidden.
TEST_F(HiddenChildTest, IsLookedForInProcWhereAWaitSaysNothing) {
  EXPECT_CALL(os_, VforkCall(_, _, 0)).WillOnce(ReachExec);
  EXPECT_CALL(os_, WaitId(P_PID, kChild, _)).WillRepeatedly(Fails(EPERM));
  ShowFlags(kChild, kOtherFlags);
  absl::StatusOr<Child> child = Spawn({"/bin/true"}, options_, os_);
  ASSERT_TRUE(child.ok()) << child.status();
  child->Detach();
}

TEST_F(HiddenChildTest, HasNotExecdWhereAWaitSaysNothingAndProcSaysSo) {
  EXPECT_CALL(os_, VforkCall(_, _, 0)).WillOnce(ReachExec);
  EXPECT_CALL(os_, WaitId(P_PID, kChild, _)).WillRepeatedly(Fails(EPERM));
  ShowFlags(kChild, kOtherFlags | kForkedButNoExec | kExiting);
  EXPECT_EQ(GetChildError(Spawn({"/bin/true"}, options_, os_).status())->error, EPERM);
}

TEST_F(HiddenChildTest, IsNoSuchWhereAFilterForbidsThat) {
  for (const int error : {EINVAL, EPERM, ENOSYS}) {
    ScriptedOs os;
    EXPECT_CALL(os, VforkCall(_, _, 0)).WillOnce(Fails(error));
    EXPECT_CALL(os, VforkCall(_, _, SIGCHLD)).WillOnce(Fails(error));
    EXPECT_EQ(GetChildError(Spawn({"/bin/true"}, options_, os).status())->error, error);
  }
}

// A descriptor or a number that may be a stranger's by now is not kept.
TEST_F(HiddenChildTest, ThatWasTakenAwayAfterItsExecIsLostAndItsPidfdClosed) {
  constexpr int kPidFd = 50;
  EXPECT_CALL(os_, VforkCall(_, _, 0)).WillOnce(ReachExec);
  EXPECT_CALL(os_, PidFdOpen(kChild, 0)).WillOnce(Ok(kPidFd));
  EXPECT_CALL(os_, Close(_)).Times(testing::AnyNumber());
  EXPECT_CALL(os_, Close(kPidFd));
  EXPECT_CALL(os_, PidFdSendSignal(_, _)).Times(0);
  EXPECT_CALL(os_, Kill(_, _)).Times(0);
  WaitSays(SysError(ECHILD), SysError(ECHILD));
  absl::StatusOr<Child> child = Spawn({"/bin/true"}, options_, os_);
  ASSERT_TRUE(child.ok()) << child.status();
  EXPECT_FALSE(child->owned());
}

// As one that waits with __WALL may do, while a stranger holds the pipe open.
TEST_F(HiddenChildTest, ThatWasTakenAwayBeforeItsExecHoldsNobodyUp) {
  EXPECT_CALL(os_, VforkCall(_, _, 0)).WillOnce(VforkAsParent(kChild));
  EXPECT_CALL(os_, Poll(_, 2, _)).WillRepeatedly(Ok(size_t{0}));
  EXPECT_CALL(os_, WaitId(P_PID, kChild, _)).WillRepeatedly(Fails(ECHILD));
  EXPECT_EQ(GetChildError(Spawn({"/bin/true"}, options_, os_).status())->error, ECHILD);
}

TEST_F(HiddenChildTest, IsUnknownWhenItWasTakenAwayBeforeItCameToItsExec) {
  EXPECT_CALL(os_, VforkCall(_, _, 0)).WillOnce(VforkAsParent(kChild));
  WaitSays(SysError(ECHILD), SysError(ECHILD));
  EXPECT_CALL(os_, WaitId(P_PID, kChild, WEXITED | WNOWAIT | __WALL)).WillOnce(Fails(ECHILD));
  EXPECT_EQ(GetChildError(Spawn({"/bin/true"}, options_, os_).status())->error, ECHILD);
}

// Another thread's child may hold the other end of the pipe: then it never comes to its end.
TEST_F(HiddenChildTest, IsSeenToExecAlsoWhereThePipeDoesNotEnd) {
  EXPECT_CALL(os_, VforkCall(_, _, 0)).WillOnce(VforkAsParent(kChild));
  EXPECT_CALL(os_, Poll(_, 2, _)).WillRepeatedly(Ok(size_t{0}));
  EXPECT_CALL(os_, Read(ScriptedOs::kReportRead, _, _)).Times(0);
  EXPECT_CALL(os_, WaitId(P_PID, kChild, kLook))
      .WillOnce(Ok(WaitIdResult{}))
      .WillOnce(Ok(WaitIdResult{}));
  EXPECT_CALL(os_, WaitId(P_PID, kChild, WEXITED | WNOHANG | WNOWAIT))
      .WillOnce(Fails(ECHILD))
      .WillOnce(Ok(WaitIdResult{}));
  absl::StatusOr<Child> child = Spawn({"/bin/true"}, options_, os_);
  ASSERT_TRUE(child.ok()) << child.status();
  child->Detach();
}

// Without /proc only waitid(2) tells, and what the child noted.
TEST_F(ChildReportTest, WithoutProcAChildThatDidNotComeToItsExecIsNoSuccess) {
  EmulatorForks(os_, VforkAsParent(kChild));
  EXPECT_CALL(os_, WaitId(P_PID, kChild, WEXITED | WNOWAIT | __WALL))
      .WillOnce(Ok(WaitIdResult{kChild, CLD_KILLED, SIGKILL}));
  EXPECT_EQ(GetChildError(Spawn({"/bin/true"}, options_, os_).status())->signal, SIGKILL);
}

TEST_F(ChildReportTest, WithoutProcAChildThatWasKilledAtItsExecIsNoSuccess) {
  EmulatorForks(os_, ReachExec);
  EXPECT_CALL(os_, WaitId(P_PID, kChild, kLook))
      .WillOnce(Ok(WaitIdResult{}))
      .WillOnce(Ok(WaitIdResult{kChild, CLD_KILLED, SIGKILL}));
  EXPECT_EQ(GetChildError(Spawn({"/bin/true"}, options_, os_).status())->signal, SIGKILL);
}

TEST_F(ChildReportTest, WithoutProcAChildThatCameToItsExecAndLivesOrHasExitedByItselfHasExecd) {
  for (const WaitIdResult& state : {WaitIdResult{}, WaitIdResult{kChild, CLD_EXITED, 3}}) {
    ScriptedOs os;
    EmulatorForks(os, ReachExec);
    EXPECT_CALL(os, WaitId(P_PID, kChild, kLook)).WillOnce(Ok(WaitIdResult{})).WillOnce(Ok(state));
    absl::StatusOr<Child> child = Spawn({"/bin/true"}, options_, os);
    ASSERT_TRUE(child.ok()) << child.status();
    child->Detach();
  }
}

TEST_F(ChildReportTest, WithoutProcAnExitWithOurOwnStatusMayBeALostReportAndIsNoSuccess) {
  EmulatorForks(os_, ReachExec);
  EXPECT_CALL(os_, WaitId(P_PID, kChild, kLook))
      .WillOnce(Ok(WaitIdResult{}))
      .WillOnce(Ok(WaitIdResult{kChild, CLD_EXITED, 127}));
  EXPECT_EQ(GetChildError(Spawn({"/bin/true"}, options_, os_).status())->step, Step::kStart);
}

TEST_F(ChildReportTest, AReportThatCannotBeReadLeavesNoChildBehind) {
  EXPECT_CALL(os_, Fork()).WillOnce(ForkAsParent(kChild));
  EXPECT_CALL(os_, Read(ScriptedOs::kReportRead, _, _)).WillOnce(Fails(EINTR)).WillOnce(Fails(EIO));
  EXPECT_CALL(os_, WaitId(P_PID, kChild, kLook))
      .WillOnce(Ok(WaitIdResult{}))
      .WillOnce(Ok(WaitIdResult{}));
  EXPECT_CALL(os_, Kill(kChild, SIGKILL)).WillOnce(Ok());
  EXPECT_CALL(os_, WaitPid(kChild, __WALL));
  absl::StatusOr<pid_t> pid = ForkChild(options_, os_);
  EXPECT_EQ(GetChildError(pid.status())->step, Step::kReport);
  EXPECT_EQ(GetChildError(pid.status())->error, EIO);
}

// Of a caller that ignores SIGCHLD, say, on a kernel without pidfds.
TEST_F(ChildReportTest, AChildThatIsNotThereAnyMoreIsNotKilledByItsPid) {
  for (const SysResult<WaitIdResult>& state :
       {SysResult<WaitIdResult>(SysError(ECHILD)),
        SysResult<WaitIdResult>(WaitIdResult{kChild, CLD_EXITED, 0})}) {
    ScriptedOs os;
    EXPECT_CALL(os, Fork()).WillOnce(ForkAsParent(kChild));
    EXPECT_CALL(os, Read(ScriptedOs::kReportRead, _, _)).WillOnce(Fails(EIO));
    EXPECT_CALL(os, WaitId(P_PID, kChild, kLook))
        .WillOnce(Ok(WaitIdResult{}))
        .WillOnce(testing::Return(state));
    EXPECT_CALL(os, Kill(_, _)).Times(0);
    EXPECT_EQ(GetChildError(ForkChild(options_, os).status())->step, Step::kReport);
  }
}

TEST_F(ChildReportTest, AChildIsKilledAlsoWhereAFilterForbidsSignalsByPidfd) {
  constexpr int kPidFd = 50;
  EXPECT_CALL(os_, PidFdOpen(kChild, 0)).WillOnce(Ok(kPidFd));
  EXPECT_CALL(os_, Poll(_, _, _)).WillRepeatedly([](struct pollfd* ready, size_t, int64_t) {
    ready[0].revents = POLLIN;
    return SysResult<size_t>(size_t{1});
  });
  EXPECT_CALL(os_, Fork()).WillOnce(ForkAsParent(kChild));
  EXPECT_CALL(os_, Read(ScriptedOs::kReportRead, _, _)).WillOnce(Fails(EIO));
  EXPECT_CALL(os_, PidFdSendSignal(kPidFd, SIGKILL)).WillOnce(Fails(EPERM));
  EXPECT_CALL(os_, WaitId(P_PID, kChild, kLook))
      .WillOnce(Ok(WaitIdResult{}))
      .WillOnce(Ok(WaitIdResult{}));
  EXPECT_CALL(os_, Kill(kChild, SIGKILL)).WillOnce(Ok());
  EXPECT_EQ(GetChildError(ForkChild(options_, os_).status())->step, Step::kReport);
}

TEST_F(ChildReportTest, ADaemonsPidIsThatOfTheSecondChildAndTheFirstIsReaped) {
  options_.session = Session::kDaemon;
  EXPECT_CALL(os_, Fork()).WillOnce(ForkAsParent(kChild));
  EXPECT_CALL(os_, Read(ScriptedOs::kReportRead, _, _))
      .WillOnce(ReadsReport(ChildReport::Forked(kSecond)))
      .WillOnce(ReadsReport(ChildReport::Started(kSecond)));
  EXPECT_CALL(os_, WaitPid(kChild, __WALL));
  absl::StatusOr<pid_t> pid = ForkChild(options_, os_);
  ASSERT_TRUE(pid.ok()) << pid.status();
  EXPECT_EQ(*pid, kSecond);
}

TEST_F(ChildReportTest, ADaemonWhoseFirstParentIsKilledIsKilledTooAndReportedAsAFailure) {
  options_.session = Session::kDaemon;
  constexpr int kPidFd = 50;
  EXPECT_CALL(os_, Fork()).WillOnce(ForkAsParent(kChild));
  EXPECT_CALL(os_, Read(ScriptedOs::kReportRead, _, _))
      .WillOnce(ReadsReport(ChildReport::Forked(kSecond)))
      .WillRepeatedly(ReadsEof());
  EXPECT_CALL(os_, PidFdOpen(kChild, 0)).WillOnce(Fails(ENOSYS));
  EXPECT_CALL(os_, PidFdOpen(kSecond, 0)).WillOnce(Ok(kPidFd));
  EXPECT_CALL(os_, PidFdSendSignal(kPidFd, SIGKILL)).WillOnce(Ok());
  EXPECT_CALL(os_, WaitId(P_PID, kChild, WEXITED | WNOWAIT | __WALL))
      .WillOnce(Ok(WaitIdResult{kChild, CLD_KILLED, SIGTERM}));
  EXPECT_EQ(GetChildError(ForkChild(options_, os_).status())->signal, SIGTERM);
}

TEST_F(ChildReportTest, TheParentClosesItsEndsOfThePipeOnEveryPath) {
  for (bool fails : {false, true}) {
    ScriptedOs os;
    os.ChildWillReport(fails ? ChildReport::Failed(Step::kSetSid, EPERM, kChild)
                             : ChildReport::Started(kChild));
    EXPECT_CALL(os, Fork()).WillOnce(ForkAsParent(kChild));
    EXPECT_CALL(os, Close(_)).Times(0);
    for (int fd : {ScriptedOs::kNull, ScriptedOs::kReportRead, ScriptedOs::kReportWrite}) {
      EXPECT_CALL(os, Close(fd));
    }
    EXPECT_EQ(ForkChild(options_, os).ok(), !fails);
  }
}

}  // namespace
}  // namespace cleanfork
