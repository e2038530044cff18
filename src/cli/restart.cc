// cleanfork restart: stop, then start.
#include <string>
#include <utility>

#include "src/cli/background.h"
#include "src/cli/exit_code.h"
#include "src/cli/launch.h"
#include "src/cli/service.h"
#include "src/cli/subcommand.h"

namespace cleanfork::cli {
namespace {

int Restart(const Settings& settings, Context& context) {
  const auto fail = [&](const absl::Status& status) {
    return ReportFailure(context, "restart", status, settings.json);
  };
  const absl::StatusOr<std::string> path = RequiredPidFilePath(settings, context.os);
  if (!path.ok()) return ReportUsage(context, "restart", path.status(), settings.json);
  // All that can be found wrong without doing it is found wrong before anything is stopped.
  absl::StatusOr<Launch> launch = PrepareBackground(settings, context.os);
  if (!launch.ok()) return fail(launch.status());
  const absl::StatusOr<StoppedService> stopped = StopService(*path, settings, "restart", context);
  if (!stopped.ok()) return fail(stopped.status());
  return StartInBackground(*std::move(launch), settings, "restart", stopped->pid, context);
}

}  // namespace

Subcommand RestartSubcommand() {
  Subcommand restart;
  restart.name = "restart";
  restart.arguments = "--name=NAME [OPTION]... [--] PROGRAM [ARGUMENT]...";
  restart.summary = "Stop a service, if it runs, and start it";
  restart.options = BackgroundOptions();
  restart.options.push_back(RetryOption());
  for (const Option& option : GeneralOptions()) restart.options.push_back(option);
  restart.notes = {
      "What the service was started with is not kept anywhere: give it again, options and program. "
      "What is wrong with them is told before anything is stopped, as far as it shows without "
      "starting: not that the program cannot be executed.",
      kPathNote,
  };
  for (const ExitLine& line : StartExitCodes()) {
    // In ascending order.
    if (line.code == "124") {
      restart.exit_codes.push_back({"77", "the old one may not be signalled by this user"});
      restart.exit_codes.push_back(
          {"124", line.meaning + ", or the old one still runs at the end of the schedule"});
    } else {
      restart.exit_codes.push_back(line);
    }
  }
  restart.runs_program = true;
  restart.run = Restart;
  return restart;
}

}  // namespace cleanfork::cli
