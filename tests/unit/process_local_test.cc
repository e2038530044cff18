#include "cleanfork/process_local.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <string>
#include <vector>

#include "cleanfork/os.h"
#include "cleanfork/sim_os.h"

namespace cleanfork {
namespace {

ProcessLocal<int> number(5);
ProcessLocal<std::vector<std::string>> words(std::vector<std::string>{"first"});

int StatusOf(const SimOs& sim, pid_t pid) { return WEXITSTATUS(sim.process(pid)->wait_status); }

int WaitForStatus(Os& os, pid_t child) { return WEXITSTATUS(os.WaitPid(child, 0).value().status); }

TEST(ProcessLocal, IsAVariableWhereNothingIsSimulated) {
  ProcessLocal<std::string> name("x");
  EXPECT_EQ(*name, "x");
  name.get() += "y";
  EXPECT_EQ(name->size(), 2U);
  EXPECT_EQ(*name, "xy");
}

TEST(ProcessLocal, AChildHasWhatItsParentHadAndThenEachItsOwn) {
  SimOs sim;
  const SimRun run = sim.Run([](Os& os) {
    number.get() = 7;
    words->push_back("parent's");
    const pid_t child = os.Fork().value();
    if (child == 0) {
      const bool copied = *number == 7 && words->size() == 2 && words->at(1) == "parent's";
      number.get() = 8;
      words->push_back("child's");
      return copied ? *number : 1;
    }
    const int seen = WaitForStatus(os, child);
    return seen == 8 && *number == 7 && words->size() == 2 ? 0 : 1;
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(StatusOf(sim, 101), 8);
  EXPECT_EQ(StatusOf(sim, 100), 0);
}

// What happens between two calls of the parent while the child is about to be made does not reach
// it: as memory, it is copied at the fork.
TEST(ProcessLocal, WhatAParentDoesAfterTheForkIsItsOwn) {
  SimOs sim;
  const SimRun run = sim.Run([](Os& os) {
    const PipeEnds ends = os.Pipe().value();
    const pid_t child = os.Fork().value();
    if (child == 0) {
      char byte = 0;
      os.Read(ends.read_end, &byte, 1).IgnoreError();
      const pid_t grandchild = os.Fork().value();
      if (grandchild == 0) return *number;
      return WaitForStatus(os, grandchild);
    }
    number.get() = 99;
    os.Write(ends.write_end, "x", 1).IgnoreError();
    return WaitForStatus(os, child);
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(StatusOf(sim, 102), 5);
  EXPECT_EQ(StatusOf(sim, 100), 5);
}

TEST(ProcessLocal, EveryRunBeginsWithWhatItWasMadeWithAndTheTestKeepsItsOwn) {
  number.get() = 6;
  SimOs sim;
  for (int i = 0; i < 3; ++i) {
    sim.Run([](Os&) { return ++number.get(); });
    EXPECT_EQ(StatusOf(sim, 100), 6);
  }
  EXPECT_EQ(*number, 6);
  number.get() = 5;
}

TEST(ProcessLocal, AProgramThatIsExecdBeginsWithWhatItWasMadeWith) {
  SimOsOptions options;
  options.programs.push_back(
      {"/bin/other", [](Os&, const std::vector<std::string>&) { return (*number)++; }});
  SimOs sim(options);
  const SimRun run = sim.Run([](Os& os) {
    number.get() = 40;
    char* const none[] = {nullptr};
    os.ExecVe("/bin/other", none, none).IgnoreError();
    return 1;
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(StatusOf(sim, 100), 5);
}

int SetToThirty(void*) {
  number.get() = 30;
  return 0;
}

TEST(ProcessLocal, TheChildOfAVforkCallHasItsParents) {
  SimOs sim;
  const SimRun run = sim.Run([](Os& os) {
    os.VforkCall(&SetToThirty, nullptr, SIGCHLD).IgnoreError();
    if (*number != 30) return 1;
    const pid_t child = os.Fork().value();  // which gets there by replay
    if (child == 0) return *number;
    return WaitForStatus(os, child);
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(StatusOf(sim, 100), 30) << sim.TraceText();
}

ProcessLocal<int> handled(0);
void Count(int) { ++handled.get(); }

TEST(ProcessLocal, AHandlerThatHadRunBeforeAForkHasRunOnceInTheChildToo) {
  SimOs sim;
  const SimRun run = sim.Run([](Os& os) {
    SignalAction action;
    action.handler = &Count;
    os.SigAction(SIGUSR1, &action).IgnoreError();
    for (int i = 0; i < 3; ++i) os.Kill(os.GetPid(), SIGUSR1).IgnoreError();
    const pid_t child = os.Fork().value();
    if (child == 0) return *handled;
    const int seen = WaitForStatus(os, child);
    return seen * 10 + *handled;
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(StatusOf(sim, 100), 33);
}

}  // namespace
}  // namespace cleanfork
