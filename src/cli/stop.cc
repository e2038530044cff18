// cleanfork stop: ends the process of a service.
#include "cleanfork/stop.h"

#include <string>

#include "src/cli/exit_code.h"
#include "src/cli/service.h"
#include "src/cli/subcommand.h"

namespace cleanfork::cli {
namespace {

int Stop(const Settings& settings, Context& context) {
  const absl::StatusOr<std::string> path = RequiredPidFilePath(settings, context.os);
  if (!path.ok()) return ReportUsage(context, "stop", path.status(), settings.json);
  const absl::StatusOr<StoppedService> stopped = StopService(*path, settings, "stop", context);
  if (!stopped.ok()) return ReportFailure(context, "stop", stopped.status(), settings.json);
  if (!settings.json) return ReportOutcome(context, "stop", OneLine(stopped->text), kExitOk);
  JsonObject object = JsonOutcome("stop", kExitOk);
  object.Add("pidfile", *path).Add("was_running", stopped->pid != 0);
  if (stopped->pid != 0) object.Add("pid", int64_t{stopped->pid});
  return ReportOutcome(context, "stop", object.ToString(), kExitOk);
}

}  // namespace

Subcommand StopSubcommand() {
  Subcommand stop;
  stop.name = "stop";
  stop.arguments = "--name=NAME|--pidfile=FILE [OPTION]...";
  stop.summary = "Stop a service and wait for its end";
  stop.options =
      ServiceOptions("The file that start was given. It is removed once the process has ended.");
  stop.options.push_back(RetryOption());
  for (const Option& option : GeneralOptions()) stop.options.push_back(option);
  stop.notes = {
      "A pid that has come to mean another process since the file was written is not signalled: "
      "see docs/command.md for how that is told."};
  stop.exit_codes = {
      {"0", "it has ended, or was not running"},
      {"64", "wrong usage"},
      {"71", "the system failed us, or it cannot be told which process it is"},
      {"73", "the pid file cannot be read, trusted or removed"},
      {"75", "it is being started at this moment"},
      {"77", "it may not be signalled by this user"},
      {"124", "it still runs at the end of the schedule"},
  };
  stop.runs_program = false;
  stop.run = Stop;
  return stop;
}

}  // namespace cleanfork::cli
