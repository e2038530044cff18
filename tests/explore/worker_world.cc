#include "tests/explore/worker_world.h"

#include <sys/wait.h>

#include <csignal>
#include <string>
#include <utility>

#include "cleanfork/child_error.h"
#include "cleanfork/fd_io.h"

namespace cleanfork::explore {
namespace {

std::shared_ptr<const Checker> NothingThatCanBeEndedRunsOn() {
  const std::shared_ptr<const Checker> rule = NothingRunsOnAfterFailure();
  return MakeChecker(rule->name(), [rule](const Execution& run) -> std::string {
    for (const FaultEntry& entry : run.deviations()) {
      if (entry.call == OsCall::kPidFdOpen && WasSignalled(run)) return "";
    }
    return rule->Check(run);
  });
}

void ReplaceByName(const std::shared_ptr<const Checker>& rule, Scenario* scenario) {
  for (std::shared_ptr<const Checker>& checker : scenario->checkers) {
    if (checker->name() == rule->name()) checker = rule;
  }
}

}  // namespace

int Failed(const absl::Status& status) {
  const std::optional<ChildError> error = GetChildError(status);
  Note("error", error.has_value() ? error->error : 0);
  Note(kStarted, 0);
  return kFailed;
}

bool WasSignalled(const Execution& run) {
  for (const FaultEntry& entry : run.deviations()) {
    if (entry.kind == FaultEntry::Kind::kSignal) return true;
  }
  return false;
}

std::optional<ExecutedNote> FindNote(const Execution& run, const std::string& key) {
  for (const ExecutedNote& note : run.notes()) {
    if (note.key == key) return note;
  }
  return std::nullopt;
}

std::optional<int64_t> NoteOf(const Execution& run, const std::string& key) {
  const std::optional<ExecutedNote> note = FindNote(run, key);
  if (!note.has_value()) return std::nullopt;
  return note->value;
}

std::shared_ptr<const Checker> EndsWith(int status) {
  return MakeChecker("a run without faults ends as expected", [status](const Execution& run) {
    const int ended = run.processes()[0].wait_status;
    if (!run.deviations().empty() || ended == W_EXITCODE(status, 0)) return std::string();
    return "it ended with wait status " + std::to_string(ended) + ", expected exit status " +
           std::to_string(status);
  });
}

void AllowOwnError(int error, Scenario* scenario) {
  ReplaceByName(ReportedErrorWasInjected({error}), scenario);
}

void AllowOwnErrorOnceSignalled(int error, Scenario* scenario) {
  const std::shared_ptr<const Checker> always = ReportedErrorWasInjected();
  const std::shared_ptr<const Checker> killed = ReportedErrorWasInjected({error});
  ReplaceByName(MakeChecker(always->name(),
                            [always, killed](const Execution& run) {
                              return (WasSignalled(run) ? killed : always)->Check(run);
                            }),
                scenario);
}

std::shared_ptr<const Checker> WhatIsToldIsTrue() {
  return MakeChecker("what the caller is told is true", [](const Execution& run) -> std::string {
    if (WasSignalled(run)) return "";
    const std::optional<int64_t> told = NoteOf(run, kStarted);
    const bool ran = NoteOf(run, kRan).has_value();
    if (told == 0 && ran) return "the caller was told of a failure, but the child's code ran";
    if (told == 1 && !ran) {
      return "the caller was told of a success, but the child's code never ran";
    }
    return "";
  });
}

std::vector<std::shared_ptr<const Checker>> CheckersOfAnyOutcome() {
  return {NothingNondeterministic(),
          NoUncaughtException(),
          NoDeadlock(),
          NoLivelock(),
          NoLeakedDescriptor(),
          NoZombie(),
          MaskAndDispositionsRestored()};
}

std::vector<std::shared_ptr<const Checker>> CheckersOfDaemons() {
  std::vector<std::shared_ptr<const Checker>> checkers = DaemonCheckers();
  checkers.back() = NothingThatCanBeEndedRunsOn();
  return checkers;
}

SimOsOptions World() {
  SimOsOptions world;
  SimFile run;
  run.path = "/var/run";
  run.mode = 0755;
  run.type = SimFile::Type::kDirectory;
  world.files.push_back(run);
  world.users.push_back({"www", 33, 34, "/", "/bin/sh", {50}});
  world.programs.push_back({"/bin/worker", [](Os&, const std::vector<std::string>&) {
                              Note(kRan, 1);
                              return 0;
                            }});
  world.signal_mask = SignalSet::Of(SIGUSR2);
  return world;
}

Scenario ScenarioOf(std::string name, SimOs::Body body) {
  Scenario scenario;
  scenario.name = std::move(name);
  scenario.world = World();
  scenario.body = std::move(body);
  scenario.checkers.push_back(WhatIsToldIsTrue());
  return scenario;
}

void AddWorkerThatStays(Scenario* scenario, bool ignores_sigterm) {
  scenario->world.programs.back().body = [ignores_sigterm](Os& os,
                                                           const std::vector<std::string>&) -> int {
    SignalAction ignore;
    ignore.handler = SIG_IGN;
    if (ignores_sigterm) os.SigAction(SIGTERM, &ignore).IgnoreError();
    Note(kRan, 1);
    StayForGood(os);
  };
}

bool EndedWell(const absl::StatusOr<ExitStatus>& ended) { return ended.ok() && ended->success(); }

int ForkAChildAndWait(Os& os, const ForkOptions& options, const std::function<int64_t()>& child) {
  const absl::StatusOr<pid_t> pid = ForkChild(options, os);
  if (!pid.ok()) return Failed(pid.status());
  if (*pid == 0) {
    Note(kRan, child());
    os.Exit(0);
  }
  Note(kStarted, 1);
  const SysResult<WaitResult> ended = RetryOnEintr([&] { return os.WaitPid(*pid, 0); });
  return ended.ok() && ended.value().status == 0 ? 0 : 2;
}

void StayForGood(Os& os) {
  for (;;) os.Poll(nullptr, 0, -1).IgnoreError();
}

}  // namespace cleanfork::explore
