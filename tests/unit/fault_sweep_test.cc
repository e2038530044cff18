#include "cleanfork/fault_sweep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cerrno>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "cleanfork/fd_io.h"
#include "cleanfork/mock_os.h"

namespace cleanfork {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::NiceMock;
using ::testing::Not;
using ::testing::SizeIs;

// Runs `body` once for each plan of the sweep, and returns the plans in their order.
std::vector<std::string> Sweep(FaultSweep* sweep, Os& wrapped,
                               const std::function<void(Os&)>& body) {
  std::vector<std::string> lines;
  FaultPlan plan;
  while (sweep->Next(&plan)) {
    lines.push_back(FaultPlanToString(plan));
    FaultOs os(wrapped, plan);
    body(os);
    sweep->Record(os);
  }
  return lines;
}

TEST(FaultSweep, FailsEachCallWithEachOfItsErrnosBetweenTwoRunsWithoutAFault) {
  NiceMock<MockOs> wrapped;
  ON_CALL(wrapped, Dup).WillByDefault(Ok(3));
  ON_CALL(wrapped, SetSid).WillByDefault(Ok(4));
  FaultSweep sweep;
  EXPECT_THAT(Sweep(&sweep, wrapped,
                    [](Os& os) {
                      os.GetPid();  // cannot fail
                      os.Dup(0).IgnoreError();
                      os.Dup(1).IgnoreError();
                      os.SetSid().IgnoreError();
                    }),
              ElementsAre("cf1", "cf1;P.setsid#1=EPERM", "cf1;P.dup#1=EBADF", "cf1;P.dup#1=EMFILE",
                          "cf1;P.dup#2=EBADF", "cf1;P.dup#2=EMFILE", "cf1"));
  EXPECT_TRUE(sweep.complete());
  EXPECT_EQ(sweep.runs(), 7u);
  EXPECT_EQ(sweep.runs_fired(), 5u);
  EXPECT_THAT(sweep.unfired(), IsEmpty());
}

TEST(FaultSweep, OfCodeThatLeavesOutToPassTheOsIsNotComplete) {
  NiceMock<MockOs> wrapped;
  FaultSweep sweep;
  EXPECT_THAT(Sweep(&sweep, wrapped, [&wrapped](Os&) { wrapped.SetSid().IgnoreError(); }),
              ElementsAre("cf1", "cf1"));
  EXPECT_EQ(sweep.runs_fired(), 0u);
  EXPECT_FALSE(sweep.complete());
}

TEST(FaultSweep, IsNotCompleteWhereNoFaultFired) {
  NiceMock<MockOs> wrapped;
  int runs = 0;
  FaultSweep sweep;
  Sweep(&sweep, wrapped, [&runs](Os& os) {
    if (++runs == 1) os.SetSid().IgnoreError();
  });
  EXPECT_EQ(sweep.runs_fired(), 0u);
  EXPECT_THAT(sweep.unfired(), SizeIs(1));
  EXPECT_FALSE(sweep.complete());
}

TEST(FaultSweep, InjectsTheOtherKindsWhereAsked) {
  NiceMock<MockOs> wrapped;
  FaultSweepOptions options;
  options.sticky = true;
  options.short_transfers = true;
  options.lies = true;
  FaultSweep sweep(options);
  EXPECT_THAT(
      Sweep(&sweep, wrapped,
            [](Os& os) {
              os.SetSid().IgnoreError();
              os.GetRandom(nullptr, 0, 0).IgnoreError();
            }),
      ElementsAre("cf1", "cf1;P.setsid#1=EPERM", "cf1;P.setsid#1+=EPERM", "cf1;P.setsid#1=lie",
                  "cf1;P.getrandom#1=EAGAIN", "cf1;P.getrandom#1+=EAGAIN",
                  "cf1;P.getrandom#1=EINTR", "cf1;P.getrandom#1+=EINTR", "cf1;P.getrandom#1=EINVAL",
                  "cf1;P.getrandom#1+=EINVAL", "cf1;P.getrandom#1=ENOSYS",
                  "cf1;P.getrandom#1+=ENOSYS", "cf1;P.getrandom#1=short:1", "cf1;P.getrandom#1=lie",
                  "cf1"));
}

TEST(FaultSweep, LeavesOutWhatTheFilterRefuses) {
  NiceMock<MockOs> wrapped;
  FaultSweepOptions options;
  options.filter = [](const FaultEntry& entry) { return entry.error != EBADF; };
  FaultSweep sweep(options);
  EXPECT_THAT(Sweep(&sweep, wrapped, [](Os& os) { os.Dup(0).IgnoreError(); }),
              ElementsAre("cf1", "cf1;P.dup#1=EMFILE", "cf1"));
}

void ForkTwice(Os& os) {
  SysResult<pid_t> pid = os.Fork();
  if (!pid.ok() && pid.error() == EAGAIN) os.Fork().IgnoreError();
}

TEST(FaultSweep, FailsTheHandlingOfAFaultOnlyWithTwoFaults) {
  NiceMock<MockOs> wrapped;
  ON_CALL(wrapped, Fork).WillByDefault(ForkAsParent(9));
  FaultSweep one_fault;
  EXPECT_THAT(Sweep(&one_fault, wrapped, &ForkTwice), Each(Not(HasSubstr("fork#2"))));

  FaultSweepOptions options;
  options.max_faults = 2;
  FaultSweep two_faults(options);
  EXPECT_THAT(
      Sweep(&two_faults, wrapped, &ForkTwice),
      ElementsAre("cf1", "cf1;P.fork#1=EAGAIN", "cf1;P.fork#1=ENOMEM", "cf1;P.fork#1=ENOSYS",
                  "cf1;P.fork#1=EAGAIN;P.fork#2=EAGAIN", "cf1;P.fork#1=EAGAIN;P.fork#2=ENOMEM",
                  "cf1;P.fork#1=EAGAIN;P.fork#2=ENOSYS", "cf1"));
  EXPECT_TRUE(two_faults.complete());
}

TEST(FaultSweep, GoesOnWhereTheClosingRunShowsACallThatIsNew) {
  NiceMock<MockOs> wrapped;
  int runs = 0;
  FaultSweep sweep;
  EXPECT_THAT(Sweep(&sweep, wrapped,
                    [&runs](Os& os) {
                      os.SetSid().IgnoreError();
                      if (++runs == 3) os.SetSid().IgnoreError();
                    }),
              ElementsAre("cf1", "cf1;P.setsid#1=EPERM", "cf1", "cf1;P.setsid#2=EPERM", "cf1"));
  EXPECT_TRUE(sweep.complete());
  ASSERT_THAT(sweep.unfired(), SizeIs(1));
  EXPECT_EQ(FaultPlanToString(sweep.unfired()[0]), "cf1;P.setsid#2=EPERM");
}

TEST(FaultSweep, IsNotCompleteWhereTheCallsNeverSettle) {
  NiceMock<MockOs> wrapped;
  int runs = 0;
  FaultSweep sweep;
  Sweep(&sweep, wrapped, [&runs](Os& os) {
    ++runs;
    for (int i = 0; i < runs; ++i) os.SetSid().IgnoreError();
  });
  EXPECT_FALSE(sweep.complete());
}

TEST(FaultSweep, IsNotCompleteWhereProcessesWereDropped) {
  NiceMock<MockOs> wrapped;
  ON_CALL(wrapped, Fork()).WillByDefault(ForkAsChild());
  FaultSweepOptions options;
  options.filter = [](const FaultEntry& entry) {
    return entry.index == 1 && entry.process.depth() == 0 && entry.error == EAGAIN;
  };
  FaultSweep sweep(options);
  Sweep(&sweep, wrapped, [](Os& os) {
    for (size_t i = 0; i < FaultOs::kMaxProcesses; ++i) os.Fork().IgnoreError();
  });
  EXPECT_EQ(sweep.runs_fired(), 1u);
  EXPECT_FALSE(sweep.complete());
}

// A child that makes two calls, over a pipe and a wait: each call of parent and child is failed.
void RunChild(Os& os) {
  SysResult<PipeEnds> ends = os.Pipe2(0);
  if (!ends.ok()) return;
  SysResult<pid_t> pid = os.Fork();
  if (pid.ok() && pid.value() == 0) {
    if (!os.SetSid().ok()) os.Exit(1);
    os.Exit(os.Write(ends.value().write_end, "x", 1).ok() ? 0 : 2);
  }
  os.Close(ends.value().write_end).IgnoreError();
  char byte = 0;
  if (pid.ok()) os.Read(ends.value().read_end, &byte, 1).IgnoreError();
  os.Close(ends.value().read_end).IgnoreError();
  if (pid.ok()) os.WaitPid(pid.value(), 0).IgnoreError();
}

TEST(FaultSweepOverTheKernel, FailsEveryCallOfParentAndChild) {
  FaultSweep sweep;
  const std::vector<std::string> plans = Sweep(&sweep, RealOs(), [](Os& os) {
    RunChild(os);
    // Where the wait was failed, the child is still to be had; then Record() sees its calls.
    while (RetryOnEintr([] { return RealOs().WaitPid(-1, 0); }).ok()) continue;
  });
  EXPECT_TRUE(sweep.complete());
  EXPECT_THAT(sweep.unfired(), IsEmpty());
  size_t expected = 2;
  for (OsCall call : {OsCall::kPipe2, OsCall::kFork, OsCall::kClose, OsCall::kClose, OsCall::kRead,
                      OsCall::kWaitPid, OsCall::kSetSid, OsCall::kWrite}) {
    expected += GetOsCallInfo(call).errnos.size();
  }
  EXPECT_THAT(plans, SizeIs(expected));
  EXPECT_THAT(plans, Contains("cf1;P.1.write#1=EPIPE"));
  EXPECT_THAT(plans, Contains("cf1;P.close#2=EIO"));
  EXPECT_EQ(std::set<std::string>(plans.begin(), plans.end()).size(), plans.size() - 1)
      << "only the plan without a fault is run twice";
}

TEST(FaultSweepDeathTest, RefusesToGoOnWithoutTheRun) {
  FaultSweep sweep;
  FaultPlan plan;
  ASSERT_TRUE(sweep.Next(&plan));
  EXPECT_DEATH(sweep.Next(&plan), "before the last plan's run was given to Record");
  NiceMock<MockOs> wrapped;
  FaultOs other(wrapped, "cf1;P.fork#1=EAGAIN");
  EXPECT_DEATH(sweep.Record(other), "of a run of another plan");
}

}  // namespace
}  // namespace cleanfork
