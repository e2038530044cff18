#include "cleanfork/listen_fds.h"

#include <fcntl.h>

#include <cerrno>
#include <cstdint>
#include <iterator>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cleanfork/child_error.h"
#include "src/listen_variables.h"
#include "src/own_variables.h"

namespace cleanfork {
namespace {

constexpr int64_t kMostListenFds = std::numeric_limits<int>::max() - kFirstListenFd;

// The names of `count` descriptors.
absl::StatusOr<std::vector<std::string>> ReadNames(int64_t count, Os& os) {
  const char* variable = os.GetEnv(kListenFdNames);
  if (variable == nullptr) return std::vector<std::string>();
  const std::string text = variable;
  std::optional<std::vector<std::string>> names = SplitListenNames(text);
  if (!names.has_value()) {
    return StatusFromErrno(EINVAL,
                           absl::StrCat(kListenFdNames, "=", text, " ends in a single backslash"));
  }
  if (static_cast<int64_t>(names->size()) != count) {
    return StatusFromErrno(EINVAL, absl::StrCat(kListenFdNames, "=", text, " has ", names->size(),
                                                " names, ", kListenFds, " is ", count));
  }
  return *std::move(names);
}

absl::Status SetCloseOnExec(int fd, int64_t count, Os& os) {
  SysResult<int> flags = os.FcntlGetFd(fd);
  SysResult<void> set;
  if (flags.ok() && (flags.value() & FD_CLOEXEC) == 0) {
    set = os.FcntlSetFd(fd, flags.value() | FD_CLOEXEC);
  }
  if (flags.ok() && set.ok()) return absl::OkStatus();
  return StatusFromErrno(flags.ok() ? set.error() : flags.error(),
                         absl::StrCat("descriptor ", fd, " of ", kListenFds, "=", count));
}

absl::StatusOr<std::vector<ListenFd>> ReadListenFds(Os& os) {
  std::vector<ListenFd> passed;
  absl::StatusOr<std::optional<bool>> ours = ReadPidVariable(kListenPid, os);
  if (!ours.ok()) return ours.status();
  if (!ours->value_or(false)) return passed;
  absl::StatusOr<std::optional<int64_t>> count = ReadNumberVariable(kListenFds, kMostListenFds, os);
  if (!count.ok()) return count.status();
  if (!count->has_value()) return passed;
  absl::StatusOr<std::vector<std::string>> names = ReadNames(**count, os);
  if (!names.ok()) return names.status();
  for (int i = 0; i < **count; ++i) {
    const int fd = kFirstListenFd + i;
    absl::Status set = SetCloseOnExec(fd, **count, os);
    if (!set.ok()) return set;
    passed.push_back({fd, names->empty() ? "unknown" : (*names)[static_cast<size_t>(i)]});
  }
  return passed;
}

}  // namespace

absl::StatusOr<std::vector<ListenFd>> ListenFds(bool unset_environment, Os& os) {
  absl::StatusOr<std::vector<ListenFd>> passed = ReadListenFds(os);
  if (!unset_environment) return passed;
  absl::Status status =
      UnsetVariables(kListenVariables, std::size(kListenVariables), passed.status(), os);
  if (!status.ok()) return status;
  return passed;
}

}  // namespace cleanfork
