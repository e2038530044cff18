#include "src/cli/listeners.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "cleanfork/child_error.h"
#include "src/proc_files.h"

namespace cleanfork::cli {
namespace {

constexpr char kListen[] = "0A";  // TCP_LISTEN

IpAddress Mapped(const uint8_t* ipv4) {
  IpAddress address = {};
  address[10] = address[11] = 0xFF;
  std::copy(ipv4, ipv4 + 4, address.begin() + 12);
  return address;
}

bool IsMapped(const IpAddress& address) {
  const uint8_t none[4] = {};
  const IpAddress prefix = Mapped(none);
  return std::equal(address.begin(), address.begin() + 12, prefix.begin());
}

// "0100007F" or four of these: each is a word of the address as the kernel has it in memory,
// printed as a number of this machine.
std::optional<IpAddress> ParseHexAddress(const std::string& hex) {
  if (hex.size() != 8 && hex.size() != 32) return std::nullopt;
  IpAddress bytes = {};
  for (size_t at = 0; at < hex.size(); at += 8) {
    uint32_t word = 0;
    for (const char c : hex.substr(at, 8)) {
      const size_t digit = std::string("0123456789ABCDEF").find(c);
      if (digit == std::string::npos) return std::nullopt;
      word = word * 16 + static_cast<uint32_t>(digit);
    }
    std::memcpy(bytes.data() + at / 2, &word, sizeof(word));
  }
  return hex.size() == 8 ? Mapped(bytes.data()) : bytes;
}

bool Reaches(const IpAddress& bound, const IpAddress& wanted) {
  const uint8_t none[4] = {};
  if (bound == wanted) return true;
  // Of IPv6 it takes IPv4 as well, unless IPV6_V6ONLY is set (ipv6(7)), which cannot be seen here.
  if (bound == IpAddress{}) return true;
  return bound == Mapped(none) && IsMapped(wanted);
}

}  // namespace

std::optional<IpAddress> ParseIpAddress(const std::string& text) {
  uint8_t ipv4[4];
  if (::inet_pton(AF_INET, text.c_str(), ipv4) == 1) return Mapped(ipv4);
  IpAddress address = {};
  if (::inet_pton(AF_INET6, text.c_str(), address.data()) == 1) return address;
  return std::nullopt;
}

bool ListsListener(const std::string& table, const std::vector<IpAddress>& addresses, int port) {
  std::istringstream lines(table);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string number, local, remote, state;
    if (!(words >> number >> local >> remote >> state) || state != kListen) continue;
    const size_t colon = local.find(':');
    if (colon == std::string::npos) continue;
    const std::optional<IpAddress> bound = ParseHexAddress(local.substr(0, colon));
    if (!bound.has_value() || std::strtol(local.c_str() + colon + 1, nullptr, 16) != port) continue;
    const auto reaches = [&bound](const IpAddress& wanted) { return Reaches(*bound, wanted); };
    if (addresses.empty() || std::any_of(addresses.begin(), addresses.end(), reaches)) return true;
  }
  return false;
}

absl::StatusOr<bool> IsListenedTo(const std::vector<IpAddress>& addresses, int port, Os& os) {
  for (const char* path : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::string table;
    const int error = ReadProcFile(os, path, &table);
    if (error == ENOENT && path == std::string("/proc/net/tcp6"))
      continue;  // a kernel without IPv6
    if (error != 0) return StatusFromErrno(error, path);
    if (ListsListener(table, addresses, port)) return true;
  }
  return false;
}

}  // namespace cleanfork::cli
