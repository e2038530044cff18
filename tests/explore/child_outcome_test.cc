// What comes out of ForkChild(), RunInChild(), Spawn(), Child and ChildRegistry: the child is as it
// was asked for, or the caller is told why not.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cerrno>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cleanfork/checkers.h"
#include "cleanfork/child.h"
#include "cleanfork/child_registry.h"
#include "cleanfork/explore_matchers.h"
#include "cleanfork/fd_io.h"
#include "cleanfork/fork_child.h"
#include "cleanfork/spawn.h"
#include "cleanfork/unique_fd.h"
#include "tests/explore/outcome_rules.h"
#include "tests/explore/worker_world.h"

namespace cleanfork::explore {
namespace {

constexpr int kTakenTooLong = 5;

Scenario OutcomeScenario(const std::string& name, SimOs::Body body) {
  Scenario scenario;
  scenario.name = name;
  scenario.world = OutcomeWorld();
  scenario.body = std::move(body);
  scenario.checkers = OutcomeCheckers(StandardCheckers());
  scenario.checkers.push_back(EndsWith(0));
  return scenario;
}

int SpawnAndWait(Os& os, const ForkOptions& options) {
  const int64_t start = Now(os);
  absl::StatusOr<Child> child = Spawn({"worker"}, options, os);
  if (!child.ok()) return Failed(child.status());
  Note(kStarted, 1);
  Note(kElapsed, Now(os) - start);
  return EndedWell(child->Wait()) ? 0 : 2;
}

// Spawn() ----------------------------------------------------------------------------------------

Scenario SpawnWithAllOptions() {
  Scenario scenario = OutcomeScenario("Spawn with all options", [](Os& os) {
    ForkOptions options;
    options.identity = Identity::User("www");
    options.keep_descriptors = {6};
    options.no_new_privs = true;
    options.nice = 5;
    options.limits = {{RLIMIT_NOFILE, {64, 64}}, {RLIMIT_CORE, {0, 0}}};
    return SpawnAndWait(os, options);
  });
  Asked asked = AsWww();
  asked.descriptors = {0, 1, 2, 6};
  asked.no_new_privs = true;
  asked.nice = 5;
  asked.most_descriptors = 64;
  asked.environment = {"USER=www"};
  scenario.checkers.push_back(TheChildIsAsAsked(asked));
  scenario.checkers.push_back(ForksAreTried(5));
  return scenario;
}

TEST(SpawnOutcome, IsTheProgramAsAskedOrAFailureThatSaysWhy) {
  EXPECT_THAT(ExploreOutcomes(SpawnWithAllOptions(), OneFault()), Exhausted());
}

TEST(SpawnOutcome, IsTrueThoughSomebodyIsKilled) {
  EXPECT_THAT(ExploreOutcomes(SpawnWithAllOptions(), OneKill()), Exhausted());
}

TEST(SpawnOutcome, IsNoProgramWithAnIdentityThatWasOnlyClaimed) {
  EXPECT_THAT(ExploreOutcomes(SpawnWithAllOptions(), LyingIdentity()), Exhausted());
}

TEST(SpawnOutcome, IsTheSameIfTheCallerHasNoStreams) {
  Scenario scenario = OutcomeScenario("Spawn without streams", [](Os& os) {
    ForkOptions options;
    options.out = Stream::Pipe();
    options.err = Stream::Inherit();
    const int64_t start = Now(os);
    absl::StatusOr<Child> child = Spawn({"worker"}, options, os);
    if (!child.ok()) return Failed(child.status());
    Note(kStarted, 1);
    Note(kElapsed, Now(os) - start);
    const int pipe = child->pipes().out.get();
    if (os.FcntlGetFd(pipe).value_or(0) != FD_CLOEXEC) return 4;
    char text[8];
    const SysResult<size_t> got = ReadFully(os, pipe, text, sizeof(text));
    if (!EndedWell(child->Wait())) return 2;
    return got.ok() && std::string(text, got.value()) == "yes" ? 0 : 3;
  });
  scenario.world.descriptors.clear();
  scenario.world.programs.back().body = [](Os& os, const std::vector<std::string>&) {
    NoteChild(os);
    return WriteFully(os, 1, "yes", 3).ok() ? 0 : 1;
  };
  scenario.checkers.push_back(TheChildIsAsAsked(Asked()));
  // Whether a stream is open is asked by copying it.
  for (std::shared_ptr<const Checker>& checker : scenario.checkers) {
    if (checker->name() == NoBadDescriptor()->name()) checker = NoDeadlock();
  }
  EXPECT_THAT(ExploreOutcomes(scenario, OneFault(1)), Exhausted());
}

TEST(SpawnOutcome, HasNothingOfOursWhereOtherDescriptorsStayOpen) {
  Scenario scenario = OutcomeScenario("Spawn that closes nothing", [](Os& os) {
    ForkOptions options;
    options.close_other_descriptors = false;
    return SpawnAndWait(os, options);
  });
  Asked asked;
  asked.descriptors = {0, 1, 2, 3, 4, 6, 9};
  scenario.checkers.push_back(TheChildIsAsAsked(asked));
  EXPECT_THAT(ExploreOutcomes(scenario, OneFault()), Exhausted());
}

TEST(SpawnOutcome, IsAProgramThatSomebodyHasJustWritten) {
  Scenario scenario = OutcomeScenario("Spawn of what was written", [](Os& os) {
    const SysResult<PipeEnds> made = os.Pipe();
    if (!made.ok()) return 0;
    UniqueFd read_end(os, made.value().read_end);
    UniqueFd write_end(os, made.value().write_end);
    const SysResult<pid_t> writer = os.Fork();
    if (!writer.ok()) return 0;
    if (writer.value() == 0) {
      const UniqueFd file(os, os.Open("/bin/worker", O_WRONLY | O_CLOEXEC, 0).value_or(-1));
      write_end.Reset();
      SleepUntil(os, Now(os) + 15'000'000).IgnoreError();
      os.Exit(0);
    }
    write_end.Reset();
    char byte;  // comes to its end when the file is open
    RetryOnEintr([&] { return os.Read(read_end.get(), &byte, 1); }).IgnoreError();
    absl::StatusOr<Child> child = Spawn({"worker"}, ForkOptions(), os);
    RetryOnEintr([&] { return os.WaitPid(writer.value(), 0); }).IgnoreError();
    if (!child.ok()) return Failed(child.status());
    Note(kStarted, 1);
    return EndedWell(child->Wait()) ? 0 : 2;
  });
  EXPECT_THAT(ExploreOutcomes(scenario, OneFault(0)), Exhausted());
}

TEST(SpawnOutcome, IsASuccessThoughTheForkFailsAndThePauseIsCutShort) {
  Scenario scenario =
      OutcomeScenario("Spawn after pauses", [](Os& os) { return SpawnAndWait(os, ForkOptions()); });
  ExploreOptions options = OneFault(0);
  options.max_faults = 2;
  options.fault_filter = [](const FaultEntry& entry) {
    return !entry.sticky &&
           (entry.call == OsCall::kVforkCall || entry.call == OsCall::kClockNanoSleep);
  };
  for (std::shared_ptr<const Checker>& checker : scenario.checkers) {
    if (checker->name() == TransientFaultsAbsorbed()->name()) checker = TransientFaultsAbsorbed(2);
  }
  EXPECT_THAT(ExploreOutcomes(scenario, options), Exhausted());
}

TEST(SpawnOutcome, DiesWithItsParentIfAsked) {
  Scenario scenario = OutcomeScenario("Spawn with a death signal", [](Os& os) {
    ForkOptions options;
    options.parent_death_signal = SIGKILL;
    absl::StatusOr<Child> child = Spawn({"worker"}, options, os);
    if (!child.ok()) return Failed(child.status());
    Note(kStarted, 1);
    return child->Stop().ok() ? 0 : 2;
  });
  LetTheWorkerStay(&scenario.world);
  scenario.checkers.push_back(MakeChecker("nobody is left", [](const Execution& run) {
    for (const ExecutedProcess& process : run.processes()) {
      if (process.end == ExecutedProcess::End::kRuns) return process.path.ToString() + " is";
    }
    return std::string();
  }));
  EXPECT_THAT(ExploreOutcomes(scenario, OneKill()), Exhausted());
}

Scenario SpawnADaemonWithAllOptions() {
  Scenario scenario = OutcomeScenario("Spawn daemon with options", [](Os& os) {
    ForkOptions options;
    options.session = Session::kDaemon;
    options.identity = Identity::User("www");
    options.signal_mask = SignalSet::Of(SIGPIPE);  // which would end who writes to nobody
    const int64_t start = Now(os);
    absl::StatusOr<Child> child = Spawn({"worker"}, options, os);
    if (!child.ok()) return Failed(child.status());
    Note(kStarted, 1);
    Note(kElapsed, Now(os) - start);
    return 0;
  });
  LetTheWorkerStay(&scenario.world);
  scenario.checkers = OutcomeCheckers(DaemonCheckers());
  scenario.checkers.push_back(EndsWith(0));
  Asked asked = AsWww();
  asked.leads_session = false;
  asked.mask = SignalSet::Of(SIGPIPE);
  scenario.checkers.push_back(TheChildIsAsAsked(asked));
  scenario.checkers.push_back(ForksAreTried(5));
  return scenario;
}

TEST(SpawnDaemonOutcome, IsTheProgramAsAskedOrAFailureThatSaysWhy) {
  EXPECT_THAT(ExploreOutcomes(SpawnADaemonWithAllOptions(), OneFault(1)), Exhausted());
}

TEST(SpawnDaemonOutcome, IsTrueThoughSomebodyIsKilled) {
  EXPECT_THAT(ExploreOutcomes(SpawnADaemonWithAllOptions(), OneKill(1)), Exhausted());
}

// ForkChild() and RunInChild() -------------------------------------------------------------------

int ForkAndWait(Os& os, const ForkOptions& options) {
  const int64_t start = Now(os);
  const absl::StatusOr<pid_t> pid = ForkChild(options, os);
  if (!pid.ok()) return Failed(pid.status());
  if (*pid == 0) {
    const char* const user = os.GetEnv("USER");
    const bool is_www = user != nullptr && user == std::string("www");
    const SysResult<SignalAction> action = os.SigAction(SIGCHLD, nullptr);
    const bool keeps_children = action.ok() && (action.value().flags & SA_NOCLDWAIT) == 0;
    NoteChild(os);
    os.Exit((is_www || !options.identity.has_value()) && keeps_children ? 0 : 1);
  }
  Note(kStarted, 1);
  Note(kElapsed, Now(os) - start);
  const SysResult<WaitResult> ended = RetryOnEintr([&] { return os.WaitPid(*pid, 0); });
  return ended.ok() && ended.value().status == 0 ? 0 : 2;
}

Scenario ForkWithAllOptions() {
  Scenario scenario = OutcomeScenario("ForkChild with all options", [](Os& os) {
    ForkOptions options;
    options.identity = Identity::User("www");
    options.keep_descriptors = {4, 9};
    options.nice = 3;
    return ForkAndWait(os, options);
  });
  Asked asked = AsWww();
  asked.descriptors = {0, 1, 2, 4, 9};
  asked.nice = 3;
  scenario.checkers.push_back(TheChildIsAsAsked(asked));
  scenario.checkers.push_back(ForksAreTried(5));
  return scenario;
}

TEST(ForkOutcome, IsTheChildAsAskedOrAFailureThatSaysWhy) {
  EXPECT_THAT(ExploreOutcomes(ForkWithAllOptions(), OneFault(1)), Exhausted());
}

TEST(ForkOutcome, IsTrueThoughSomebodyIsKilled) {
  EXPECT_THAT(ExploreOutcomes(ForkWithAllOptions(), OneKill(1)), Exhausted());
}

TEST(ForkOutcome, IsNoChildWithAnIdentityThatWasOnlyClaimed) {
  EXPECT_THAT(ExploreOutcomes(ForkWithAllOptions(), LyingIdentity(1)), Exhausted());
}

// The first has no way back to be tried; what the second has asked for is root's.
TEST(ForkOutcome, IsNoChildWithAGroupOrARootThatWasOnlyClaimed) {
  for (const bool is_group : {true, false}) {
    Scenario scenario = OutcomeScenario("ForkChild with another identity", [is_group](Os& os) {
      ForkOptions options;
      options.identity.emplace();
      if (is_group) options.identity->group = "4712";
      if (!is_group) options.identity->user = "root";
      options.identity->groups = GroupPolicy::kNone;
      options.identity->set_environment = false;
      const absl::StatusOr<pid_t> pid = ForkChild(options, os);
      if (!pid.ok()) return Failed(pid.status());
      if (*pid == 0) {
        Note(kRan, 1);
        os.Exit(0);
      }
      Note(kStarted, 1);
      return RetryOnEintr([&] { return os.WaitPid(*pid, 0); }).ok() ? 0 : 2;
    });
    Asked asked;
    asked.uid = 0;
    asked.gid = is_group ? 4712 : 0;
    asked.groups = {*asked.gid};
    if (!is_group) {
      scenario.world.uid = scenario.world.gid = 1000;
      CapabilitySets all;
      all.effective = all.permitted = (uint64_t{1} << 40) - 1;
      scenario.world.capabilities = all;
    }
    scenario.checkers.push_back(TheChildIsAsAsked(asked));
    EXPECT_THAT(ExploreOutcomes(scenario, LyingIdentity(0)), Exhausted());
  }
}

TEST(ForkOutcome, HasNothingOfOursWhereOtherDescriptorsStayOpen) {
  Scenario scenario = OutcomeScenario("ForkChild that closes nothing", [](Os& os) {
    ForkOptions options;
    options.close_other_descriptors = false;
    return ForkAndWait(os, options);
  });
  Asked asked;
  asked.descriptors = {0, 1, 2, 3, 4, 6, 9};
  scenario.checkers.push_back(TheChildIsAsAsked(asked));
  EXPECT_THAT(ExploreOutcomes(scenario, OneFault(1)), Exhausted());
}

TEST(ForkOutcome, IsNoChildThatCanTakeItsIdentityBack) {
  Scenario scenario = OutcomeScenario("ForkChild that can go back", [](Os& os) {
    ForkOptions options;
    options.identity = Identity::User("www");
    return ForkAndWait(os, options);
  });
  scenario.world.uid = scenario.world.gid = 1000;
  scenario.world.supplementary_groups = {1000};
  CapabilitySets all;
  all.effective = all.permitted = (uint64_t{1} << 40) - 1;
  scenario.world.capabilities = all;
  scenario.checkers = {NothingNondeterministic(), NoDeadlock(), NoLivelock(),
                       NoLeakedDescriptor(),      NoZombie(),   EndsWith(1)};
  scenario.checkers.push_back(MakeChecker("there is no child", [](const Execution& run) {
    const bool ran = NoteOf(run, kRan).has_value();
    return ran ? "a child that kept its capabilities came to its code" : "";
  }));
  EXPECT_THAT(ExploreOutcomes(scenario, OneFault(0)), Exhausted());
}

TEST(ForkOutcome, IsAChildThatKeepsItsOwnChildren) {
  Scenario scenario = OutcomeScenario("ForkChild by who discards", [](Os& os) {
    SignalAction discard;
    discard.flags = SA_NOCLDWAIT;
    const SysResult<SignalAction> before = os.SigAction(SIGCHLD, &discard);
    const int status = ForkAndWait(os, ForkOptions());
    os.SigAction(SIGCHLD, &before.value()).IgnoreError();
    return status == 1 ? 1 : 0;  // who discards is not told how its child ended
  });
  scenario.checkers = {NothingNondeterministic(), NoDeadlock(), NoLivelock(), NoZombie(),
                       EndsWith(0)};
  scenario.checkers.push_back(MakeChecker("children are kept", [](const Execution& run) {
    const std::vector<ExecutedProcess>& all = run.processes();
    const bool failed = run.deviations().empty() && all.size() > 1 && all[1].wait_status != 0;
    return failed ? "the child discards its own" : "";
  }));
  EXPECT_THAT(ExploreOutcomes(scenario, OneFault(0)), Exhausted());
}

TEST(ForkDaemonOutcome, IsTheDaemonAsAskedOrAFailureThatSaysWhy) {
  Scenario scenario = OutcomeScenario("ForkChild daemon with options", [](Os& os) {
    ForkOptions options;
    options.session = Session::kDaemon;
    options.identity = Identity::User("www");
    const absl::StatusOr<pid_t> pid = ForkChild(options, os);
    if (!pid.ok()) return Failed(pid.status());
    if (*pid == 0) {
      NoteChild(os);
      StayForGood(os);
    }
    Note(kStarted, 1);
    return 0;
  });
  scenario.checkers = OutcomeCheckers(DaemonCheckers());
  scenario.checkers.push_back(EndsWith(0));
  Asked asked = AsWww();
  asked.leads_session = false;
  scenario.checkers.push_back(TheChildIsAsAsked(asked));
  EXPECT_THAT(ExploreOutcomes(scenario, OneFault(0)), Exhausted());
  EXPECT_THAT(ExploreOutcomes(scenario, OneKill(0)), Exhausted());
}

void NoteHandled(int) { Note("handled", 1); }

TEST(ForkOutcome, IsAChildInWhichNoHandlerOfTheCallersRuns) {
  Scenario scenario = OutcomeScenario("ForkChild with a handler", [](Os& os) {
    SignalAction action;
    action.handler = &NoteHandled;
    const SysResult<SignalAction> before = os.SigAction(SIGTERM, &action);
    ForkAndWait(os, ForkOptions());
    os.SigAction(SIGTERM, &before.value()).IgnoreError();
    return 0;
  });
  scenario.checkers.push_back(MakeChecker("handlers are the caller's", [](const Execution& run) {
    for (const ExecutedNote& note : run.notes()) {
      if (note.key == "handled" && note.process != 0) return "one ran in the child";
    }
    return "";
  }));
  ExploreOptions options = OneFault(1);
  options.max_faults = 0;
  options.max_signals = 1;
  options.signals = {SIGTERM};
  EXPECT_THAT(ExploreOutcomes(scenario, options), Exhausted());
}

TEST(ForkOutcome, IsAsManyAttemptsAsThereIsTimeFor) {
  Scenario scenario = OutcomeScenario("ForkChild with a budget", [](Os& os) {
    ForkOptions options;
    options.sigchld = SigchldPolicy::kIgnore;
    options.retry = RetryPolicy::Fixed(1000, absl::Seconds(1));
    options.retry.budget = absl::Seconds(2);
    const absl::StatusOr<pid_t> pid = ForkChild(options, os);
    if (!pid.ok()) return Failed(pid.status());
    if (*pid == 0) {
      NoteChild(os);
      os.Exit(0);
    }
    Note(kStarted, 1);
    Child child(os, *pid, Child::Pipes());
    const bool discarded = absl::IsNotFound(child.Wait().status());
    SignalAction before;
    os.SigAction(SIGCHLD, &before).IgnoreError();
    return discarded ? 0 : 2;
  });
  scenario.checkers.push_back(ForksAreTried(3));
  EXPECT_THAT(ExploreOutcomes(scenario, OneFault(1)), Exhausted());
}

TEST(RunInChildOutcome, IsWhatTheBodyWroteBehindWhatWasThere) {
  Scenario scenario = OutcomeScenario("RunInChild with a log", [](Os& os) {
    ForkOptions options;
    options.in = Stream::Pipe();
    options.out = Stream::File("/tmp/log");
    const int64_t start = Now(os);
    absl::StatusOr<Child> child = RunInChild(
        [&os] {
          NoteChild(os);
          char text[4];
          const SysResult<size_t> got = ReadFully(os, 0, text, sizeof(text));
          return got.ok() && WriteFully(os, 1, text, got.value()).ok() ? 0 : 3;
        },
        options, os);
    if (!child.ok()) return Failed(child.status());
    Note(kStarted, 1);
    Note(kElapsed, Now(os) - start);
    if (os.FcntlGetFd(child->pipes().in.get()).value_or(0) != FD_CLOEXEC) return 4;
    const bool written = WriteFully(os, child->pipes().in.get(), "yes", 3).ok();
    child->pipes().in.Reset();
    const bool ended_well = EndedWell(child->Wait());
    if (written && ended_well) Note("written", 1);
    return written && ended_well ? 0 : 2;
  });
  SimFile log;
  log.path = "/tmp/log";
  log.content = "old\n";
  scenario.world.files.push_back(log);
  scenario.checkers.push_back(TheChildIsAsAsked(Asked()));
  scenario.checkers.push_back(MakeChecker("logs grow", [](const Execution& run) -> std::string {
    const std::string log = run.FileContents("/tmp/log").value_or("nothing");
    if (log.rfind("old\n", 0) != 0) return "the old log is gone";
    const bool is_lost = NoteOf(run, "written").has_value() && log != "old\nyes";
    return is_lost ? "what was written is not there" : "";
  }));
  EXPECT_THAT(ExploreOutcomes(scenario, OneFault(1)), Exhausted());
}

// Child and ChildRegistry ------------------------------------------------------------------------

TEST(ChildOutcome, IsAnEndWithItsHandle) {
  Scenario scenario = OutcomeScenario("Child dropped at once", [](Os& os) {
    const int64_t start = Now(os);
    {
      const absl::StatusOr<Child> child = Spawn({"worker"}, ForkOptions(), os);
      if (!child.ok()) return Failed(child.status());
    }
    Note(kElapsed, Now(os) - start);
    return 0;
  });
  LetTheWorkerStay(&scenario.world);
  EXPECT_THAT(ExploreOutcomes(scenario, OneFault()), Exhausted());
}

TEST(ChildOutcome, IsAnEndByTheFirstSignalThatWillDo) {
  Scenario scenario = OutcomeScenario("Child stopped in time", [](Os& os) {
    absl::StatusOr<Child> child = Spawn({"worker"}, ForkOptions(), os);
    if (!child.ok()) return Failed(child.status());
    const int64_t start = Now(os);
    const absl::StatusOr<std::optional<ExitStatus>> ended = child->Stop();
    if (!ended.ok() || !ended->has_value()) return 2;
    Note(kElapsed, Now(os) - start);
    return (*ended)->term_signal() == SIGTERM ? 0 : 3;
  });
  LetTheWorkerStay(&scenario.world);
  EXPECT_THAT(ExploreOutcomes(scenario, OneFault()), Exhausted());
}

TEST(ChildOutcome, IsAnEndBySigkillWhereSigtermWillNotDo) {
  Scenario scenario = OutcomeScenario("Child stopped by force", [](Os& os) {
    absl::StatusOr<Child> child = Spawn({"worker"}, ForkOptions(), os);
    if (!child.ok()) return Failed(child.status());
    const int64_t start = Now(os);
    // It ignores SIGTERM once it has come so far.
    RetryOnEintr([&] {
      return os.ClockNanoSleep(CLOCK_MONOTONIC, TIMER_ABSTIME, start + 1000);
    }).IgnoreError();
    const absl::StatusOr<std::optional<ExitStatus>> ended = child->Stop();
    if (!ended.ok() || !ended->has_value()) return 2;
    if (Now(os) - start > 6'000'000'000) return kTakenTooLong;
    return (*ended)->term_signal() == SIGKILL ? 0 : 3;
  });
  scenario.world.programs.back().body = [](Os& os, const std::vector<std::string>&) -> int {
    SignalAction ignore;
    ignore.handler = SIG_IGN;
    os.SigAction(SIGTERM, &ignore).IgnoreError();
    StayForGood(os);
  };
  EXPECT_THAT(ExploreOutcomes(scenario, OneFault(1)), Exhausted());
}

TEST(RegistryOutcome, IsNoWaitForWhoRuns) {
  Scenario scenario = OutcomeScenario("ChildRegistry with one who stays", [](Os& os) {
    ChildRegistry registry(os);
    absl::StatusOr<Child> child = Spawn({"worker"}, ForkOptions(), os);
    if (!child.ok()) return Failed(child.status());
    const pid_t pid = child->pid();
    registry.Adopt(*std::move(child));
    const size_t at_once = registry.Reap().size();
    os.Kill(pid, SIGKILL).IgnoreError();
    const std::vector<ChildRegistry::Ended> ended = registry.WaitForAll();
    const bool killed =
        ended.size() == 1 && ended[0].status.ok() && ended[0].status->term_signal() == SIGKILL;
    return at_once == 0 && killed && registry.size() == 0 ? 0 : 2;
  });
  LetTheWorkerStay(&scenario.world);
  EXPECT_THAT(ExploreOutcomes(scenario, OneFault()), Exhausted());
}

}  // namespace
}  // namespace cleanfork::explore
