// What a run of SimOs costs beside the same test in gMock and beside a real fork: bench/README.md.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <map>
#include <string>

#include "bench/daemonizer.h"
#include "bench/ratios.h"
#include "cleanfork/mock_os.h"
#include "cleanfork/sim_os.h"
#include "mocks/sanitizers.h"

namespace {

using cleanfork::kDaemonUser;
using cleanfork::MockOs;
using cleanfork::Ok;
using cleanfork::Os;
using cleanfork::PipeEnds;
using cleanfork::ProcessExited;
using cleanfork::RunDaemonizer;
using cleanfork::SignalAction;
using cleanfork::SignalSet;
using cleanfork::SimOs;
using cleanfork::SimRun;
using cleanfork::WaitResult;
using testing::_;

void RunOfSimOs(benchmark::State& state) {
  SimOs sim;
  for (auto _ : state) {
    const SimRun run = sim.Run(&RunDaemonizer);
    if (run.end != cleanfork::SimEnd::kAllEnded) state.SkipWithError(run.message.c_str());
  }
  if (sim.process(100)->wait_status != 0) state.SkipWithError("the daemonizer failed");
}
BENCHMARK(RunOfSimOs)->UseRealTime();

void ExpectBeforeFork(MockOs* os) {
  EXPECT_CALL(*os, Pipe2(O_CLOEXEC)).WillOnce(Ok(PipeEnds{10, 11}));
  EXPECT_CALL(*os, SigProcMask(SIG_BLOCK, _)).WillOnce(Ok(SignalSet()));
}

void ExpectSetUp(MockOs* os) {
  EXPECT_CALL(*os, Close(10)).WillOnce(Ok());
  EXPECT_CALL(*os, SigProcMask(SIG_SETMASK, _)).WillOnce(Ok(SignalSet::Full()));
  EXPECT_CALL(*os, SigAction(SIGPIPE, _)).WillOnce(Ok(SignalAction()));
  EXPECT_CALL(*os, SigAction(SIGHUP, _)).WillOnce(Ok(SignalAction()));
  EXPECT_CALL(*os, SetSid()).WillOnce(Ok(4711));
  EXPECT_CALL(*os, SetGroups(_, 1)).WillOnce(Ok());
  EXPECT_CALL(*os, SetGid(kDaemonUser)).WillOnce(Ok());
  EXPECT_CALL(*os, SetUid(kDaemonUser)).WillOnce(Ok());
  EXPECT_CALL(*os, GetResUid())
      .WillOnce(Ok(cleanfork::ResUid{kDaemonUser, kDaemonUser, kDaemonUser}));
  EXPECT_CALL(*os, GetResGid())
      .WillOnce(Ok(cleanfork::ResGid{kDaemonUser, kDaemonUser, kDaemonUser}));
  EXPECT_CALL(*os, SetUid(0)).WillOnce(cleanfork::Fails(EPERM));
  EXPECT_CALL(*os, Umask(027)).WillOnce(testing::Return(022));
  EXPECT_CALL(*os, ChDir(testing::StrEq("/"))).WillOnce(Ok());
  EXPECT_CALL(*os, Open(testing::StrEq("/dev/null"), O_RDWR, 0)).WillOnce(Ok(12));
  EXPECT_CALL(*os, Dup2(12, 0)).WillOnce(Ok(0));
  EXPECT_CALL(*os, Dup2(12, 1)).WillOnce(Ok(1));
  EXPECT_CALL(*os, Dup2(12, 2)).WillOnce(Ok(2));
  EXPECT_CALL(*os, Close(12)).WillOnce(Ok());
}

// The child's side and the parent's: 32 calls, since those before the fork are made by both.
int RunTestOfGMock() {
  testing::StrictMock<MockOs> child;
  testing::StrictMock<MockOs> parent;
  const testing::InSequence in_this_order;
  ExpectBeforeFork(&child);
  EXPECT_CALL(child, Fork()).WillOnce(cleanfork::ForkAsChild());
  ExpectSetUp(&child);
  EXPECT_CALL(child, Write(11, _, 1)).WillOnce(Ok(size_t{1}));
  EXPECT_CALL(child, Close(11)).WillOnce(Ok());
  EXPECT_CALL(child, OnExit(0));
  ExpectBeforeFork(&parent);
  EXPECT_CALL(parent, Fork()).WillOnce(cleanfork::ForkAsParent(4711));
  EXPECT_CALL(parent, SigProcMask(SIG_SETMASK, _)).WillOnce(Ok(SignalSet::Full()));
  EXPECT_CALL(parent, Close(11)).WillOnce(Ok());
  EXPECT_CALL(parent, Read(10, _, 1)).WillOnce(cleanfork::ReadsBytes(std::string(1, '\0')));
  EXPECT_CALL(parent, Close(10)).WillOnce(Ok());
  EXPECT_CALL(parent, WaitPid(4711, 0)).WillOnce(Ok(WaitResult{4711, 0}));
  try {
    RunDaemonizer(child);
  } catch (const ProcessExited&) {
  }
  return RunDaemonizer(parent);
}
void TestOfGMock(benchmark::State& state) {
  for (auto _ : state) {
    if (RunTestOfGMock() != 0) state.SkipWithError("the daemonizer failed");
  }
}
BENCHMARK(TestOfGMock)->UseRealTime();

void RealFork(benchmark::State& state) {
  for (auto _ : state) {
    const pid_t child = fork();
    if (child == 0) _exit(0);
    if (child == -1 || waitpid(child, nullptr, 0) != child) state.SkipWithError("fork failed");
  }
}
BENCHMARK(RealFork)->UseRealTime();

constexpr int kCallsOfARun = 1000;

void MakeCalls(benchmark::State& state, int calls) {
  SimOs sim;
  for (auto _ : state) {
    sim.Run([calls](Os& os) {
      for (int i = 0; i < calls; ++i) benchmark::DoNotOptimize(os.Umask(022));
      return 0;
    });
  }
}
void RunOf1000Calls(benchmark::State& state) { MakeCalls(state, kCallsOfARun); }
void RunWithoutCalls(benchmark::State& state) { MakeCalls(state, 0); }
BENCHMARK(RunOf1000Calls)->UseRealTime();
BENCHMARK(RunWithoutCalls)->UseRealTime();

void PrintRate(double nanoseconds) {
#ifdef CLEANFORK_ASAN
  constexpr double kGoal = 40'000;
  std::printf("%-28s %12.0f runs a second and core, under AddressSanitizer", "", 1e9 / nanoseconds);
#else
  constexpr double kGoal = 150'000;
  std::printf("%-28s %12.0f runs a second and core, of which 400000 are aimed at", "",
              1e9 / nanoseconds);
#endif
  std::printf("   goal %.0f: %s\n", kGoal, 1e9 / nanoseconds >= kGoal ? "met" : "missed");
}

void PrintCall(double nanoseconds) {
  std::printf("%-28s %12.1f ns a call that is not replayed", "", nanoseconds);
#ifndef CLEANFORK_ASAN
  constexpr double kGoal = 60;
  std::printf("   goal %.0f: %s", kGoal, nanoseconds < kGoal ? "met" : "missed");
#endif
  std::printf("\n");
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleMock(&argc, argv);
  std::map<std::string, double> medians =
      cleanfork::RunAndPrintRatios(argc, argv, ".*",
                                   {{"RunOfSimOs", "TestOfGMock"},
                                    {"RunOfSimOs", "RealFork"},
                                    {"RunOf1000Calls", "RunWithoutCalls"}});
  if (medians.count("RunOfSimOs") != 0) PrintRate(medians["RunOfSimOs"]);
  if (medians.count("RunOf1000Calls") == 0) return 0;
  PrintCall((medians["RunOf1000Calls"] - medians["RunWithoutCalls"]) / kCallsOfARun);
}
