#include "cleanfork/fault_os.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <string>
#include <type_traits>
#include <vector>

#include "cleanfork/mock_os.h"

namespace cleanfork {
namespace {

using ::testing::_;
using ::testing::ElementsAre;
using ::testing::InSequence;
using ::testing::NiceMock;
using ::testing::StrictMock;

template <typename Result, typename... Arguments>
Result CallWithZeros(Os& os, Result (Os::*method)(Arguments...)) {
  return (os.*method)(Arguments{}...);
}

template <typename Result, typename... Arguments>
auto CallOrNothing(Os& os, Result (Os::*method)(Arguments...)) {
  if constexpr (std::is_void_v<Result>) {
    return 0;
  } else {
    return CallWithZeros(os, method);
  }
}

TEST(FaultOs, ForwardsEveryCallWithoutAPlan) {
  StrictMock<MockOs> wrapped;
  FaultOs os(wrapped, "cf1");
#define CLEANFORK_OS_CALL(Method, name, Result, parameters, arguments, page, errnos) \
  EXPECT_CALL(wrapped, Method);                                                      \
  static_cast<void>(CallWithZeros(os, &Os::Method));                                 \
  testing::Mock::VerifyAndClearExpectations(&wrapped);
#include "cleanfork/os_calls.inc"
  EXPECT_CALL(wrapped, OnExit(3));
  EXPECT_THAT([&] { os.Exit(3); }, ExitsWith(3));
  EXPECT_EQ(os.FaultsFired(), 0u);
}

template <typename T>
int FailedWith(const SysResult<T>& result) {
  return result.error();
}
// Stands in for the calls that cannot fail, which the test below does not reach.
template <typename T>
int FailedWith(const T&) {
  return -1;
}

bool CanFail(OsCall call) { return !GetOsCallInfo(call).errnos.empty(); }

// Each call that can fail does so by its own name, once, and is not made (but close(2)).
TEST(FaultOs, FailsEveryCallThatCanFail) {
  int failed = 0;
#define CLEANFORK_OS_CALL(Method, name, Result, parameters, arguments, page, errnos) \
  if (CanFail(OsCall::k##Method)) {                                                  \
    ++failed;                                                                        \
    StrictMock<MockOs> wrapped;                                                      \
    if (OsCall::k##Method == OsCall::kClose) EXPECT_CALL(wrapped, Close(_));         \
    FaultOs os(wrapped, "cf1;P." #name "#1=ENOTTY");                                 \
    EXPECT_EQ(FailedWith(CallOrNothing(os, &Os::Method)), ENOTTY) << #name;          \
    EXPECT_EQ(os.FaultsFired(), 1u) << #name;                                        \
  }
#include "cleanfork/os_calls.inc"
  EXPECT_GT(failed, 50);
}

TEST(FaultOs, CountsAttemptsFailedOnesIncluded) {
  StrictMock<MockOs> wrapped;
  FaultOs os(wrapped, "cf1;P.setsid#2=EPERM;P.setsid#4=ENOSYS");
  EXPECT_CALL(wrapped, SetSid()).WillOnce(Fails(EACCES)).WillOnce(Ok(5));
  EXPECT_THAT(os.SetSid(), SysFails(EACCES));
  EXPECT_THAT(os.SetSid(), SysFails(EPERM));
  EXPECT_THAT(os.SetSid(), SysOk(5));
  EXPECT_THAT(os.SetSid(), SysFails(ENOSYS));
}

TEST(FaultOs, CountsEachCallByItself) {
  NiceMock<MockOs> wrapped;
  FaultOs os(wrapped, "cf1;P.dup#2=EMFILE");
  ON_CALL(wrapped, Dup(_)).WillByDefault(Ok(3));
  EXPECT_THAT(os.Pipe(), SysFails(ENOSYS));
  EXPECT_THAT(os.Dup(0), SysOk(3));
  EXPECT_THAT(os.Pipe(), SysFails(ENOSYS));
  EXPECT_THAT(os.Dup(0), SysFails(EMFILE));
}

TEST(FaultOs, FailsAllLaterCallsOfAStickyEntry) {
  StrictMock<MockOs> wrapped;
  FaultOs os(wrapped, "cf1;P.fork#2+=ENOMEM");
  EXPECT_CALL(wrapped, Fork()).WillOnce(ForkAsParent(9));
  EXPECT_THAT(os.Fork(), SysOk(9));
  for (int i = 0; i < 5; ++i) EXPECT_THAT(os.Fork(), SysFails(ENOMEM));
  EXPECT_EQ(os.FaultsFired(), 5u);
  EXPECT_EQ(os.fired(), os.plan());
}

TEST(FaultOs, TakesTheFirstOfTwoFaultsForOneCall) {
  StrictMock<MockOs> wrapped;
  FaultOs os(wrapped, "cf1;P.fork#1=EAGAIN;P.fork#1+=ENOMEM");
  EXPECT_THAT(os.Fork(), SysFails(EAGAIN));
  EXPECT_THAT(os.Fork(), SysFails(ENOMEM));
}

TEST(FaultOs, ReleasesTheDescriptorBeforeAFailedClose) {
  StrictMock<MockOs> wrapped;
  FaultOs os(wrapped, "cf1;P.close#1=EIO");
  EXPECT_CALL(wrapped, Close(7)).WillOnce(Ok());
  EXPECT_THAT(os.Close(7), SysFails(EIO));
}

TEST(FaultOs, PassesNoMoreBytesThanItIsTold) {
  StrictMock<MockOs> wrapped;
  FaultOs os(wrapped,
             "cf1;P.read#1=short:3;P.write#1=short:2;P.pread#1=short:1;P.pwrite#1=short:9;"
             "P.getrandom#1=short:4");
  char buffer[8] = {};
  EXPECT_CALL(wrapped, Read(5, buffer, 3)).WillOnce(ReadsBytes("abcdef"));
  EXPECT_CALL(wrapped, Write(5, buffer, 2)).WillOnce(Ok(2));
  EXPECT_CALL(wrapped, PRead(5, buffer, 1, 6)).WillOnce(ReadsEof());
  EXPECT_CALL(wrapped, PWrite(5, buffer, 8, 7)).WillOnce(Ok(8));
  EXPECT_CALL(wrapped, GetRandom(buffer, 4, 0)).WillOnce(Ok(4));
  EXPECT_THAT(os.Read(5, buffer, 8), SysOk(3u));
  EXPECT_STREQ(buffer, "abc");
  EXPECT_THAT(os.Write(5, buffer, 8), SysOk(2u));
  EXPECT_THAT(os.PRead(5, buffer, 8, 6), SysOk(0u));
  EXPECT_THAT(os.PWrite(5, buffer, 8, 7), SysOk(8u));
  EXPECT_THAT(os.GetRandom(buffer, 8, 0), SysOk(4u));
  EXPECT_EQ(os.FaultsFired(), 5u);
}

TEST(FaultOs, LiesAsItsHeaderSays) {
  StrictMock<MockOs> wrapped;
  FaultOs os(wrapped,
             "cf1;P.setuid#1=lie;P.close#1=lie;P.write#1=lie;P.getrandom#1=lie;P.dup2#1=lie;"
             "P.setsid#1=lie;P.open#1=lie;P.pipe2#1=lie;P.read#1=lie;P.waitpid#1=lie");
  EXPECT_CALL(wrapped, GetPid()).WillOnce(Ok(4711));
  char buffer[8] = {};
  EXPECT_THAT(os.SetUid(0), SysOk());
  EXPECT_THAT(os.Close(3), SysOk());
  EXPECT_THAT(os.Write(3, buffer, 8), SysOk(8u));
  EXPECT_THAT(os.GetRandom(buffer, 7, 0), SysOk(7u));
  EXPECT_THAT(os.Dup2(3, 9), SysOk(9));
  EXPECT_THAT(os.SetSid(), SysOk(4711));
  EXPECT_THAT(os.Open("/", 0, 0), SysOk(FaultOs::kLieDescriptor));
  EXPECT_EQ(os.Pipe2(0).value().read_end, FaultOs::kLieDescriptor);
  EXPECT_THAT(os.Read(3, buffer, 8), SysOk(0u));
  EXPECT_EQ(os.WaitPid(-1, 0).value().pid, 0);
  EXPECT_EQ(os.FaultsFired(), 10u);
}

TEST(FaultOs, SendsSignalsInOrderBeforeTheCall) {
  StrictMock<MockOs> wrapped;
  FaultOs os(wrapped, "cf1;P!SIGTERM@setsid#2;P.setsid#3=EPERM;P!SIGHUP@setsid#2");
  InSequence in_this_order;
  EXPECT_CALL(wrapped, SetSid()).WillOnce(Ok(1));
  EXPECT_CALL(wrapped, GetPid()).WillOnce(Ok(4711));
  EXPECT_CALL(wrapped, Kill(4711, SIGTERM)).WillOnce(Ok());
  EXPECT_CALL(wrapped, GetPid()).WillOnce(Ok(4711));
  EXPECT_CALL(wrapped, Kill(4711, SIGHUP)).WillOnce(Ok());
  EXPECT_CALL(wrapped, SetSid()).WillOnce(Ok(2));
  EXPECT_THAT(os.SetSid(), SysOk(1));
  EXPECT_THAT(os.SetSid(), SysOk(2));
  EXPECT_EQ(FaultPlanToString(os.fired()), "cf1;P!SIGTERM@setsid#2;P!SIGHUP@setsid#2");
}

TEST(FaultOs, SendsASignalBeforeExit) {
  StrictMock<MockOs> wrapped;
  FaultOs os(wrapped, "cf1;P!SIGTERM@_exit#1");
  InSequence in_this_order;
  EXPECT_CALL(wrapped, GetPid()).WillOnce(Ok(4711));
  EXPECT_CALL(wrapped, Kill(4711, SIGTERM)).WillOnce(Ok());
  EXPECT_CALL(wrapped, OnExit(1));
  EXPECT_THAT([&] { os.Exit(1); }, ExitsWith(1));
}

TEST(FaultOs, TellsTheChildOfAForkFromItsParent) {
  StrictMock<MockOs> wrapped;
  FaultOs os(wrapped, "cf1;P.2.dup#1=EMFILE;P.2.1.dup#1=EBADF");
  EXPECT_CALL(wrapped, Fork())
      .WillOnce(ForkAsParent(10))
      .WillOnce(Fails(EAGAIN))  // no child, so not counted among them
      .WillOnce(ForkAsChild())
      .WillOnce(ForkAsChild());
  EXPECT_CALL(wrapped, Dup(0)).Times(1).WillOnce(Ok(3));
  EXPECT_THAT(os.Dup(0), SysOk(3));
  EXPECT_THAT(os.Fork(), SysOk(10));
  EXPECT_THAT(os.Fork(), SysFails(EAGAIN));
  EXPECT_THAT(os.Fork(), SysOk(0));
  EXPECT_THAT(os.Dup(0), SysFails(EMFILE));
  EXPECT_THAT(os.Fork(), SysOk(0));
  EXPECT_THAT(os.Dup(0), SysFails(EBADF));
}

TEST(FaultOs, CountsNoChildForAVforkCallThatTheWrappedOsFails) {
  StrictMock<MockOs> wrapped;
  FaultOs os(wrapped, "cf1;P.2.dup#1=EMFILE");
  EXPECT_CALL(wrapped, VforkCall(_, _, _))
      .WillOnce(VforkAsParent(10))
      .WillOnce(Fails(EAGAIN))
      .WillOnce(VforkAsChild());
  EXPECT_THAT(os.VforkCall(nullptr, nullptr, SIGCHLD), SysOk(10));
  EXPECT_THAT(os.VforkCall(nullptr, nullptr, SIGCHLD), SysFails(EAGAIN));
  const auto dup = [](void* argument) { return static_cast<Os*>(argument)->Dup(0).error(); };
  EXPECT_THAT([&] { os.VforkCall(dup, &os, SIGCHLD).IgnoreError(); }, ExitsWith(EMFILE));
}

TEST(FaultOs, SaysHowManyProcessesItCouldNotTellApart) {
  NiceMock<MockOs> wrapped;
  ON_CALL(wrapped, Fork()).WillByDefault(ForkAsChild());
  FaultOs os(wrapped, "cf1");
  for (size_t i = 1; i < FaultOs::kMaxProcesses; ++i) os.Fork().IgnoreError();
  EXPECT_EQ(os.ProcessesDropped(), 0u);
  os.Fork().IgnoreError();
  os.Fork().IgnoreError();
  EXPECT_EQ(os.ProcessesDropped(), 2u);
}

std::vector<std::string> Lines(const std::vector<CallSite>& sites) {
  std::vector<std::string> lines;
  for (const CallSite& site : sites) {
    lines.push_back(site.process.ToString() + "." + GetOsCallInfo(site.call).name + " " +
                    std::to_string(site.count));
  }
  return lines;
}

int ExitStatus(Os& os, pid_t pid) {
  SysResult<WaitResult> waited = os.WaitPid(pid, 0);
  return waited.ok() && WIFEXITED(waited.value().status) ? WEXITSTATUS(waited.value().status) : -1;
}

TEST(FaultOsOverTheKernel, FailsCallsInRealChildrenAndTellsTheParent) {
  FaultOs os(RealOs(), "cf1;P.2.dup#1=EMFILE;P.2.1.setsid#1=EPERM;P.dup#1=EBADF");
  SysResult<pid_t> first = os.Fork();
  ASSERT_THAT(first, SysOk());
  if (first.value() == 0) os.Exit(os.Dup(0).error());
  EXPECT_EQ(ExitStatus(os, first.value()), 0);

  SysResult<pid_t> second = os.Fork();
  ASSERT_THAT(second, SysOk());
  if (second.value() == 0) {
    if (os.Dup(0).error() != EMFILE || !os.Dup(0).ok()) os.Exit(101);
    SysResult<pid_t> grandchild = os.Fork();
    if (!grandchild.ok()) os.Exit(102);
    if (grandchild.value() == 0) os.Exit(os.SetSid().error());
    os.Exit(ExitStatus(os, grandchild.value()));
  }
  EXPECT_EQ(ExitStatus(os, second.value()), EPERM);

  EXPECT_EQ(FaultPlanToString(os.fired()), "cf1;P.2.dup#1=EMFILE;P.2.1.setsid#1=EPERM");
  EXPECT_EQ(os.FaultsFired(), 2u);
  EXPECT_THAT(
      Lines(os.CallsMade()),
      ElementsAre("P.fork 2", "P.waitpid 2", "P.1.dup 1", "P.1._exit 1", "P.2.fork 1",
                  "P.2.waitpid 1", "P.2.dup 2", "P.2._exit 1", "P.2.1.setsid 1", "P.2.1._exit 1"));
}

int DupOnce(void* argument) {
  Os& os = *static_cast<Os*>(argument);
  SysResult<int> fd = os.Dup(0);
  return fd.error();
}

TEST(FaultOsOverTheKernel, RunsTheFunctionOfVforkCallAsAChild) {
  FaultOs os(RealOs(), "cf1;P.1.dup#1=EMFILE;P.dup#3=ENOTTY;P.2.dup#2=EBADF");
  std::vector<int> opened;
  for (int i = 0; i < 2; ++i) {
    SysResult<int> fd = os.Dup(0);
    ASSERT_THAT(fd, SysOk());
    opened.push_back(fd.value());
  }
  SysResult<pid_t> first = os.VforkCall(&DupOnce, &os, SIGCHLD);
  ASSERT_THAT(first, SysOk());
  EXPECT_EQ(ExitStatus(os, first.value()), EMFILE);
  EXPECT_THAT(os.Dup(0), SysFails(ENOTTY));  // the child's dup was not counted as the parent's

  SysResult<pid_t> second = os.VforkCall(&DupOnce, &os, SIGCHLD);
  ASSERT_THAT(second, SysOk());
  EXPECT_EQ(ExitStatus(os, second.value()), 0);
  for (int fd : opened) EXPECT_THAT(os.Close(fd), SysOk());
  EXPECT_THAT(Lines(os.CallsMade()), ElementsAre("P.vfork 2", "P.waitpid 2", "P.close 2", "P.dup 3",
                                                 "P.1.dup 1", "P.2.dup 1"));
}

TEST(FaultOsOverTheKernel, RunsNothingForAVforkCallThatFails) {
  FaultOs os(RealOs(), "cf1;P.vfork#1=EAGAIN;P.1.dup#1=EMFILE");
  EXPECT_THAT(os.VforkCall(&DupOnce, &os, SIGCHLD), SysFails(EAGAIN));
  SysResult<pid_t> child = os.VforkCall(&DupOnce, &os, SIGCHLD);
  ASSERT_THAT(child, SysOk());
  EXPECT_EQ(ExitStatus(os, child.value()), EMFILE) << "the child that there is, is the first";
}

TEST(FaultOsOverTheKernel, KillsAChildJustBeforeACall) {
  FaultOs os(RealOs(), "cf1;P.1!SIGKILL@setsid#1");
  SysResult<pid_t> child = os.Fork();
  ASSERT_THAT(child, SysOk());
  if (child.value() == 0) {
    os.SetSid().IgnoreError();
    os.Exit(1);
  }
  SysResult<WaitResult> waited = os.WaitPid(child.value(), 0);
  ASSERT_THAT(waited, SysOk());
  ASSERT_TRUE(WIFSIGNALED(waited.value().status));
  EXPECT_EQ(WTERMSIG(waited.value().status), SIGKILL);
  EXPECT_EQ(os.FaultsFired(), 1u);
}

volatile sig_atomic_t signals_seen = 0;

TEST(FaultOsOverTheKernel, RunsAHandlerBeforeTheCall) {
  FaultOs os(RealOs(), "cf1;P!SIGUSR1@getpid#2");
  SignalAction count;
  count.handler = [](int) { signals_seen = signals_seen + 1; };
  SysResult<SignalAction> before = os.SigAction(SIGUSR1, &count);
  ASSERT_THAT(before, SysOk());
  os.GetPid();
  EXPECT_EQ(signals_seen, 0);
  os.GetPid();
  EXPECT_EQ(signals_seen, 1);
  EXPECT_THAT(os.SigAction(SIGUSR1, &before.value()), SysOk());
}

TEST(FaultOsOverTheKernel, SendsNoSigpipeWithAnInjectedEpipe) {
  FaultOs os(RealOs(), "cf1;P.1.write#1=EPIPE");
  SysResult<pid_t> child = os.Fork();
  ASSERT_THAT(child, SysOk());
  if (child.value() == 0) os.Exit(os.Write(1, "", 0).error());
  EXPECT_EQ(ExitStatus(os, child.value()), EPIPE);
}

TEST(FaultOsDeathTest, RefusesASwitchOfProcessByName) {
  EXPECT_DEATH(FaultOs(RealOs(), "cf1;P.fork#1=EAGAIN;P>P.1@waitpid#1"),
               "entry 2 of the plan, P>P.1@waitpid#1: a switch of process");
}

TEST(FaultOsDeathTest, RefusesASignalWithinACallByName) {
  EXPECT_DEATH(FaultOs(RealOs(), "cf1;P!SIGTERM+@read#1"),
               "entry 1 of the plan, P!SIGTERM.@read#1: a signal within a call, "
               ".* without the '.'");
}

TEST(FaultOsDeathTest, RefusesWhatIsNoPlan) {
  EXPECT_DEATH(FaultOs(RealOs(), "cf1;P.frok#1=EAGAIN"), "did you mean \"fork\"");
  FaultEntry lie;
  lie.kind = FaultEntry::Kind::kLie;
  lie.call = OsCall::kFork;
  EXPECT_DEATH(FaultOs(RealOs(), FaultPlan{lie}), "what fork does");
}

}  // namespace
}  // namespace cleanfork
