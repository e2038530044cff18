// Errors: how a failure to start a child comes back. Every absl::Status of this library that has
// to do with starting a child carries a ChildError, which names the step and the errno:
//
//   absl::StatusOr<cleanfork::Child> child = cleanfork::Spawn({"/no/such/program"});
//   // child.status().message():
//   //   exec("/no/such/program"): No such file or directory (ENOENT) [step exec, child 4711]
//   std::optional<cleanfork::ChildError> error = cleanfork::GetChildError(child.status());
//   if (error && error->step == cleanfork::Step::kExec && error->error == ENOENT) {
//     std::puts("it is not installed");
//   }
//
// Thread-safe. Allocates: for the parent's side only.
#ifndef CLEANFORK_CHILD_ERROR_H_
#define CLEANFORK_CHILD_ERROR_H_

#include <sys/types.h>

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "cleanfork/step.h"

namespace cleanfork {

struct ChildError {
  Step step = Step::kValidate;
  int error = 0;    // errno; 0 where a step failed without one, as when ids are not as asked
  int signal = 0;   // which signal ended the child before it was set up; 0: none did
  pid_t pid = 0;    // the child that failed and is gone; 0: there was none
  int attempt = 0;  // how many times fork was called
  int stream = -1;  // of kOpenStream: 0, 1 or 2, the stream that is not to be had; else -1
};

// The error that `status` carries, if it does.
std::optional<ChildError> GetChildError(const absl::Status& status);

// A Status of the code that belongs to error.error (absl::ErrnoToStatusCode; kAborted for a child
// that a signal ended, kFailedPrecondition where there is neither), with the text
//   <what>: <text of the errno> (<its name>) [step <step>, child <pid>]
// and `error` as payload. `what` is the call as it was made: "setgid(65534)"; control characters in
// it are shown as \x0a.
absl::Status ChildErrorStatus(const std::string& what, const ChildError& error);

// The same for a call that has nothing to do with a child: no payload, no brackets.
absl::Status StatusFromErrno(int error, const std::string& what);

}  // namespace cleanfork

#endif  // CLEANFORK_CHILD_ERROR_H_
