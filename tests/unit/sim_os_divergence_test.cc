// SimOs finds out that a body is not deterministic, wherever it differs, and shows both calls.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "cleanfork/os.h"
#include "cleanfork/sim_os.h"

namespace cleanfork {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// What makes these bodies differ: it is one variable for all processes.
int times = 0;
Os* handlers_os = nullptr;

SimRun RunFromZero(const SimOs::Body& body) {
  times = 0;
  SimOs sim;
  return sim.Run(body);
}

void CallTheFirstTime(int) {
  if (times++ == 0) handlers_os->Umask(022);
}
void CallTheSecondTime(int) {
  if (times++ == 1) handlers_os->Umask(022);
}

int HandleAndFork(Os& os, void (*handler)(int)) {
  handlers_os = &os;
  SignalAction action;
  action.handler = handler;
  os.SigAction(SIGUSR1, &action).IgnoreError();
  os.Kill(os.GetPid(), SIGUSR1).IgnoreError();
  if (os.Fork().value() == 0) return 0;
  os.WaitPid(-1, 0).IgnoreError();
  return 0;
}

TEST(SimOsDivergence, AnotherArgumentIsFound) {
  const SimRun run = RunFromZero([](Os& os) {
    os.Umask(static_cast<mode_t>(times++));
    os.Fork().IgnoreError();
    return 0;
  });
  EXPECT_EQ(run.end, SimEnd::kNondeterminism);
  EXPECT_THAT(run.message, AllOf(HasSubstr("process 101"), HasSubstr("its parent made: umask(0)"),
                                 HasSubstr("it made: umask(1)")));
}

TEST(SimOsDivergence, OtherBytesInABufferAreFound) {
  const SimRun run = RunFromZero([](Os& os) {
    const PipeEnds ends = os.Pipe().value();
    os.Write(ends.write_end, times++ == 0 ? "one" : "two", 3).IgnoreError();
    os.Fork().IgnoreError();
    return 0;
  });
  EXPECT_EQ(run.end, SimEnd::kNondeterminism);
  EXPECT_THAT(run.message, AllOf(HasSubstr("made: write(4, \"one\""), HasSubstr("\"two\"")));
}

TEST(SimOsDivergence, ACallMoreIsFound) {
  const SimRun run = RunFromZero([](Os& os) {
    if (times++ > 0) os.GetPpid();
    os.Fork().IgnoreError();
    return 0;
  });
  EXPECT_EQ(run.end, SimEnd::kNondeterminism);
  EXPECT_THAT(run.message, AllOf(HasSubstr("made: fork()"), HasSubstr("it made: getppid()")));
}

TEST(SimOsDivergence, AnExitBeforeTheForkIsFound) {
  const SimRun run = RunFromZero([](Os& os) {
    os.GetPpid();
    if (times++ > 0) os.Exit(7);
    os.Fork().IgnoreError();
    return 0;
  });
  EXPECT_EQ(run.end, SimEnd::kNondeterminism);
  EXPECT_THAT(run.message, AllOf(HasSubstr("made: fork()"), HasSubstr("it made: _exit(7)")));
}

TEST(SimOsDivergence, AnExceptionBeforeTheForkIsFound) {
  const SimRun run = RunFromZero([](Os& os) {
    os.Umask(022);
    if (times++ == 1) throw std::runtime_error("the second time");
    os.Fork().IgnoreError();
    return 0;
  });
  EXPECT_EQ(run.end, SimEnd::kNondeterminism);
  EXPECT_THAT(run.message, HasSubstr("process 101"));
}

TEST(SimOsDivergenceDeathTest, ARunWithinABodyOfTheSameSimOsIsRefused) {
  SimOs sim;
  const SimOs::Body body = [&sim](Os&) {
    sim.Run([](Os&) { return 0; });
    return 0;
  };
  EXPECT_DEATH(sim.Run(body), "Run\\(\\) within a body of the same SimOs");
}

TEST(SimOsDivergence, AHandlerThatMakesACallLessIsFound) {
  const SimRun run = RunFromZero([](Os& os) { return HandleAndFork(os, &CallTheFirstTime); });
  EXPECT_EQ(run.end, SimEnd::kNondeterminism);
  EXPECT_THAT(run.message, AllOf(HasSubstr("its parent made: umask(18)"),
                                 HasSubstr("it made: the return from a signal handler")));
}

TEST(SimOsDivergence, AHandlerThatMakesACallMoreIsFound) {
  const SimRun run = RunFromZero([](Os& os) { return HandleAndFork(os, &CallTheSecondTime); });
  EXPECT_EQ(run.end, SimEnd::kNondeterminism);
  EXPECT_THAT(run.message, AllOf(HasSubstr("its parent made: the return from a signal handler"),
                                 HasSubstr("it made: umask(18)")));
}

TEST(SimOsDivergence, TheNextRunIsNoneTheWorse) {
  SimOs sim;
  times = 0;
  const SimOs::Body body = [](Os& os) {
    const bool differs = times == 1;
    ++times;
    os.Umask(differs ? 1 : 0);
    const pid_t child = os.Fork().value();
    if (child != 0) os.WaitPid(child, 0).IgnoreError();
    return 0;
  };
  EXPECT_EQ(sim.Run(body).end, SimEnd::kNondeterminism);
  const SimRun run = sim.Run(body);
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(run.message, "");
  EXPECT_EQ(sim.processes().size(), 2U);
}

// Who waits for whom, with their calls.
TEST(SimOsDeadlock, NamesEveryProcessItsCallAndWhatIsMissing) {
  SimOs sim;
  const SimRun run = sim.Run([](Os& os) {
    const PipeEnds ends = os.Pipe().value();
    const pid_t child = os.Fork().value();
    if (child == 0) {
      char byte = 0;
      os.Read(ends.read_end, &byte, 1).IgnoreError();  // the parent has not closed its end
      return 0;
    }
    os.WaitPid(child, 0).IgnoreError();
    return 0;
  });
  EXPECT_EQ(run.end, SimEnd::kDeadlock);
  EXPECT_THAT(run.message, AllOf(HasSubstr("process 100: waitpid(101, 0): no child has ended"),
                                 HasSubstr("process 101: read(3, ")));
}

}  // namespace
}  // namespace cleanfork
