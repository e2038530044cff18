// SimOs: fork, waiting, ends of processes, and what ends a run.
#include "cleanfork/sim_os.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cerrno>
#include <stdexcept>
#include <string>

#include "cleanfork/os.h"

namespace cleanfork {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// The program's exit status, or -1 if it did not exit.
int StatusOf(const SimOs& sim, pid_t pid) {
  const std::optional<SimProcess> process = sim.process(pid);
  if (!process.has_value() || process->state == SimProcess::State::kRunning) return -1;
  return WIFEXITED(process->wait_status) ? WEXITSTATUS(process->wait_status) : -1;
}

int SignalOf(const SimOs& sim, pid_t pid) {
  const std::optional<SimProcess> process = sim.process(pid);
  if (!process.has_value() || process->state == SimProcess::State::kRunning) return -1;
  return WIFSIGNALED(process->wait_status) ? WTERMSIG(process->wait_status) : -1;
}

TEST(SimOs, TheExampleOfItsHeaderHolds) {
  SimOsOptions options;
  options.users.push_back({"www", 33, 33, "/var/www"});
  SimOs sim(options);
  const SimRun run = sim.Run([](Os& os) {
    const SysResult<pid_t> child = os.Fork();
    if (child.value() == 0) os.Exit(os.SetUid(33).ok() ? 0 : 1);
    return os.WaitPid(child.value(), 0).value().status;
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(sim.process(101)->uid.effective, 33U);
  EXPECT_EQ(StatusOf(sim, 100), 0);
}

TEST(SimOs, ForkReturnsTwice) {
  SimOs sim;
  const SimRun run = sim.Run([](Os& os) {
    const pid_t parent = os.GetPid();
    const pid_t child = os.Fork().value();
    if (child == 0) return os.GetPpid() == parent ? 3 : 4;
    const WaitResult ended = os.WaitPid(child, 0).value();
    return ended.pid == child && WEXITSTATUS(ended.status) == 3 ? 0 : 1;
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(StatusOf(sim, 100), 0) << sim.TraceText();
  EXPECT_EQ(StatusOf(sim, 101), 3);
  EXPECT_EQ(sim.process(101)->state, SimProcess::State::kReaped);
}

TEST(SimOs, AChildOfAChildGetsToItsFork) {
  SimOs sim;
  const SimRun run = sim.Run([](Os& os) {
    int depth = 0;
    while (depth < 5 && os.Fork().value() == 0) ++depth;
    if (depth < 5 && !os.WaitPid(-1, 0).ok()) return 99;
    return depth;
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  for (int i = 0; i <= 5; ++i) EXPECT_EQ(StatusOf(sim, 100 + i), i);
}

TEST(SimOs, AnOrphanIsAdoptedAndReapedByInit) {
  SimOs sim;
  const SimRun run = sim.Run([](Os& os) {
    if (os.Fork().value() != 0) return 0;
    while (os.GetPpid() != 1) os.ClockNanoSleep(CLOCK_MONOTONIC, 0, 1000).IgnoreError();
    return 7;
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(StatusOf(sim, 101), 7);
  EXPECT_EQ(sim.process(101)->state, SimProcess::State::kReaped);
}

TEST(SimOs, ASubreaperGetsTheChildrenOfItsChildren) {
  SimOsOptions options;
  options.subreaper = true;
  SimOs sim(options);
  const SimRun run = sim.Run([](Os& os) {
    if (os.Fork().value() == 0) {
      if (os.Fork().value() == 0) os.Exit(5);
      os.Exit(4);
    }
    int sum = 0;
    for (int i = 0; i < 2; ++i) sum += WEXITSTATUS(os.WaitPid(-1, 0).value().status);
    return os.WaitPid(-1, 0).error() == ECHILD ? sum : 99;
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(StatusOf(sim, 100), 9);
}

TEST(SimOs, AZombieStaysUntilItIsWaitedFor) {
  SimOs sim;
  const SimRun run = sim.Run([](Os& os) {
    const pid_t child = os.Fork().value();
    if (child == 0) os.Exit(1);
    const SysResult<WaitIdResult> seen =
        os.WaitId(P_PID, static_cast<id_t>(child), WEXITED | WNOWAIT);
    return seen.value().pid == child && os.Kill(child, 0).ok() ? 0 : 1;
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(StatusOf(sim, 100), 0);
}

TEST(SimOs, ADeadlockSaysWhoWaitsForWhat) {
  SimOs sim;
  const SimRun run = sim.Run([](Os& os) {
    const PipeEnds ends = os.Pipe().value();
    if (os.Fork().value() == 0) {
      char byte;
      os.Read(ends.read_end, &byte, 1).IgnoreError();  // it holds the write end itself
    }
    return os.WaitPid(-1, 0).ok() ? 0 : 1;
  });
  EXPECT_EQ(run.end, SimEnd::kDeadlock);
  EXPECT_THAT(run.message, HasSubstr("process 100: waitpid(-1, 0): no child has ended"));
  EXPECT_THAT(run.message, HasSubstr("process 101: read(3, ..., 1): the pipe is empty"));
}

TEST(SimOs, WhoIsLeftWaitingBehindAnEndedProgramIsNoDeadlock) {
  SimOs sim;
  const SimRun run = sim.Run([](Os& os) {
    if (os.Fork().value() != 0) return 0;
    os.Poll(nullptr, 0, -1).IgnoreError();
    return 0;
  });
  EXPECT_EQ(run.end, SimEnd::kLeftWaiting);
  EXPECT_THAT(run.message, HasSubstr("process 101: poll"));
  EXPECT_EQ(sim.process(101)->state, SimProcess::State::kRunning);
  EXPECT_EQ(sim.process(101)->parent, 1);
}

TEST(SimOs, ABodyThatIsNotDeterministicIsFoundWithBothCalls) {
  SimOs sim;
  int counter = 0;
  const SimRun run = sim.Run([&counter](Os& os) {
    const std::string path = "/tmp/" + std::to_string(++counter);
    os.Open(path.c_str(), O_RDONLY, 0).IgnoreError();
    return os.Fork().ok() ? 0 : 1;
  });
  EXPECT_EQ(run.end, SimEnd::kNondeterminism);
  EXPECT_THAT(run.message, HasSubstr("its parent made: open(\"/tmp/1\", 0, 0)"));
  EXPECT_THAT(run.message, HasSubstr("it made: open(\"/tmp/2\", 0, 0)"));
}

TEST(SimOs, ABodyThatEndsBeforeItsForkIsFound) {
  SimOs sim;
  bool again = false;
  const SimRun run = sim.Run([&again](Os& os) {
    if (again) return 0;
    again = true;
    return os.Fork().ok() ? 0 : 1;
  });
  EXPECT_EQ(run.end, SimEnd::kNondeterminism);
  EXPECT_THAT(run.message, HasSubstr("its parent made: fork()"));
}

TEST(SimOs, ABodyWithoutEndIsEnded) {
  SimOsOptions options;
  options.most_calls = 1000;
  SimOs sim(options);
  const SimRun run = sim.Run([](Os& os) -> int {
    for (;;) os.GetPid();
  });
  EXPECT_EQ(run.end, SimEnd::kTooManyCalls);
}

TEST(SimOs, ALostExceptionAbortsTheProcessAlone) {
  SimOs sim;
  const SimRun run = sim.Run([](Os& os) {
    const pid_t child = os.Fork().value();
    if (child == 0) throw std::runtime_error("lost");
    const WaitResult ended = os.WaitPid(child, 0).value();
    return WIFSIGNALED(ended.status) ? WTERMSIG(ended.status) : 0;
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(SignalOf(sim, 101), SIGABRT);
  EXPECT_EQ(StatusOf(sim, 100), SIGABRT);
}

TEST(SimOs, TimeStandsStillWhileAnybodyCanGoOn) {
  SimOs sim;
  sim.Run([](Os& os) {
    const int64_t start = os.ClockGetTime(CLOCK_MONOTONIC).value();
    if (os.Fork().value() == 0) {
      os.ClockNanoSleep(CLOCK_MONOTONIC, 0, 3'000'000'000).IgnoreError();
      os.Exit(0);
    }
    for (int i = 0; i < 100; ++i) {
      if (os.ClockGetTime(CLOCK_MONOTONIC).value() != start) return 1;
    }
    os.WaitPid(-1, 0).IgnoreError();
    return os.ClockGetTime(CLOCK_MONOTONIC).value() == start + 3'000'000'000 ? 0 : 2;
  });
  EXPECT_EQ(StatusOf(sim, 100), 0);
  EXPECT_EQ(sim.elapsed(), 3'000'000'000);
}

TEST(SimOs, RunsTheSameAgain) {
  SimOs sim;
  const auto body = [](Os& os) {
    uint64_t random = 0;
    os.GetRandom(&random, sizeof(random), 0).IgnoreError();
    return os.Fork().value() == 0 ? static_cast<int>(random & 0x7f) : 0;
  };
  sim.Run(body);
  const std::string first = sim.TraceText();
  const int status = StatusOf(sim, 101);
  sim.Run(body);
  EXPECT_EQ(sim.TraceText(), first);
  EXPECT_EQ(StatusOf(sim, 101), status);
}

// A model that is of the wrong signature is none.
TEST(SimOs, AllCallsAreModelled) { EXPECT_THAT(SimOs::UnmodelledCalls(), IsEmpty()); }

TEST(SimOsDeathTest, WhatIsNotModelledAbortsAndNamesTheCall) {
  EXPECT_DEATH(
      {
        SimOs sim;
        sim.Run([](Os& os) { return os.Open("/tmp", O_PATH, 0).ok() ? 0 : 1; });
      },
      "SimOs: process 100: open\\(\"/tmp\", 2097152, 0\\): flag 2097152 of open is not modelled");
}

int Recurse(int depth) {  // NOLINT(misc-no-recursion)
  volatile char frame[512];
  frame[0] = static_cast<char>(depth);
  return depth == 0 ? frame[0] : Recurse(depth - 1) + frame[0];
}

TEST(SimOsDeathTest, AStackOverflowNamesTheProcess) {
  EXPECT_DEATH(
      {
        SimOs sim;
        sim.Run([](Os& os) {
          if (os.Fork().value() == 0) return Recurse(1'000'000);
          return os.WaitPid(-1, 0).ok() ? 0 : 1;
        });
      },
      "stack overflow in simulated process 101");
}

}  // namespace
}  // namespace cleanfork
