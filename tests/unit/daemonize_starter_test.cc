// Daemonize() in the starter: what it makes of what the daemon says, does not say, and of its end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cleanfork/child_error.h"
#include "cleanfork/daemonize.h"
#include "cleanfork/fork_child.h"
#include "cleanfork/os_matchers.h"
#include "tests/unit/daemonize_os.h"

namespace cleanfork {
namespace {

using testing::_;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Return;
using testing::StrEq;

constexpr int kFirstFd = StarterOs::kFirstFd;
constexpr int kSecondFd = StarterOs::kSecondFd;
constexpr pid_t kFirst = StarterOs::kFirst;
constexpr pid_t kSecond = StarterOs::kSecond;

class DaemonizeStarter : public testing::Test {
 protected:
  DaemonizeStarter() { options_.keep_parent = true; }

  // The status; in `text` without what says which process it was.
  absl::Status Run() { return Daemonize(options_, os_).status(); }
  std::string Text() { return std::string(Run().message()); }

  StarterOs os_;
  DaemonizeOptions options_;
};

TEST_F(DaemonizeStarter, LeavesWithStatus0WhenTheDaemonIsReadyAndNotBefore) {
  options_.keep_parent = false;
  os_.At(3, [this] { os_.Say(ChildReport::Ready(kSecond)); });
  EXPECT_THAT([&] { Daemonize(options_, os_).IgnoreError(); }, ExitsWith(0));
  EXPECT_EQ(os_.now(), 3);
  EXPECT_THAT(os_.killed(), ElementsAre(kFirstFd));
}

TEST_F(DaemonizeStarter, ReturnsThePidToAKeptParent) {
  os_.At(3, [this] { os_.Say(ChildReport::Ready(kSecond)); });
  absl::StatusOr<Daemon> daemon = Daemonize(options_, os_);
  ASSERT_TRUE(daemon.ok()) << daemon.status();
  EXPECT_FALSE(daemon->in_daemon());
  EXPECT_EQ(daemon->pid(), kSecond);
  EXPECT_CALL(os_, Write(_, _, _)).Times(0);
  EXPECT_TRUE(absl::IsFailedPrecondition(daemon->Ready()));
  EXPECT_TRUE(absl::IsInternal(daemon->Fail(absl::InternalError("no"))));
}

TEST_F(DaemonizeStarter, ReapsTheFirstChildThenCallsTheHookThenLeaves) {
  options_.keep_parent = false;
  testing::MockFunction<void(pid_t)> hook;
  options_.fork.in_parent = hook.AsStdFunction();
  os_.Say(ChildReport::Ready(kSecond));
  testing::InSequence in_this_order;
  EXPECT_CALL(os_, WaitPid(kFirst, __WALL)).WillOnce(Ok(WaitResult{kFirst, SIGKILL}));
  EXPECT_CALL(hook, Call(kSecond));
  EXPECT_THAT([&] { Daemonize(options_, os_).IgnoreError(); }, ExitsWith(0));
}

TEST_F(DaemonizeStarter, CallsNoHookForADaemonThatIsNotReady) {
  options_.fork.in_parent = [](pid_t) { ADD_FAILURE(); };
  os_.Say(ChildReport::GaveUp(13, kSecond, 0));
  EXPECT_FALSE(Run().ok());
}

TEST_F(DaemonizeStarter, KillsADaemonThatIsNotReadyByTheDeadline) {
  const absl::Status status = Run();
  EXPECT_TRUE(absl::IsDeadlineExceeded(status));
  EXPECT_EQ(std::string(status.message()),
            "the daemon was not ready after 1m30s: Timer expired (ETIME) [step ready, child 4712]");
  EXPECT_EQ(os_.now(), 90);
  EXPECT_THAT(os_.killed(), ElementsAre(kSecondFd));
  const std::optional<ChildError> error = GetChildError(status);
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->step, Step::kReady);
  EXPECT_EQ(error->pid, kSecond);
}

TEST_F(DaemonizeStarter, TakesADaemonForReadyThatIsSoAtTheDeadlineItself) {
  os_.At(90, [this] { os_.Say(ChildReport::Ready(kSecond)); });
  EXPECT_TRUE(Run().ok());
}

// As for one that was stopped (SIGSTOP) until the deadline was over.
TEST_F(DaemonizeStarter, TakesADaemonForReadyWhoseWordIsThereWhenItLooksAtLast) {
  options_.ready_timeout = absl::Milliseconds(500);
  os_.poll_errors = {EINTR};
  os_.At(1, [this] { os_.Say(ChildReport::Ready(kSecond)); });
  EXPECT_TRUE(Run().ok());
}

TEST_F(DaemonizeStarter, KeepsTheDeadlineThroughInterruptions) {
  options_.ready_timeout = absl::Seconds(10);
  os_.poll_errors = {EINTR, EINTR, EINTR};
  EXPECT_TRUE(absl::IsDeadlineExceeded(Run()));
  EXPECT_EQ(os_.now(), 10);
}

TEST_F(DaemonizeStarter, WaitsWithoutEndWhereThatIsAskedFor) {
  options_.ready_timeout = absl::InfiniteDuration();
  EXPECT_CALL(os_, Poll(_, 2, -1)).Times(testing::AtLeast(1));
  os_.At(1e6, [this] { os_.Say(ChildReport::Ready(kSecond)); });
  EXPECT_TRUE(Run().ok());
}

TEST_F(DaemonizeStarter, ReturnsTheCodeAndTheTextOfADaemonThatGivesUp) {
  const std::string text = "bind(80): in use";
  os_.Say(ChildReport::GaveUp(static_cast<int>(absl::StatusCode::kAlreadyExists), kSecond,
                              static_cast<int32_t>(text.size())),
          text);
  os_.At(1, [this] {
    os_.End(kSecondFd);
    os_.End(kFirstFd);
  });
  const absl::Status status = Run();
  EXPECT_TRUE(absl::IsAlreadyExists(status));
  EXPECT_EQ(std::string(status.message()), "bind(80): in use [step ready, child 4712]");
  EXPECT_EQ(GetChildError(status)->step, Step::kReady);
  EXPECT_THAT(os_.killed(), IsEmpty()) << "it left by itself";
  EXPECT_EQ(os_.now(), 1);
}

TEST_F(DaemonizeStarter, KillsADaemonThatGaveUpAndStillRunsFiveSecondsLater) {
  os_.Say(ChildReport::GaveUp(13, kSecond, 0));
  EXPECT_TRUE(absl::IsInternal(Run()));
  EXPECT_THAT(os_.killed(), ElementsAre(kSecondFd));
  EXPECT_EQ(os_.now(), 5);
}

TEST_F(DaemonizeStarter, SaysWhichSignalEndedTheDaemon) {
  os_.At(2, [this] {
    os_.End(kSecondFd);
    os_.At(2.5, [this] { os_.Say(ChildReport::Died(SIGSEGV, 0, kSecond)); });
  });
  const absl::Status status = Run();
  EXPECT_TRUE(absl::IsAborted(status));
  EXPECT_EQ(std::string(status.message()),
            "the daemon ended before it was ready: killed by signal 11 (SIGSEGV) "
            "[step ready, child 4712]");
  EXPECT_EQ(GetChildError(status)->signal, SIGSEGV);
}

TEST_F(DaemonizeStarter, SaysWithWhichExitStatusTheDaemonLeft) {
  os_.Say(ChildReport::Died(0, 3, kSecond));
  os_.End(kSecondFd);
  os_.End(kFirstFd);
  EXPECT_EQ(Text(),
            "the daemon ended before it was ready (exit status 3) [step ready, child 4712]");
}

TEST_F(DaemonizeStarter, TakesTheWordOfADaemonThatWasReadyAndHasEnded) {
  os_.Say(ChildReport::Ready(kSecond));
  os_.End(kSecondFd);
  EXPECT_TRUE(Run().ok());
}

TEST_F(DaemonizeStarter, NeedsNoFirstChildForADaemonThatGoesOn) {
  os_.At(1, [this] { os_.End(kFirstFd); });
  os_.At(5, [this] { os_.Say(ChildReport::Ready(kSecond)); });
  EXPECT_TRUE(Run().ok());
}

TEST_F(DaemonizeStarter, DoesNotKnowHowADaemonEndedWhoseFirstChildWasKilled) {
  os_.At(1, [this] { os_.End(kFirstFd); });
  os_.At(2, [this] { os_.End(kSecondFd); });
  EXPECT_EQ(Text(),
            "the daemon ended before it was ready, how is not known [step ready, child 4712]");
  EXPECT_EQ(os_.now(), 2);
}

TEST_F(DaemonizeStarter, KnowsHowADaemonEndedThatWasHandedOnToIt) {
  EXPECT_CALL(os_, WaitId(P_PID, kSecond, WEXITED | WNOHANG | WNOWAIT))
      .WillOnce(Ok(WaitIdResult{kSecond, CLD_KILLED, SIGTERM}));
  os_.End(kFirstFd);
  os_.End(kSecondFd);
  // The set-up's report is in the pipe, so the first child's end is not looked at before.
  EXPECT_THAT(Text(), HasSubstr("killed by signal 15 (SIGTERM)"));
}

TEST_F(DaemonizeStarter, WaitsNoLongerThanASecondForTheFirstChildsWord) {
  os_.At(4, [this] { os_.End(kSecondFd); });
  EXPECT_THAT(Text(), HasSubstr("how is not known"));
  EXPECT_EQ(os_.now(), 5 + 5) << "and five for the first child to leave";
  EXPECT_THAT(os_.killed(), ElementsAre(kFirstFd));
}

TEST_F(DaemonizeStarter, EndsADaemonThatHasClosedThePipe) {
  os_.At(4, [this] { os_.CloseReportPipe(); });
  EXPECT_EQ(Text(),
            "the daemon has closed the pipe on which it was to say that it is ready: "
            "Broken pipe (EPIPE) "
            "[step ready, child 4712]");
  EXPECT_THAT(os_.killed(), ElementsAre(kSecondFd));
  EXPECT_EQ(os_.now(), 5);
}

TEST_F(DaemonizeStarter, EndsADaemonWhoseReportCannotBeRead) {
  EXPECT_CALL(os_, Read(_, _, _)).Times(testing::AnyNumber());
  EXPECT_CALL(os_, Read(ScriptedOs::kReportRead, _, _))
      .WillOnce(ReadsReport(ChildReport::Forked(kSecond)))
      .WillOnce(ReadsReport(ChildReport::Started(kSecond)))
      .WillOnce(Fails(EIO))
      .WillRepeatedly(ReadsReport(ChildReport::Died(SIGKILL, 0, kSecond)));
  const absl::Status status = Run();
  EXPECT_EQ(std::string(status.message()),
            "read of the daemon's report: Input/output error (EIO) [step report, child 4712]");
  EXPECT_THAT(os_.killed(), ElementsAre(kSecondFd));
}

TEST_F(DaemonizeStarter, EndsADaemonThatCannotBeWaitedFor) {
  os_.poll_errors = {ENOMEM};
  EXPECT_EQ(GetChildError(Run())->error, ENOMEM);
  EXPECT_THAT(os_.killed(), ElementsAre(kSecondFd));
}

TEST_F(DaemonizeStarter, IsNotHeldByADaemonThatDoesNotDie) {
  os_.killable = false;
  EXPECT_TRUE(absl::IsDeadlineExceeded(Run()));
  EXPECT_EQ(os_.now(), 95);
  EXPECT_THAT(os_.killed(), ElementsAre(kSecondFd, kFirstFd));
}

TEST_F(DaemonizeStarter, WaitsInTheCallersOwnMask) {
  SignalSet mask = ScriptedOs::CallersMask();
  ON_CALL(os_, SigProcMask(SIG_SETMASK, _)).WillByDefault([&](int, const SignalSet* set) {
    const SignalSet before = mask;
    mask = *set;
    return SysResult<SignalSet>(before);
  });
  os_.At(7, [&] {
    EXPECT_EQ(mask, ScriptedOs::CallersMask());
    os_.Say(ChildReport::Ready(kSecond));
  });
  EXPECT_TRUE(Run().ok());
  EXPECT_EQ(mask, ScriptedOs::CallersMask());
}

TEST_F(DaemonizeStarter, TellsByWaitidHowADaemonEndedThatIsItsChild) {
  options_.fork.session = Session::kNew;
  os_.BecomeParent();
  EXPECT_CALL(os_, WaitId(P_PID, kFirst, WEXITED | WNOHANG | WNOWAIT))
      .WillOnce(Ok(WaitIdResult{kFirst, CLD_EXITED, 4}));
  EXPECT_CALL(os_, WaitPid(kFirst, __WALL)).WillOnce(Ok(WaitResult{kFirst, 0x400}));
  os_.At(2, [this] { os_.End(kFirstFd); });
  EXPECT_EQ(Text(),
            "the daemon ended before it was ready (exit status 4) [step ready, child 4711]");
  EXPECT_EQ(os_.now(), 2);
}

TEST_F(DaemonizeStarter, WithoutPidfdsSeesTheEndOfAChildAndKillsOneThatIsLate) {
  options_.fork.session = Session::kNew;
  options_.ready_timeout = absl::Seconds(1);
  os_.BecomeParent();
  ON_CALL(os_, PidFdOpen(_, _)).WillByDefault(Fails(ENOSYS));
  bool killed = false;
  ON_CALL(os_, WaitId(P_PID, kFirst, _)).WillByDefault([&](auto...) {
    return SysResult<WaitIdResult>(killed ? WaitIdResult{kFirst, CLD_KILLED, SIGKILL}
                                          : WaitIdResult());
  });
  EXPECT_CALL(os_, Kill(kFirst, SIGKILL)).WillOnce([&](auto...) {
    killed = true;
    return SysResult<void>();
  });
  EXPECT_CALL(os_, WaitPid(kFirst, __WALL)).WillOnce(Ok(WaitResult{kFirst, SIGKILL}));
  EXPECT_TRUE(absl::IsDeadlineExceeded(Run()));
  EXPECT_EQ(os_.now(), 1);
}

// The first child has said so before it reaped it: the pid is nobody's, or a stranger's.
TEST_F(DaemonizeStarter, TouchesNoProcessThatHasTheDaemonsPidAfterTheDaemonsEnd) {
  for (const ChildReport& word :
       {ChildReport::Died(0, 3, kSecond), ChildReport::GaveUp(13, kSecond, 0)}) {
    StarterOs os;
    os.Say(word);
    if (word.kind == ChildReport::kGaveUp) os.Say(ChildReport::Died(0, 3, kSecond));
    os.End(kFirstFd);
    EXPECT_CALL(os, Kill(_, _)).Times(0);
    EXPECT_FALSE(Daemonize(options_, os).ok());
    EXPECT_THAT(os.killed(), IsEmpty());
    EXPECT_EQ(os.now(), 0);
  }
}

TEST_F(DaemonizeStarter, IsNotHeldByADaemonThatIsGoneBeforeItsPidfdIsOpened) {
  ON_CALL(os_, PidFdOpen(kSecond, 0)).WillByDefault(Fails(ESRCH));
  os_.Say(ChildReport::GaveUp(13, kSecond, 0));
  os_.Say(ChildReport::Died(0, 3, kSecond));
  os_.End(kFirstFd);
  EXPECT_TRUE(absl::IsInternal(Run()));
  EXPECT_EQ(os_.now(), 0);
}

TEST_F(DaemonizeStarter, WithoutAPidfdKillsADaemonByItsPidAsLongAsItsParentHasNotReapedIt) {
  for (bool parent_lives : {true, false}) {
    StarterOs os;
    ON_CALL(os, PidFdOpen(kSecond, 0)).WillByDefault(Fails(EMFILE));
    ON_CALL(os, WaitId(P_PID, kFirst, WEXITED | WNOHANG | WNOWAIT))
        .WillByDefault(Ok(parent_lives ? WaitIdResult() : WaitIdResult{kFirst, CLD_EXITED, 0}));
    EXPECT_CALL(os, Kill(kSecond, SIGKILL)).Times(parent_lives ? 1 : 0);
    EXPECT_TRUE(absl::IsDeadlineExceeded(Daemonize(options_, os).status()));
  }
}

TEST_F(DaemonizeStarter, KillsWhereAFilterForbidsSignalsByPidfd) {
  ON_CALL(os_, PidFdSendSignal(_, _)).WillByDefault(Fails(EPERM));
  ON_CALL(os_, WaitId(P_PID, kFirst, _)).WillByDefault(Ok(WaitIdResult()));
  EXPECT_CALL(os_, Kill(kSecond, SIGKILL)).WillOnce([this](auto...) {
    os_.End(kSecondFd);
    os_.End(kFirstFd);
    return SysResult<void>();
  });
  EXPECT_TRUE(absl::IsDeadlineExceeded(Run()));
  EXPECT_EQ(os_.now(), 90);
}

TEST_F(DaemonizeStarter, RefusesAProcessWithOtherThreads) {
  os_.ShowStat("4000 (a) 1 (c) S 1 2 3 0 -1 0 1 2 3 4 5 6 7 8 20 0 2 0 99");
  EXPECT_CALL(os_, Fork()).Times(0);
  EXPECT_CALL(os_, Pipe2(_)).Times(0);
  const absl::Status status = Run();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_EQ(std::string(status.message()),
            "a process with 2 threads is not to become a daemon: it would have but one of them "
            "(allow_threads) [step validate]");
}

TEST_F(DaemonizeStarter, RefusesAProcessWhoseThreadsCannotBeCounted) {
  for (const char* stat : {"", "4000 (a) S 1 2 3", "4000 a",
                           "4000 (a) S 1 2 3 0 -1 0 1 2 3 4 5 6"
                           " 7 8 20 0 x 0 99"}) {
    os_.ShowStat(stat);
    EXPECT_CALL(os_, Fork()).Times(0);
    const absl::Status status = Run();
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << stat << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("cannot be told")) << stat;
  }
}

TEST_F(DaemonizeStarter, DoesNotCountThreadsThatAreAllowed) {
  options_.allow_threads = true;
  EXPECT_CALL(os_, Open(_, _, _)).Times(testing::AnyNumber());
  EXPECT_CALL(os_, Open(StrEq("/proc/self/stat"), _, _)).Times(0);
  os_.Say(ChildReport::Ready(kSecond));
  EXPECT_TRUE(Run().ok());
}

TEST_F(DaemonizeStarter, RefusesOptionsThatCannotHold) {
  EXPECT_CALL(os_, Fork()).Times(0);
  options_.fork.out = Stream::Pipe();
  options_.fork.session = Session::kNew;
  EXPECT_TRUE(absl::IsInvalidArgument(Run()));
  options_ = DaemonizeOptions();
  options_.ready_timeout = absl::ZeroDuration();
  EXPECT_TRUE(absl::IsInvalidArgument(Run()));
  options_.ready_timeout = -absl::InfiniteDuration();
  EXPECT_TRUE(absl::IsInvalidArgument(Run()));
  options_ = DaemonizeOptions();
  options_.fork.session = Session::kNew;
  options_.fork.parent_death_signal = SIGTERM;
  EXPECT_TRUE(absl::IsInvalidArgument(Run()));
}

TEST_F(DaemonizeStarter, ReturnsTheStepThatFailedInTheSetUp) {
  EXPECT_CALL(os_, Read(_, _, _)).Times(testing::AnyNumber());
  EXPECT_CALL(os_, Read(ScriptedOs::kReportRead, _, _))
      .WillOnce(ReadsReport(ChildReport::Forked(kSecond)))
      .WillOnce(ReadsReport(ChildReport::Failed(Step::kChDir, EACCES, kSecond)));
  EXPECT_EQ(Text(), "chdir(\"/\"): Permission denied (EACCES) [step chdir, child 4712]");
}

// Of every daemon: the first child was killed, the second has not said a word, and is killed too.
TEST(FirstChildThatVanished, LeavesNoSecondOneThatIsTakenForStartedAfterItWasKilled) {
  StarterOs os;
  os.Unsay();
  os.Say(ChildReport::Forked(kSecond));
  os.End(kFirstFd);
  ON_CALL(os, WaitId(P_PID, kFirst, WEXITED | WNOWAIT | __WALL))
      .WillByDefault(Ok(WaitIdResult{kFirst, CLD_KILLED, SIGKILL}));
  EXPECT_CALL(os, PidFdSendSignal(kSecondFd, SIGKILL))
      .WillOnce([&](auto...) {
        os.Say(ChildReport::Started(kSecond));  // in the moment before the signal came
        os.End(kSecondFd);
        return SysResult<void>();
      })
      .WillRepeatedly(Ok());
  ForkOptions options;
  options.session = Session::kDaemon;
  EXPECT_FALSE(ForkChild(options, os).ok());
}

}  // namespace
}  // namespace cleanfork
