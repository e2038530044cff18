// The command's supervisor, its log writers, and what else it does beside a plain start.
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cleanfork/checkers.h"
#include "cleanfork/child_error.h"
#include "cleanfork/fd_io.h"
#include "cleanfork/notifier.h"
#include "src/cli/exit_code.h"
#include "src/cli/launch.h"
#include "src/cli/log_writer.h"
#include "src/cli/report.h"
#include "src/cli/settings.h"
#include "src/cli/subcommand.h"
#include "tests/explore/rare_scenarios.h"
#include "tests/explore/worker_world.h"

namespace cleanfork::explore {
namespace {

constexpr char kLog[] = "/var/run/worker.log";
constexpr char kErrorLog[] = "/var/run/worker.err";

int Command(Os& os, const std::vector<std::string>& words) {
  std::ostringstream out, err;
  cli::Context context = {os, out, err};
  std::vector<std::string> line = {"cleanfork"};
  line.insert(line.end(), words.begin(), words.end());
  return cli::RunCommandLine(line, context);
}

// A start, and what is told of it.
SimOs::Body StartOf(std::vector<std::string> words) {
  return [words](Os& os) {
    const int code = Command(os, words);
    Note(kStarted, code == 0 ? 1 : 0);
    return code;
  };
}

Scenario StartScenario(std::string name, std::vector<std::string> words) {
  Scenario scenario = ScenarioOf(std::move(name), StartOf(std::move(words)));
  AddWorkerThatStays(&scenario, false);
  scenario.checkers = CheckersOfDaemons();
  scenario.checkers.push_back(WhatIsToldIsTrue());
  return scenario;
}

// One of a program that runs before the start has succeeded, and may have to be stopped again.
Scenario WaitingStartScenario(std::string name, std::vector<std::string> words) {
  Scenario scenario = StartScenario(std::move(name), std::move(words));
  scenario.checkers = CheckersOfDaemons();
  // Where there is no descriptor to know it by, it is left, and that is said: a number alone may be
  // a stranger's.
  const std::shared_ptr<const Checker> rule = scenario.checkers.back();
  scenario.checkers.back() = MakeChecker(rule->name(), [rule](const Execution& run) {
    const FaultPlan& faults = run.deviations();
    const bool has_no_pidfds = std::any_of(faults.begin(), faults.end(), [](const auto& fault) {
      return fault.call == OsCall::kPidFdOpen && fault.sticky;
    });
    return has_no_pidfds ? std::string() : rule->Check(run);
  });
  return scenario;
}

// What the worker does instead.
template <typename Function>
void SetWorker(Scenario* scenario, Function function) {
  scenario->world.programs.back().body = [function](Os& os, const std::vector<std::string>&) {
    Note(kRan, 1);
    return function(os);
  };
}

// To a pipe whose reader may have been killed: the supervisor blocks SIGPIPE or has no such pipe.
absl::Status WriteLine(Os& os, int fd) {
  const SignalSet pipe = SignalSet::Of(SIGPIPE);
  const SysResult<SignalSet> mask = os.SigProcMask(SIG_BLOCK, &pipe);
  const SysResult<void> written = WriteFully(os, fd, "line\n", 5);
  if (!written.ok() && written.error() == EPIPE) os.SigTimedWait(pipe, 0).IgnoreError();
  const SignalSet before = mask.value();
  os.SigProcMask(SIG_SETMASK, &before).IgnoreError();
  return written.ok() ? absl::OkStatus() : StatusFromErrno(written.error(), "write");
}

int64_t CountRuns(const Execution& run) {
  return std::count_if(run.notes().begin(), run.notes().end(),
                       [](const ExecutedNote& note) { return note.key == kRan; });
}

// A program that ends at once, and is started once more.
std::vector<std::string> Again(std::vector<std::string> words) {
  words.insert(words.begin() + 1,
               {"--respawn=on-failure", "--backoff=1s", "--respawn-limit=1/1min"});
  return words;
}

}  // namespace

// In the directory / by a name that is meant from there, with no PWD.
Scenario RunAProgram() {
  Scenario scenario = ScenarioOf("cleanfork run", [](Os& os) {
    return Command(os, {"run", "--chdir=var", "--", "bin/worker"});
  });
  SetWorker(&scenario, [](Os&) { return 7; });
  scenario.checkers.back() = EndsWith(7);
  return scenario;
}

Scenario RunAProgramAgainAndAgain() {
  Scenario scenario = ScenarioOf("cleanfork run with respawn", [](Os& os) {
    return Command(os, Again({"run", "--", "/bin/worker"}));
  });
  SetWorker(&scenario, [](Os&) { return 7; });
  scenario.checkers.back() = EndsWith(cli::kExitCrashLoop);
  scenario.checkers.push_back(
      MakeChecker("a program is started as often as was asked for", [](const Execution& run) {
        if (run.deviations().empty() && CountRuns(run) != 2) return "not twice";
        return CountRuns(run) > 2 ? "more than twice" : "";
      }));
  return scenario;
}

Scenario StartASupervisedService() {
  return StartScenario(
      "cleanfork start with respawn",
      Again({"start", "--user=www", std::string("--pidfile=") + kPidFile, "--", "/bin/worker"}));
}

Scenario StartAServiceThatCannotBeStarted() {
  Scenario scenario =
      StartScenario("cleanfork start of what is not there",
                    Again({"start", std::string("--pidfile=") + kPidFile, "--", "/bin/nobody"}));
  scenario.checkers.push_back(EndsWith(cli::kExitExec));
  scenario.checkers.push_back(MakeChecker("nothing is left", [](const Execution& run) {
    if (!run.deviations().empty() || !run.FileContents(kPidFile).has_value()) return "";
    return "the pid file is";
  }));
  return scenario;
}

// The core of the supervisor's logs, to be explored further than the whole of it: the writers are
// started, told to open their files anew, looked after and ended.
Scenario WriteTwoLogs() {
  Scenario scenario = ScenarioOf("cleanfork's log writers", [](Os& os) {
    cli::Settings settings;
    settings.reopen_logs = true;
    settings.command = {"/bin/worker"};
    cli::Launch launch;
    launch.options.out = Stream::File(kLog);
    launch.options.err = Stream::File(kErrorLog);
    cli::LogWriters logs(os);
    absl::Status done = logs.Start(settings, &launch);
    if (done.ok()) done = WriteLine(os, launch.options.out.fd());
    logs.HangUp();
    if (done.ok()) done = WriteLine(os, launch.options.err.fd());
    logs.Look();
    logs.Keep();
    logs.Finish();
    return done.ok() ? 0 : Failed(done);
  });
  scenario.checkers.back() =
      MakeChecker("each log has its lines", [](const Execution& run) -> std::string {
        if (!run.deviations().empty()) return "";
        const bool has_both =
            run.FileContents(kLog) == "line\n" && run.FileContents(kErrorLog) == "line\n";
        return has_both ? "" : "one has not";
      });
  return scenario;
}

// The program ends well, and the supervisor with it: all that it wrote is in the log then.
Scenario StartAServiceWithALogWriter() {
  Scenario scenario = StartScenario(
      "cleanfork start with a log writer",
      {"start", "--reopen-logs", std::string("--stdout=") + kLog, "--", "/bin/worker"});
  SetWorker(&scenario, [](Os& os) { return WriteFully(os, 1, "line\n", 5).ok() ? 0 : 1; });
  scenario.checkers.push_back(MakeChecker("the log is complete", [](const Execution& run) {
    if (!run.deviations().empty()) return "";
    return run.FileContents(kLog) == "line\n" ? "" : "a line is missing";
  }));
  return scenario;
}

// It leaves a process behind that has the log open.
Scenario StartAServiceThatLeavesItsLogOpen() {
  Scenario scenario = StartScenario(
      "cleanfork start with a log that stays open",
      {"start", "--reopen-logs", std::string("--stdout=") + kLog, "--", "/bin/worker"});
  SetWorker(&scenario, [](Os& os) {
    const SysResult<pid_t> left = os.Fork();
    if (left.ok() && left.value() == 0) StayForGood(os);
    return 0;
  });
  // Where the supervisor is killed, that process and the log writer stay.
  scenario.checkers = CheckersOfDaemons();
  scenario.checkers.back() = WhatIsToldIsTrue();
  return scenario;
}

Scenario StartAServiceThatNotifies() {
  Scenario scenario =
      WaitingStartScenario("cleanfork start with notify",
                           {"start", "--wait=notify", "--timeout=2s", "--", "/bin/worker"});
  SetWorker(&scenario, [](Os& os) {
    absl::StatusOr<Notifier> manager = Notifier::FromEnvironment(true, os);
    if (!manager.ok() || !manager->Ready().ok()) return 1;
    StayForGood(os);
  });
  return scenario;
}

Scenario StartAServiceWithAReadyDescriptor() {
  Scenario scenario =
      WaitingStartScenario("cleanfork start with a ready descriptor",
                           {"start", "--wait=ready-fd", "--timeout=2s", "--", "/bin/worker"});
  SetWorker(&scenario, [](Os& os) {
    if (!WriteFully(os, 3, "\n", 1).ok()) return 1;
    os.Close(3).IgnoreError();
    StayForGood(os);
  });
  return scenario;
}

Scenario RestartAService() {
  const std::string pid_file = std::string("--pidfile=") + kPidFile;
  Scenario scenario = ScenarioOf("cleanfork restart", [pid_file](Os& os) {
    if (Command(os, {"start", pid_file, "--", "/bin/worker"}) != 0) return kFailed;
    return Command(os, {"restart", pid_file, "--", "/bin/worker"});
  });
  AddWorkerThatStays(&scenario, false);
  // After a restart that failed the first one may run, or none.
  scenario.checkers = CheckersOfAnyOutcome();
  scenario.checkers.push_back(MakeChecker("one runs at the most", [](const Execution& run) {
    const auto runs = [](const ExecutedProcess& process) {
      return process.program && process.end == ExecutedProcess::End::kRuns;
    };
    const int64_t count = std::count_if(run.processes().begin(), run.processes().end(), runs);
    if (count > 1) return "two run";
    const bool is_lost = count == 0 && run.processes()[0].wait_status == 0 && !WasSignalled(run);
    return is_lost ? "none runs after a success" : "";
  }));
  return scenario;
}

Scenario ReloadAService() {
  const std::string pid_file = std::string("--pidfile=") + kPidFile;
  Scenario scenario = ScenarioOf("cleanfork reload", [pid_file](Os& os) {
    if (Command(os, {"start", pid_file, "--", "/bin/worker"}) != 0) return kFailed;
    return Command(os, {"reload", pid_file});
  });
  AddWorkerThatStays(&scenario, false);
  scenario.checkers = CheckersOfAnyOutcome();
  // The worker has no handler for it.
  scenario.checkers.push_back(MakeChecker("a success is a signal", [](const Execution& run) {
    for (const ExecutedProcess& process : run.processes()) {
      const bool is_told = process.program && process.wait_status == SIGHUP;
      if (is_told || run.processes()[0].wait_status != 0) return "";
    }
    return WasSignalled(run) ? "" : "it was sent none";
  }));
  return scenario;
}

std::vector<RareScenario> CommandScenarios() {
  std::vector<RareScenario> rare = {{StartASupervisedService(), 0},
                                    {WriteTwoLogs(), 0},
                                    {StartAServiceWithALogWriter(), 0, 0},
                                    {StartAServiceThatLeavesItsLogOpen(), 0, 0},
                                    {StartAServiceThatNotifies(), 0},
                                    {StartAServiceWithAReadyDescriptor(), 0},
                                    {RestartAService(), 0},
                                    {ReloadAService(), 0}};
  for (RareScenario& each : rare) each.scenario.checkers.push_back(EndsWith(0));
  rare.push_back({RunAProgram()});
  rare.push_back({RunAProgramAgainAndAgain(), 0});
  rare.push_back({StartAServiceThatCannotBeStarted(), 0});
  return rare;
}

}  // namespace cleanfork::explore
