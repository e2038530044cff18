// SimOs: calls that a signal interrupts and that are made again, where it is by replay that a
// process gets past them.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdint>
#include <ctime>

#include "cleanfork/os.h"
#include "cleanfork/sim_os.h"

namespace cleanfork {
namespace {

constexpr int64_t kTime = 1000;

Os* handlers_os = nullptr;
int handlers_child = -1;

void ForkInHandler(int) { handlers_child = handlers_os->Fork().value(); }

void ForkAtSigusr1(Os& os, int flags) {
  handlers_os = &os;
  handlers_child = -1;
  SignalAction action;
  action.handler = &ForkInHandler;
  action.flags = flags;
  os.SigAction(SIGUSR1, &action).IgnoreError();
}

int ExitStatusOf(const SimOs& sim, pid_t pid) {
  const int status = sim.process(pid)->wait_status;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

// A child that does `work` when its parent waits.
template <typename Work>
void ForkAnother(Os& os, Work work) {
  const pid_t parent = os.GetPid();
  if (os.Fork().value() != 0) return;
  os.ClockNanoSleep(CLOCK_MONOTONIC, 0, kTime / 2).IgnoreError();
  work(parent);
  os.Exit(0);
}

void StopForAWhile(Os& os, pid_t pid) {
  os.Kill(pid, SIGSTOP).IgnoreError();
  os.ClockNanoSleep(CLOCK_MONOTONIC, 0, 2 * kTime).IgnoreError();
  os.Kill(pid, SIGCONT).IgnoreError();
}

TEST(SimOsRestart, ASleepThatWentOnIsReplayed) {
  SimOs sim;
  const SimRun run = sim.Run([](Os& os) {
    ForkAnother(os, [&os](pid_t parent) { StopForAWhile(os, parent); });
    const bool slept = os.ClockNanoSleep(CLOCK_MONOTONIC, 0, kTime).ok();
    const bool polled = os.Poll(nullptr, 0, kTime).value_or(9) == 0;
    if (os.Fork().value() == 0) return slept && polled ? 3 : 4;
    while (os.WaitPid(-1, 0).ok()) continue;
    return 0;
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(ExitStatusOf(sim, 102), 3) << sim.TraceText();
  // Until it was continued, and no longer; then what poll(2) waits.
  EXPECT_EQ(sim.elapsed(), kTime / 2 + 2 * kTime + kTime);
}

TEST(SimOsRestart, APollHasTheRestOfItsTimeWhenItIsContinued) {
  SimOs sim;
  const SimRun run = sim.Run([](Os& os) {
    ForkAnother(os, [&os](pid_t parent) { StopForAWhile(os, parent); });
    return static_cast<int>(os.Poll(nullptr, 0, kTime).value_or(9));
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(ExitStatusOf(sim, 100), 0);
  EXPECT_EQ(sim.elapsed(), kTime / 2 + 2 * kTime + kTime / 2);
}

// The child gets by replay into the handler and out of it, and there makes the call again that the
// signal had interrupted.
TEST(SimOsRestart, AChildThatIsForkedInAHandlerMakesTheInterruptedCallItself) {
  SimOs sim;
  const SimRun run = sim.Run([](Os& os) {
    ForkAtSigusr1(os, SA_RESTART);
    const PipeEnds ends = os.Pipe().value();
    ForkAnother(os, [&](pid_t parent) {
      os.Kill(parent, SIGUSR1).IgnoreError();
      os.ClockNanoSleep(CLOCK_MONOTONIC, 0, kTime).IgnoreError();
      os.Write(ends.write_end, "xy", 2).IgnoreError();
    });
    char byte = 0;
    const bool got = os.Read(ends.read_end, &byte, 1).value_or(0) == 1;
    if (handlers_child == 0) os.Exit(got ? byte : 1);
    return got ? byte : 1;
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(ExitStatusOf(sim, 100) + ExitStatusOf(sim, 102), 'x' + 'y') << sim.TraceText();
}

int GetPidOf(void* os) { return static_cast<Os*>(os)->GetPid() - 100; }

// In the child of a VforkCall() the first handler runs before the first call.
TEST(SimOsRestart, AChildThatIsForkedInAHandlerOfAVforkCallsChildIsWhereThatWas) {
  SimOs sim;
  const SimRun run = sim.Run([](Os& os) {
    ForkAtSigusr1(os, 0);
    const SignalSet set = SignalSet::Of(SIGUSR1);
    os.SigProcMask(SIG_BLOCK, &set).IgnoreError();
    const pid_t child = os.VforkCall(
                              [](void* argument) {
                                Os& own = *static_cast<Os*>(argument);
                                own.Kill(own.GetPid(), SIGUSR1).IgnoreError();
                                const SignalSet mask = SignalSet::Of(SIGUSR1);
                                own.SigProcMask(SIG_UNBLOCK, &mask).IgnoreError();
                                return GetPidOf(argument);
                              },
                              &os, SIGCHLD)
                            .value();
    return WEXITSTATUS(os.WaitPid(child, 0).value().status);
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(ExitStatusOf(sim, 102), 2);
  EXPECT_EQ(ExitStatusOf(sim, 100), 1);
}

}  // namespace
}  // namespace cleanfork
