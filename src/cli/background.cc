#include "src/cli/background.h"

#include <csignal>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "cleanfork/child_error.h"
#include "src/cli/exit_code.h"
#include "src/cli/service.h"

namespace cleanfork::cli {

std::vector<Option> BackgroundOptions() {
  std::vector<Option> options = LaunchOptions();
  for (const Option& option :
       ServiceOptions("Keep the pid in this file, which the program holds locked as long as it "
                      "runs: a second instance is refused. Its directory must be writable for the "
                      "caller alone, as /run is for root.")) {
    options.push_back(option);
  }
  return options;
}

std::vector<ExitLine> StartExitCodes() {
  std::vector<ExitLine> lines;
  for (const ExitCodeRow& row : ExitCodes()) lines.push_back({absl::StrCat(row.code), row.meaning});
  return lines;
}

absl::StatusOr<Launch> PrepareBackground(const Settings& settings, Os& os) {
  ForkOptions defaults;
  defaults.session = Session::kDaemon;
  return PrepareLaunch(settings, defaults, os);
}

int StartInBackground(Launch launch, const Settings& settings, const std::string& subcommand,
                      pid_t replaced, Context& context) {
  const std::string pid_file = launch.pid_file;
  const auto fail = [&](const absl::Status& status) {
    return ReportFailure(context, subcommand, status, settings.json);
  };
  // A signal that ended us while we wait would leave a program that runs and nobody who says so. It
  // ends us when all is told.
  const SignalSet held = SignalSet::Of(SIGTERM, SIGINT, SIGHUP, SIGQUIT);
  const SysResult<SignalSet> mask = context.os.SigProcMask(SIG_BLOCK, &held);
  if (!mask.ok()) {
    ChildError error;
    error.step = Step::kBlockSignals;
    error.error = mask.error();
    return fail(ChildErrorStatus("sigprocmask()", error));
  }
  const SignalSet before = mask.value();
  const absl::Cleanup restore = [&context, &before] {
    context.os.SigProcMask(SIG_SETMASK, &before).IgnoreError();
  };

  absl::StatusOr<Started> started = StartChild(std::move(launch), settings, subcommand, context);
  if (!started.ok()) return fail(started.status());
  if (started->pid_file.has_value()) started->pid_file->Commit();
  const pid_t pid = started->child.Detach();
  const std::string& program = settings.command[0];
  if (settings.json) {
    JsonObject object = JsonOutcome(subcommand, kExitOk);
    object.Add("program", program).Add("pid", int64_t{pid});
    if (!pid_file.empty()) object.Add("pidfile", pid_file);
    if (replaced != 0) object.Add("replaced_pid", int64_t{replaced});
    return ReportOutcome(context, subcommand, object.ToString(), kExitOk);
  }
  std::string text = absl::StrCat("started ", OneLine(program), " (pid ", pid, ")");
  if (replaced != 0) absl::StrAppend(&text, " in place of pid ", replaced);
  return ReportOutcome(context, subcommand, text, kExitOk);
}

}  // namespace cleanfork::cli
