// cleanfork status: whether the process that a pid file names runs.
#include <cerrno>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "cleanfork/child_error.h"
#include "cleanfork/pid_file.h"
#include "src/cli/exit_code.h"
#include "src/cli/launch.h"
#include "src/cli/subcommand.h"

namespace cleanfork::cli {
namespace {

int Report(Context& context, const Settings& settings, const char* state, pid_t pid,
           const std::string& text, StatusExitCode code) {
  if (!settings.json) return ReportOutcome(context, "status", OneLine(text), code);
  JsonObject object;
  object.Add("state", state);
  if (pid != 0) object.Add("pid", int64_t{pid});
  return ReportOutcome(context, "status", object.ToString(), code);
}

int Status(const Settings& settings, Context& context) {
  if (settings.pid_file.empty()) {
    return ReportFailure(
        context, "status",
        absl::InvalidArgumentError("--pidfile is missing; see cleanfork status --help"),
        settings.json);
  }
  const std::string path = CallersPath(settings.pid_file, context.os);
  const absl::StatusOr<PidFileState> state = ReadPidFile(path, context.os);
  if (!state.ok()) {
    const std::optional<ChildError> error = GetChildError(state.status());
    if (error.has_value() && error->error == ENOENT) {
      return Report(context, settings, "not-running", 0, absl::StrCat("not running: no ", path),
                    kStatusNotRunning);
    }
    return ReportFailure(context, "status", state.status(), kStatusUnknown, settings.json);
  }
  const pid_t pid = state->pid;
  if (state->process.has_value()) {
    return Report(context, settings, "running", pid, absl::StrCat("running (pid ", pid, ")"),
                  kStatusRunning);
  }
  if (!state->locked) {
    return Report(context, settings, "dead", pid,
                  absl::StrCat("dead: ", path, " is still there",
                               pid != 0 ? absl::StrCat(", of pid ", pid) : ""),
                  kStatusDead);
  }
  // The pid is left out: it is not one that could be believed here.
  return Report(context, settings, "running", 0,
                pid == 0 ? std::string("running: being started")
                         : absl::StrCat("running: ", path, " is locked, but process ", pid,
                                        ", which it names, cannot be taken for the holder"),
                kStatusRunning);
}

void PrintStatusExitCodes(std::ostream& out) {
  PrintRow("  0", "it runs", 8, out);
  PrintRow("  1", "it is dead, and its pid file is still there", 8, out);
  PrintRow("  3", "it does not run", 8, out);
  PrintRow("  4", "cannot be told", 8, out);
  PrintRow("  64", "wrong usage", 8, out);
}

}  // namespace

Subcommand StatusSubcommand() {
  Subcommand status;
  status.name = "status";
  status.arguments = "--pidfile=FILE [OPTION]...";
  status.summary = "Say whether the process that a pid file names runs";
  status.options = {PidFileOption("The file that start was given.")};
  for (const Option& option : GeneralOptions()) status.options.push_back(option);
  status.notes = {
      "It runs if the file is locked; or, for a program that closes all its descriptors, if the "
      "process that it names was there before the file was written."};
  status.print_exit_codes = PrintStatusExitCodes;
  status.runs_program = false;
  status.run = Status;
  return status;
}

}  // namespace cleanfork::cli
