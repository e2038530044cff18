// cleanfork reload: tells a service to read its configuration again.
#include <csignal>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/cli/exit_code.h"
#include "src/cli/service.h"
#include "src/cli/subcommand.h"

namespace cleanfork::cli {
namespace {

int Reload(const Settings& settings, Context& context) {
  const absl::StatusOr<std::string> path = RequiredPidFilePath(settings, context.os);
  if (!path.ok()) return ReportUsage(context, "reload", path.status(), settings.json);
  absl::StatusOr<PidFileState> service = FindRunningService(*path, context.os);
  absl::Status signalled = service.ok() ? service->process->Signal(SIGHUP) : service.status();
  if (absl::IsNotFound(signalled)) {
    if (service.ok()) signalled = absl::NotFoundError("not running: it has ended just now");
    return ReportFailure(context, "reload", signalled, kExitUnavailable, settings.json);
  }
  if (!signalled.ok()) return ReportFailure(context, "reload", signalled, settings.json);
  if (settings.json) {
    JsonObject object = JsonOutcome("reload", kExitOk);
    object.Add("pidfile", *path).Add("pid", int64_t{service->pid});
    return ReportOutcome(context, "reload", object.ToString(), kExitOk);
  }
  return ReportOutcome(context, "reload", absl::StrCat("sent SIGHUP (pid ", service->pid, ")"),
                       kExitOk);
}

}  // namespace

Subcommand ReloadSubcommand() {
  Subcommand reload;
  reload.name = "reload";
  reload.arguments = "--name=NAME|--pidfile=FILE [OPTION]...";
  reload.summary = "Send a service SIGHUP, on which many read their configuration again";
  reload.options = ServiceOptions("The file that start was given.");
  for (const Option& option : GeneralOptions()) reload.options.push_back(option);
  reload.notes = {
      "A program that does not handle SIGHUP ends by it: signal(7). That it has done what it does "
      "on SIGHUP is not waited for."};
  reload.exit_codes = {
      {"0", "it has been sent the signal"},
      {"64", "wrong usage"},
      {"69", "it does not run"},
      {"71", "the system failed us, or it cannot be told which process it is"},
      {"73", "the pid file cannot be read or trusted"},
      {"75", "it is being started at this moment"},
      {"77", "it may not be signalled by this user"},
  };
  reload.runs_program = false;
  reload.run = Reload;
  return reload;
}

}  // namespace cleanfork::cli
