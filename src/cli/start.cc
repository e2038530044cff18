// cleanfork start: a program in the background.
#include <csignal>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "cleanfork/child_error.h"
#include "src/cli/exit_code.h"
#include "src/cli/launch.h"
#include "src/cli/subcommand.h"

namespace cleanfork::cli {
namespace {

int Start(const Settings& settings, Context& context) {
  ForkOptions defaults;
  defaults.session = Session::kDaemon;
  absl::StatusOr<Launch> launch = PrepareLaunch(settings, defaults, context.os);
  if (!launch.ok()) return ReportFailure(context, "start", launch.status(), settings.json);
  const std::string pid_file = launch->pid_file;

  // A signal that ended us while we wait would leave a program that runs and nobody who says so. It
  // ends us when all is told.
  const SignalSet held = SignalSet::Of(SIGTERM, SIGINT, SIGHUP, SIGQUIT);
  const SysResult<SignalSet> mask = context.os.SigProcMask(SIG_BLOCK, &held);
  if (!mask.ok()) {
    ChildError error;
    error.step = Step::kBlockSignals;
    error.error = mask.error();
    return ReportFailure(context, "start", ChildErrorStatus("sigprocmask()", error), settings.json);
  }
  const SignalSet before = mask.value();
  const absl::Cleanup restore = [&context, &before] {
    context.os.SigProcMask(SIG_SETMASK, &before).IgnoreError();
  };

  absl::StatusOr<Started> started = StartChild(*std::move(launch), settings, "start", context);
  if (!started.ok()) return ReportFailure(context, "start", started.status(), settings.json);
  if (started->pid_file.has_value()) started->pid_file->Commit();
  const pid_t pid = started->child.Detach();
  const std::string& program = settings.command[0];
  if (settings.json) {
    JsonObject object;
    object.Add("program", program).Add("pid", int64_t{pid});
    if (!pid_file.empty()) object.Add("pidfile", pid_file);
    return ReportOutcome(context, "start", object.ToString(), kExitOk);
  }
  return ReportOutcome(context, "start",
                       absl::StrCat("started ", OneLine(program), " (pid ", pid, ")"), kExitOk);
}

}  // namespace

Subcommand StartSubcommand() {
  Subcommand start;
  start.name = "start";
  start.arguments = "[OPTION]... [--] PROGRAM [ARGUMENT]...";
  start.summary = "Start a program in the background and report when it runs";
  start.options = LaunchOptions();
  start.options.push_back(
      PidFileOption("Keep the pid in this file, which the program holds locked as long as it runs: "
                    "a second instance is refused. Its directory must be writable for the caller "
                    "alone, as /run is for root."));
  for (const Option& option : GeneralOptions()) start.options.push_back(option);
  start.notes = {
      "The program gets a session of its own, no terminal, the default action of every signal and "
      "none of them blocked. If anything on the way fails, nothing is left: no process, no pid "
      "file, no log file that was not there before and is empty.",
      kPathNote,
  };
  start.print_exit_codes = PrintExitCodes;
  start.runs_program = true;
  start.run = Start;
  return start;
}

}  // namespace cleanfork::cli
