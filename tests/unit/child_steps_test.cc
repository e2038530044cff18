// The child's side: the order of its steps, and that every failing one is reported and exits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <string>
#include <vector>

#include "cleanfork/child_error.h"
#include "cleanfork/fork_child.h"
#include "cleanfork/spawn.h"
#include "tests/unit/scripted_os.h"

namespace cleanfork {
namespace {

using testing::_;
using testing::ElementsAre;
using testing::InSequence;
using testing::NotNull;
using testing::Pointee;
using testing::Return;
using testing::StrEq;

constexpr uid_t kUid = 65534;
constexpr gid_t kGid = 65533;
constexpr uid_t kUnchanged = static_cast<uid_t>(-1);

// A caller who is root and a child that is to be 65534:65533 with the groups 5 and 65533.
class ChildStepsTest : public testing::Test {
 protected:
  ChildStepsTest() {
    ScriptedOs& os = os_;
    ON_CALL(os, Fork()).WillByDefault(ForkAsChild());
    ON_CALL(os, VforkCall(_, _, _)).WillByDefault(VforkAsChild());
    ON_CALL(os, GetEuid()).WillByDefault(Return(0));
    ON_CALL(os, GetEgid()).WillByDefault(Return(0));
    ON_CALL(os, SetGroups(_, _)).WillByDefault(Ok());
    ON_CALL(os, SetResGid(kGid, kGid, kGid)).WillByDefault(Ok());
    ON_CALL(os, SetResUid(kUid, kUid, kUid)).WillByDefault(Ok());
    ON_CALL(os, SetResGid(kUnchanged, 0, kUnchanged)).WillByDefault(Fails(EPERM));
    ON_CALL(os, SetResUid(kUnchanged, 0, kUnchanged)).WillByDefault(Fails(EPERM));
    ON_CALL(os, GetResGid()).WillByDefault(Ok(ResGid{kGid, kGid, kGid}));
    ON_CALL(os, GetResUid()).WillByDefault(Ok(ResUid{kUid, kUid, kUid}));
    ON_CALL(os, SetFsGid(kUnchanged)).WillByDefault(Return(kGid));
    ON_CALL(os, SetFsUid(kUnchanged)).WillByDefault(Return(kUid));
    ON_CALL(os, CapGet()).WillByDefault(Ok(CapabilitySets{0, 0, 1}));
    ON_CALL(os, GetGroups(_, _)).WillByDefault([](gid_t* groups, size_t) {
      groups[0] = 5;
      groups[1] = kGid;
      return SysResult<size_t>(2);
    });
    options_.identity = Identity::Ids(kUid, kGid);
    options_.identity->groups = GroupPolicy::kExplicit;
    options_.identity->group_list = {kGid, 5};
  }

  // What a child does only where it is asked to.
  void AskForEverything() {
    options_.limits = {{RLIMIT_CORE, {0, 0}}, {RLIMIT_NOFILE, {64, 128}}};
    options_.nice = 5;
    options_.descriptors = {{5, 9}};
    ON_CALL(os_, FcntlDupFd(5, 10)).WillByDefault(Ok(40));
    options_.chroot = "/jail";
    options_.directory = "/srv";
    options_.oom_score_adjust = -17;
    options_.no_new_privs = true;
    options_.parent_death_signal = SIGTERM;
  }

  // Runs a child whose set-up is to fail, and returns what it reported.
  ChildReport FailingChild() {
    EXPECT_CALL(os_, OnExit(127));
    EXPECT_THAT([this] { (void)ForkChild(options_, os_); }, ExitsWith(127));
    EXPECT_EQ(os_.reports().size(), 1u);
    return os_.reports().empty() ? ChildReport() : os_.reports().front();
  }

  ScriptedOs os_;
  ForkOptions options_;
};

TEST_F(ChildStepsTest, TheChildTakesItsStepsInTheOrderOfTheDesignAndReturnsZero) {
  InSequence in_this_order;
  EXPECT_CALL(os_, SigProcMask(SIG_SETMASK, Pointee(SignalSet::Full())));
  EXPECT_CALL(os_, Fork());
  EXPECT_CALL(os_, Close(ScriptedOs::kReportRead));
  EXPECT_CALL(os_, SetSid());
  EXPECT_CALL(os_, Umask(022));
  EXPECT_CALL(os_, Dup2(ScriptedOs::kNull, 0));
  EXPECT_CALL(os_, Dup2(ScriptedOs::kNull, 1));
  EXPECT_CALL(os_, Dup2(ScriptedOs::kNull, 2));
  EXPECT_CALL(os_, CloseRange(3, ScriptedOs::kReportWrite - 1, 0));
  EXPECT_CALL(os_, CloseRange(ScriptedOs::kReportWrite + 1, ~0u, 0));
  EXPECT_CALL(os_, SetGroups(_, 2));
  EXPECT_CALL(os_, SetResGid(kGid, kGid, kGid));
  EXPECT_CALL(os_, SetResUid(kUid, kUid, kUid));
  EXPECT_CALL(os_, GetGroups(_, 3));
  EXPECT_CALL(os_, GetResGid());
  EXPECT_CALL(os_, SetFsGid(kUnchanged));
  EXPECT_CALL(os_, GetResUid());
  EXPECT_CALL(os_, SetFsUid(kUnchanged));
  EXPECT_CALL(os_, CapGet());
  EXPECT_CALL(os_, SetResUid(kUnchanged, 0, kUnchanged));
  EXPECT_CALL(os_, SetResGid(kUnchanged, 0, kUnchanged));
  EXPECT_CALL(os_, ChDir(StrEq("/")));
  EXPECT_CALL(os_, SigProcMask(SIG_SETMASK, Pointee(SignalSet::Empty())));
  EXPECT_CALL(os_, Write(ScriptedOs::kReportWrite, _, sizeof(ChildReport)));
  EXPECT_CALL(os_, Close(ScriptedOs::kReportWrite));
  absl::StatusOr<pid_t> pid = ForkChild(options_, os_);
  ASSERT_TRUE(pid.ok()) << pid.status();
  EXPECT_EQ(*pid, 0);
  ASSERT_EQ(os_.reports().size(), 1u);
  EXPECT_EQ(os_.reports()[0].kind, ChildReport::kStarted);
}

// An action that notes that its step was taken, and succeeds.
template <typename... Value>
auto Note(std::vector<Step>* steps, Step step, Value... value) {
  return testing::DoAll(testing::InvokeWithoutArgs([steps, step] { steps->push_back(step); }),
                        Ok(value...));
}

TEST_F(ChildStepsTest, TheOrderIsThatOfStepH) {
  std::vector<Step> steps;
  SignalAction ignore;
  ignore.handler = SIG_IGN;
  options_.signal_handlers = {{SIGHUP, ignore}};
  options_.pid_file_descriptor = 7;
  ON_CALL(os_, FcntlGetFd(7)).WillByDefault(Ok(0));
  ON_CALL(os_, FTruncate(7, 0)).WillByDefault(Ok());
  AskForEverything();
  EXPECT_CALL(os_, SigAction(_, _)).WillRepeatedly(Ok(ignore));
  EXPECT_CALL(os_, SigAction(SIGHUP, Pointee(SignalAction())))
      .WillOnce(Note(&steps, Step::kResetSignals, SignalAction()));
  EXPECT_CALL(os_, SetSid()).WillOnce(Note(&steps, Step::kSetSid, ScriptedOs::kChild));
  EXPECT_CALL(os_, SetRLimit(RLIMIT_CORE, _)).WillOnce(Note(&steps, Step::kLimits));
  EXPECT_CALL(os_, SetRLimit(RLIMIT_NOFILE, _)).WillOnce(Note(&steps, Step::kLimits));
  EXPECT_CALL(os_, SetPriority(PRIO_PROCESS, 0, 5)).WillOnce(Note(&steps, Step::kNice));
  EXPECT_CALL(os_, Write(_, _, _)).WillRepeatedly([](int, const void*, size_t size) {
    return SysResult<size_t>(size);
  });
  EXPECT_CALL(os_, Write(ScriptedOs::kOomScore, _, 3))
      .WillOnce(Note(&steps, Step::kOomScore, size_t{3}));
  EXPECT_CALL(os_, ChRoot(StrEq("/jail"))).WillOnce(Note(&steps, Step::kChRoot));
  EXPECT_CALL(os_, ChDir(StrEq("/"))).WillOnce(Note(&steps, Step::kChRoot));
  EXPECT_CALL(os_, Umask(022)).WillOnce(Note(&steps, Step::kUmask, mode_t{0}));
  EXPECT_CALL(os_, Dup2(_, 0)).WillOnce(Note(&steps, Step::kStdin, 0));
  EXPECT_CALL(os_, Dup2(_, 1)).WillOnce(Note(&steps, Step::kStdout, 1));
  EXPECT_CALL(os_, Dup2(_, 2)).WillOnce(Note(&steps, Step::kStderr, 2));
  EXPECT_CALL(os_, Dup2(40, 9)).WillOnce(Note(&steps, Step::kMoveDescriptor, 9));
  EXPECT_CALL(os_, FcntlSetFd(7, 0)).WillOnce(Note(&steps, Step::kKeepDescriptor));
  EXPECT_CALL(os_, PWrite(7, _, 5, 0)).WillOnce(Note(&steps, Step::kWritePidFile, size_t{5}));
  EXPECT_CALL(os_, CloseRange(_, _, _)).WillRepeatedly(Note(&steps, Step::kCloseDescriptors));
  EXPECT_CALL(os_, SetGroups(_, _)).WillOnce(Note(&steps, Step::kSetGroups));
  EXPECT_CALL(os_, SetResGid(kGid, _, _)).WillOnce(Note(&steps, Step::kSetGid));
  EXPECT_CALL(os_, SetResGid(kUnchanged, _, _)).WillOnce(Fails(EPERM));
  EXPECT_CALL(os_, SetResUid(kUid, _, _)).WillOnce(Note(&steps, Step::kSetUid));
  EXPECT_CALL(os_, GetResUid())
      .WillOnce(Note(&steps, Step::kVerifyIdentity, ResUid{kUid, kUid, kUid}));
  EXPECT_CALL(os_, SetResUid(kUnchanged, _, _))
      .WillOnce(testing::DoAll(
          testing::InvokeWithoutArgs([&steps] { steps.push_back(Step::kRegain); }), Fails(EPERM)));
  EXPECT_CALL(os_, PrctlSetNoNewPrivs()).WillOnce(Note(&steps, Step::kNoNewPrivs));
  EXPECT_CALL(os_, PrctlSetPdeathsig(SIGTERM)).WillOnce(Note(&steps, Step::kParentDeathSignal));
  EXPECT_CALL(os_, ChDir(StrEq("/srv"))).WillOnce(Note(&steps, Step::kChDir));
  EXPECT_CALL(os_, SigAction(SIGHUP, Pointee(ignore)))
      .WillOnce(Note(&steps, Step::kSignalHandlers, SignalAction()));
  EXPECT_CALL(os_, SigProcMask(_, _)).WillRepeatedly(Ok(ScriptedOs::CallersMask()));
  EXPECT_CALL(os_, SigProcMask(_, Pointee(SignalSet::Empty())))
      .WillOnce(Note(&steps, Step::kSignalMask, SignalSet::Full()));
  EXPECT_CALL(os_, ExecVe(_, _, _)).WillOnce([&](const char*, char* const*, char* const*) {
    steps.push_back(Step::kExec);
    return SysResult<void>(SysError(ENOENT));
  });
  EXPECT_THAT([this] { (void)Spawn({"/usr/bin/worker"}, options_, os_); }, ExitsWith(127));
  std::vector<Step> sorted = steps;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(steps, sorted);
}

struct FailingStep {
  const char* name;
  std::function<void(ScriptedOs&)> fail;
  Step step;
  int error;
};

void PrintTo(const FailingStep& failing, std::ostream* os) { *os << failing.name; }

class FailingStepTest : public ChildStepsTest, public testing::WithParamInterface<FailingStep> {};

TEST_P(FailingStepTest, IsReportedWithItsErrnoAndExits) {
  GetParam().fail(os_);
  AskForEverything();
  options_.reseed = [](const unsigned char*, size_t) {};
  options_.signal_handlers = {{SIGHUP, SignalAction()}};
  const ChildReport report = FailingChild();
  EXPECT_EQ(report.kind, ChildReport::kFailed);
  EXPECT_STREQ(StepName(static_cast<Step>(report.step)), StepName(GetParam().step));
  EXPECT_EQ(report.error, GetParam().error);
  EXPECT_EQ(report.pid, ScriptedOs::kChild);
}

FailingStep Fail(const char* name, Step step, int error, void (*fail)(ScriptedOs&)) {
  return {name, fail, step, error};
}

INSTANTIATE_TEST_SUITE_P(
    Steps, FailingStepTest,
    testing::Values(
        Fail("reading an action", Step::kResetSignals, EINVAL,
             [](ScriptedOs& os) {
               ON_CALL(os, SigAction(SIGHUP, _)).WillByDefault(Fails(EINVAL));
             }),
        Fail("resetting a handler", Step::kResetSignals, EINVAL,
             [](ScriptedOs& os) {
               SignalAction handled;
               handled.handler = [](int) {};
               ON_CALL(os, SigAction(SIGUSR2, nullptr)).WillByDefault(Ok(handled));
               ON_CALL(os, SigAction(SIGUSR2, NotNull())).WillByDefault(Fails(EINVAL));
             }),
        Fail("setsid", Step::kSetSid, EPERM,
             [](ScriptedOs& os) { ON_CALL(os, SetSid()).WillByDefault(Fails(EPERM)); }),
        Fail("the second limit", Step::kLimits, EPERM,
             [](ScriptedOs& os) {
               ON_CALL(os, SetRLimit(RLIMIT_NOFILE, _)).WillByDefault(Fails(EPERM));
             }),
        Fail("nice", Step::kNice, EACCES,
             [](ScriptedOs& os) {
               ON_CALL(os, SetPriority(_, _, _)).WillByDefault(Fails(EACCES));
             }),
        Fail("no oom_score_adj", Step::kOomScore, ENOENT,
             [](ScriptedOs& os) {
               ON_CALL(os, Open(StrEq("/proc/self/oom_score_adj"), _, _))
                   .WillByDefault(Fails(ENOENT));
             }),
        Fail("a score refused", Step::kOomScore, EACCES,
             [](ScriptedOs& os) {
               ON_CALL(os, Write(ScriptedOs::kOomScore, _, _)).WillByDefault(Fails(EACCES));
             }),
        Fail("a score cut short", Step::kOomScore, EIO,
             [](ScriptedOs& os) {
               ON_CALL(os, Write(ScriptedOs::kOomScore, _, 3)).WillByDefault(Ok(size_t{2}));
             }),
        Fail("chroot", Step::kChRoot, EPERM,
             [](ScriptedOs& os) { ON_CALL(os, ChRoot(_)).WillByDefault(Fails(EPERM)); }),
        Fail("the step into the new root", Step::kChRoot, EACCES,
             [](ScriptedOs& os) { ON_CALL(os, ChDir(StrEq("/"))).WillByDefault(Fails(EACCES)); }),
        Fail("a missing root", Step::kChRoot, ENOENT,
             [](ScriptedOs& os) {
               ON_CALL(os, Stat(StrEq("/jail/."))).WillByDefault(Fails(ENOENT));
             }),
        Fail("a root that is still the old one", Step::kChRoot, 0,
             [](ScriptedOs& os) {
               FileStatus old;
               old.inode = 2;
               ON_CALL(os, Stat(StrEq("/"))).WillByDefault(Ok(old));
             }),
        Fail("a working directory outside", Step::kChRoot, 0,
             [](ScriptedOs& os) {
               FileStatus outside;
               outside.device = 7;
               ON_CALL(os, Stat(StrEq("."))).WillByDefault(Ok(outside));
             }),
        Fail("stdin", Step::kStdin, EMFILE,
             [](ScriptedOs& os) { ON_CALL(os, Dup2(_, 0)).WillByDefault(Fails(EMFILE)); }),
        Fail("stdout", Step::kStdout, EBADF,
             [](ScriptedOs& os) { ON_CALL(os, Dup2(_, 1)).WillByDefault(Fails(EBADF)); }),
        Fail("stderr busy for ever", Step::kStderr, EBUSY,
             [](ScriptedOs& os) { ON_CALL(os, Dup2(_, 2)).WillByDefault(Fails(EBUSY)); }),
        Fail("a move busy for ever", Step::kMoveDescriptor, EBUSY,
             [](ScriptedOs& os) { ON_CALL(os, Dup2(_, 9)).WillByDefault(Fails(EBUSY)); }),
        Fail("close_range", Step::kCloseDescriptors, ENOMEM,
             [](ScriptedOs& os) { ON_CALL(os, CloseRange(_, _, _)).WillByDefault(Fails(ENOMEM)); }),
        Fail("no close_range and no /proc", Step::kCloseDescriptors, EACCES,
             [](ScriptedOs& os) {
               ON_CALL(os, CloseRange(_, _, _)).WillByDefault(Fails(ENOSYS));
               ON_CALL(os, Open(StrEq("/proc/self/fd"), _, _)).WillByDefault(Fails(EACCES));
             }),
        Fail("setgroups", Step::kSetGroups, EPERM,
             [](ScriptedOs& os) { ON_CALL(os, SetGroups(_, _)).WillByDefault(Fails(EPERM)); }),
        Fail("setgid", Step::kSetGid, EPERM,
             [](ScriptedOs& os) {
               ON_CALL(os, SetResGid(kGid, _, _)).WillByDefault(Fails(EPERM));
             }),
        Fail("setuid", Step::kSetUid, EAGAIN, [](ScriptedOs& os) {
          ON_CALL(os, SetResUid(kUid, _, _)).WillByDefault(Fails(EAGAIN));
        })));

INSTANTIATE_TEST_SUITE_P(
    LaterSteps, FailingStepTest,
    testing::Values(
        Fail("uid not as asked", Step::kVerifyIdentity, 0,
             [](ScriptedOs& os) {
               ON_CALL(os, GetResUid()).WillByDefault(Ok(ResUid{kUid, kUid, 0}));
             }),
        Fail("gid not as asked", Step::kVerifyIdentity, 0,
             [](ScriptedOs& os) {
               ON_CALL(os, GetResGid()).WillByDefault(Ok(ResGid{0, kGid, kGid}));
             }),
        Fail("filesystem uid not as asked", Step::kVerifyIdentity, 0,
             [](ScriptedOs& os) { ON_CALL(os, SetFsUid(_)).WillByDefault(Return(0)); }),
        Fail("filesystem gid not as asked", Step::kVerifyIdentity, 0,
             [](ScriptedOs& os) { ON_CALL(os, SetFsGid(_)).WillByDefault(Return(0)); }),
        Fail("a permitted capability is left", Step::kVerifyIdentity, 0,
             [](ScriptedOs& os) {
               ON_CALL(os, CapGet()).WillByDefault(Ok(CapabilitySets{0, 1, 0}));
             }),
        Fail("an effective capability is left", Step::kVerifyIdentity, 0,
             [](ScriptedOs& os) {
               ON_CALL(os, CapGet()).WillByDefault(Ok(CapabilitySets{uint64_t{1} << 40, 0, 0}));
             }),
        Fail("capabilities cannot be read", Step::kVerifyIdentity, EINVAL,
             [](ScriptedOs& os) { ON_CALL(os, CapGet()).WillByDefault(Fails(EINVAL)); }),
        Fail("more groups than asked", Step::kVerifyIdentity, 0,
             [](ScriptedOs& os) { ON_CALL(os, GetGroups(_, _)).WillByDefault(Fails(EINVAL)); }),
        Fail("fewer groups than asked", Step::kVerifyIdentity, 0,
             [](ScriptedOs& os) { ON_CALL(os, GetGroups(_, _)).WillByDefault(Ok(size_t{1})); }),
        Fail("another group than asked", Step::kVerifyIdentity, 0,
             [](ScriptedOs& os) {
               ON_CALL(os, GetGroups(_, _)).WillByDefault([](gid_t* groups, size_t) {
                 groups[0] = 4;
                 groups[1] = kGid;
                 return SysResult<size_t>(2);
               });
             }),
        Fail("the old uid can be taken back", Step::kRegain, 0,
             [](ScriptedOs& os) { ON_CALL(os, SetResUid(_, 0, _)).WillByDefault(Ok()); }),
        Fail("the old gid can be taken back", Step::kRegain, 0,
             [](ScriptedOs& os) { ON_CALL(os, SetResGid(_, 0, _)).WillByDefault(Ok()); }),
        Fail("no new privileges", Step::kNoNewPrivs, EINVAL,
             [](ScriptedOs& os) {
               ON_CALL(os, PrctlSetNoNewPrivs()).WillByDefault(Fails(EINVAL));
             }),
        Fail("the parent's death signal", Step::kParentDeathSignal, EINVAL,
             [](ScriptedOs& os) {
               ON_CALL(os, PrctlSetPdeathsig(_)).WillByDefault(Fails(EINVAL));
             }),
        Fail("a parent that has ended", Step::kParentDeathSignal, ESRCH,
             [](ScriptedOs& os) { ON_CALL(os, GetPpid()).WillByDefault(Return(1)); }),
        Fail("chdir", Step::kChDir, ENOENT,
             [](ScriptedOs& os) {
               ON_CALL(os, ChDir(StrEq("/srv"))).WillByDefault(Fails(ENOENT));
             }),
        Fail("a handler", Step::kSignalHandlers, EINVAL,
             [](ScriptedOs& os) {
               ON_CALL(os, SigAction(SIGHUP, NotNull())).WillByDefault(Fails(EINVAL));
             }),
        Fail("the mask", Step::kSignalMask, EINVAL,
             [](ScriptedOs& os) {
               EXPECT_CALL(os, SigProcMask(_, _))
                   .WillOnce(Ok(SignalSet::Empty()))
                   .WillOnce(Fails(EINVAL));
             }),
        Fail("random bytes", Step::kReseed, ENOSYS, [](ScriptedOs& os) {
          ON_CALL(os, GetRandom(_, _, _)).WillByDefault(Fails(ENOSYS));
        })));

TEST_F(ChildStepsTest, WhatIsNotAskedForIsNotDone) {
  EXPECT_CALL(os_, SetRLimit(_, _)).Times(0);
  EXPECT_CALL(os_, ChRoot(_)).Times(0);
  EXPECT_CALL(os_, SetPriority(_, _, _)).Times(0);
  EXPECT_CALL(os_, Open(StrEq("/dev/null"), _, _)).WillOnce(Ok(ScriptedOs::kNull));
  EXPECT_CALL(os_, PrctlSetNoNewPrivs()).Times(0);
  EXPECT_CALL(os_, PrctlSetPdeathsig(_)).Times(0);
  EXPECT_TRUE(ForkChild(options_, os_).ok());
}

TEST_F(ChildStepsTest, CapabilitiesAreOfNoInterestWhereRootWasNotLeft) {
  EXPECT_CALL(os_, CapGet()).Times(0);
  ON_CALL(os_, GetEuid()).WillByDefault(Return(1000));
  ON_CALL(os_, SetResUid(kUnchanged, 1000, kUnchanged)).WillByDefault(Fails(EPERM));
  EXPECT_TRUE(ForkChild(options_, os_).ok());
}

TEST_F(ChildStepsTest, DescriptorsAreMovedByWayOfCopiesAboveAllTargetsAndStayOpen) {
  options_.descriptors = {{3, 4}, {4, 3}, {1, 2}, {2, 1}};
  for (int from : {1, 2, 3, 4}) EXPECT_CALL(os_, FcntlDupFd(from, 5)).WillOnce(Ok(40 + from));
  EXPECT_CALL(os_, Dup2(ScriptedOs::kNull, 0));
  EXPECT_CALL(os_, Dup2(42, 1));
  EXPECT_CALL(os_, Dup2(41, 2));
  EXPECT_CALL(os_, Dup2(43, 4));
  EXPECT_CALL(os_, Dup2(44, 3));
  EXPECT_CALL(os_, CloseRange(5, ScriptedOs::kReportWrite - 1, 0)).WillOnce(Ok());
  EXPECT_CALL(os_, CloseRange(ScriptedOs::kReportWrite + 1, ~0u, 0)).WillOnce(Ok());
  EXPECT_TRUE(ForkChild(options_, os_).ok());
}

TEST_F(ChildStepsTest, NothingOfThePlansLiesWhereADescriptorIsToGo) {
  options_.descriptors = {{5, 50}};
  options_.session = Session::kDaemon;
  EXPECT_CALL(os_, FcntlDupFd(5, 51)).WillOnce(Ok(60));
  EXPECT_CALL(os_, FcntlDupFd(ScriptedOs::kNull, 51)).WillOnce(Ok(61));
  EXPECT_CALL(os_, FcntlDupFd(ScriptedOs::kReportRead, 51)).WillOnce(Ok(62));
  EXPECT_CALL(os_, FcntlDupFd(ScriptedOs::kReportWrite, 51)).WillOnce(Ok(63));
  EXPECT_CALL(os_, FcntlDupFd(ScriptedOs::kSecondRead, 51)).WillOnce(Ok(64));
  EXPECT_CALL(os_, FcntlDupFd(ScriptedOs::kSecondWrite, 51)).WillOnce(Ok(65));
  FileStatus null;
  null.mode = S_IFCHR | 0666;
  null.special_device = makedev(1, 3);
  ON_CALL(os_, FStat(61)).WillByDefault(Ok(null));
  ON_CALL(os_, Write(_, _, _)).WillByDefault([](int, const void*, size_t size) {
    return SysResult<size_t>(size);
  });
  EXPECT_CALL(os_, Write(63, _, sizeof(ChildReport))).Times(2);  // forked, and started
  EXPECT_CALL(os_, Write(65, _, 1));
  EXPECT_CALL(os_, Dup2(61, testing::Le(2))).Times(3);
  EXPECT_CALL(os_, Dup2(60, 50));
  EXPECT_TRUE(ForkChild(options_, os_).ok());
}

TEST_F(ChildStepsTest, ADescriptorToMoveThatIsNotOpenIsAnErrorOfTheParents) {
  EXPECT_CALL(os_, Fork()).Times(0);
  options_.descriptors = {{7, 9}};
  EXPECT_CALL(os_, Open(_, _, _)).Times(0);  // which might become 7
  EXPECT_CALL(os_, FcntlGetFd(7)).WillOnce(Fails(EBADF));
  EXPECT_EQ(std::string(ForkChild(options_, os_).status().message()),
            "descriptor 7: Bad file descriptor (EBADF) [step move-descriptor]");
}

TEST_F(ChildStepsTest, ADup2ThatIsInterruptedOrBusyIsTriedAgain) {
  EXPECT_CALL(os_, Dup2(_, _)).WillRepeatedly(Ok(0));
  EXPECT_CALL(os_, Dup2(_, 1))
      .WillOnce(Fails(EINTR))
      .WillOnce(Fails(EBUSY))
      .WillOnce(Fails(EINTR))
      .WillOnce(Ok(1));
  EXPECT_TRUE(ForkChild(options_, os_).ok());
}

TEST_F(ChildStepsTest, TheSignalsThatTheCLibraryKeepsAreLeftToIt) {
  EXPECT_CALL(os_, SigAction(_, _)).WillRepeatedly(Ok(SignalAction()));
  EXPECT_CALL(os_, SigAction(testing::AnyOf(32, 33), _)).WillRepeatedly(Fails(EINVAL));
  EXPECT_TRUE(ForkChild(options_, os_).ok());
}

TEST_F(ChildStepsTest, ChildrenOfTheChildAreNotDiscardedAlsoWhereADefaultActionSaidSo) {
  SignalAction discards;
  discards.flags = SA_NOCLDWAIT;
  EXPECT_CALL(os_, SigAction(_, nullptr)).WillRepeatedly(Ok(SignalAction()));
  EXPECT_CALL(os_, SigAction(SIGCHLD, nullptr)).WillOnce(Ok(discards));
  EXPECT_CALL(os_, SigAction(SIGCHLD, Pointee(SignalAction()))).WillOnce(Ok(discards));
  EXPECT_TRUE(ForkChild(options_, os_).ok());
}

TEST_F(ChildStepsTest, AChildWhoseReportIsNotHeardExits) {
  EXPECT_CALL(os_, Write(ScriptedOs::kReportWrite, _, _)).WillOnce(Fails(EPIPE));
  EXPECT_CALL(os_, OnExit(127));
  EXPECT_THAT([this] { (void)ForkChild(options_, os_); }, ExitsWith(127));
}

TEST_F(ChildStepsTest, TheHooksOfTheChildRunOnceItIsSetUpWithBytesFromTheKernel) {
  std::vector<std::string> order;
  EXPECT_CALL(os_, GetRandom(_, 32, 0)).WillOnce(ReadsBytes(std::string(32, 'r')));
  options_.reseed = [&](const unsigned char* bytes, size_t size) {
    order.push_back("reseed " + std::string(reinterpret_cast<const char*>(bytes), size));
  };
  options_.in_child = [&] { order.push_back("child"); };
  options_.in_parent = [&](pid_t) { order.push_back("parent"); };
  ASSERT_TRUE(ForkChild(options_, os_).ok());
  EXPECT_THAT(order, ElementsAre("reseed " + std::string(32, 'r'), "child"));
}

TEST_F(ChildStepsTest, TheEnvironmentOfTheUserIsInstalledWithoutSetenv) {
  UserRecord record;
  record.uid = kUid;
  record.gid = kGid;
  std::string("nobody").copy(record.name, sizeof(record.name));
  std::string("/nonexistent").copy(record.home, sizeof(record.home));
  std::string("/bin/false").copy(record.shell, sizeof(record.shell));
  char user[] = "USER=root";
  char language[] = "LANG=C";
  char* callers[] = {user, language, nullptr};
  EXPECT_CALL(os_, GetPwUid(kUid)).WillOnce(Ok(record));
  EXPECT_CALL(os_, GetEnviron()).WillOnce(Return(callers));
  EXPECT_CALL(os_, SetEnv(_, _)).Times(0);
  std::vector<std::string> installed;
  EXPECT_CALL(os_, SetEnviron(_)).WillOnce([&](char** block) {
    for (; *block != nullptr; ++block) installed.push_back(*block);
  });
  ASSERT_TRUE(ForkChild(options_, os_).ok());
  EXPECT_THAT(installed, ElementsAre("LANG=C", "USER=nobody", "LOGNAME=nobody", "HOME=/nonexistent",
                                     "SHELL=/bin/false"));
}

TEST_F(ChildStepsTest, ABodysValueIsTheExitStatusOfTheChild) {
  EXPECT_CALL(os_, OnExit(7));
  EXPECT_THAT([this] { (void)RunInChild([] { return 0x107; }, options_, os_); }, ExitsWith(7));
}

TEST_F(ChildStepsTest, ABodyThatThrowsEndsTheChildAndUnwindsNothingOfTheCaller) {
  EXPECT_CALL(os_, OnExit(70));
  const auto body = []() -> int { throw std::string("from the body"); };
  EXPECT_THAT([&] { (void)RunInChild(body, options_, os_); }, ExitsWith(70));
}

TEST_F(ChildStepsTest, ABodyMayExitByItself) {
  EXPECT_CALL(os_, OnExit(3));
  const auto body = [this]() -> int { os_.Exit(3); };
  EXPECT_THAT([&] { (void)RunInChild(body, options_, os_); }, ExitsWith(3));
}

TEST_F(ChildStepsTest, AProgramIsLookedForAlongThePathOfTheChildsEnvironment) {
  options_.environment.set = {{"PATH", "/a::/b"}};
  InSequence in_this_order;
  EXPECT_CALL(os_, ExecVe(StrEq("/a/worker"), _, _)).WillOnce(Fails(ENOENT));
  EXPECT_CALL(os_, ExecVe(StrEq("./worker"), _, _)).WillOnce(Fails(EACCES));
  EXPECT_CALL(os_, ExecVe(StrEq("/b/worker"), _, _)).WillOnce(Fails(ENOTDIR));
  EXPECT_THAT([this] { (void)Spawn({"worker", "-v"}, options_, os_); }, ExitsWith(127));
  ASSERT_EQ(os_.reports().size(), 1u);
  EXPECT_EQ(os_.reports()[0].step, static_cast<int>(Step::kExec));
  EXPECT_EQ(os_.reports()[0].error, EACCES);
}

TEST_F(ChildStepsTest, ASearchEndsAtAProgramThatIsThereButCannotRun) {
  options_.environment.set = {{"PATH", "/a:/b"}};
  EXPECT_CALL(os_, ExecVe(StrEq("/a/worker"), _, _)).WillOnce(Fails(ENOEXEC));
  EXPECT_CALL(os_, ExecVe(StrEq("/b/worker"), _, _)).Times(0);
  EXPECT_THAT([this] { (void)Spawn({"worker"}, options_, os_); }, ExitsWith(127));
  EXPECT_EQ(os_.reports()[0].error, ENOEXEC);
}

TEST_F(ChildStepsTest, APathWithASlashIsNotSearchedForAndKeepsItsErrno) {
  EXPECT_CALL(os_, ExecVe(StrEq("./worker"), _, _)).WillOnce(Fails(ENOTDIR));
  EXPECT_THAT([this] { (void)Spawn({"./worker"}, options_, os_); }, ExitsWith(127));
  EXPECT_EQ(os_.reports()[0].error, ENOTDIR);
}

}  // namespace
}  // namespace cleanfork
