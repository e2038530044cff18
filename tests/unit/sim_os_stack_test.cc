// SimOs: however a run ends, the stacks of its processes are used again by the next one.
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdint>

#include "cleanfork/os.h"
#include "cleanfork/sim_os.h"
#include "mocks/sim/fiber_stack.h"

namespace cleanfork {
namespace {

int times = 0;  // it is one variable for all processes

int DifferTheSecondTime(void* argument) {
  Os& os = *static_cast<Os*>(argument);
  return times++ == 1 ? os.GetPpid() : os.GetPid();
}

int CallAgain(void* argument) {
  Os& os = *static_cast<Os*>(argument);
  os.VforkCall(&DifferTheSecondTime, argument, SIGCHLD).IgnoreError();
  os.WaitPid(-1, 0).IgnoreError();
  return 0;
}

void ExpectStacksToBeUsedAgain(const SimOs::Body& body, SimEnd end) {
  SimOs sim;
  int64_t after_two = 0;
  for (int run = 0; run < 10; ++run) {
    times = 0;
    EXPECT_EQ(sim.Run(body).end, end);
    if (run == 1) after_two = sim::FiberStack::InAll();
  }
  EXPECT_EQ(sim::FiberStack::InAll(), after_two);
}

TEST(SimOsStacks, AreUsedAgainAfterADivergenceInAReplayedVforkCall) {
  ExpectStacksToBeUsedAgain(
      [](Os& os) {
        os.VforkCall(&DifferTheSecondTime, &os, SIGCHLD).IgnoreError();
        os.Fork().IgnoreError();
        return 0;
      },
      SimEnd::kNondeterminism);
}

// One replayed within another.
TEST(SimOsStacks, AreUsedAgainAfterADivergenceInTheSecondOfTwo) {
  ExpectStacksToBeUsedAgain(
      [](Os& os) {
        os.VforkCall(&CallAgain, &os, SIGCHLD).IgnoreError();
        os.Fork().IgnoreError();
        return 0;
      },
      SimEnd::kNondeterminism);
}

TEST(SimOsStacks, AreUsedAgainAfterADeadlock) {
  ExpectStacksToBeUsedAgain(
      [](Os& os) {
        const PipeEnds ends = os.Pipe().value();
        os.Fork().IgnoreError();
        char byte = 0;
        os.Read(ends.read_end, &byte, 1).IgnoreError();
        return 0;
      },
      SimEnd::kDeadlock);
}

}  // namespace
}  // namespace cleanfork
