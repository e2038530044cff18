// cleanfork status: whether a service runs.
#include <string>

#include "src/cli/exit_code.h"
#include "src/cli/service.h"
#include "src/cli/subcommand.h"

namespace cleanfork::cli {
namespace {

int Status(const Settings& settings, Context& context) {
  const absl::StatusOr<std::string> path = RequiredPidFilePath(settings, context.os);
  if (!path.ok()) return ReportUsage(context, "status", path.status(), settings.json);
  const absl::StatusOr<ServiceState> state = LookAtService(*path, context.os);
  if (!state.ok()) {
    return ReportFailure(context, "status", state.status(), kStatusUnknown, settings.json);
  }
  if (!settings.json) return ReportOutcome(context, "status", OneLine(state->text), state->code);
  JsonObject object = JsonOutcome("status", state->code);
  object.Add("pidfile", *path).Add("state", StateName(state->code));
  if (state->pid != 0) object.Add("pid", int64_t{state->pid});
  return ReportOutcome(context, "status", object.ToString(), state->code);
}

}  // namespace

Subcommand StatusSubcommand() {
  Subcommand status;
  status.name = "status";
  status.arguments = "--name=NAME|--pidfile=FILE [OPTION]...";
  status.summary = "Say whether a service runs";
  status.options = ServiceOptions("The file that start was given.");
  for (const Option& option : GeneralOptions()) status.options.push_back(option);
  status.notes = {
      "It runs if the file is locked; or, for a program that closes all its descriptors, if the "
      "process that it names was there before the file was written."};
  status.exit_codes = {
      {"0", "it runs"},         {"1", "it is dead, and its pid file is still there"},
      {"3", "it does not run"}, {"4", "cannot be told"},
      {"64", "wrong usage"},
  };
  status.runs_program = false;
  status.run = Status;
  return status;
}

}  // namespace cleanfork::cli
