#ifndef CLEANFORK_SRC_INVALID_OPTIONS_H_
#define CLEANFORK_SRC_INVALID_OPTIONS_H_

#include <cerrno>
#include <string>

#include "absl/status/status.h"
#include "cleanfork/child_error.h"

namespace cleanfork {

// InvalidArgument, with the payload that says so: `what` names the option and what is wrong.
inline absl::Status InvalidOptions(const std::string& what) {
  ChildError error;
  error.step = Step::kValidate;
  error.error = EINVAL;
  return ChildErrorStatus(what, error);
}

}  // namespace cleanfork

#endif  // CLEANFORK_SRC_INVALID_OPTIONS_H_
