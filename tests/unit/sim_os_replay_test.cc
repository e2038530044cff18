// SimOs: what a forked child finds when it gets to its fork by replay: handlers that have run,
// memory that VforkCall() has written, environments, exceptions; and how processes leave.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <csetjmp>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "cleanfork/os.h"
#include "cleanfork/sim_os.h"
#include "cleanfork/unique_fd.h"

namespace cleanfork {
namespace {

using ::testing::ElementsAre;

int StatusOf(const SimOs& sim, pid_t pid) {
  const std::optional<SimProcess> process = sim.process(pid);
  if (!process.has_value() || process->state == SimProcess::State::kRunning) return -1;
  return WIFEXITED(process->wait_status) ? WEXITSTATUS(process->wait_status) : -1;
}

// What handlers use: set by the body in each process, when it starts and when it is replayed.
Os* handlers_os = nullptr;
int handlers_child = -1;
int handled = 0;
std::jmp_buf out_of_handler;

void ForkInHandler(int) { handlers_child = handlers_os->Fork().value(); }
void Count(int) { ++handled; }
void JumpOut(int) { std::longjmp(out_of_handler, 1); }

void Install(Os& os, int signal, void (*handler)(int)) {
  SignalAction action;
  action.handler = handler;
  os.SigAction(signal, &action).IgnoreError();
}

TEST(SimOsReplay, AForkInAHandlerReturnsTwice) {
  SimOs sim;
  const SimRun run = sim.Run([](Os& os) {
    handlers_os = &os;
    Install(os, SIGUSR1, &ForkInHandler);
    os.Kill(os.GetPid(), SIGUSR1).IgnoreError();
    const bool unblocked = os.SigProcMask(SIG_BLOCK, nullptr).value().empty();
    if (os.GetPid() == 101) return unblocked ? 4 : 5;
    return unblocked ? WEXITSTATUS(os.WaitPid(-1, 0).value().status) : 6;
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(StatusOf(sim, 101), 4);
  EXPECT_EQ(StatusOf(sim, 100), 4);
}

TEST(SimOsReplay, HandlersThatHadRunRunAgainAtTheSamePlace) {
  SimOs sim;
  const SimRun run = sim.Run([](Os& os) {
    handled = 0;
    Install(os, SIGUSR1, &Count);
    Install(os, SIGUSR2, &Count);
    const SignalSet both = SignalSet::Of(SIGUSR1, SIGUSR2);
    os.SigProcMask(SIG_BLOCK, &both).IgnoreError();
    os.Kill(os.GetPid(), SIGUSR1).IgnoreError();
    os.Kill(os.GetPid(), SIGUSR2).IgnoreError();
    if (handled != 0) return 9;
    os.SigProcMask(SIG_UNBLOCK, &both).IgnoreError();
    const int seen = handled;
    if (os.Fork().value() == 0) return seen;
    return WEXITSTATUS(os.WaitPid(-1, 0).value().status);
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(StatusOf(sim, 101), 2);
  EXPECT_EQ(StatusOf(sim, 100), 2);
}

TEST(SimOsReplay, AnInterruptedAndRestartedCallIsReplayed) {
  SimOs sim;
  const SimRun run = sim.Run([](Os& os) {
    handled = 0;
    SignalAction action;
    action.handler = &Count;
    action.flags = SA_RESTART;
    os.SigAction(SIGCHLD, &action).IgnoreError();
    const PipeEnds ends = os.Pipe().value();
    if (os.Fork().value() == 0) os.Exit(0);
    if (os.Fork().value() == 0) {
      os.ClockNanoSleep(CLOCK_MONOTONIC, 0, 1000).IgnoreError();
      os.Write(ends.write_end, "x", 1).IgnoreError();
      os.Exit(0);
    }
    char byte = 0;
    const bool got = os.Read(ends.read_end, &byte, 1).value_or(0) == 1;
    if (os.Fork().value() == 0) return got && byte == 'x' && handled > 0 ? 3 : 4;
    while (os.WaitPid(-1, 0).ok()) {
    }
    return 0;
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(StatusOf(sim, 103), 3) << sim.TraceText();
}

TEST(SimOsReplay, AHandlerMayJumpOutAndLeavesItsMaskBehind) {
  SimOs sim;
  const SimRun run = sim.Run([](Os& os) {
    Install(os, SIGUSR1, &JumpOut);
    if (setjmp(out_of_handler) == 0) os.Kill(os.GetPid(), SIGUSR1).IgnoreError();
    const bool blocked = os.SigProcMask(SIG_BLOCK, nullptr).value().Contains(SIGUSR1);
    if (os.Fork().value() == 0) return blocked ? 2 : 3;
    return WEXITSTATUS(os.WaitPid(-1, 0).value().status);
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(StatusOf(sim, 100), 2);
}

struct Shared {
  Os* os = nullptr;
  int written = 0;
  pid_t inner = -1;
};

int WriteToTheParent(void* argument) {
  auto& shared = *static_cast<Shared*>(argument);
  shared.written = shared.os->GetPid();
  return 3;
}

TEST(SimOsReplay, WhatTheChildOfAVforkCallWroteIsThereInAChildOfTheParent) {
  SimOs sim;
  const SimRun run = sim.Run([](Os& os) {
    Shared shared;
    shared.os = &os;
    os.VforkCall(&WriteToTheParent, &shared, SIGCHLD).IgnoreError();
    if (shared.written != 101) return 9;
    if (os.Fork().value() == 0) return shared.written == 101 ? 4 : 5;
    os.WaitPid(-1, 0).IgnoreError();
    return WEXITSTATUS(os.WaitPid(-1, 0).value().status);
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(StatusOf(sim, 100), 4) << sim.TraceText();
}

int ForkInTheFunction(void* argument) {
  auto& shared = *static_cast<Shared*>(argument);
  shared.written = 1;
  shared.inner = shared.os->Fork().value();
  if (shared.inner == 0) return shared.written + 6;
  shared.os->WaitPid(shared.inner, 0).IgnoreError();
  return 2;
}

int ThrowInTheFunction(void*) { throw 1; }

// vfork(2): the child ends by std::terminate(), and its parent goes on and forks.
TEST(SimOsReplay, AnExceptionInTheFunctionOfAVforkCallEndsTheChildAlone) {
  SimOs sim;
  sim.Run([](Os& os) {
    const pid_t child = os.VforkCall(&ThrowInTheFunction, nullptr, SIGCHLD).value();
    const int status = os.WaitPid(child, 0).value().status;
    if (os.Fork().value() == 0) os.Exit(3);
    os.WaitPid(-1, 0).IgnoreError();
    return WTERMSIG(status);
  });
  EXPECT_EQ(WEXITSTATUS(sim.process(100)->wait_status), SIGABRT);
  EXPECT_EQ(WEXITSTATUS(sim.process(102)->wait_status), 3);
}

TEST(SimOsReplay, TheChildOfAVforkCallMayForkAndHasItsCallersMemory) {
  SimOs sim;
  const SimRun run = sim.Run([](Os& os) {
    Shared shared;
    shared.os = &os;
    const pid_t child = os.VforkCall(&ForkInTheFunction, &shared, SIGCHLD).value();
    const int status = WEXITSTATUS(os.WaitPid(child, 0).value().status);
    return status == 2 && shared.inner == 102 ? 0 : 1;
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(StatusOf(sim, 102), 7);
  EXPECT_EQ(StatusOf(sim, 100), 0) << sim.TraceText();
}

TEST(SimOsReplay, EachProcessHasItsEnvironment) {
  SimOsOptions options;
  options.environment = {"A=1"};
  SimOs sim(options);
  const SimRun run = sim.Run([](Os& os) {
    os.SetEnv("B", "2").IgnoreError();
    if (os.Fork().value() == 0) {
      const bool inherited = std::string(os.GetEnv("B")) == "2";
      os.SetEnv("A", "child").IgnoreError();
      return inherited && std::string(os.GetEnv("A")) == "child" ? 0 : 1;
    }
    os.WaitPid(-1, 0).IgnoreError();
    return std::string(os.GetEnv("A")) == "1" && os.GetEnv("C") == nullptr ? 0 : 1;
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(StatusOf(sim, 101), 0);
  EXPECT_EQ(StatusOf(sim, 100), 0);
}

TEST(SimOsReplay, AnExceptionInFlightSurvivesAFork) {
  SimOs sim;
  const SimRun run = sim.Run([](Os& os) {
    try {
      throw std::runtime_error("x");
    } catch (const std::runtime_error&) {
      const pid_t child = os.Fork().value();
      if (child != 0) os.WaitPid(child, 0).IgnoreError();
      try {
        throw;
      } catch (const std::runtime_error& error) {
        return std::string(error.what()) == "x" ? 0 : 1;
      }
    }
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(StatusOf(sim, 100), 0);
  EXPECT_EQ(StatusOf(sim, 101), 0);
}

// ~UniqueFd is noexcept and makes a call, which may have to let others run.
TEST(SimOsReplay, ADestructorMayMakeCallsThatLetOthersRun) {
  SimOs sim;
  const SimRun run = sim.Run([](Os& os) {
    const PipeEnds ends = os.Pipe().value();
    if (os.Fork().value() == 0) {
      os.Close(ends.write_end).IgnoreError();
      char byte = 0;
      return static_cast<int>(os.Read(ends.read_end, &byte, 1).value());
    }
    { const UniqueFd owned(os, ends.write_end); }
    return WEXITSTATUS(os.WaitPid(-1, 0).value().status);
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(StatusOf(sim, 100), 0);
}

void ExitBelow(Os& os, int depth) noexcept {  // NOLINT(misc-no-recursion)
  const std::vector<char> on_the_heap(1000);
  if (depth > 0) {
    ExitBelow(os, depth - 1);
  } else {
    os.Exit(11);
  }
}

TEST(SimOsReplay, ExitDeepInTheStackLeavesFromThere) {
  SimOs sim;
  for (int i = 0; i < 100; ++i) {
    const SimRun run = sim.Run([](Os& os) {
      if (os.Fork().value() == 0) ExitBelow(os, 20);
      return WEXITSTATUS(os.WaitPid(-1, 0).value().status);
    });
    ASSERT_EQ(run.end, SimEnd::kAllEnded) << run.message;
    ASSERT_EQ(StatusOf(sim, 100), 11);
  }
}

TEST(SimOsExec, ARegisteredProgramIsABodyOfItsOwnAndMayFork) {
  SimOsOptions options;
  options.programs.push_back({"/bin/twice", [](Os& os, const std::vector<std::string>& words) {
                                if (os.Fork().value() == 0) return static_cast<int>(words.size());
                                const int status = os.WaitPid(-1, 0).value().status;
                                return WEXITSTATUS(status) * 10 + (os.GetEnv("X") != nullptr);
                              }});
  SimOs sim(options);
  const SimRun run = sim.Run([](Os& os) {
    const char* const words[] = {"twice", "a", "b", nullptr};
    const char* const variables[] = {"X=1", nullptr};
    os.ExecVe("/bin/twice", const_cast<char* const*>(words), const_cast<char* const*>(variables))
        .IgnoreError();
    return 99;
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(StatusOf(sim, 100), 31);
  EXPECT_THAT(sim.process(100)->arguments, ElementsAre("twice", "a", "b"));
  EXPECT_TRUE(sim.process(101)->program.empty());
}

TEST(SimOsExec, KeepsWhatExecKeeps) {
  SimOsOptions options;
  options.programs.push_back({"/bin/daemon", nullptr});
  SimOs sim(options);
  const SimRun run = sim.Run([](Os& os) {
    os.Open("/dev/null", O_RDONLY | O_CLOEXEC, 0).IgnoreError();
    os.Open("/dev/null", O_RDONLY, 0).IgnoreError();
    Install(os, SIGUSR1, &Count);
    Install(os, SIGUSR2, SIG_IGN);
    const SignalSet mask = SignalSet::Of(SIGHUP);
    os.SigProcMask(SIG_BLOCK, &mask).IgnoreError();
    os.Kill(os.GetPid(), SIGHUP).IgnoreError();
    os.SetResUid(5, 6, 0).IgnoreError();  // keeps the permitted capabilities
    const char* const words[] = {"daemon", nullptr};
    const char* const variables[] = {nullptr};
    os.ExecVe("/bin/daemon", const_cast<char* const*>(words), const_cast<char* const*>(variables))
        .IgnoreError();
    return 99;
  });
  EXPECT_EQ(run.end, SimEnd::kDeadlock);  // nobody ends it
  const SimProcess program = *sim.process(100);
  EXPECT_EQ(program.descriptors.count(3), 0U);
  EXPECT_EQ(program.descriptors.count(4), 1U);
  EXPECT_EQ(program.ignored, SignalSet::Of(SIGUSR2));
  EXPECT_EQ(program.mask, SignalSet::Of(SIGHUP));
  EXPECT_EQ(program.pending, SignalSet::Of(SIGHUP));
  EXPECT_EQ(program.uid.saved, 6U);
  EXPECT_EQ(program.capabilities.permitted, 0U);
}

TEST(SimOsExec, AProgramThatIsNotSimulatedEndsByASignal) {
  SimOsOptions options;
  options.programs.push_back({"/bin/daemon", nullptr});
  SimOs sim(options);
  const SimRun run = sim.Run([](Os& os) {
    const pid_t child = os.Fork().value();
    if (child == 0) {
      Install(os, SIGTERM, &Count);
      const char* const words[] = {"daemon", nullptr};
      os.ExecVe("/bin/daemon", const_cast<char* const*>(words), nullptr).IgnoreError();
      return 99;
    }
    os.ClockNanoSleep(CLOCK_MONOTONIC, 0, 1000).IgnoreError();
    os.Kill(child, SIGTERM).IgnoreError();
    return WTERMSIG(os.WaitPid(child, 0).value().status);
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(StatusOf(sim, 100), SIGTERM);
}

}  // namespace
}  // namespace cleanfork
