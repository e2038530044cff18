#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <vector>

#include "cleanfork/checkers.h"
#include "tests/unit/fake_execution.h"

namespace cleanfork {
namespace {

using End = ExecutedProcess::End;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr int kExitStatus1 = 1 << 8;

// Identity -------------------------------------------------------------------------------------

// A child that has become uid and gid 33, whole.
ExecutedProcess& AddDropped(FakeExecution& run) {
  ExecutedProcess& child = run.AddChild();
  child.uid = {33, 33, 33};
  child.gid = {33, 33, 33};
  child.groups = {33};
  child.capabilities = {};
  return child;
}

TEST(NoHalfDroppedPrivilege, FiresForEachPartThatIsLeft) {
  const struct {
    void (*leave)(ExecutedProcess& child);
    const char* what;
  } cases[] = {
      {[](ExecutedProcess& c) { c.uid.saved = 0; },
       "uids 33, 33 and 0 (real, effective, saved), expected three equal ones"},
      {[](ExecutedProcess& c) { c.gid.real = 0; },
       "gids 0, 33 and 33 (real, effective, saved), expected three equal ones"},
      {[](ExecutedProcess& c) {
         c.gid = {0, 0, 0};
       },
       "uid 33 and gids 0, 0 and 0 (real, effective, saved) of the beginning, expected others"},
      {[](ExecutedProcess& c) { c.groups = {0}; },
       "uid 33 and the supplementary groups of the beginning (1 of them, the first is 0), expected "
       "others"},
      {[](ExecutedProcess& c) { c.capabilities.effective = 1; },
       "uid 33 and capabilities, expected none to be effective or permitted"},
      {[](ExecutedProcess& c) { c.capabilities.permitted = 1; },
       "uid 33 and capabilities, expected none to be effective or permitted"},
  };
  for (const auto& row : cases) {
    FakeExecution run;
    row.leave(AddDropped(run));
    EXPECT_EQ(NoHalfDroppedPrivilege()->Check(run),
              std::string("P.1 (pid 101) succeeded with ") + row.what);
  }
}

TEST(NoHalfDroppedPrivilege, FiresForWhoRunsOnAndWhoExecs) {
  FakeExecution run;
  AddDropped(run).uid.saved = 0;
  ExecutedProcess& child = AddDropped(run);
  child.uid.saved = 0;
  child.end = End::kRuns;
  FakeExecution failed;
  ExecutedProcess& other = AddDropped(failed);
  other.uid.saved = 0;
  other.wait_status = kExitStatus1;
  EXPECT_THAT(NoHalfDroppedPrivilege()->Check(failed), IsEmpty());
  other.program = true;
  EXPECT_THAT(NoHalfDroppedPrivilege()->Check(failed), HasSubstr("exec'd a program with uids"));
  other.program = false;
  other.end = End::kRuns;
  EXPECT_THAT(NoHalfDroppedPrivilege()->Check(failed), HasSubstr("runs on with uids"));
}

TEST(NoHalfDroppedPrivilege, KnowsASuccessOfTheFirstProcessByTheRunWithoutFaults) {
  FakeExecution run;
  run.first().uid = {33, 33, 0};
  run.first().wait_status = kExitStatus1;
  EXPECT_THAT(NoHalfDroppedPrivilege()->Check(run), IsEmpty());
  run.set_fault_free_status(kExitStatus1);
  EXPECT_THAT(NoHalfDroppedPrivilege()->Check(run), HasSubstr("P (pid 100) succeeded with uids"));
}

TEST(NoHalfDroppedPrivilege, SaysNothingOfASetUserIdProgramThatDropsNothing) {
  FakeExecution run;
  run.at_beginning().uid = run.first().uid = {1000, 0, 0};
  run.at_beginning().gid = run.first().gid = {1000, 1000, 1000};
  run.AddChild().program = true;
  EXPECT_THAT(NoHalfDroppedPrivilege()->Check(run), IsEmpty());
}

TEST(NoHalfDroppedPrivilege, SaysNothingWhereTheGroupsAreTheUsersOwnAnyway) {
  FakeExecution run;
  run.at_beginning().groups = {33};
  AddDropped(run);
  EXPECT_THAT(NoHalfDroppedPrivilege()->Check(run), IsEmpty());
}

TEST(NoHalfDroppedPrivilege, FiresWhenAFailedCallIsNotNoticed) {
  FakeExecution run;
  run.AddChild().program = true;
  run.set_deviations("cf1;P.1.setuid#1=EAGAIN");
  run.AddCall(1, OsCall::kSetUid, EAGAIN, true);
  EXPECT_EQ(NoHalfDroppedPrivilege()->Check(run),
            "P.1 (pid 101) exec'd a program although its setuid failed with EAGAIN, expected it to "
            "give up: its uid is 0");
}

TEST(NoHalfDroppedPrivilege, FiresWhenALieIsBelieved) {
  FakeExecution run;
  run.AddChild();
  run.set_deviations("cf1;P.1.setgroups#1=lie");
  run.AddCall(1, OsCall::kSetGroups, 0, true);
  EXPECT_THAT(NoHalfDroppedPrivilege()->Check(run),
              HasSubstr("although its setgroups did nothing"));
}

TEST(NoHalfDroppedPrivilege, SaysNothingWhereTheCallIsMadeAgainAndOfWhoTriesToGetRootBack) {
  for (const bool fault_first : {true, false}) {
    FakeExecution run;
    AddDropped(run);
    run.set_deviations("cf1;P.1.setresuid#1=EAGAIN");
    run.AddCall(1, OsCall::kSetResUid, fault_first ? EAGAIN : 0, fault_first);
    run.AddCall(1, OsCall::kSetResUid, fault_first ? 0 : EAGAIN, !fault_first);
    EXPECT_THAT(NoHalfDroppedPrivilege()->Check(run), IsEmpty());
  }
}

TEST(NoRegainedPrivilege, FiresWhenTheUidIsTakenBack) {
  FakeExecution run;
  run.AddChild().program = true;
  run.AddCall(1, OsCall::kSetEuid);
  EXPECT_THAT(NoRegainedPrivilege()->Check(run), IsEmpty());
  run.AddCall(1, OsCall::kSetEuid);
  EXPECT_EQ(NoRegainedPrivilege()->Check(run),
            "P.1 (pid 101) changed its uid and took that of the beginning, 0, back, expected that "
            "a changed identity is not to be had back");
}

TEST(NoRegainedPrivilege, SaysNothingOfWhoStaysSomebodyElse) {
  FakeExecution run;
  AddDropped(run);
  run.AddCall(1, OsCall::kSetEuid);
  run.AddCall(1, OsCall::kSetResUid);
  EXPECT_THAT(NoRegainedPrivilege()->Check(run), IsEmpty());
}

// Errors ---------------------------------------------------------------------------------------

TEST(ReportedErrorWasInjected, FiresForAnErrorThatNoCallReturned) {
  FakeExecution run;
  run.AddNote(0, "error", ENOENT);
  EXPECT_EQ(ReportedErrorWasInjected()->Check(run),
            "P (pid 100) reported ENOENT, expected an error that a call of this run returned");
}

TEST(ReportedErrorWasInjected, AcceptsFaultsResultsOwnErrorsAndOtherNotes) {
  FakeExecution run;
  run.AddNote(0, "error", 0);
  run.AddNote(0, "pid", 4711);
  run.AddNote(0, "error", EAGAIN);
  run.AddNote(0, "error", EBADF);
  run.AddNote(0, "error", ETIME);
  run.set_deviations("cf1;P.fork#1=EAGAIN");
  run.AddCall(0, OsCall::kFStat, EBADF);
  EXPECT_THAT(ReportedErrorWasInjected({ETIME})->Check(run), IsEmpty());
  EXPECT_THAT(ReportedErrorWasInjected()->Check(run), HasSubstr("ETIME"));
}

TEST(TransientFaultsAbsorbed, FiresWhenWhatPassesChangesTheStatus) {
  FakeExecution run;
  run.first().wait_status = kExitStatus1;
  for (const char* plan : {"cf1;P.waitpid#1=EINTR", "cf1;P.read#1=short:1",
                           "cf1;P.1.write#2=short:1;P.read#1=EINTR"}) {
    run.set_deviations(plan);
    EXPECT_THAT(TransientFaultsAbsorbed()->Check(run),
                AllOf(StartsWith("P (pid 100) ended with exit status 1 for what passes, expected "
                                 "exit status 0"),
                      HasSubstr(plan)));
  }
}

TEST(TransientFaultsAbsorbed, SaysNothingWhereSomethingLastsOrNothingHappened) {
  FakeExecution run;
  run.first().wait_status = kExitStatus1;
  EXPECT_THAT(TransientFaultsAbsorbed()->Check(run), IsEmpty());
  for (const char* plan :
       {"cf1;P.waitpid#1+=EINTR", "cf1;P.read#1=EIO", "cf1;P.read#1=EINTR;P.open#1=EMFILE",
        "cf1;P.pwrite#1=short:1", "cf1;P.fork#1=EAGAIN", "cf1;P!SIGTERM@read#1"}) {
    run.set_deviations(plan);
    EXPECT_THAT(TransientFaultsAbsorbed()->Check(run), IsEmpty()) << plan;
  }
  run.set_deviations("cf1;P.waitpid#1=EINTR");
  run.set_fault_free_status(kExitStatus1);
  EXPECT_THAT(TransientFaultsAbsorbed()->Check(run), IsEmpty());
}

TEST(TransientFaultsAbsorbed, CountsForksThatFailed) {
  FakeExecution run;
  run.first().wait_status = kExitStatus1;
  run.set_deviations("cf1;P.fork#1=EAGAIN;P.fork#2=ENOMEM");
  EXPECT_THAT(TransientFaultsAbsorbed(1)->Check(run), IsEmpty());
  EXPECT_THAT(TransientFaultsAbsorbed(2)->Check(run), HasSubstr("for what passes"));
  run.set_deviations("cf1;P.vfork#1+=EAGAIN");
  EXPECT_THAT(TransientFaultsAbsorbed(2)->Check(run), IsEmpty());
  run.set_deviations("cf1;P.open#1=ENOMEM");
  EXPECT_THAT(TransientFaultsAbsorbed(2)->Check(run), IsEmpty());
}

TEST(SameEndInEveryOrder, FiresWhereNothingWentWrongAndTheEndIsAnother) {
  FakeExecution run;
  EXPECT_THAT(SameEndInEveryOrder()->Check(run), IsEmpty());
  run.first().wait_status = kExitStatus1;
  EXPECT_EQ(
      SameEndInEveryOrder()->Check(run),
      "P (pid 100) ended with exit status 1 though nothing went wrong, expected exit status 0 "
      "as in another order of the processes");
  run.set_deviations("cf1;P.fork#1=EAGAIN");
  EXPECT_THAT(SameEndInEveryOrder()->Check(run), IsEmpty());
}

TEST(NoBadDescriptor, FiresForACallOnAClosedOne) {
  FakeExecution run;
  run.AddChild();
  run.AddCall(1, OsCall::kClose);
  run.AddCall(1, OsCall::kClose, EBADF);
  EXPECT_EQ(NoBadDescriptor()->Check(run),
            "P.1 (pid 101) called close for the 2. time with a descriptor that is not open (EBADF, "
            "no fault of this run), expected an open one");
}

TEST(NoBadDescriptor, SaysNothingOfFaultsProbesAndWhatFollowsFromALie) {
  FakeExecution run;
  run.AddCall(0, OsCall::kWrite, EBADF, true);
  run.AddCall(0, OsCall::kFcntlGetFd, EBADF);
  run.AddCall(0, OsCall::kFStat, EBADF);
  run.AddCall(0, OsCall::kIsATty, EBADF);
  EXPECT_THAT(NoBadDescriptor()->Check(run), IsEmpty());
  run.AddCall(0, OsCall::kDup2, EBADF);
  EXPECT_THAT(NoBadDescriptor()->Check(run), HasSubstr("dup2"));
  run.set_deviations("cf1;P.pipe2#1=lie");
  EXPECT_THAT(NoBadDescriptor()->Check(run), IsEmpty());
}

TEST(NoBadDescriptor, SaysNothingOfALoopThatClosesARange) {
  for (const int closes : {15, 16}) {
    FakeExecution run;
    run.AddChild();
    for (int i = 0; i < closes; ++i) {
      run.AddCall(1, OsCall::kClose, i % 2 == 0 ? EBADF : 0);
      run.AddCall(0, OsCall::kGetPid);  // another process's, in between
    }
    EXPECT_EQ(NoBadDescriptor()->Check(run).empty(), closes == 16) << closes;
  }
}

TEST(NoBadDescriptor, FiresForACloseBesideALoop) {
  FakeExecution run;
  for (int i = 0; i < 16; ++i) run.AddCall(0, OsCall::kClose, EBADF);
  run.AddCall(0, OsCall::kFork);
  run.AddCall(0, OsCall::kClose, EBADF);
  EXPECT_THAT(NoBadDescriptor()->Check(run), HasSubstr("close for the 17. time"));
}

}  // namespace
}  // namespace cleanfork
