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
  char* Get(const std::string& name);

  // Whether it is another environment than the caller's own.
  bool differs_from_callers() const { return differs_; }

 private:
  friend absl::StatusOr<EnvironmentBlock> BuildEnvironment(const ForkOptions& options,
                                                           const UserRecord* record, Os& os);

  std::vector<std::string> variables_;
  std::vector<char*> pointers_;
  bool differs_ = false;
};

// What `options` make of the caller's variables for the user `record` (may be null: the identity
// sets none). InvalidArgument for a name that is empty or has a '=' or a NUL in it.
//
// With listen_fds there is a LISTEN_PID, whose value has room for any pid (kPidTextSize) and is
// that of no process: the child writes its own over it.
absl::StatusOr<EnvironmentBlock> BuildEnvironment(const ForkOptions& options,
                                                  const UserRecord* record, Os& os);

}  // namespace cleanfork

#endif  // CLEANFORK_SRC_ENVIRONMENT_H_
