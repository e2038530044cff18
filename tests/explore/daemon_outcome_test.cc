// What comes out of Daemonize(): a daemon as it was asked for and nothing else, or a failure that
// says why and leaves nobody.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cleanfork/checkers.h"
#include "cleanfork/child_error.h"
#include "cleanfork/daemonize.h"
#include "cleanfork/explore_matchers.h"
#include "tests/explore/outcome_rules.h"
#include "tests/explore/worker_world.h"

namespace cleanfork::explore {
namespace {

constexpr int kEndedAsItSaid = 7;
constexpr int kGaveUp = 9;

Scenario OutcomeScenario(const std::string& name, int status, SimOs::Body body) {
  Scenario scenario;
  scenario.name = name;
  scenario.world = OutcomeWorld();
  scenario.body = std::move(body);
  scenario.checkers = OutcomeCheckers(DaemonCheckers());
  scenario.checkers.push_back(EndsWith(status));
  return scenario;
}

int ToldEnd(const absl::Status& status, bool is_as_said) {
  Failed(status);
  return is_as_said ? kEndedAsItSaid : kFailed;
}

// The first child of two has no use any more when the daemon is ready, or has ended.
std::shared_ptr<const Checker> TheFirstChildLeaves() {
  return MakeChecker("the first child leaves", [](const Execution& run) -> std::string {
    for (const ExecutedProcess& process : run.processes()) {
      const bool runs = process.end == ExecutedProcess::End::kRuns;
      bool is_daemon = process.parent < 0;
      for (const ExecutedNote& note : run.notes()) {
        is_daemon = is_daemon || &run.processes()[static_cast<size_t>(note.process)] == &process;
      }
      if (runs && !is_daemon) return process.path.ToString() + " runs on";
    }
    return "";
  });
}

Scenario ADaemonThatStays() {
  Scenario scenario = OutcomeScenario("Daemonize and stay", 0, [](Os& os) {
    DaemonizeOptions options;
    options.fork.identity = Identity::User("www");
    options.keep_parent = true;
    const int64_t start = Now(os);
    const pid_t self = os.GetPid();
    absl::StatusOr<Daemon> daemon = Daemonize(options, os);
    if (!daemon.ok()) return Failed(daemon.status());
    if (os.GetPid() == self) {
      Note(kStarted, 1);
      Note(kElapsed, Now(os) - start);
      return 0;
    }
    Note(kSpeaks, 1);
    if (!daemon->Ready().ok()) os.Exit(3);
    NoteChild(os);
    StayForGood(os);
  });
  Asked asked = AsWww();
  asked.leads_session = false;
  scenario.checkers.push_back(TheChildIsAsAsked(asked));
  scenario.checkers.push_back(ForksAreTried(5));
  scenario.checkers.push_back(TheFirstChildLeaves());
  return scenario;
}

TEST(DaemonOutcome, IsTheDaemonAsAskedOrAFailureThatSaysWhy) {
  EXPECT_THAT(ExploreOutcomes(ADaemonThatStays(), OneFault(0)), Exhausted());
}

TEST(DaemonOutcome, IsTrueThoughSomebodyIsKilled) {
  EXPECT_THAT(ExploreOutcomes(ADaemonThatStays(), OneKill(0)), Exhausted());
}

TEST(DaemonOutcome, IsNoDaemonWithAnIdentityThatWasOnlyClaimed) {
  EXPECT_THAT(ExploreOutcomes(ADaemonThatStays(), LyingIdentity(0)), Exhausted());
}

// A daemon that has nobody to tell should leave, and need not.
TEST(DaemonOutcome, IsNoFirstChildThatStaysWithWhoHasLostItsStarter) {
  Scenario scenario = OutcomeScenario("Daemonize and stay anyway", 0, [](Os& os) {
    absl::StatusOr<Daemon> daemon = Daemonize(DaemonizeOptions(), os);
    if (!daemon.ok()) return Failed(daemon.status());
    Note(kSpeaks, 1);
    daemon->Ready().IgnoreError();
    StayForGood(os);
  });
  scenario.checkers.push_back(TheFirstChildLeaves());
  EXPECT_THAT(ExploreOutcomes(scenario, OneKill(1)), Exhausted());
}

TEST(DaemonOutcome, IsOneProcessThatGoesOn) {
  Scenario scenario = OutcomeScenario("Daemonize and go on", 0, [](Os& os) {
    absl::StatusOr<Daemon> daemon = Daemonize(DaemonizeOptions(), os);
    if (!daemon.ok()) return Failed(daemon.status());
    Note(kSpeaks, 1);
    if (!daemon->Ready().ok()) os.Exit(3);
    NoteChild(os);
    os.Exit(0);
    return 0;
  });
  scenario.checkers.push_back(MakeChecker("the starter does not go on", [](const Execution& run) {
    for (const ExecutedNote& note : run.notes()) {
      if (note.key == kSpeaks && note.process == 0) return "it does";
    }
    return "";
  }));
  scenario.checkers.push_back(TheFirstChildLeaves());
  EXPECT_THAT(ExploreOutcomes(scenario, OneFault(0)), Exhausted());
}

TEST(DaemonOutcome, IsTheExitStatusOfADaemonThatEndsWithoutAWord) {
  Scenario scenario = OutcomeScenario("Daemonize and exit", kEndedAsItSaid, [](Os& os) {
    absl::StatusOr<Daemon> daemon = Daemonize(DaemonizeOptions(), os);
    if (daemon.ok()) os.Exit(5);
    const std::string message(daemon.status().message());
    return ToldEnd(daemon.status(), message.find("exit status 5") != std::string::npos);
  });
  scenario.checkers.push_back(MakeChecker("it is no success", [](const Execution& run) {
    const ExecutedProcess& first = run.processes().front();
    const bool exited = first.end == ExecutedProcess::End::kExited;
    return exited && first.wait_status == 0 ? "the starter exits as if the daemon were ready" : "";
  }));
  EXPECT_THAT(ExploreOutcomes(scenario, OneFault(0)), Exhausted());
  AllowOwnError(EPIPE, &scenario);  // that it has closed its pipe is all that is known
  EXPECT_THAT(ExploreOutcomes(scenario, OneKill(0)), Exhausted());
}

// That gives up is given time to put its things in order.
TEST(DaemonOutcome, IsTheWordOfADaemonThatGivesUpAndItsLastWorks) {
  Scenario scenario = OutcomeScenario("Daemonize and give up", kEndedAsItSaid, [](Os& os) {
    DaemonizeOptions options;
    options.keep_parent = true;
    absl::StatusOr<Daemon> daemon = Daemonize(options, os);
    if (!daemon.ok()) return ToldEnd(daemon.status(), absl::IsNotFound(daemon.status()));
    daemon->Fail(absl::NotFoundError("no configuration")).IgnoreError();
    os.ClockNanoSleep(CLOCK_MONOTONIC, 0, 1'000'000).IgnoreError();
    Note("in order", 1);
    os.Exit(kGaveUp);
    return 0;
  });
  scenario.checkers.push_back(MakeChecker("things are in order", [](const Execution& run) {
    const bool in_order = NoteOf(run, "in order").has_value() || !run.deviations().empty();
    return in_order ? "" : "the daemon was not given the time";
  }));
  EXPECT_THAT(ExploreOutcomes(scenario, OneFault(0)), Exhausted());
}

Scenario ADaemonThatIsNeverReady(Session session) {
  Scenario scenario = OutcomeScenario("Daemonize not in time", kEndedAsItSaid, [session](Os& os) {
    DaemonizeOptions options;
    options.fork.session = session;
    options.keep_parent = true;
    options.ready_timeout = absl::Seconds(1);
    absl::StatusOr<Daemon> daemon = Daemonize(options, os);
    if (daemon.ok()) StayForGood(os);
    const std::optional<ChildError> error = GetChildError(daemon.status());
    return ToldEnd(daemon.status(), error.has_value() && error->error == ETIME);
  });
  // Nobody runs on after any end of it: all of them are failures.
  AllowOwnError(ETIME, &scenario);
  for (std::shared_ptr<const Checker>& checker : scenario.checkers) {
    if (checker->name() == NothingRunsOnAfterFailure()->name()) checker = NoStrayChild();
  }
  return scenario;
}

TEST(DaemonOutcome, IsATimeOutThatLeavesNobody) {
  for (const Session session : {Session::kDaemon, Session::kNew}) {
    const Scenario scenario = ADaemonThatIsNeverReady(session);
    EXPECT_THAT(ExploreOutcomes(scenario, OneFault(0)), Exhausted());
  }
}

}  // namespace
}  // namespace cleanfork::explore
