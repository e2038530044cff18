#include "src/own_variables.h"

#include <sys/types.h>

#include <cerrno>
#include <limits>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "cleanfork/child_error.h"

namespace cleanfork {

absl::StatusOr<std::optional<int64_t>> ReadNumberVariable(const char* name, int64_t largest,
                                                          Os& os) {
  const char* value = os.GetEnv(name);
  if (value == nullptr) return std::optional<int64_t>();
  // No sign and no space, which SimpleAtoi() would let pass.
  const std::string text = value;
  const bool is_digits = text.find_first_not_of("0123456789") == std::string::npos;
  int64_t number = 0;
  if (!is_digits || !absl::SimpleAtoi(text, &number) || number < 1 || number > largest) {
    return StatusFromErrno(EINVAL,
                           absl::StrCat(name, "=", text, " is no number from 1 to ", largest));
  }
  return std::optional<int64_t>(number);
}

absl::StatusOr<std::optional<bool>> ReadPidVariable(const char* name, Os& os) {
  absl::StatusOr<std::optional<int64_t>> pid =
      ReadNumberVariable(name, std::numeric_limits<pid_t>::max(), os);
  if (!pid.ok()) return pid.status();
  if (!pid->has_value()) return std::optional<bool>();
  return std::optional<bool>(**pid == os.GetPid());
}

absl::Status UnsetVariables(const char* const* names, size_t count, absl::Status status, Os& os) {
  for (size_t i = 0; i < count; ++i) {
    SysResult<void> unset = os.UnsetEnv(names[i]);
    if (!unset.ok() && status.ok()) {
      status = StatusFromErrno(unset.error(), absl::StrCat("unsetenv(\"", names[i], "\")"));
    }
  }
  return status;
}

}  // namespace cleanfork
