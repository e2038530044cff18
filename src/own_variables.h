// Variables of the caller's own environment that a service manager has set for it.
#ifndef CLEANFORK_SRC_OWN_VARIABLES_H_
#define CLEANFORK_SRC_OWN_VARIABLES_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cleanfork/os.h"

namespace cleanfork {

// The number from 1 to `largest` that the variable holds, in digits alone; nullopt without the
// variable; InvalidArgument (EINVAL) for anything else.
absl::StatusOr<std::optional<int64_t>> ReadNumberVariable(const char* name, int64_t largest,
                                                          Os& os);

// Whether the variable names this process. Nullopt without it.
absl::StatusOr<std::optional<bool>> ReadPidVariable(const char* name, Os& os);

// Removes the variables, and returns `status`, or what went wrong here if that is OK.
absl::Status UnsetVariables(const char* const* names, size_t count, absl::Status status, Os& os);

}  // namespace cleanfork

#endif  // CLEANFORK_SRC_OWN_VARIABLES_H_
