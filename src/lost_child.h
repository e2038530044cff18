#ifndef CLEANFORK_SRC_LOST_CHILD_H_
#define CLEANFORK_SRC_LOST_CHILD_H_

#include <sys/types.h>

#include <cerrno>
#include <string>

#include "absl/status/status.h"
#include "cleanfork/child_error.h"

namespace cleanfork {

// NotFound, for a child whose end somebody else was told of. (ECHILD by itself is a
// FailedPrecondition, which is the code of a handle that was never to be waited for.)
inline absl::Status LostChild(pid_t pid) {
  const absl::Status status = StatusFromErrno(
      ECHILD, "child " + std::to_string(pid) + " is lost: somebody else has waited for it");
  return absl::Status(absl::StatusCode::kNotFound, status.message());
}

}  // namespace cleanfork

#endif  // CLEANFORK_SRC_LOST_CHILD_H_
