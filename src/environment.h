// The child's environment, laid out before the fork so that the child only has to point to it.
#ifndef CLEANFORK_SRC_ENVIRONMENT_H_
#define CLEANFORK_SRC_ENVIRONMENT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cleanfork/fork_options.h"
#include "cleanfork/os.h"

namespace cleanfork {

// "NAME=value" strings and the null-terminated array that points to them. Moving it keeps the
// addresses of the array and, since the strings move with their vector's buffer, of the strings.
class EnvironmentBlock {
 public:
  explicit EnvironmentBlock(std::vector<std::string> variables);
  EnvironmentBlock(EnvironmentBlock&&) = default;
  EnvironmentBlock& operator=(EnvironmentBlock&&) = default;

  char** block() { return pointers_.data(); }

  // The value of a variable in it, or null.
  const char* Get(const std::string& name) const;

 private:
  std::vector<std::string> variables_;
  std::vector<char*> pointers_;
};

// What `environment` makes of the caller's variables for the user `record` (may be null: the
// identity sets none). InvalidArgument for a name that is empty or has a '=' or a NUL in it.
absl::StatusOr<EnvironmentBlock> BuildEnvironment(const Environment& environment,
                                                  const UserRecord* record, Os& os);

}  // namespace cleanfork

#endif  // CLEANFORK_SRC_ENVIRONMENT_H_
