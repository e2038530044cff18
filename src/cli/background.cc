#include "src/cli/background.h"

#include <csignal>
#include <memory>
#include <optional>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "cleanfork/child_error.h"
#include "cleanfork/notifier.h"
#include "src/cli/await.h"
#include "src/cli/duration.h"
#include "src/cli/exit_code.h"
#include "src/cli/log_writer.h"
#include "src/cli/readiness.h"
#include "src/cli/respawn.h"
#include "src/cli/service.h"
#include "src/cli/supervised_start.h"

namespace cleanfork::cli {
namespace {

absl::Status ApplyTimeout(const char* argument, Settings* settings) {
  const std::optional<absl::Duration> timeout = ParseDuration(argument);
  settings->has_timeout = true;
  settings->timeout = timeout.value_or(absl::InfiniteDuration());
  if (timeout.has_value() || argument == std::string("infinity")) return absl::OkStatus();
  return absl::InvalidArgumentError("is no duration");
}

// Tells our own service manager, if there is one, what it would else be told by a service of its
// own: systemd.service(5), Type=notify.
void TellManager(pid_t main_pid, const std::string& subcommand, Context& context) {
  absl::StatusOr<Notifier> manager = Notifier::FromEnvironment(false, context.os);
  const absl::Status told =
      manager.ok() ? manager->Send({{"MAINPID", absl::StrCat(main_pid)}, {"READY", "1"}})
                   : manager.status();
  if (told.ok()) return;
  context.err << "cleanfork: " << subcommand << ": the service is ready, but the manager that "
              << "NOTIFY_SOCKET names could not be told: " << OneLine(std::string(told.message()))
              << std::endl;
}

// The process that the pid file names, and the one that the service is, which may be another.
struct Service {
  pid_t pid = 0;
  pid_t main_pid = 0;
};

absl::StatusOr<Service> StartUnsupervised(Launch launch, SignalSet held, const Settings& settings,
                                          const std::string& subcommand, Context& context) {
  const absl::StatusOr<std::unique_ptr<Readiness>> readiness =
      MakeReadiness(settings.wait_for, &launch, context.os);
  if (!readiness.ok()) return readiness.status();
  absl::StatusOr<Started> started = StartChild(std::move(launch), settings, subcommand, context);
  if (!started.ok()) return started.status();
  Service service;
  service.pid = service.main_pid = started->child.pid();
  if (*readiness != nullptr) {
    (*readiness)->Started();
    const absl::Status ready =
        AwaitReadiness(**readiness, started->child, held, settings, subcommand, context);
    // The pid file goes with `started`, and so do log files that nobody has written to.
    if (!ready.ok()) return ready;
    if ((*readiness)->main_pid() != 0) service.main_pid = (*readiness)->main_pid();
  }
  started->child.Detach();
  if (started->pid_file.has_value()) started->pid_file->Commit();
  started->logs->Keep();
  return service;
}

absl::StatusOr<Service> StartService(Launch launch, SignalSet held, const Settings& settings,
                                     const std::string& subcommand, Context& context) {
  if (!IsSupervised(settings)) {
    return StartUnsupervised(std::move(launch), held, settings, subcommand, context);
  }
  const absl::StatusOr<SupervisedService> started =
      StartSupervised(std::move(launch), settings, subcommand, context);
  if (!started.ok()) return started.status();
  return Service{started->supervisor, started->program};
}

}  // namespace

std::vector<Option> BackgroundOptions() {
  std::vector<Option> options = LaunchOptions();
  for (const Option& option :
       ServiceOptions("Keep the pid in this file, which the program holds locked as long as it "
                      "runs: a second instance is refused. Its directory must be writable for the "
                      "caller alone, as /run is for root.")) {
    options.push_back(option);
  }
  options.push_back({"wait", 0, "WHAT",
                     "What to wait for before reporting success: exec, that the program runs "
                     "(default); ready-fd[:NUMBER], a line on that descriptor, or 3; notify, "
                     "READY=1 as sd_notify(3) sends it; port:ADDRESS:NUMBER, that somebody "
                     "listens there.",
                     [](const char* argument, Settings* settings) {
                       const absl::StatusOr<WaitFor> wait_for = ParseWaitFor(argument);
                       if (!wait_for.ok()) return wait_for.status();
                       settings->wait_for = *wait_for;
                       return absl::OkStatus();
                     }});
  options.push_back({"timeout", 0, "DURATION",
                     "How long to wait for it, such as 5, 500ms, 2min or infinity. Default: 90s.",
                     ApplyTimeout});
  for (const Option& option : RespawnOptions()) options.push_back(option);
  options.push_back({"reopen-logs", 0, nullptr,
                     "Write the files of --stdout and --stderr through a process that opens them "
                     "anew on SIGHUP, for logs that are rotated. A supervisor stays for it.",
                     [](const char*, Settings* settings) {
                       settings->reopen_logs = true;
                       return absl::OkStatus();
                     }});
  return options;
}

std::vector<ExitLine> StartExitCodes() {
  std::vector<ExitLine> lines;
  for (const ExitCodeRow& row : ExitCodes()) lines.push_back({absl::StrCat(row.code), row.meaning});
  return lines;
}

bool IsSupervised(const Settings& settings) {
  return settings.respawn.when != RespawnSettings::When::kNever || NeedsLogWriter(settings);
}

absl::StatusOr<Launch> PrepareBackground(const Settings& settings, Os& os) {
  if (settings.has_timeout && settings.wait_for.kind == WaitFor::Kind::kExec) {
    return absl::InvalidArgumentError("--timeout needs --wait=ready-fd, notify or port");
  }
  const absl::Status consistent = CheckRespawn(settings);
  if (!consistent.ok()) return consistent;
  for (const std::string* stream : {&settings.out, &settings.err}) {
    if (!IsSyslog(*stream)) continue;
    const absl::StatusOr<int> priority = ParseSyslog(*stream, 0);
    if (!priority.ok()) return priority.status();
  }
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

  const absl::StatusOr<Service> started =
      StartService(std::move(launch), held, settings, subcommand, context);
  if (!started.ok()) return fail(started.status());
  const pid_t pid = started->pid, main_pid = started->main_pid;
  // What has to be watched is the supervisor.
  if (settings.wait_for.kind != WaitFor::Kind::kExec) {
    TellManager(IsSupervised(settings) ? pid : main_pid, subcommand, context);
  }
  const std::string& program = settings.command[0];
  if (settings.json) {
    JsonObject object = JsonOutcome(subcommand, kExitOk);
    object.Add("program", program).Add("pid", int64_t{pid});
    if (!pid_file.empty()) object.Add("pidfile", pid_file);
    if (main_pid != pid) object.Add("main_pid", int64_t{main_pid});
    if (replaced != 0) object.Add("replaced_pid", int64_t{replaced});
    return ReportOutcome(context, subcommand, object.ToString(), kExitOk);
  }
  std::string text = absl::StrCat("started ", OneLine(program), " (pid ", pid, ")");
  if (replaced != 0) absl::StrAppend(&text, " in place of pid ", replaced);
  return ReportOutcome(context, subcommand, text, kExitOk);
}

}  // namespace cleanfork::cli
