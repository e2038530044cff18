// Children without a termination signal: clone(2), wait(2) on __WCLONE and __WALL, execve(2).
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include "cleanfork/os.h"
#include "tests/conformance/children.h"
#include "tests/conformance/kernel_under_test.h"
#include "tests/real/vfork_is_fork.h"

namespace cleanfork {
namespace {

constexpr int kClones = static_cast<int>(__WCLONE);

int Leave(void* argument) { return *static_cast<const int*>(argument); }

class CloneChild : public testing::Test {
 protected:
  void SetUp() override {
#ifndef CLEANFORK_CONFORMANCE_OF_SIM_OS
    if (kVforkIsFork) GTEST_SKIP() << kNoVfork;
#endif
  }
};

TEST_F(CloneChild, IsKnownToAWaitForClonesOrForAllOnlyAndSendsNothing) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              const SignalSet sigchld = SignalSet::Of(SIGCHLD);
              os.SigProcMask(SIG_BLOCK, &sigchld).IgnoreError();
              int status = 6;
              const pid_t child = os.VforkCall(&Leave, &status, 0).value();
              notes.Add(os.WaitPid(child, 0));
              notes.Add(os.WaitPid(-1, WNOHANG));
              notes.Add(os.WaitId(P_PID, static_cast<id_t>(child), WEXITED | WNOWAIT | kClones));
              notes.Add(WEXITSTATUS(os.WaitPid(child, __WALL).value().status));
              notes.Add(os.WaitPid(child, __WALL));
              notes.Add(os.SigTimedWait(sigchld, 0));
            }),
            "ECHILD ECHILD ok 6 ECHILD EAGAIN");
}

TEST_F(CloneChild, IsNotTakenAwayWhereSigchldIsIgnored) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              SignalAction ignore;
              ignore.handler = SIG_IGN;
              os.SigAction(SIGCHLD, &ignore).IgnoreError();
              int status = 6;
              const pid_t child = os.VforkCall(&Leave, &status, 0).value();
              notes.Add(WEXITSTATUS(os.WaitPid(child, __WALL).value().status));
            }),
            "6");
}

TEST_F(CloneChild, IsOneLikeAnyOtherOnceItHasExecd) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              const SignalSet sigchld = SignalSet::Of(SIGCHLD);
              os.SigProcMask(SIG_BLOCK, &sigchld).IgnoreError();
              const pid_t child = os.VforkCall(&ExecTrue, &os, 0).value();
              notes.Add(os.WaitPid(child, kClones));
              notes.Add(WEXITSTATUS(os.WaitPid(child, 0).value().status));
              notes.Add(os.SigTimedWait(sigchld, 0).ok());
            }),
            "ECHILD 0 yes");
}

TEST_F(CloneChild, IsWhatAChildOfForkIsNot) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              int status = 6;
              const pid_t child = os.VforkCall(&Leave, &status, SIGCHLD).value();
              notes.Add(os.WaitPid(child, kClones));
              notes.Add(WEXITSTATUS(os.WaitPid(child, __WALL).value().status));
            }),
            "ECHILD 6");
}

TEST_F(CloneChild, HasNoOtherTerminationSignalThanTheseTwo) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              int status = 6;
              notes.Add(os.VforkCall(&Leave, &status, SIGUSR1));
              notes.Add(os.WaitPid(-1, __WALL));
            }),
            "EINVAL ECHILD");
}

}  // namespace
}  // namespace cleanfork
