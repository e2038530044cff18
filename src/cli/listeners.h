// Who listens on TCP ports of this network namespace, from /proc/net/tcp and tcp6: proc(5).
#ifndef CLEANFORK_SRC_CLI_LISTENERS_H_
#define CLEANFORK_SRC_CLI_LISTENERS_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cleanfork/os.h"

namespace cleanfork::cli {

// An IPv6 address, or an IPv4 one mapped into it: RFC 4291, section 2.5.5.2.
using IpAddress = std::array<uint8_t, 16>;

// "127.0.0.1" or "::1".
std::optional<IpAddress> ParseIpAddress(const std::string& text);

// Whether some socket is in LISTEN that a connection to one of the addresses would reach: one bound
// to it, or to all addresses. No address means any.
absl::StatusOr<bool> IsListenedTo(const std::vector<IpAddress>& addresses, int port, Os& os);

// The same for what a file of /proc/net says.
bool ListsListener(const std::string& table, const std::vector<IpAddress>& addresses, int port);

}  // namespace cleanfork::cli

#endif  // CLEANFORK_SRC_CLI_LISTENERS_H_
