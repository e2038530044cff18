// cleanfork stop: ends the process that a pid file names.
#include "cleanfork/stop.h"

#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cleanfork/child_error.h"
#include "cleanfork/pid_file.h"
#include "src/cli/exit_code.h"
#include "src/cli/launch.h"
#include "src/cli/subcommand.h"

namespace cleanfork::cli {
namespace {

int Report(Context& context, const Settings& settings, bool was_running, pid_t pid,
           const std::string& text) {
  if (!settings.json) return ReportOutcome(context, "stop", OneLine(text), kExitOk);
  JsonObject object;
  object.Add("was_running", was_running);
  if (pid != 0) object.Add("pid", int64_t{pid});
  return ReportOutcome(context, "stop", object.ToString(), kExitOk);
}

// What was done: `stopped` is the process that has ended, or 0.
std::string Outcome(const std::string& path, pid_t stopped, PidFileRemoval file) {
  if (file == PidFileRemoval::kKeptLocked) {
    return absl::StrCat(stopped != 0 ? absl::StrCat("stopped (pid ", stopped, ")") : "not running",
                        "; ", path, " stays: another process still holds it");
  }
  if (stopped != 0) return absl::StrCat("stopped (pid ", stopped, ")");
  return file == PidFileRemoval::kRemoved
             ? absl::StrCat("not running: removed the stale ", path)
             : absl::StrCat("not running: ", path, " has gone or is another instance's by now");
}

int Stop(const Settings& settings, Context& context) {
  const auto fail = [&](const absl::Status& status) {
    return ReportFailure(context, "stop", status, settings.json);
  };
  if (settings.pid_file.empty()) {
    return fail(absl::InvalidArgumentError("--pidfile is missing; see cleanfork stop --help"));
  }
  const std::string path = CallersPath(settings.pid_file, context.os);
  absl::StatusOr<PidFileState> state = ReadPidFile(path, context.os);
  if (!state.ok()) {
    const std::optional<ChildError> error = GetChildError(state.status());
    if (!error.has_value() || error->error != ENOENT) return fail(state.status());
    // What the Linux Standard Base says of a stop without a service: it has succeeded.
    return Report(context, settings, false, 0, absl::StrCat("not running: no ", path));
  }
  if (!state->process.has_value() && state->locked) {
    return fail(
        state->pid == 0
            ? absl::UnavailableError(absl::StrCat(path, ": an instance is being started"))
            : absl::FailedPreconditionError(absl::StrCat(
                  path, ": is locked, but process ", state->pid,
                  ", which it names, cannot be taken for the holder: the service is in another PID "
                  "namespace or hidden, or a child of it has outlived it; nothing was signalled")));
  }
  const bool was_running = state->process.has_value();
  if (was_running) {
    if (settings.verbose) {
      context.err << "cleanfork: stop: process " << state->pid << ", schedule "
                  << settings.schedule.ToString() << std::endl;
    }
    const absl::Status stopped = StopProcess(*state->process, settings.schedule, context.os);
    if (!stopped.ok()) return fail(stopped);
  }
  // A service that dropped its privileges cannot remove the file itself. This does so only under
  // the lock, so that it never takes the file of an instance that is starting meanwhile.
  const absl::StatusOr<PidFileRemoval> removed = RemovePidFile(path, state->pid, context.os);
  if (!removed.ok()) return fail(removed.status());
  return Report(context, settings, was_running, state->pid,
                Outcome(path, was_running ? state->pid : 0, *removed));
}

void PrintStopExitCodes(std::ostream& out) {
  PrintRow("  0", "it has ended, or was not running", 8, out);
  PrintRow("  64", "wrong usage", 8, out);
  PrintRow("  71", "the system failed us, or it cannot be told which process it is", 8, out);
  PrintRow("  73", "the pid file cannot be read, trusted or removed", 8, out);
  PrintRow("  75", "it is being started at this moment", 8, out);
  PrintRow("  77", "it may not be signalled by this user", 8, out);
  PrintRow("  124", "it still runs at the end of the schedule", 8, out);
}

}  // namespace

Subcommand StopSubcommand() {
  Subcommand stop;
  stop.name = "stop";
  stop.arguments = "--pidfile=FILE [OPTION]...";
  stop.summary = "Stop the process that a pid file names and wait for its end";
  stop.options = {
      PidFileOption("The file that start was given. It is removed once the process has ended."),
      {"retry", 0, "SCHEDULE",
       "What to send and how long to wait. Default: TERM/5s/KILL/5s. Items are signals (TERM, "
       "-15), durations (5, 5s, 500ms) and forever, which repeats the rest; a duration alone means "
       "TERM, it, KILL, it.",
       [](const char* argument, Settings* settings) {
         absl::StatusOr<StopSchedule> schedule = StopSchedule::Parse(argument);
         if (!schedule.ok()) return schedule.status();
         settings->schedule = *std::move(schedule);
         return absl::OkStatus();
       }},
  };
  for (const Option& option : GeneralOptions()) stop.options.push_back(option);
  stop.notes = {
      "A pid that has come to mean another process since the file was written is not signalled: "
      "see "
      "docs/command.md for how that is told."};
  stop.print_exit_codes = PrintStopExitCodes;
  stop.runs_program = false;
  stop.run = Stop;
  return stop;
}

}  // namespace cleanfork::cli
