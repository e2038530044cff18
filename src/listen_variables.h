// The variables of sd_listen_fds(3), as both sides of them see it.
#ifndef CLEANFORK_SRC_LISTEN_VARIABLES_H_
#define CLEANFORK_SRC_LISTEN_VARIABLES_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cleanfork/fork_options.h"
#include "cleanfork/listen_fds.h"

namespace cleanfork {

constexpr int kFirstListenFd = 3;  // SD_LISTEN_FDS_START

constexpr const char kListenPid[] = "LISTEN_PID";
constexpr const char kListenPidFdId[] = "LISTEN_PIDFDID";
constexpr const char kListenFds[] = "LISTEN_FDS";
constexpr const char kListenFdNames[] = "LISTEN_FDNAMES";
constexpr const char* kListenVariables[] = {kListenPid, kListenPidFdId, kListenFds, kListenFdNames};

// LISTEN_FDNAMES: the names between colons. A backslash before a colon or a backslash takes its
// meaning from it, as libsystemd reads it, though the manual page does not say so.
std::string JoinListenNames(const std::vector<ListenFd>& fds);

// The other way. Nullopt for a text that ends in the middle of an escape.
std::optional<std::vector<std::string>> SplitListenNames(const std::string& text);

// Whether ForkOptions::listen_fds make sense by themselves and beside the other options.
absl::Status ValidateListenFds(const ForkOptions& options);

// ForkOptions::descriptors, and listen_fds as more of them.
std::vector<DescriptorMove> AllMoves(const ForkOptions& options);

}  // namespace cleanfork

#endif  // CLEANFORK_SRC_LISTEN_VARIABLES_H_
