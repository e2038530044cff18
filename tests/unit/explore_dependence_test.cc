// That nothing is lost where runs are left out for being like another: small bodies, whose
// processes get in each other's way by each kind of thing that calls say they touch, end in the
// same ways whether all orders are tried or only those that the footprints ask for.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <set>

#include "cleanfork/explore.h"
#include "cleanfork/os.h"
#include "cleanfork/process_local.h"

namespace cleanfork {
namespace {

ExploreResult Run(const SimOs::Body& body, bool reduce) {
  Scenario scenario;
  scenario.body = body;
  scenario.checkers.clear();
  ExploreOptions options;
  options.max_faults = 0;
  options.reduce = reduce;
  options.outcomes = true;
  options.progress = false;
  options.reports = false;
  return Explore(scenario, options);
}

// `least`: in how many ways it ends at least, so that there is something to lose.
void ExpectTheSameOutcomes(const SimOs::Body& body, size_t least) {
  const ExploreResult all = Run(body, false);
  const ExploreResult reduced = Run(body, true);
  ASSERT_EQ(all.verdict, ExploreResult::Verdict::kExhausted) << all;
  ASSERT_EQ(reduced.verdict, ExploreResult::Verdict::kExhausted) << reduced;
  std::set<uint64_t> of_all, of_reduced;
  for (const auto& [outcome, runs] : all.outcomes) of_all.insert(outcome);
  for (const auto& [outcome, runs] : reduced.outcomes) of_reduced.insert(outcome);
  EXPECT_EQ(of_all, of_reduced) << all.runs << " runs, " << reduced.runs << " of them not alike";
  EXPECT_GE(of_all.size(), least);
  EXPECT_LE(reduced.runs, all.runs);
}

ProcessLocal<int> handled;

void Count(int) { *handled += 1; }

void Handle(Os& os, int signal) {
  SignalAction action;
  action.handler = Count;
  os.SigAction(signal, &action).value();
}

TEST(DependenceTest, AHandlerThatIsInstalledWhileTheChildEnds) {
  ExpectTheSameOutcomes(
      [](Os& os) {
        const pid_t child = os.Fork().value();
        if (child == 0) return 0;
        Handle(os, SIGCHLD);
        int seen = 0;
        for (int i = 0; i < 3; ++i) {
          os.GetUid();
          seen = seen * 2 + *handled;
        }
        return seen;
      },
      4);
}

// So that the child is on its way out before there is a handler.
TEST(DependenceTest, AHandlerThatIsInstalledAfterTheChildHasClosed) {
  ExpectTheSameOutcomes(
      [](Os& os) {
        const PipeEnds ends = os.Pipe2(0).value();
        if (os.Fork().value() == 0) return 0;
        os.Close(ends.write_end).IgnoreError();
        char byte;
        os.Read(ends.read_end, &byte, 1).value();
        Handle(os, SIGCHLD);
        int seen = 0;
        for (int i = 0; i < 3; ++i) {
          os.GetUid();
          seen = seen * 2 + *handled;
        }
        return seen;
      },
      4);
}

TEST(DependenceTest, ASignalThatIsBlockedForAWhile) {
  ExpectTheSameOutcomes(
      [](Os& os) {
        const pid_t parent = os.GetPid();
        Handle(os, SIGUSR1);
        const SignalSet set = SignalSet::Of(SIGUSR1), none;
        os.SigProcMask(SIG_SETMASK, &set).value();
        if (os.Fork().value() == 0) {
          os.Kill(parent, SIGUSR1).IgnoreError();
          return 0;
        }
        int seen = *handled;
        os.SigProcMask(SIG_SETMASK, &none).value();
        seen = seen * 2 + *handled;
        os.GetUid();
        return seen * 2 + *handled;
      },
      3);
}

TEST(DependenceTest, AHandlerThatBlocksTheEndOfAChild) {
  ExpectTheSameOutcomes(
      [](Os& os) {
        Handle(os, SIGCHLD);
        const pid_t first = os.Fork().value();
        if (first == 0) return 0;
        const pid_t second = os.Fork().value();
        if (second == 0) return 0;
        os.GetUid();
        const int seen = *handled;
        os.WaitPid(first, 0).IgnoreError();
        os.WaitPid(second, 0).IgnoreError();
        return seen * 3 + *handled;
      },
      3);
}

TEST(DependenceTest, APipeThatIsReadAndClosed) {
  ExpectTheSameOutcomes(
      [](Os& os) {
        const PipeEnds ends = os.Pipe2(0).value();
        if (os.Fork().value() == 0) {
          os.Write(ends.write_end, "ab", 2).IgnoreError();
          os.Close(ends.write_end).IgnoreError();
          return 0;
        }
        os.Close(ends.write_end).IgnoreError();
        struct pollfd entry = {ends.read_end, POLLIN, 0};
        const size_t ready = os.Poll(&entry, 1, 0).value();
        char buffer[4];
        const size_t got = os.Read(ends.read_end, buffer, sizeof(buffer)).value();
        const size_t then = os.Poll(&entry, 1, 0).value();
        return static_cast<int>(ready * 16 + got * 2 + then);
      },
      3);
}

TEST(DependenceTest, AWriterWhoseReaderGoes) {
  ExpectTheSameOutcomes(
      [](Os& os) {
        SignalAction ignore;
        ignore.handler = SIG_IGN;
        os.SigAction(SIGPIPE, &ignore).value();
        const PipeEnds ends = os.Pipe2(0).value();
        for (int i = 0; i < 2; ++i) {
          if (os.Fork().value() == 0) {
            os.Close(ends.read_end).IgnoreError();
            return os.Write(ends.write_end, "a", 1).error() & 0x7f;
          }
        }
        os.Close(ends.read_end).IgnoreError();
        int status = 0;
        for (int i = 0; i < 2; ++i) {
          status = status * 2 + (os.WaitPid(-1, 0).value().status != 0 ? 1 : 0);
        }
        return status;
      },
      2);
}

TEST(DependenceTest, ChildrenThatAreWaitedForInAnyOrder) {
  ExpectTheSameOutcomes(
      [](Os& os) {
        for (int i = 1; i <= 2; ++i) {
          if (os.Fork().value() == 0) return i;
        }
        const pid_t early = os.WaitPid(-1, WNOHANG).value_or(WaitResult()).pid;
        const pid_t next = os.WaitPid(-1, 0).value_or(WaitResult()).pid;
        return (early % 8) * 8 + next % 8;
      },
      4);
}

TEST(DependenceTest, AParentThatEndsFirst) {
  ExpectTheSameOutcomes(
      [](Os& os) {
        const pid_t child = os.Fork().value();
        if (child != 0) return os.WaitPid(child, WNOHANG).value().pid != 0 ? 1 : 0;
        const pid_t grandchild = os.Fork().value();
        if (grandchild == 0) {
          const bool orphan = os.GetPpid() == 1;
          os.GetUid();
          return orphan ? 3 : os.GetPpid() == 1 ? 2 : 1;
        }
        return 0;
      },
      3);
}

TEST(DependenceTest, AGroupThatIsJoinedAndSignalled) {
  ExpectTheSameOutcomes(
      [](Os& os) {
        const pid_t child = os.Fork().value();
        if (child == 0) {
          os.SetPgid(0, 0).IgnoreError();
          return os.SetSid().ok() ? 1 : 2;
        }
        const bool placed = os.SetPgid(child, child).ok();
        const bool killed = os.Kill(-child, SIGTERM).ok();
        const int status = os.WaitPid(child, 0).value().status;
        return placed * 4 + killed * 2 + (status == SIGTERM);
      },
      3);
}

// Who waits for one that nobody has to wait for is told of its end also where another ends after
// it.
TEST(DependenceTest, AWaitForAChildThatIsReapedUnasked) {
  Scenario scenario;
  scenario.body = [](Os& os) {
    SignalAction ignore;
    ignore.handler = SIG_IGN;
    os.SigAction(SIGCHLD, &ignore).value();
    const pid_t child = os.Fork().value();
    if (child == 0) return 0;
    if (os.Fork().value() == 0) return 0;
    return os.WaitPid(child, 0).error();
  };
  scenario.checkers = {MakeChecker("it is told", [](const Execution& run) {
    return run.processes().front().wait_status == ECHILD << 8 ? "" : "it is not";
  })};
  ExploreOptions options;
  options.max_faults = 0;
  options.progress = false;
  options.reports = false;
  const ExploreResult result = Explore(scenario, options);
  EXPECT_EQ(result.verdict, ExploreResult::Verdict::kExhausted) << result;
}

}  // namespace
}  // namespace cleanfork
