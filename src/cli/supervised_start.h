// start --respawn: a program in the background, with a supervisor.
#ifndef CLEANFORK_SRC_CLI_SUPERVISED_START_H_
#define CLEANFORK_SRC_CLI_SUPERVISED_START_H_

#include <sys/types.h>

#include <string>

#include "absl/status/statusor.h"
#include "src/cli/launch.h"
#include "src/cli/report.h"
#include "src/cli/settings.h"

namespace cleanfork::cli {

struct SupervisedService {
  pid_t supervisor = 0;  // which the pid file names
  pid_t program = 0;
};

// Returns once the program is ready, in the starter alone: the supervisor leaves by Os::Exit(). An
// error is the one that the supervisor met, whole; nothing is then left.
absl::StatusOr<SupervisedService> StartSupervised(Launch launch, const Settings& settings,
                                                  const std::string& subcommand, Context& context);

}  // namespace cleanfork::cli

#endif  // CLEANFORK_SRC_CLI_SUPERVISED_START_H_
