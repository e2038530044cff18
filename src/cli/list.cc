// cleanfork list: the services that were started by a name.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cleanfork/child_error.h"
#include "src/cli/exit_code.h"
#include "src/cli/service.h"
#include "src/cli/subcommand.h"
#include "src/proc_files.h"

namespace cleanfork::cli {
namespace {

struct Row {
  std::string name;
  std::string pid_file;
  ServiceState state;
};

Row LookAt(const std::string& name, const std::string& pid_file, Os& os) {
  const absl::StatusOr<ServiceState> state = LookAtService(pid_file, os);
  if (state.ok()) return {name, pid_file, *state};
  // One file that cannot be read or believed does not hide the others.
  return {name, pid_file, {kStatusUnknown, 0, std::string(state.status().message())}};
}

int PrintJson(const std::vector<Row>& rows, Context& context) {
  std::vector<JsonObject> services;
  for (const Row& row : rows) {
    JsonObject service;
    service.Add("name", row.name).Add("pidfile", row.pid_file);
    service.Add("state", StateName(row.state.code));
    if (row.state.pid != 0) service.Add("pid", int64_t{row.state.pid});
    services.push_back(service);
  }
  JsonObject object = JsonOutcome("list", kExitOk);
  object.Add("services", services);
  return ReportOutcome(context, "list", object.ToString(), kExitOk);
}

int List(const Settings& settings, Context& context) {
  const absl::StatusOr<std::string> directory = RunDirectory(settings, context.os);
  if (!directory.ok()) return ReportUsage(context, "list", directory.status(), settings.json);
  NameList files = ListDirectory(context.os, *directory);
  if (files.error != 0) {
    const absl::Status failure =
        StatusFromErrno(files.error, absl::StrCat("the directory ", *directory));
    return ReportFailure(context, "list", failure, kExitSystem, settings.json);
  }
  std::sort(files.names.begin(), files.names.end());
  std::vector<Row> rows;
  for (const std::string& file : files.names) {
    const std::string name = NameOfPidFile(file);
    if (name.empty()) continue;
    Row row = LookAt(name, absl::StrCat(*directory, "/", file), context.os);
    // It has been stopped since we read the directory.
    if (row.state.code != kStatusNotRunning) rows.push_back(std::move(row));
  }
  if (settings.json) return PrintJson(rows, context);
  size_t width = 0;
  for (const Row& row : rows) width = std::max(width, row.name.size());
  std::string text;
  for (const Row& row : rows) {
    absl::StrAppend(&text, text.empty() ? "" : "\n", row.name,
                    std::string(width - row.name.size() + 2, ' '), OneLine(row.state.text));
  }
  if (text.empty()) return kExitOk;
  return ReportOutcome(context, "list", text, kExitOk);
}

}  // namespace

Subcommand ListSubcommand() {
  Subcommand list;
  list.name = "list";
  list.arguments = "[OPTION]...";
  list.summary = "List the services that were started with --name";
  list.options = {RunDirectoryOption()};
  for (const Option& option : GeneralOptions()) list.options.push_back(option);
  list.notes = {
      "One line for each: its name, and what status says of it. A service that has been stopped, "
      "or was not started with --name, is not among them."};
  list.exit_codes = {
      {"0", "all of them are listed, which may be none"},
      {"64", "wrong usage"},
      {"71", "the run directory cannot be read"},
  };
  list.runs_program = false;
  list.run = List;
  return list;
}

}  // namespace cleanfork::cli
