// Stops a process and shows on a terminal what takes so long.
#ifndef CLEANFORK_SRC_CLI_STOPPING_H_
#define CLEANFORK_SRC_CLI_STOPPING_H_

#include <string>

#include "absl/status/status.h"
#include "cleanfork/process_handle.h"
#include "src/cli/report.h"
#include "src/cli/settings.h"

namespace cleanfork::cli {

// StopProcess() by Settings::schedule. After two seconds, and every ten, it says on standard error
// what is waited for and what comes next, if that is a terminal, or with --verbose.
absl::Status StopAndSay(ProcessHandle& process, const Settings& settings,
                        const std::string& subcommand, Context& context);

}  // namespace cleanfork::cli

#endif  // CLEANFORK_SRC_CLI_STOPPING_H_
