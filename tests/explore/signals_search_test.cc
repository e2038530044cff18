// What the search makes of signals: bodies in which it matters just when one comes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <ctime>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "cleanfork/checker.h"
#include "cleanfork/explore.h"
#include "cleanfork/os.h"
#include "tests/explore/test_scenario.h"

namespace cleanfork {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Not;

constexpr char kByte = 'g';

// For handlers, which are functions alone.
Os* the_os = nullptr;
int told_by = 0;
int times_handled = 0;

ExploreOptions WithSignals(const std::vector<int>& signals, int most) {
  ExploreOptions options;
  options.max_faults = 0;
  options.sticky_faults = false;
  options.signals = signals;
  options.max_signals = most;
  options.progress = false;
  options.reports = false;
  return options;
}

// How all processes ended, of each run of an exploration.
class Ends {
 public:
  explicit Ends(const SimOs::Body& body) {
    scenario_ = ScenarioOf(body);
    scenario_.checkers = {MakeChecker("any end", [this](const Execution& run) {
      std::string text;
      for (const ExecutedProcess& process : run.processes()) {
        text += (text.empty() ? "" : " ") + process.path.ToString() + ":" +
                std::to_string(process.wait_status);
      }
      all_.push_back(text);
      return std::string();
    })};
  }

  std::set<std::string> Of(const ExploreOptions& options) {
    all_.clear();
    const ExploreResult result = Explore(scenario_, options);
    EXPECT_EQ(result.verdict, ExploreResult::Verdict::kExhausted) << result;
    // Before these are those of explorations that were begun again.
    return {all_.end() - result.runs, all_.end()};
  }

  // With all orders, too, which must come to the same.
  std::set<std::string> OfAllOrders(ExploreOptions options) {
    const std::set<std::string> reduced = Of(options);
    options.reduce = false;
    EXPECT_EQ(reduced, Of(options));
    return reduced;
  }

 private:
  Scenario scenario_;
  std::vector<std::string> all_;
};

void Handle(Os& os, int signal, void (*handler)(int)) {
  SignalAction action;
  action.handler = handler;
  os.SigAction(signal, &action).IgnoreError();
}

std::string Exited(int status) { return std::to_string(status << 8); }

// The child leaves the group before the wait for it begins, or after: that is seen by the wait,
// also where a handler has run just before, with calls of its own.
TEST(SignalsSearch, AHandlersCallsDoNotChangeWhatIsKnownOfTheWait) {
  Ends ends([](Os& os) {
    the_os = &os;
    const PipeEnds pipe = os.Pipe().value();
    told_by = pipe.write_end;
    const pid_t child = os.Fork().value();
    if (child == 0) {
      char byte;
      os.Read(pipe.read_end, &byte, 1).IgnoreError();
      os.SetPgid(0, 0).IgnoreError();
      os.Exit(0);
    }
    Handle(os, SIGTERM, [](int) { the_os->Write(told_by, &kByte, 1).IgnoreError(); });
    return os.WaitPid(0, 0).error();
  });
  const std::set<std::string> found = ends.OfAllOrders(WithSignals({SIGTERM}, 1));
  EXPECT_THAT(found, Contains("P:" + Exited(ECHILD) + " P.1:0"));
}

// A process that another one signals has steps as choices from then on, of which only the shards
// know that make such a run.
TEST(SignalsSearch, ShardsMakeTheRunsOfTheWholeWhereProcessesSignalEachOther) {
  const Scenario scenario = ScenarioOf([](Os& os) {
    const bool is_first = !os.ChDir("/").ok();
    const bool kills = !os.ChDir("/").ok() && is_first;
    const pid_t child = os.Fork().value();
    if (child == 0) {
      os.Umask(0);
      bool ok = true;
      for (int i = 0; i < 3; ++i) ok = os.Stat("/").ok() && ok;
      os.Exit(ok ? 0 : 1);
    }
    bool ok = true;
    if (kills) {
      os.Kill(child, SIGTERM).IgnoreError();
    } else {
      ok = os.Stat("/").ok();
    }
    os.WaitPid(child, 0).IgnoreError();
    return ok ? 0 : 1;
  });
  ExploreOptions options = WithSignals({}, 0);
  options.max_faults = 2;
  options.outcomes = true;
  options.fault_filter = [](const FaultEntry& fault) {
    return fault.error == ENOMEM && (fault.call == OsCall::kStat || fault.call == OsCall::kChDir);
  };
  const std::map<uint64_t, int64_t> whole = Explore(scenario, options).outcomes;
  for (options.shards = 2; options.shards <= 8; ++options.shards) {
    std::map<uint64_t, int64_t> parts;
    for (options.shard = 0; options.shard < options.shards; ++options.shard) {
      for (const auto& [outcome, runs] : Explore(scenario, options).outcomes) {
        parts[outcome] += runs;
      }
    }
    for (const auto& [outcome, runs] : whole) EXPECT_THAT(parts, Contains(Key(outcome)));
    EXPECT_EQ(parts.size(), whole.size()) << options.shards << " shards";
  }
}

// Before it is blocked the signal ends the process.
TEST(SignalsSearch, AWaitForASignalGetsItThoughItIsBlocked) {
  Ends ends([](Os& os) {
    const SignalSet terminate = SignalSet::Of(SIGTERM);
    os.SigProcMask(SIG_BLOCK, &terminate).IgnoreError();
    return os.SigTimedWait(terminate, 1).ok() ? 3 : 4;
  });
  EXPECT_EQ(ends.OfAllOrders(WithSignals({SIGTERM}, 1)),
            (std::set<std::string>{"P:15", "P:" + Exited(3), "P:" + Exited(4)}));
}

TEST(SignalsSearch, WhatCameWhileItWasBlockedComesAsItIsUnblocked) {
  Ends ends([](Os& os) {
    times_handled = 0;
    const SignalSet terminate = SignalSet::Of(SIGTERM);
    Handle(os, SIGTERM, [](int) { ++times_handled; });
    os.SigProcMask(SIG_BLOCK, &terminate).IgnoreError();
    times_handled = 0;
    os.SigProcMask(SIG_UNBLOCK, &terminate).IgnoreError();
    return times_handled;
  });
  EXPECT_EQ(ends.OfAllOrders(WithSignals({SIGTERM}, 1)),
            (std::set<std::string>{"P:15", "P:0", "P:" + Exited(1)}));
}

TEST(SignalsSearch, MoreThanOneMayComeWhileAllAreBlocked) {
  Ends ends([](Os& os) {
    times_handled = 0;
    const SignalSet both = SignalSet::Of(SIGTERM, SIGHUP);
    os.SigProcMask(SIG_BLOCK, &both).IgnoreError();
    for (int signal : {SIGTERM, SIGHUP}) Handle(os, signal, [](int) { ++times_handled; });
    times_handled = 0;
    os.SigProcMask(SIG_UNBLOCK, &both).IgnoreError();
    return times_handled;
  });
  EXPECT_THAT(ends.OfAllOrders(WithSignals({SIGTERM, SIGHUP}, 2)), Contains("P:" + Exited(2)));
  ExploreOptions options = WithSignals({SIGTERM}, 1);
  options.max_kills = 1;
  EXPECT_THAT(ends.OfAllOrders(options), Contains("P:9"));
}

// A process that is killed before a step that is nobody else's, or that only begins to wait, ends
// as one that is killed after it.
TEST(SignalsSearch, KillsComeBeforeStepsThatOthersCanTell) {
  std::set<std::string> plans;
  Scenario scenario;
  scenario.name = "kills";
  scenario.body = [](Os& os) {
    for (int i = 0; i < 3; ++i) os.SigAction(SIGUSR1, nullptr).IgnoreError();
    os.ClockGetTime(CLOCK_MONOTONIC).IgnoreError();
    os.Umask(0);
    os.ClockNanoSleep(CLOCK_MONOTONIC, 0, 1000).IgnoreError();
    return 0;
  };
  scenario.checkers = {MakeChecker("plans", [&plans](const Execution& run) {
    plans.insert(FaultPlanToString(run.deviations()));
    return std::string();
  })};
  ExploreOptions options = WithSignals({}, 0);
  options.max_kills = 1;
  EXPECT_EQ(Explore(scenario, options).verdict, ExploreResult::Verdict::kExhausted);
  EXPECT_THAT(plans, ::testing::UnorderedElementsAre("cf1", "cf1;P!SIGKILL+@clock_nanosleep#1",
                                                     "cf1;P!SIGKILL@_exit#1"));
}

struct Shared {
  Os* os;
  int stage;
};

// Its parent sees how far a child of a vfork has come, though nobody can tell its calls from none.
TEST(SignalsSearch, TheChildOfAVforkIsKilledAnywhere) {
  Ends ends([](Os& os) {
    Shared shared = {&os, 0};
    const auto run = [](void* argument) {
      auto* const in = static_cast<Shared*>(argument);
      in->os->Umask(0);
      in->stage = 1;
      in->os->Umask(022);
      in->stage = 2;
      return 0;
    };
    const pid_t child = os.VforkCall(run, &shared, SIGCHLD).value();
    const int status = os.WaitPid(child, 0).value_or(WaitResult()).status;
    return status == SIGKILL ? shared.stage : 3;
  });
  ExploreOptions options = WithSignals({}, 0);
  options.max_kills = 1;
  const std::set<std::string> seen = ends.OfAllOrders(options);
  for (int stage = 0; stage <= 2; ++stage) {
    EXPECT_THAT(seen, Contains("P:" + Exited(stage) + " P.1:9"));
  }
}

// SIGPIPE is pending, and its end if it lives on.
TEST(SignalsSearch, WhoUnblocksASignalThatIsPendingIsKilledBeforeThat) {
  std::set<std::string> seen;
  Scenario scenario;
  scenario.name = "pending";
  scenario.body = [](Os& os) {
    const SignalSet set = SignalSet::Of(SIGPIPE);
    os.SigProcMask(SIG_BLOCK, &set).IgnoreError();
    const PipeEnds ends = os.Pipe().value_or(PipeEnds());
    os.Close(ends.read_end).IgnoreError();
    os.Write(ends.write_end, "x", 1).IgnoreError();
    Note("written", 1);
    os.SigProcMask(SIG_UNBLOCK, &set).IgnoreError();
    return 0;
  };
  scenario.checkers = {MakeChecker("seen", [&seen](const Execution& run) {
    seen.insert(std::to_string(run.processes()[0].wait_status) +
                (run.notes().empty() ? "" : " written"));
    return std::string();
  })};
  ExploreOptions options = WithSignals({}, 0);
  options.max_kills = 1;
  EXPECT_EQ(Explore(scenario, options).verdict, ExploreResult::Verdict::kExhausted);
  EXPECT_THAT(seen, ::testing::UnorderedElementsAre("13 written", "9", "9 written"));
}

TEST(SignalsSearch, WhoThrowsIsKilledBeforeThat) {
  Ends ends([](Os& os) {
    const pid_t child = os.Fork().value();
    if (child == 0) {
      os.Umask(0);
      throw std::runtime_error("thrown");
    }
    os.WaitPid(child, 0).IgnoreError();
    return 0;
  });
  ExploreOptions options = WithSignals({}, 0);
  options.max_kills = 1;
  EXPECT_THAT(ends.OfAllOrders(options), Contains("P:0 P.1:9"));
}

TEST(SignalsSearch, WhoIsStoppedIsContinued) {
  Ends ends([](Os& os) {
    const pid_t child = os.Fork().value();
    if (child == 0) {
      os.Kill(os.GetPid(), SIGSTOP).IgnoreError();
      os.Exit(4);
    }
    const SysResult<WaitResult> ended = os.WaitPid(child, 0);
    return ended.ok() && WIFEXITED(ended.value().status) ? WEXITSTATUS(ended.value().status) : 1;
  });
  EXPECT_THAT(ends.OfAllOrders(WithSignals({SIGCONT}, 1)),
              Contains("P:" + Exited(4) + " P.1:" + Exited(4)));
}

int TwoCalls(void* os) {
  static_cast<Os*>(os)->Umask(0);
  static_cast<Os*>(os)->Umask(0);
  return 1;
}

// A second one of the same number in the queue is not modelled.
TEST(SignalsSearch, ASignalThatIsPendingIsNotSentAgain) {
  Ends ends([](Os& os) {
    Handle(os, SIGRTMIN + 6, [](int) {});
    const SysResult<pid_t> child = os.VforkCall(&TwoCalls, &os, SIGCHLD);
    os.WaitPid(child.value(), 0).IgnoreError();
    return 0;
  });
  EXPECT_THAT(ends.Of(WithSignals({SIGRTMIN + 6}, 2)), Contains("P:0 P.1:" + Exited(1)));
}

struct Own {
  Os* os;
  volatile int values[64];
};

int ReadOwn(void* argument) {
  const Own* const own = static_cast<Own*>(argument);
  int strange = 0;
  for (int i = 0; i < 3; ++i) {
    own->os->GetPpid();
    for (const volatile int& value : own->values) strange += value != 77;
  }
  return strange == 0 ? 1 : 66;
}

__attribute__((noinline)) void UseStack(Os& os, int value, bool lends) {
  Own own;
  own.os = &os;
  for (volatile int& each : own.values) each = value;
  if (lends) {
    const pid_t child = os.VforkCall(&ReadOwn, &own, SIGCHLD).value();
    os.WaitPid(child, 0).IgnoreError();
  } else {
    os.GetPpid();
  }
  os.Exit(0);
}

// The child of a vfork goes on in the memory of a parent that is killed.
TEST(SignalsSearch, TheStackOfAKilledParentIsKeptForTheChildThatRunsOnIt) {
  Ends ends([](Os& os) {
    const pid_t lender = os.Fork().value();
    if (lender == 0) UseStack(os, 77, true);
    os.WaitPid(lender, 0).IgnoreError();
    const pid_t other = os.Fork().value();
    if (other == 0) UseStack(os, 55, false);
    os.WaitPid(other, 0).IgnoreError();
    return 0;
  });
  ExploreOptions options = WithSignals({}, 0);
  options.max_kills = 1;
  options.max_preemptions = 2;
  for (const std::string& end : ends.Of(options)) {
    EXPECT_THAT(end, Not(HasSubstr(":" + Exited(66))));
  }
}

// A plan that lets a process go on that waits there, and is sent nothing.
TEST(SignalsSearch, APlanThatSwitchesToWhoCannotGoOnIsRefused) {
  Scenario scenario;
  scenario.body = [](Os& os) {
    const PipeEnds pipe = os.Pipe().value();
    const pid_t child = os.Fork().value();
    if (child == 0) {
      char byte;
      os.Read(pipe.read_end, &byte, 1).IgnoreError();
      os.Exit(0);
    }
    os.Umask(0);
    os.Write(pipe.write_end, &kByte, 1).IgnoreError();
    os.WaitPid(child, 0).IgnoreError();
    return 0;
  };
  const ReplayResult replay = Replay(scenario, "cf1;P>P.1@umask#1;P>P.1@write#1");
  EXPECT_THAT(replay.error, HasSubstr("the run does not come to P>P.1@write#1"));
  EXPECT_EQ(replay.run.end, SimEnd::kAllEnded);
}

TEST(SignalsSearch, TwoCallsOfWhichOneFailsAreTwoOutcomes) {
  Scenario scenario;
  scenario.body = [](Os& os) {
    os.Stat("/").IgnoreError();
    os.Stat("/").IgnoreError();
    return 0;
  };
  ExploreOptions options = WithSignals({}, 0);
  options.max_faults = 1;
  options.outcomes = true;
  options.fault_filter = [](const FaultEntry& fault) { return fault.error == ENOMEM; };
  EXPECT_EQ(Explore(scenario, options).outcomes.size(), 3u);
}

}  // namespace
}  // namespace cleanfork
