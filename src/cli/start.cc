// cleanfork start: a program in the background.
#include <utility>

#include "src/cli/background.h"
#include "src/cli/launch.h"
#include "src/cli/subcommand.h"

namespace cleanfork::cli {
namespace {

int Start(const Settings& settings, Context& context) {
  absl::StatusOr<Launch> launch = PrepareBackground(settings, context.os);
  if (!launch.ok()) return ReportFailure(context, "start", launch.status(), settings.json);
  return StartInBackground(*std::move(launch), settings, "start", 0, context);
}

}  // namespace

Subcommand StartSubcommand() {
  Subcommand start;
  start.name = "start";
  start.arguments = "[OPTION]... [--] PROGRAM [ARGUMENT]...";
  start.summary = "Start a program in the background and report when it runs";
  start.options = BackgroundOptions();
  for (const Option& option : GeneralOptions()) start.options.push_back(option);
  start.notes = {
      "The program gets a session of its own, no terminal, the default action of every signal and "
      "none of them blocked. If anything on the way fails, nothing is left: no process, no pid "
      "file (but for an empty one that could not be locked), no log file that was not there before "
      "and is empty.",
      kPathNote,
  };
  start.exit_codes = StartExitCodes();
  start.runs_program = true;
  start.run = Start;
  return start;
}

}  // namespace cleanfork::cli
