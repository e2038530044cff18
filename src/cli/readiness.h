// What --wait waits for: how a service that has been started says that it is ready.
#ifndef CLEANFORK_SRC_CLI_READINESS_H_
#define CLEANFORK_SRC_CLI_READINESS_H_

#include <sys/types.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cleanfork/os.h"
#include "src/cli/launch.h"
#include "src/cli/settings.h"

namespace cleanfork::cli {

// "exec", "ready-fd[:NUMBER]", "notify", "port:ADDRESS:NUMBER".
absl::StatusOr<WaitFor> ParseWaitFor(const std::string& text);

class Readiness {
 public:
  virtual ~Readiness() = default;

  // What is waited for: "READY=1", "a line on descriptor 3".
  virtual std::string What() const = 0;

  // Takes what is there, without waiting. True: it is ready. An error: it will never be.
  virtual absl::StatusOr<bool> Look() = 0;

  // Becomes readable when a look is worth it; -1: look again from time to time.
  virtual int descriptor() const { return -1; }

  // In the starter, once there is a child: closes what is the child's.
  virtual void Started() {}

  // The process that the service has named as its main one (MAINPID); 0: none.
  virtual pid_t main_pid() const { return 0; }

  // What the service has said of itself (STATUS); may be empty.
  virtual std::string status() const { return ""; }
};

// Makes what is to be waited on, and gives the child its end: changes `launch`. Null for kExec,
// where there is nothing to be waited for. An error is one of step kReady, or of a resource.
absl::StatusOr<std::unique_ptr<Readiness>> MakeReadiness(const WaitFor& wait_for, Launch* launch,
                                                         Os& os);

}  // namespace cleanfork::cli

#endif  // CLEANFORK_SRC_CLI_READINESS_H_
