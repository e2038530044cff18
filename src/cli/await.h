// Waits until a service that has been started is ready, and ends one that is not.
#ifndef CLEANFORK_SRC_CLI_AWAIT_H_
#define CLEANFORK_SRC_CLI_AWAIT_H_

#include <string>

#include "absl/status/status.h"
#include "cleanfork/child.h"
#include "cleanfork/os_types.h"
#include "src/cli/readiness.h"
#include "src/cli/report.h"
#include "src/cli/settings.h"

namespace cleanfork::cli {

// Waits until the service, `child`, is ready. Errors are of step kReady: ETIME for a time
// that is over, ESRCH for a service that has ended, EINTR for one of the signals `held`, which has
// to be blocked and is pending again afterwards, EPIPE for one that gave up. The service has then
// been stopped, as Settings::schedule says. What it has forked is not looked for.
//
// After two seconds, and every ten, it says on standard error what it waits for, if that is a
// terminal; with --verbose at once.
absl::Status AwaitReadiness(Readiness& readiness, Child& child, SignalSet held,
                            const Settings& settings, const std::string& subcommand,
                            Context& context);

}  // namespace cleanfork::cli

#endif  // CLEANFORK_SRC_CLI_AWAIT_H_
