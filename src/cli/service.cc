#include "src/cli/service.h"

#include <cerrno>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cleanfork/child_error.h"
#include "cleanfork/stop.h"
#include "src/cli/launch.h"
#include "src/cli/stopping.h"

namespace cleanfork::cli {
namespace {

constexpr char kPrefix[] = "cleanfork-";
constexpr char kSuffix[] = ".pid";

// With prefix and suffix, and ".." or what else a program appends, within NAME_MAX.
constexpr size_t kLongestName = 200;

absl::Status Wrong(const std::string& what) { return absl::InvalidArgumentError(what); }

// Part of a file's name, and printed to terminals: no slash, nothing that a shell would take for
// something else.
bool IsName(const std::string& name) {
  constexpr char kAllowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.@:-";
  return !name.empty() && name.size() <= kLongestName && name[0] != '-' && name[0] != '.' &&
         name.find_first_not_of(kAllowed) == std::string::npos;
}

absl::Status ApplyName(const char* argument, Settings* settings) {
  settings->name = argument;
  return IsName(settings->name) ? absl::OkStatus()
                                : Wrong(
                                      "is not a name of letters, digits and _.@:- that begins "
                                      "with none of .-");
}

absl::Status ApplyRunDirectory(const char* argument, Settings* settings) {
  settings->run_directory = argument;
  return settings->run_directory.empty() ? Wrong("must not be empty") : absl::OkStatus();
}

// Why a locked file's process cannot be signalled.
absl::Status NotTheHolder(const std::string& path, pid_t pid) {
  if (pid == 0) return absl::UnavailableError(path + ": an instance is being started");
  return absl::FailedPreconditionError(absl::StrCat(
      path, ": is locked, but process ", pid,
      ", which it names, cannot be taken for the holder: the service is in another PID namespace "
      "or hidden, or a child of it has outlived it; nothing was signalled"));
}

bool IsMissing(const absl::Status& status) {
  const std::optional<ChildError> error = GetChildError(status);
  return error.has_value() && error->error == ENOENT;
}

// What was done: `stopped` is the process that has ended, or 0.
std::string StopOutcome(const std::string& path, pid_t stopped, PidFileRemoval file) {
  if (file == PidFileRemoval::kKeptLocked) {
    return absl::StrCat(stopped != 0 ? absl::StrCat("stopped (pid ", stopped, ")") : "not running",
                        "; ", path, " stays: another process still holds it");
  }
  if (stopped != 0) return absl::StrCat("stopped (pid ", stopped, ")");
  return file == PidFileRemoval::kRemoved
             ? absl::StrCat("not running: removed the stale ", path)
             : absl::StrCat("not running: ", path, " has gone or is another instance's by now");
}

}  // namespace

std::vector<Option> ServiceOptions(const char* pid_file_help) {
  return {{"pidfile", 0, "FILE", pid_file_help,
           [](const char* argument, Settings* settings) {
             settings->pid_file = argument;
             return settings->pid_file.empty() ? Wrong("must not be empty") : absl::OkStatus();
           }},
          {"name", 0, "NAME",
           "In place of --pidfile: the file cleanfork-NAME.pid in the run directory, where "
           "cleanfork list finds it.",
           ApplyName},
          RunDirectoryOption()};
}

Option RunDirectoryOption() {
  return {"run-directory", 0, "DIRECTORY",
          "Where the pid files of --name are. Default: /run for root, else XDG_RUNTIME_DIR.",
          ApplyRunDirectory};
}

Option RetryOption() {
  return {"retry", 0, "SCHEDULE",
          "What to send and how long to wait. Default: TERM/5s/KILL/5s. Items are signals (TERM, "
          "-15), durations (5, 5s, 500ms) and forever, which repeats the rest; a duration alone "
          "means TERM, it, KILL, it.",
          [](const char* argument, Settings* settings) {
            absl::StatusOr<StopSchedule> schedule = StopSchedule::Parse(argument);
            if (!schedule.ok()) return schedule.status();
            settings->schedule = *std::move(schedule);
            return absl::OkStatus();
          }};
}

absl::StatusOr<std::string> RunDirectory(const Settings& settings, Os& os) {
  if (!settings.run_directory.empty()) return CallersPath(settings.run_directory, os);
  if (os.GetEuid() == 0) return std::string("/run");
  const char* runtime = os.GetEnv("XDG_RUNTIME_DIR");
  if (runtime != nullptr && runtime[0] == '/') return std::string(runtime);
  return Wrong(
      "there is no default directory for --name: XDG_RUNTIME_DIR is no absolute path; give "
      "--run-directory or --pidfile");
}

absl::StatusOr<std::string> PidFilePath(const Settings& settings, Os& os) {
  if (settings.name.empty()) {
    return settings.pid_file.empty() ? "" : CallersPath(settings.pid_file, os);
  }
  if (!settings.pid_file.empty()) return Wrong("--name and --pidfile are one too many");
  absl::StatusOr<std::string> directory = RunDirectory(settings, os);
  if (!directory.ok()) return directory.status();
  return absl::StrCat(*directory, "/", kPrefix, settings.name, kSuffix);
}

absl::StatusOr<std::string> RequiredPidFilePath(const Settings& settings, Os& os) {
  absl::StatusOr<std::string> path = PidFilePath(settings, os);
  if (path.ok() && path->empty()) return Wrong("neither --name nor --pidfile says which service");
  return path;
}

std::string NameOfPidFile(const std::string& file) {
  const std::string prefix = kPrefix, suffix = kSuffix;
  if (file.size() <= prefix.size() + suffix.size()) return "";
  if (file.compare(0, prefix.size(), prefix) != 0) return "";
  if (file.compare(file.size() - suffix.size(), suffix.size(), suffix) != 0) return "";
  std::string name = file.substr(prefix.size(), file.size() - prefix.size() - suffix.size());
  return IsName(name) ? name : "";
}

const char* StateName(StatusExitCode code) {
  switch (code) {
    case kStatusRunning: return "running";
    case kStatusDead: return "dead";
    case kStatusNotRunning: return "not-running";
    case kStatusUnknown: break;
  }
  return "unknown";
}

absl::StatusOr<ServiceState> LookAtService(const std::string& pid_file, Os& os) {
  const absl::StatusOr<PidFileState> state = ReadPidFile(pid_file, os);
  if (!state.ok()) {
    if (!IsMissing(state.status())) return state.status();
    return ServiceState{kStatusNotRunning, 0, absl::StrCat("not running: no ", pid_file)};
  }
  const pid_t pid = state->pid;
  if (state->process.has_value()) {
    return ServiceState{kStatusRunning, pid, absl::StrCat("running (pid ", pid, ")")};
  }
  if (!state->locked) {
    return ServiceState{kStatusDead, pid,
                        absl::StrCat("dead: ", pid_file, " is still there",
                                     pid != 0 ? absl::StrCat(", of pid ", pid) : "")};
  }
  // The pid is left out: it is not one that could be believed here.
  return ServiceState{kStatusRunning, 0,
                      pid == 0
                          ? std::string("running: being started")
                          : absl::StrCat("running: ", pid_file, " is locked, but process ", pid,
                                         ", which it names, cannot be taken for the holder")};
}

absl::StatusOr<StoppedService> StopService(const std::string& pid_file, const Settings& settings,
                                           const std::string& subcommand, Context& context) {
  absl::StatusOr<PidFileState> state = ReadPidFile(pid_file, context.os);
  if (!state.ok()) {
    if (!IsMissing(state.status())) return state.status();
    // What the Linux Standard Base says of a stop without a service: it has succeeded.
    return StoppedService{0, absl::StrCat("not running: no ", pid_file)};
  }
  if (!state->process.has_value() && state->locked) return NotTheHolder(pid_file, state->pid);
  const pid_t stopped_pid = state->process.has_value() ? state->pid : 0;
  if (stopped_pid != 0) {
    if (settings.verbose) {
      context.err << "cleanfork: " << subcommand << ": process " << state->pid << ", schedule "
                  << settings.schedule.ToString() << std::endl;
    }
    const absl::Status stopped = StopAndSay(*state->process, settings, subcommand, context);
    if (!stopped.ok()) return stopped;
  }
  // A service that dropped its privileges cannot remove the file itself. This does so only under
  // the lock, so that it never takes the file of an instance that is starting meanwhile.
  const absl::StatusOr<PidFileRemoval> removed = RemovePidFile(pid_file, state->pid, context.os);
  if (!removed.ok()) return removed.status();
  return StoppedService{stopped_pid, StopOutcome(pid_file, stopped_pid, *removed)};
}

absl::StatusOr<PidFileState> FindRunningService(const std::string& pid_file, Os& os) {
  absl::StatusOr<PidFileState> state = ReadPidFile(pid_file, os);
  if (!state.ok()) {
    if (!IsMissing(state.status())) return state.status();
    return absl::NotFoundError(absl::StrCat("not running: no ", pid_file));
  }
  if (state->process.has_value()) return state;
  if (state->locked) return NotTheHolder(pid_file, state->pid);
  return absl::NotFoundError(absl::StrCat("not running: ", pid_file, " is of one that is dead"));
}

}  // namespace cleanfork::cli
