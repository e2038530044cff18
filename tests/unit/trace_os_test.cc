#include "cleanfork/trace_os.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <string>
#include <vector>

#include "cleanfork/fault_os.h"
#include "cleanfork/mock_os.h"

namespace cleanfork {
namespace {

using ::testing::_;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::NiceMock;
using ::testing::SizeIs;
using ::testing::StartsWith;
using ::testing::StrictMock;

template <typename Result, typename... Arguments>
Result CallWithZeros(Os& os, Result (Os::*method)(Arguments...)) {
  return (os.*method)(Arguments{}...);
}

bool HasErrnos(OsCall call) { return !GetOsCallInfo(call).errnos.empty(); }

TEST(TraceOs, PassesOnAndRecordsEveryCallByItsName) {
  StrictMock<MockOs> wrapped;
  TraceOs os(wrapped);
#define CLEANFORK_OS_CALL(Method, name, Result, parameters, arguments, page, errnos)     \
  EXPECT_CALL(wrapped, Method);                                                          \
  static_cast<void>(CallWithZeros(os, &Os::Method));                                     \
  testing::Mock::VerifyAndClearExpectations(&wrapped);                                   \
  EXPECT_THAT(os.Lines().back(), StartsWith("P " #name "("));                            \
  if (HasErrnos(OsCall::k##Method)) {                                                    \
    EXPECT_THAT(os.Lines().back(), EndsWith(" = -1 ENOSYS (Function not implemented)")); \
  }
#include "cleanfork/os_calls.inc"
  EXPECT_THAT(os.Lines(), SizeIs(kOsCallCount - 1));
}

TEST(TraceOs, PrintsArgumentsByName) {
  NiceMock<MockOs> wrapped;
  TraceOs os(wrapped, 100);
  const SignalSet set = SignalSet::Of(SIGTERM, SIGHUP);
  SignalAction ignore;
  ignore.handler = SIG_IGN;
  const gid_t groups[] = {0, 4, 24};
  char name[] = "sleep";
  char seconds[] = "60";
  char* argv[] = {name, seconds, nullptr};
  ON_CALL(wrapped, Open).WillByDefault(Ok(3));
  ON_CALL(wrapped, SetGid).WillByDefault(Fails(EPERM));
  ON_CALL(wrapped, SigProcMask).WillByDefault(Ok(SignalSet::Empty()));
  ON_CALL(wrapped, SigAction).WillByDefault(Ok(SignalAction()));
  ON_CALL(wrapped, SetGroups).WillByDefault(Ok());
  ON_CALL(wrapped, SetResUid).WillByDefault(Ok());
  ON_CALL(wrapped, Write).WillByDefault(Ok(2));
  ON_CALL(wrapped, Read).WillByDefault(ReadsBytes("x\n"));
  ON_CALL(wrapped, WaitPid).WillByDefault(Ok(WaitResult{9, SIGKILL}));
  ON_CALL(wrapped, Pipe2).WillByDefault(Ok(PipeEnds{3, 4}));
  ON_CALL(wrapped, Kill).WillByDefault(Ok());
  ON_CALL(wrapped, ExecVe).WillByDefault(Fails(ENOENT));
  ON_CALL(wrapped, FcntlSetLock).WillByDefault(Ok());
  ON_CALL(wrapped, GetRLimit).WillByDefault(Ok(ResourceLimit{1024, ~uint64_t{0}}));
  ON_CALL(wrapped, GetEnv).WillByDefault(testing::Return("/root"));
  ON_CALL(wrapped, SetEnv).WillByDefault(Ok());
  ON_CALL(wrapped, FcntlGetFd).WillByDefault(Ok(FD_CLOEXEC));

  os.Open("/dev/null", O_RDWR | O_CLOEXEC, 0644).IgnoreError();
  os.Open("x", O_WRONLY | O_CREAT, 0644).IgnoreError();
  os.SetGid(65534).IgnoreError();
  os.SigProcMask(SIG_BLOCK, &set).IgnoreError();
  os.SigProcMask(SIG_SETMASK, nullptr).IgnoreError();
  os.SigAction(SIGCHLD, &ignore).IgnoreError();
  os.SetGroups(groups, 3).IgnoreError();
  os.SetResUid(static_cast<uid_t>(-1), 5, 0).IgnoreError();
  os.Write(1, "a\"", 2).IgnoreError();
  char buffer[8];
  os.Read(0, buffer, 8).IgnoreError();
  os.WaitPid(-1, WNOHANG | WUNTRACED).IgnoreError();
  os.Pipe2(O_CLOEXEC).IgnoreError();
  os.Kill(9, 0).IgnoreError();
  os.Kill(9, SIGTERM).IgnoreError();
  os.ExecVe("/bin/sleep", argv, argv).IgnoreError();
  os.Umask(027);
  os.FcntlSetLock(3, F_WRLCK).IgnoreError();
  os.GetRLimit(RLIMIT_NOFILE).IgnoreError();
  os.GetEnv("HOME");
  os.SetEnv("HOME", "/").IgnoreError();
  os.FcntlGetFd(3).IgnoreError();
  EXPECT_THAT(
      os.Lines(),
      ElementsAre("P open(\"/dev/null\", O_RDWR|O_CLOEXEC) = 3",
                  "P open(\"x\", O_WRONLY|O_CREAT, 0644) = 3",
                  "P setgid(65534) = -1 EPERM (Operation not permitted)",
                  "P sigprocmask(SIG_BLOCK, {SIGHUP, SIGTERM}) = {}",
                  "P sigprocmask(SIG_SETMASK, NULL) = {}",
                  "P sigaction(SIGCHLD, {SIG_IGN}) = {SIG_DFL}", "P setgroups({0, 4, 24}, 3) = 0",
                  "P setresuid(-1, 5, 0) = 0", "P write(1, \"a\\\"\", 2) = 2",
                  "P read(0, \"x\\n\", 8) = 2",
                  "P waitpid(-1, WNOHANG|WUNTRACED) = {pid 9, killed by SIGKILL}",
                  "P pipe2(O_CLOEXEC) = {read end 3, write end 4}", "P kill(9, 0) = 0",
                  "P kill(9, SIGTERM) = 0",
                  "P execve(\"/bin/sleep\", [\"sleep\", \"60\"], envp) = -1 ENOENT (No such file "
                  "or directory)",
                  "P umask(027) = 022", "P fcntl_setlk(3, F_WRLCK) = 0",
                  "P getrlimit(RLIMIT_NOFILE) = {soft 1024, hard unlimited}",
                  "P getenv(\"HOME\") = \"/root\"", "P setenv(\"HOME\", \"/\") = 0",
                  "P fcntl_getfd(3) = FD_CLOEXEC"));
}

TEST(TraceOs, ShowsWhereAMessageGoesWithAnAtSignForAnAbstractName) {
  NiceMock<MockOs> wrapped;
  TraceOs os(wrapped);
  UnixAddress path = {"/run/x", 6};
  UnixAddress abstract = {"\0x", 2};
  ON_CALL(wrapped, Socket).WillByDefault(Ok(3));
  ON_CALL(wrapped, SendTo).WillByDefault(Ok(size_t{1}));
  ON_CALL(wrapped, SendTo(_, _, _, _, testing::Pointee(path))).WillByDefault(Fails(ECONNREFUSED));
  os.Socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0).IgnoreError();
  os.SendTo(3, "a", 1, MSG_NOSIGNAL, &path).IgnoreError();
  os.SendTo(3, "a", 1, 0, &abstract).IgnoreError();
  os.SendTo(3, "a", 1, 0, nullptr).IgnoreError();
  os.UnsetEnv("HOME").IgnoreError();
  EXPECT_THAT(
      os.Lines(),
      ElementsAre("P socket(AF_UNIX, SOCK_DGRAM|SOCK_CLOEXEC, 0) = 3",
                  "P sendto(3, \"a\", 1, MSG_NOSIGNAL, \"/run/x\") = -1 ECONNREFUSED "
                  "(Connection refused)",
                  "P sendto(3, \"a\", 1, 0, \"@x\") = 1", "P sendto(3, \"a\", 1, 0, NULL) = 1",
                  "P unsetenv(\"HOME\") = -1 ENOSYS (Function not implemented)"));
  EXPECT_EQ(testing::PrintToString(abstract), "\"@x\"");
}

TEST(TraceOs, CutsWhatIsTooLongAndSaysSo) {
  NiceMock<MockOs> wrapped;
  TraceOs os(wrapped);
  const std::string fits(TraceOs::kMaxText, 'a');
  const std::string data(TraceOs::kMaxData + 1, 'd');
  const std::vector<gid_t> groups(TraceOs::kMaxGroups + 1, 7);
  std::string long_argument = fits;
  char* argv[] = {long_argument.data(), long_argument.data(), nullptr};
  os.ChDir(fits.c_str()).IgnoreError();
  os.ChDir((fits + "b").c_str()).IgnoreError();
  os.Write(1, data.data(), data.size()).IgnoreError();
  os.SetGroups(groups.data(), groups.size()).IgnoreError();
  os.ExecVe("/", argv, argv).IgnoreError();
  EXPECT_THAT(os.Lines(),
              ElementsAre(StartsWith("P chdir(\"" + fits + "\") ="),
                          StartsWith("P chdir(\"" + fits + "\"...) ="),
                          StartsWith("P write(1, \"" + data.substr(1) + "\"..., 33) ="),
                          StartsWith("P setgroups({7, 7, 7, 7, 7, 7, 7, 7, ...}, 9) ="),
                          StartsWith("P execve(\"/\", [\"" + fits + "\"...], envp) =")));
}

TEST(TraceOs, CountsTheCallsForWhichThereIsNoRoom) {
  NiceMock<MockOs> wrapped;
  TraceOs os(wrapped, 2);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(os.GetPid(), 100);
  EXPECT_EQ(os.recorded(), 2u);
  EXPECT_EQ(os.dropped(), 3u);
  EXPECT_EQ(os.Text(),
            "P  getpid() = 100\n"
            "P  getpid() = 100\n"
            "(3 later calls were not recorded: there is room for 2)\n");
}

TEST(TraceOs, NumbersChildrenByTheForksThatSucceed) {
  NiceMock<MockOs> wrapped;
  TraceOs os(wrapped);
  EXPECT_CALL(wrapped, Fork())
      .WillOnce(ForkAsParent(10))
      .WillOnce(Fails(EAGAIN))
      .WillOnce(ForkAsChild());
  EXPECT_CALL(wrapped, VforkCall(_, _, _)).WillOnce(VforkAsParent(11)).WillOnce(Fails(EAGAIN));
  os.Fork().IgnoreError();
  os.VforkCall(nullptr, nullptr, SIGCHLD).IgnoreError();
  os.Fork().IgnoreError();
  os.VforkCall(nullptr, nullptr, SIGCHLD).IgnoreError();
  os.Fork().IgnoreError();
  EXPECT_EQ(os.Lines().back(), "P.3 fork() = 0");
}

TEST(TraceOs, RecordsAnExitOfADouble) {
  NiceMock<MockOs> wrapped;
  TraceOs os(wrapped);
  EXPECT_THAT([&] { os.Exit(3); }, ExitsWith(3));
  EXPECT_THAT(os.Lines(), ElementsAre("P _exit(3)"));
}

std::string Pid(pid_t pid) { return std::to_string(pid); }

TEST(TraceOsOverTheKernel, RecordsParentAndChildrenUnderTheirOwnNames) {
  TraceOs os(RealOs());
  SysResult<pid_t> child = os.Fork();
  ASSERT_THAT(child, SysOk());
  if (child.value() == 0) {
    SysResult<pid_t> grandchild = os.Fork();
    if (!grandchild.ok()) os.Exit(101);
    if (grandchild.value() == 0) os.Exit(os.FcntlGetFd(-1).error());
    os.WaitPid(grandchild.value(), 0).IgnoreError();
    os.Exit(7);
  }
  ASSERT_THAT(os.WaitPid(child.value(), 0), SysOk());
  const std::string text = os.Text();
  const std::string pid = Pid(child.value());
  EXPECT_THAT(text, StartsWith("P      fork() = " + pid + "\n"));
  EXPECT_THAT(text, HasSubstr("P.1    fork() = 0\n"));
  EXPECT_THAT(text, HasSubstr("P.1.1  fork() = 0\n"));
  EXPECT_THAT(text, HasSubstr("P.1.1  fcntl_getfd(-1) = -1 EBADF (Bad file descriptor)\n"));
  EXPECT_THAT(text, HasSubstr("P.1.1  _exit(9)\n"));
  EXPECT_THAT(text, HasSubstr("P.1    _exit(7)\n"));
  EXPECT_THAT(text,
              HasSubstr("P      waitpid(" + pid + ", 0) = {pid " + pid + ", exited with 7}\n"));
  EXPECT_THAT(os.Lines(), SizeIs(9));
}

int FailToGetFlags(void* argument) {
  Os& os = *static_cast<Os*>(argument);
  return os.FcntlGetFd(-1).error();
}

TEST(TraceOsOverTheKernel, RecordsTheFunctionOfVforkCallAsAChild) {
  TraceOs os(RealOs());
  std::vector<std::string> expected;
  for (const std::string name : {"P.1", "P.2"}) {
    SysResult<pid_t> child = os.VforkCall(&FailToGetFlags, &os, SIGCHLD);
    ASSERT_THAT(child, SysOk());
    ASSERT_THAT(RealOs().WaitPid(child.value(), 0), SysOk());
    expected.push_back("P vfork() = " + Pid(child.value()));
    expected.push_back(name + " vfork() = 0");
    expected.push_back(name + " fcntl_getfd(-1) = -1 EBADF (Bad file descriptor)");
    expected.push_back(name + " _exit(9)");
  }
  EXPECT_EQ(os.Lines(), expected);
}

TEST(TraceOsOverTheKernel, SaysWhichCallAKilledChildWasIn) {
  TraceOs os(RealOs());
  SysResult<pid_t> child = os.Fork();
  ASSERT_THAT(child, SysOk());
  if (child.value() == 0) {
    os.Kill(RealOs().GetPid(), SIGKILL).IgnoreError();
    os.Exit(1);
  }
  ASSERT_THAT(RealOs().WaitPid(child.value(), 0), SysOk());
  EXPECT_THAT(os.Lines(), ElementsAre("P fork() = " + Pid(child.value()), "P.1 fork() = 0",
                                      "P.1 kill(" + Pid(child.value()) + ", SIGKILL) = ?"));
}

TEST(TraceOs, AroundFaultOsShowsWhatTheProgramSaw) {
  NiceMock<MockOs> wrapped;
  FaultOs faulty(wrapped, "cf1;P.close#1=EIO;P!SIGTERM@setsid#1;P.1.dup#1=EMFILE");
  TraceOs os(faulty);
  ON_CALL(wrapped, Fork()).WillByDefault(ForkAsChild());
  ON_CALL(wrapped, SetSid()).WillByDefault(Ok(5));
  os.Close(3).IgnoreError();
  os.SetSid().IgnoreError();
  os.Fork().IgnoreError();
  os.Dup(0).IgnoreError();
  EXPECT_THAT(os.Lines(), ElementsAre("P close(3) = -1 EIO (Input/output error)", "P setsid() = 5",
                                      "P fork() = ?", "P.1 fork() = 0",
                                      "P.1 dup(0) = -1 EMFILE (Too many open files)"));
}

TEST(TraceOs, InsideFaultOsShowsWhatReachedTheKernel) {
  NiceMock<MockOs> wrapped;
  TraceOs trace(wrapped);
  FaultOs os(trace, "cf1;P.close#1=EIO;P!SIGTERM@setsid#1;P.1.dup#1=EMFILE;P.1.setgid#1=lie");
  ON_CALL(wrapped, Fork()).WillByDefault(ForkAsChild());
  ON_CALL(wrapped, SetSid()).WillByDefault(Ok(5));
  ON_CALL(wrapped, Close(_)).WillByDefault(Ok());
  ON_CALL(wrapped, Kill(_, _)).WillByDefault(Ok());
  EXPECT_THAT(os.Close(3), SysFails(EIO));
  os.SetSid().IgnoreError();
  os.Fork().IgnoreError();
  EXPECT_THAT(os.Dup(0), SysFails(EMFILE));
  EXPECT_THAT(os.SetGid(0), SysOk());
  EXPECT_EQ(os.GetUid(), 1000u);
  EXPECT_THAT(trace.Lines(), ElementsAre("P close(3) = 0", "P getpid() = 100",
                                         "P kill(100, SIGTERM) = 0", "P setsid() = 5",
                                         "P fork() = ?", "P.1 fork() = 0", "P.1 getuid() = 1000"));
}

TEST(TraceOsOverTheKernel, WorksOnEitherSideOfFaultOsAcrossForks) {
  const char* const plan = "cf1;P.1.fcntl_getfd#1=EMFILE";
  for (const bool trace_is_outside : {true, false}) {
    SCOPED_TRACE(trace_is_outside);
    TraceOs inner_trace(RealOs());
    FaultOs fault(inner_trace, plan);
    TraceOs outer_trace(fault);
    Os& os = trace_is_outside ? static_cast<Os&>(outer_trace) : fault;
    SysResult<pid_t> forked = os.Fork();
    ASSERT_THAT(forked, SysOk());
    if (forked.value() == 0) RealOs().Exit(os.FcntlGetFd(0).error());
    SysResult<WaitResult> waited = RealOs().WaitPid(forked.value(), 0);
    ASSERT_THAT(waited, SysOk());
    EXPECT_EQ(WEXITSTATUS(waited.value().status), EMFILE);
    EXPECT_EQ(fault.FaultsFired(), 1u);
    EXPECT_THAT(inner_trace.Lines(), SizeIs(2)) << "the failed call did not reach the kernel";
    EXPECT_THAT(outer_trace.Lines(), SizeIs(trace_is_outside ? 3 : 0));
  }
}

}  // namespace
}  // namespace cleanfork
