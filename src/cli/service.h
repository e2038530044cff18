// Which service a subcommand is about, what is to be known of it, and how it is stopped: what the
// subcommands that manage services have in common.
#ifndef CLEANFORK_SRC_CLI_SERVICE_H_
#define CLEANFORK_SRC_CLI_SERVICE_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cleanfork/os.h"
#include "cleanfork/pid_file.h"
#include "src/cli/exit_code.h"
#include "src/cli/option.h"
#include "src/cli/report.h"
#include "src/cli/settings.h"

namespace cleanfork::cli {

// --pidfile, with the help text that fits the subcommand, --name and --run-directory.
std::vector<Option> ServiceOptions(const char* pid_file_help);

// --run-directory alone.
Option RunDirectoryOption();

// --retry, of what stops a service.
Option RetryOption();

// Where the pid files of services with a name are: --run-directory; else /run for root and
// XDG_RUNTIME_DIR for everybody else. Both are there from the start and writable for their owner
// alone (XDG Base Directory Specification), so that nothing has to be made. InvalidArgument if
// there is none.
absl::StatusOr<std::string> RunDirectory(const Settings& settings, Os& os);

// The pid file of --pidfile or --name; empty if neither is given. InvalidArgument for both.
absl::StatusOr<std::string> PidFilePath(const Settings& settings, Os& os);

// The same where there has to be one.
absl::StatusOr<std::string> RequiredPidFilePath(const Settings& settings, Os& os);

// The name that belongs to a file in a run directory; empty if it is none of ours.
std::string NameOfPidFile(const std::string& file);

struct ServiceState {
  StatusExitCode code = kStatusUnknown;
  pid_t pid = 0;  // 0: none, or none that could be believed
  std::string text;
};

// "running", "dead", "not-running" or "unknown".
const char* StateName(StatusExitCode code);

// An error is one of ReadPidFile(), except that a file that is not there is kStatusNotRunning.
absl::StatusOr<ServiceState> LookAtService(const std::string& pid_file, Os& os);

struct StoppedService {
  pid_t pid = 0;  // of the process that has ended; 0: none ran
  std::string text;
};

// Ends the service as Settings::schedule says and removes its pid file. One that does not run is no
// error. Unavailable while it is being started.
absl::StatusOr<StoppedService> StopService(const std::string& pid_file, const Settings& settings,
                                           const std::string& subcommand, Context& context);

// Of a service that runs, for reload. FailedPrecondition if it cannot be told which process it is;
// NotFound if there is none.
absl::StatusOr<PidFileState> FindRunningService(const std::string& pid_file, Os& os);

}  // namespace cleanfork::cli

#endif  // CLEANFORK_SRC_CLI_SERVICE_H_
