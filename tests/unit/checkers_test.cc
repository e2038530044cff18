#include "cleanfork/checkers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <set>
#include <string>
#include <vector>

#include "cleanfork/checker.h"
#include "tests/unit/fake_execution.h"

namespace {

int64_t allocations = 0;

}  // namespace

// Not to be inlined one without the other: g++ would take them for a mismatch.
[[gnu::noinline]] void* operator new(size_t size) {
  ++allocations;
  void* block = std::malloc(size);
  if (block == nullptr) std::abort();
  return block;
}
[[gnu::noinline]] void operator delete(void* block) noexcept { std::free(block); }
[[gnu::noinline]] void operator delete(void* block, size_t) noexcept { std::free(block); }

namespace cleanfork {
namespace {

using End = ExecutedProcess::End;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr int kExitStatus1 = 1 << 8;

std::vector<std::shared_ptr<const Checker>> AllCheckers() {
  std::vector<std::shared_ptr<const Checker>> all = StandardCheckers();
  for (const auto& checker : DaemonCheckers()) all.push_back(checker);
  all.push_back(NoRegainedPrivilege());
  all.push_back(SameEndInEveryOrder());
  all.push_back(OnlyAsyncSignalSafeCalls());
  return all;
}

// What a good run of a parent and two children looks like.
FakeExecution GoodRun() {
  FakeExecution run;
  run.AddChild().program = true;
  ExecutedProcess& user = run.AddChild();
  user.uid = {33, 33, 33};
  user.gid = {33, 33, 33};
  user.groups = {33};
  user.capabilities = {};
  run.AddCall(0, OsCall::kFork);
  run.AddCall(1, OsCall::kSetSid);
  run.AddCall(1, OsCall::kExecVe);
  run.AddCall(2, OsCall::kSetGroups);
  run.AddCall(2, OsCall::kSetResGid);
  run.AddCall(2, OsCall::kSetResUid);
  run.AddCall(2, OsCall::kSetResUid, EPERM);  // tries to get root back
  run.AddNote(0, "error", 0);
  return run;
}

TEST(AnyChecker, SaysNothingOfAGoodRun) {
  for (const auto& checker : AllCheckers()) {
    EXPECT_THAT(checker->Check(GoodRun()), IsEmpty()) << checker->name();
  }
}

TEST(AnyChecker, AllocatesNothingForAGoodRun) {
  const int64_t at_first = allocations;
  const FakeExecution run = GoodRun();
  ASSERT_GT(allocations, at_first);  // they are counted
  for (const auto& checker : AllCheckers()) {
    const int64_t before = allocations;
    const std::string what = checker->Check(run);
    const int64_t after = allocations;
    EXPECT_EQ(after, before) << checker->name();
  }
}

TEST(AnyChecker, HasANameOfItsOwn) {
  std::set<std::string> names;
  for (const auto& checker : StandardCheckers()) names.insert(checker->name());
  EXPECT_EQ(names.size(), StandardCheckers().size());
  EXPECT_EQ(names.count(""), 0u);
}

TEST(AnyChecker, LeavesANondeterministicRunToTheOneThatIsForIt) {
  FakeExecution run;
  run.set_end(SimEnd::kNondeterminism, "P.1 called getpid");
  run.first().descriptors = {0, 1, 2, 3};
  run.first().mask = SignalSet::Of(SIGINT);
  run.first().zombies = run.first().children = 1;
  run.first().uid = {33, 0, 0};
  run.AddChild().end = End::kReturned;
  run.AddCall(0, OsCall::kClose, EBADF);
  run.AddNote(0, "error", EMFILE);
  run.set_deviations("cf1;P.read#1=EINTR");
  run.first().wait_status = kExitStatus1;
  for (const auto& checker : StandardCheckers()) {
    const bool is_for_it = checker->name() == NothingNondeterministic()->name();
    EXPECT_EQ(checker->Check(run).empty(), !is_for_it) << checker->name();
  }
}

TEST(MakeChecker, CallsTheFunction) {
  const auto checker = MakeChecker("the lock is free", [](const Execution& run) {
    return run.processes().size() == 1 ? "it is taken" : "";
  });
  EXPECT_EQ(checker->name(), "the lock is free");
  EXPECT_EQ(checker->Check(FakeExecution()), "it is taken");
  EXPECT_EQ(checker->Check(GoodRun()), "");
}

TEST(DaemonCheckers, LetAProcessRunOnAndAChildReturn) {
  FakeExecution run;
  run.set_end(SimEnd::kLeftWaiting);
  run.AddChild().end = End::kRuns;
  run.AddChild().end = End::kReturned;
  for (const auto& checker : DaemonCheckers()) {
    EXPECT_THAT(checker->Check(run), IsEmpty()) << checker->name();
  }
}

// How a run ends -------------------------------------------------------------------------------

TEST(NothingNondeterministic, FiresWithTheMessageOfTheRun) {
  FakeExecution run;
  run.set_end(SimEnd::kNondeterminism, "P.1 called getpid");
  EXPECT_THAT(NothingNondeterministic()->Check(run), HasSubstr("P.1 called getpid"));
}

TEST(NoDeadlock, FiresWhenTheFirstProcessWaits) {
  FakeExecution run;
  run.set_end(SimEnd::kDeadlock, "100 waits in read(3)");
  EXPECT_THAT(NoDeadlock()->Check(run), AllOf(StartsWith("P (pid 100)"), HasSubstr("read(3)")));
}

TEST(NoDeadlock, SaysNothingOfADaemonThatWaits) {
  FakeExecution run;
  run.set_end(SimEnd::kLeftWaiting, "101 waits in pause");
  EXPECT_THAT(NoDeadlock()->Check(run), IsEmpty());
}

TEST(NoLivelock, FiresWhenTheCallsHaveNoEnd) {
  FakeExecution run;
  run.set_end(SimEnd::kTooManyCalls, "10000 calls");
  EXPECT_THAT(NoLivelock()->Check(run), HasSubstr("10000 calls"));
  run.set_deviations("cf1;P.fork#1+=EAGAIN");
  EXPECT_THAT(NoLivelock()->Check(run), HasSubstr("10000 calls"));
}

TEST(NoLivelock, DoesNotBlameTheCodeForAnInterruptionThatStays) {
  FakeExecution run;
  run.set_end(SimEnd::kTooManyCalls, "10000 calls");
  run.set_deviations("cf1;P.read#1+=EINTR");
  EXPECT_THAT(NoLivelock()->Check(run), IsEmpty());
}

// What is left ---------------------------------------------------------------------------------

TEST(NoLeakedDescriptor, FiresForOneMoreAndForOneLess) {
  FakeExecution run;
  run.first().descriptors = {0, 1, 2, 5};
  EXPECT_EQ(NoLeakedDescriptor()->Check(run),
            "P (pid 100) returned with open descriptors that it did not have: 5; expected to be "
            "open 0, 1, 2");
  run.first().descriptors = {0, 2};
  EXPECT_EQ(NoLeakedDescriptor()->Check(run),
            "P (pid 100) returned with descriptors closed that it had: 1; expected to be open 0, "
            "1, 2");
}

TEST(NoLeakedDescriptor, SaysNothingOfWhoDoesNotReturnAndOfChildren) {
  for (End end : {End::kExited, End::kKilled}) {
    FakeExecution run;
    run.first().descriptors = {0, 1, 2, 5};
    run.first().end = end;
    run.AddChild().descriptors = {0, 1, 2, 6};
    EXPECT_THAT(NoLeakedDescriptor()->Check(run), IsEmpty());
  }
}

TEST(NoZombie, FiresForWhoReturnsAndForWhoRunsOn) {
  FakeExecution run;
  run.AddChild();
  run.first().zombies = 1;
  EXPECT_EQ(NoZombie()->Check(run),
            "P (pid 100) returned with 1 child that has ended and not been waited for, expected "
            "none");
  run.first().zombies = 0;
  ExecutedProcess& supervisor = run.AddChild();
  supervisor.end = End::kRuns;
  supervisor.zombies = 2;
  run.set_end(SimEnd::kLeftWaiting);
  EXPECT_THAT(NoZombie()->Check(run), StartsWith("P.2 (pid 102) runs on with 2 children"));
}

TEST(NoZombie, LeavesThoseOfWhoExitsToInit) {
  FakeExecution run;
  run.first().end = End::kExited;
  run.first().zombies = 1;
  EXPECT_THAT(NoZombie()->Check(run), IsEmpty());
}

TEST(NoStrayChild, FiresForAChildThatRunsAtTheReturnThoughItEndsLater) {
  FakeExecution run;
  run.AddChild();
  run.first().children = 1;
  EXPECT_EQ(NoStrayChild()->Check(run),
            "P (pid 100) ended with exit status 0 while 1 child of its still ran, expected no "
            "process to be left");
}

TEST(NoStrayChild, FiresForWhatRunsOn) {
  FakeExecution run;
  run.AddChild();
  run.AddChild(1).end = End::kRuns;
  run.set_end(SimEnd::kLeftWaiting);
  EXPECT_THAT(NoStrayChild()->Check(run), StartsWith("P.1.1 (pid 102) runs on after P (pid 100)"));
}

TEST(NoStrayChild, SaysNothingOfAFirstProcessThatWasKilled) {
  FakeExecution run;
  run.AddChild().end = End::kRuns;
  run.set_end(SimEnd::kLeftWaiting);
  run.first().end = End::kKilled;
  run.first().children = 1;
  EXPECT_THAT(NoStrayChild()->Check(run), IsEmpty());
}

TEST(NoStrayChild, CountsAnOrphanOfWhoWasKilledOutsideOnlyAfterAFailure) {
  FakeExecution run;
  run.AddChild().end = End::kKilled;
  run.AddChild(1).end = End::kRuns;
  run.set_end(SimEnd::kLeftWaiting);
  run.set_deviations("cf1;P.1!SIGKILL@setsid#1");
  EXPECT_THAT(NoStrayChild()->Check(run), IsEmpty());
  run.first().wait_status = kExitStatus1;
  EXPECT_THAT(NoStrayChild()->Check(run), StartsWith("P.1.1 (pid 102) runs on"));
}

TEST(NothingRunsOnAfterFailure, FiresOnlyWhenAFailureIsReported) {
  FakeExecution run;
  run.AddChild().end = End::kRuns;
  run.set_end(SimEnd::kLeftWaiting);
  EXPECT_THAT(NothingRunsOnAfterFailure()->Check(run), IsEmpty());
  run.first().wait_status = kExitStatus1;
  EXPECT_EQ(NothingRunsOnAfterFailure()->Check(run),
            "P.1 (pid 101) runs on after P (pid 100) has ended with exit status 1, expected no "
            "process to be left after a failure (without faults it ends with exit status 0)");
}

TEST(NothingRunsOnAfterFailure, KnowsAFailureByTheRunWithoutFaults) {
  FakeExecution run;
  run.AddChild().end = End::kRuns;
  run.set_end(SimEnd::kLeftWaiting);
  run.set_fault_free_status(kExitStatus1);
  run.first().wait_status = kExitStatus1;
  EXPECT_THAT(NothingRunsOnAfterFailure()->Check(run), IsEmpty());
  run.first().wait_status = 0;
  EXPECT_THAT(NothingRunsOnAfterFailure()->Check(run), HasSubstr("runs on"));
}

TEST(MaskAndDispositionsRestored, FiresForEachOfTheThree) {
  FakeExecution run;
  run.first().mask = SignalSet::Of(SIGINT, SIGTERM);
  EXPECT_EQ(MaskAndDispositionsRestored()->Check(run),
            "P (pid 100) returned with blocked signals: SIGINT, SIGTERM; expected as at its "
            "beginning: none");
  run.first().mask = SignalSet();
  run.first().ignored = SignalSet::Of(SIGCHLD);
  EXPECT_THAT(MaskAndDispositionsRestored()->Check(run), HasSubstr("ignored signals: SIGCHLD;"));
  run.first().ignored = SignalSet();
  run.at_beginning().handled = SignalSet::Of(SIGHUP);
  EXPECT_THAT(MaskAndDispositionsRestored()->Check(run),
              HasSubstr("handled signals: none; expected as at its beginning: SIGHUP"));
}

TEST(MaskAndDispositionsRestored, SaysNothingOfAProcessThatExits) {
  FakeExecution run;
  run.first().mask = SignalSet::Full();
  run.first().end = End::kExited;
  EXPECT_THAT(MaskAndDispositionsRestored()->Check(run), IsEmpty());
}

// Children -------------------------------------------------------------------------------------

TEST(ExitsOnce, FiresForAForkedChildThatReturns) {
  FakeExecution run;
  run.AddChild().end = End::kReturned;
  EXPECT_THAT(ExitsOnce()->Check(run),
              StartsWith("P.1 (pid 101) was forked and returned from the body with exit status 0"));
}

TEST(ExitsOnce, SaysNothingOfFunctionsOfAVforkAndOfPrograms) {
  FakeExecution run;
  ExecutedProcess& function = run.AddChild();
  function.end = End::kReturned;
  function.vfork = true;
  ExecutedProcess& program = run.AddChild();
  program.end = End::kReturned;
  program.program = true;
  EXPECT_THAT(ExitsOnce()->Check(run), IsEmpty());
}

TEST(OnlyAsyncSignalSafeCalls, FiresForALookUpBeforeTheExec) {
  FakeExecution run;
  run.AddChild().program = true;
  run.AddCall(1, OsCall::kExecVe, ENOENT);
  run.AddCall(1, OsCall::kGetPwNam);
  run.AddCall(1, OsCall::kExecVe);
  EXPECT_EQ(OnlyAsyncSignalSafeCalls()->Check(run),
            "P.1 (pid 101) called getpwnam between its fork and an exec, expected "
            "async-signal-safe calls alone");
}

TEST(OnlyAsyncSignalSafeCalls, SaysNothingOfTheFirstProcessAndOfPrograms) {
  FakeExecution run;
  run.AddChild().program = true;
  run.AddCall(0, OsCall::kGetPwNam);
  run.AddCall(1, OsCall::kExecVe);
  run.AddCall(1, OsCall::kGetPwNam);
  EXPECT_THAT(OnlyAsyncSignalSafeCalls()->Check(run), IsEmpty());
}

}  // namespace
}  // namespace cleanfork
