// What start and restart have in common: a program in the background, and what is said of it.
#ifndef CLEANFORK_SRC_CLI_BACKGROUND_H_
#define CLEANFORK_SRC_CLI_BACKGROUND_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cleanfork/os.h"
#include "src/cli/launch.h"
#include "src/cli/option.h"
#include "src/cli/report.h"
#include "src/cli/settings.h"
#include "src/cli/subcommand.h"

namespace cleanfork::cli {

// All but the general ones.
std::vector<Option> BackgroundOptions();

// Those of start, for --help.
std::vector<ExitLine> StartExitCodes();

// Whether a supervisor stays: to start the program again, or for its logs.
bool IsSupervised(const Settings& settings);

absl::StatusOr<Launch> PrepareBackground(const Settings& settings, Os& os);

// Starts it, and tells the outcome. `replaced` is the process that was stopped before, or 0.
// Returns the exit code.
int StartInBackground(Launch launch, const Settings& settings, const std::string& subcommand,
                      pid_t replaced, Context& context);

}  // namespace cleanfork::cli

#endif  // CLEANFORK_SRC_CLI_BACKGROUND_H_
