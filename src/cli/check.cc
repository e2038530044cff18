// cleanfork check: whether a running process is as a clean start would have left it.
#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cleanfork/process_handle.h"
#include "src/cli/audit.h"
#include "src/cli/exit_code.h"
#include "src/cli/option.h"
#include "src/cli/service.h"
#include "src/cli/subcommand.h"

namespace cleanfork::cli {
namespace {

constexpr int kExitOff = 1;

// The process that the words name: by its number, or by its service.
absl::StatusOr<ProcessHandle> FindProcess(const Settings& settings, Os& os) {
  absl::StatusOr<std::string> path = PidFilePath(settings, os);
  if (!path.ok()) return path.status();
  if (path->empty() == settings.command.empty() || settings.command.size() > 1) {
    return absl::InvalidArgumentError("give one process: PID, --name or --pidfile");
  }
  if (!path->empty()) {
    absl::StatusOr<PidFileState> service = FindRunningService(*path, os);
    if (!service.ok()) return service.status();
    return std::move(*service->process);
  }
  const std::string& text = settings.command[0];
  pid_t pid = 0;
  if (!ParseNumberBetween(text, 1, std::numeric_limits<pid_t>::max(), &pid)) {
    return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" is no process number"));
  }
  return ProcessHandle::Open(pid, os);
}

absl::StatusOr<std::vector<Finding>> Look(ProcessHandle& process, Os& os) {
  absl::StatusOr<std::vector<Finding>> findings = AuditProcess(process.pid(), os);
  // What was read may be of another process that has come to the number since.
  const absl::StatusOr<bool> ended = process.WaitUntil(0);
  if (!ended.ok()) return ended.status();
  if (*ended) return absl::NotFoundError("it has ended meanwhile");
  return findings;
}

int PrintFindings(const std::vector<Finding>& findings, pid_t pid, bool json, Context& context) {
  const auto is_off = [](const Finding& finding) { return finding.is_off; };
  const int code = std::any_of(findings.begin(), findings.end(), is_off) ? kExitOff : int{kExitOk};
  if (json) {
    std::vector<JsonObject> rows;
    for (const Finding& finding : findings) {
      JsonObject row;
      row.Add("about", finding.about).Add("off", finding.is_off).Add("text", finding.text);
      rows.push_back(row);
    }
    JsonObject object = JsonOutcome("check", code);
    object.Add("pid", int64_t{pid}).Add("findings", rows);
    return ReportOutcome(context, "check", object.ToString(), code);
  }
  for (const Finding& finding : findings) {
    const std::string left = absl::StrCat(finding.is_off ? "off  " : "ok   ", finding.about);
    PrintRow(left, OneLine(finding.text), 22, context.out);
  }
  const int printed = Printed(context);
  return printed == kExitOk ? code : printed;
}

int Check(const Settings& settings, Context& context) {
  absl::StatusOr<ProcessHandle> process = FindProcess(settings, context.os);
  absl::StatusOr<std::vector<Finding>> findings =
      process.ok() ? Look(*process, context.os) : process.status();
  if (!findings.ok()) {
    const absl::Status& status = findings.status();
    if (absl::IsInvalidArgument(status))
      return ReportUsage(context, "check", status, settings.json);
    const int code = absl::IsNotFound(status) ? int{kExitUnavailable} : int{ExitCodeOf(status)};
    return ReportFailure(context, "check", status, code, settings.json);
  }
  return PrintFindings(*findings, process->pid(), settings.json, context);
}

}  // namespace

Subcommand CheckSubcommand() {
  Subcommand check;
  check.name = "check";
  check.arguments = "[OPTION]... PID|--name=NAME|--pidfile=FILE";
  check.summary = "Say what of a running process is not as start leaves a program";
  check.options = ServiceOptions("The file that start was given.");
  for (const Option& option : GeneralOptions()) check.options.push_back(option);
  check.notes = {
      "Looked at are, through /proc: the streams and all other descriptors, blocked and ignored "
      "signals, ids and groups, umask, controlling terminal and session. Any process can be "
      "looked at, whoever started it. Off is what start would not have left so; the program may "
      "have wanted it."};
  check.exit_codes = {
      {"0", "nothing is off"},
      {"1", "something is"},
      {"64", "wrong usage"},
      {"69", "there is no such process, or no longer"},
      {"71", "the system failed us"},
      {"73", "the pid file cannot be read or trusted"},
      {"75", "the service is being started at this moment"},
      {"77", "it is another user's"},
  };
  check.runs_program = true;
  check.run = Check;
  return check;
}

}  // namespace cleanfork::cli
