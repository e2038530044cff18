// SimOs: an exception that leaves a body, or the function of a VforkCall(), ends its process as
// std::terminate() does, and is told of.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "cleanfork/os.h"
#include "cleanfork/sim_os.h"

namespace cleanfork {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

int StatusOf(const SimOs& sim, pid_t pid) { return sim.process(pid)->wait_status; }

int ForkAndThrow(void* argument) {
  Os& os = *static_cast<Os*>(argument);
  if (os.Fork().value() == 0) throw std::runtime_error("in the child's child");
  os.WaitPid(-1, 0).IgnoreError();
  return 3;
}

// It is on a stack of its own, as clone(2) gives it one: there is nobody below who could catch.
TEST(SimOsException, InAProcessForkedByAVforkCallsChildDoesNotComeToTheCaller) {
  SimOs sim;
  const SimRun run = sim.Run([](Os& os) {
    try {
      const pid_t child = os.VforkCall(&ForkAndThrow, &os, SIGCHLD).value();
      return WEXITSTATUS(os.WaitPid(child, 0).value().status);
    } catch (const std::runtime_error&) {
      return 9;
    }
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded);
  EXPECT_EQ(StatusOf(sim, 102), SIGABRT);
  EXPECT_EQ(WEXITSTATUS(StatusOf(sim, 101)), 3);
  EXPECT_EQ(WEXITSTATUS(StatusOf(sim, 100)), 3);
}

TEST(SimOsException, ThatEndsABodyIsInTheMessage) {
  SimOs sim;
  const SimRun run = sim.Run([](Os&) -> int { throw std::runtime_error("no such thing"); });
  EXPECT_EQ(run.end, SimEnd::kAllEnded);
  EXPECT_EQ(run.message, "process 100 ended by an exception: std::runtime_error: no such thing");
  EXPECT_EQ(StatusOf(sim, 100), SIGABRT);
}

TEST(SimOsException, ThatIsOfAnyTypeIsInTheMessage) {
  SimOs sim;
  const SimRun run = sim.Run([](Os& os) -> int {
    if (os.Fork().value() == 0) throw std::vector<int>();
    os.WaitPid(-1, 0).IgnoreError();
    throw 1;
  });
  EXPECT_THAT(run.message, HasSubstr("process 101 ended by an exception: std::vector<int"));
  EXPECT_THAT(run.message, HasSubstr("\nprocess 100 ended by an exception: int"));
}

TEST(SimOsException, IsNamedBesideWhoWaits) {
  SimOs sim;
  const SimRun run = sim.Run([](Os& os) -> int {
    const PipeEnds ends = os.Pipe().value();
    if (os.Fork().value() == 0) throw std::logic_error("before it wrote");
    char byte = 0;
    os.Read(ends.read_end, &byte, 1).IgnoreError();
    return 0;
  });
  EXPECT_EQ(run.end, SimEnd::kDeadlock);
  EXPECT_THAT(run.message, HasSubstr("process 100: read(3, "));
  EXPECT_THAT(run.message,
              HasSubstr("\nprocess 101 ended by an exception: std::logic_error: before it wrote"));
}

int Throw(void*) { throw std::logic_error("once"); }

// A process that is forked later repeats the function, up to the exception.
TEST(SimOsException, OfAVforkCallsChildIsTheChildsAlone) {
  SimOs sim;
  const SimRun run = sim.Run([](Os& os) {
    os.VforkCall(&Throw, nullptr, SIGCHLD).IgnoreError();
    if (os.Fork().value() == 0) return 0;
    while (os.WaitPid(-1, 0).ok()) continue;
    return 0;
  });
  EXPECT_EQ(run.message, "process 101 ended by an exception: std::logic_error: once");
}

TEST(SimOsException, ThatIsCaughtIsNobodysBusiness) {
  SimOs sim;
  const SimOs::Body body = [](Os&) {
    try {
      throw std::runtime_error("caught");
    } catch (const std::runtime_error&) {
      return 0;
    }
  };
  EXPECT_EQ(sim.Run([](Os&) -> int { throw 1; }).message, "process 100 ended by an exception: int");
  EXPECT_EQ(sim.Run(body).message, "");
}

// A replay that throws where its parent made a call.
TEST(SimOsException, ThatIsNotDeterministicIsShown) {
  SimOs sim;
  int times = 0;
  const SimRun run = sim.Run([&times](Os& os) {
    os.Umask(022);
    if (times++ == 1) throw std::runtime_error("the second time");
    os.Fork().IgnoreError();
    return 0;
  });
  EXPECT_EQ(run.end, SimEnd::kNondeterminism);
  EXPECT_THAT(run.message, HasSubstr("its parent made: fork()"));
  EXPECT_THAT(run.message, HasSubstr("it threw: std::runtime_error: the second time"));
  EXPECT_THAT(run.message, Not(HasSubstr("umask")));
}

TEST(SimOsException, OfAVforkCallsChildIsShownWhereItIsNotDeterministic) {
  SimOs sim;
  static int times;
  times = 0;
  const SimRun run = sim.Run([](Os& os) {
    os.VforkCall(
          [](void* argument) -> int {
            if (times++ == 1) throw std::runtime_error("the second time");
            return static_cast<Os*>(argument)->GetPid();
          },
          &os, SIGCHLD)
        .IgnoreError();
    os.Fork().IgnoreError();
    return 0;
  });
  EXPECT_EQ(run.end, SimEnd::kNondeterminism);
  EXPECT_THAT(run.message, HasSubstr("its parent made: getpid()"));
  EXPECT_THAT(run.message, HasSubstr("it threw: std::runtime_error: the second time"));
}

}  // namespace
}  // namespace cleanfork
