// cleanfork run: a program in the foreground, set up as cleanly as one in the background.
#include <cerrno>
#include <csignal>
#include <optional>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "cleanfork/child_error.h"
#include "cleanfork/probe.h"
#include "src/cli/exit_code.h"
#include "src/cli/launch.h"
#include "src/cli/log_writer.h"
#include "src/cli/respawn.h"
#include "src/cli/service.h"
#include "src/cli/subcommand.h"
#include "src/cli/supervisor.h"

namespace cleanfork::cli {
namespace {

// 127 for a program that is not there and 126 for one that cannot be executed, as env(1) and
// every shell have it.
int ExitCodeOfStart(const absl::Status& status) {
  const std::optional<ChildError> error = GetChildError(status);
  if (error.has_value() && error->step == Step::kExec) {
    return error->error == ENOENT ? kExitNotFound : kExitNotExecutable;
  }
  return ExitCodeOf(status);
}

// Hands signals on until the child has ended.
absl::StatusOr<ExitStatus> ForwardUntilEnd(Child& child, Os& os) {
  const SignalSet awaited = Supervisor::Signals();
  for (;;) {
    absl::StatusOr<std::optional<ExitStatus>> ended = child.TryWait();
    if (!ended.ok()) return ended.status();
    if (ended->has_value()) return **ended;
    const SysResult<SignalInfo> taken = os.SigTimedWait(awaited, -1);
    if (!taken.ok()) {
      if (taken.error() == EINTR) {
        CLEANFORK_PROBE("the wait for a signal to hand on is interrupted");
        continue;
      }
      return StatusFromErrno(taken.error(), "sigtimedwait()");
    }
    const int signal = taken.value().signal;
    // The child is in our session and process group, so what is typed at a terminal (^C, ^\) has
    // reached it already; SI_KERNEL tells that from kill(2). A hang-up need not have: it goes to
    // the leader of the session, which we may be, and only on its end to the foreground.
    if (signal == SIGCHLD || (signal != SIGHUP && taken.value().code == SI_KERNEL)) continue;
    // A child that has ended since is met at the top of the loop. One that may not be signalled
    // any more, since it has changed its user, is the caller's own doing; we go on waiting.
    child.Signal(signal).IgnoreError();
  }
}

int Report(const ExitStatus& ended, pid_t pid, const Settings& settings, Context& context) {
  const int code = ExitCodeOf(ended);
  if (!settings.json) return code;
  JsonObject object = JsonOutcome("run", code);
  object.Add("program", settings.command[0]).Add("pid", int64_t{pid});
  object.Add("ended", ended.ToString());
  return ReportOutcome(context, "run", object.ToString(), code);
}

int RunSupervised(Launch launch, const Settings& settings, Context& context) {
  Supervisor supervisor(std::move(launch), settings, "run", context);
  const absl::Status started = supervisor.Start();
  if (!started.ok()) {
    return ReportFailure(context, "run", started, ExitCodeOfStart(started), settings.json);
  }
  const absl::StatusOr<ExitStatus> ended = supervisor.Run();
  if (ended.ok()) return Report(*ended, supervisor.pid(), settings, context);
  const int code = absl::IsAborted(ended.status()) ? int{kExitCrashLoop} : int{kExitSystem};
  return ReportFailure(context, "run", ended.status(), code, settings.json);
}

int Run(const Settings& settings, Context& context) {
  ForkOptions defaults;
  // A foreground process stays with its terminal: in a session of its own it could neither be
  // stopped with ^Z nor read its input as one of the terminal's own.
  defaults.session = Session::kKeep;
  defaults.in = defaults.out = defaults.err = Stream::Inherit();
  defaults.directory = "";
  const auto fail = [&](const absl::Status& status) {
    return ReportFailure(context, "run", status, ExitCodeOfStart(status), settings.json);
  };
  absl::StatusOr<Launch> launch = PrepareLaunch(settings, defaults, context.os);
  if (!launch.ok()) return fail(launch.status());
  if (NeedsLogWriter(settings)) return fail(absl::InvalidArgumentError("syslog is for start"));
  const absl::Status consistent = CheckRespawn(settings);
  if (!consistent.ok()) return fail(consistent);
  if (settings.respawn.when != RespawnSettings::When::kNever && !launch->pid_file.empty()) {
    return fail(absl::InvalidArgumentError("--respawn with a pid file is for start"));
  }

  // Blocked before there is a child, or one that comes in between would end us and not it.
  const SignalSet blocked = Supervisor::Signals();
  const SysResult<SignalSet> mask = context.os.SigProcMask(SIG_BLOCK, &blocked);
  if (!mask.ok()) return fail(StatusFromErrno(mask.error(), "sigprocmask()"));
  const SignalSet before = mask.value();
  const absl::Cleanup restore = [&context, &before] {
    context.os.SigProcMask(SIG_SETMASK, &before).IgnoreError();
  };

  if (settings.respawn.when != RespawnSettings::When::kNever) {
    return RunSupervised(*std::move(launch), settings, context);
  }
  // The pid file, never committed, is removed when `started` goes: after the child has ended.
  absl::StatusOr<Started> started = StartChild(*std::move(launch), settings, "run", context);
  if (!started.ok()) return fail(started.status());
  started->logs->Keep();
  const absl::StatusOr<ExitStatus> ended = ForwardUntilEnd(started->child, context.os);
  if (!ended.ok()) return fail(ended.status());
  return Report(*ended, started->child.pid(), settings, context);
}

}  // namespace

Subcommand RunSubcommand() {
  Subcommand run;
  run.name = "run";
  run.arguments = "[OPTION]... [--] PROGRAM [ARGUMENT]...";
  run.summary = "Run a program in the foreground, set up as cleanly, and wait for it";
  run.options = LaunchOptions();
  for (const Option& option : RespawnOptions()) run.options.push_back(option);
  for (const Option& option :
       ServiceOptions("Keep the pid in this file, locked, as long as the program runs.")) {
    run.options.push_back(option);
  }
  for (const Option& option : GeneralOptions()) run.options.push_back(option);
  run.notes = {
      "The program stays in the caller's session and with its terminal. TERM, INT, HUP, QUIT, USR1 "
      "and USR2 are handed on to it.",
      kPathNote,
  };
  run.exit_codes = {
      {"N", "that of the program"},
      {"128+N", "the program was ended by signal N"},
      {"79", "the program ended too often: --respawn-limit"},
      {"126", "the program cannot be executed"},
      {"127", "there is no such program"},
      {"else", "as for start: cleanfork start --help"},
  };
  run.runs_program = true;
  run.run = Run;
  return run;
}

}  // namespace cleanfork::cli
