// SimOs: bodies that would go on for ever end, also where it is not calls that they are busy with,
// but answers from logs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "cleanfork/os.h"
#include "cleanfork/sim_os.h"

namespace cleanfork {
namespace {

using ::testing::HasSubstr;

// So few that those who fork come to them soon, too, if nothing else ends them.
SimOsOptions FewCalls() {
  SimOsOptions options;
  options.most_calls = 3000;
  return options;
}

// Each child is made by repeating all calls of the loop until then.
int ForkForEver(Os& os) {
  for (;;) {
    if (os.Fork().value() == 0) os.Exit(0);
    os.WaitPid(-1, 0).IgnoreError();
  }
}

// Daemons of daemons: the child goes on, with a log that has become longer.
int DaemonizeForEver(Os& os) {
  for (;;) {
    if (os.Fork().value() != 0) os.Exit(0);
  }
}

int AskForPid(void* os) { return static_cast<Os*>(os)->GetPid() == 0; }

// What is repeated is what the child did.
int VforkForEver(Os& os) {
  for (;;) {
    os.VforkCall(&AskForPid, &os, SIGCHLD).IgnoreError();
    os.WaitPid(-1, 0).IgnoreError();
    if (os.Fork().value() == 0) os.Exit(0);
    os.WaitPid(-1, 0).IgnoreError();
  }
}

void ExpectTooManyAnswers(int (*body)(Os& os)) {
  SimOs sim(FewCalls());
  const SimRun run = sim.Run(body);
  EXPECT_EQ(run.end, SimEnd::kTooManyCalls);
  EXPECT_THAT(run.message,
              HasSubstr("more than 48000 calls were answered from logs: a loop of forks?"));
}

TEST(SimOsBounds, EndALoopOfForks) { ExpectTooManyAnswers(&ForkForEver); }
TEST(SimOsBounds, EndAChainOfForks) { ExpectTooManyAnswers(&DaemonizeForEver); }
TEST(SimOsBounds, EndALoopOfVforkCallsAndForks) { ExpectTooManyAnswers(&VforkForEver); }

TEST(SimOsBounds, AreTheNextRunsAnew) {
  SimOs sim(FewCalls());
  EXPECT_EQ(sim.Run(&ForkForEver).end, SimEnd::kTooManyCalls);
  const SimRun run = sim.Run([](Os& os) {
    for (int i = 0; i < 50; ++i) {
      if (os.Fork().value() == 0) os.Exit(0);
      os.WaitPid(-1, 0).IgnoreError();
    }
    return 0;
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
}

// Who does not wait for the children runs out of processes before that.
TEST(SimOsBoundDeathTest, ForksWithoutEndRunOutOfProcesses) {
  SimOs sim;
  const SimOs::Body body = [](Os& os) -> int {
    for (;;) os.Fork().IgnoreError();
  };
  EXPECT_DEATH(sim.Run(body), "fork\\(\\): there is room for 32 processes");
}

}  // namespace
}  // namespace cleanfork
