#include "cleanfork/notifier.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <iterator>
#include <limits>

#include "absl/strings/str_cat.h"
#include "cleanfork/child_error.h"
#include "cleanfork/fd_io.h"
#include "cleanfork/unique_fd.h"
#include "src/own_variables.h"

namespace cleanfork {
namespace {

constexpr const char kNotifySocket[] = "NOTIFY_SOCKET";
constexpr const char kWatchdogUsec[] = "WATCHDOG_USEC";
constexpr const char kWatchdogPid[] = "WATCHDOG_PID";

// InvalidArgument, also where Abseil has another code for the errno.
absl::Status Refused(int error, const std::string& what) {
  return absl::InvalidArgumentError(StatusFromErrno(error, what).message());
}

absl::StatusOr<UnixAddress> ParseAddress(const std::string& text) {
  const std::string what = absl::StrCat(kNotifySocket, "=", text);
  if (text.compare(0, 6, "vsock:") == 0 || text.compare(0, 6, "vsock-") == 0) {
    return Refused(EINVAL, absl::StrCat(what, ": a vsock address, which is not supported"));
  }
  const bool abstract = !text.empty() && text[0] == '@';
  // '@' or '/' alone names nothing.
  if (text.size() < 2 || (!abstract && text[0] != '/')) {
    return Refused(EINVAL, absl::StrCat(what, " is neither an absolute path nor '@' and a name"));
  }
  UnixAddress address;
  // sun_path of unix(7) has to hold a path and its NUL, but no NUL of an abstract name.
  const size_t most = abstract ? UnixAddress::kMaxSize : UnixAddress::kMaxSize - 1;
  if (text.size() > most) {
    return Refused(ENAMETOOLONG, absl::StrCat(what, " is longer than ", most, " bytes"));
  }
  std::memcpy(address.bytes, text.data(), text.size());
  if (abstract) address.bytes[0] = '\0';
  address.size = text.size();
  return address;
}

// As it stands in NOTIFY_SOCKET.
std::string AddressText(const UnixAddress& address) {
  std::string text(address.bytes, address.size);
  if (text[0] == '\0') text[0] = '@';
  return text;
}

// systemd ends an assignment at a carriage return too, though its manual page does not say so.
constexpr const char kSeparators[] = {'\n', '\r', '\0'};

bool HasAny(const std::string& text, const char* bytes, size_t count) {
  return text.find_first_of(bytes, 0, count) != std::string::npos;
}

absl::StatusOr<std::string> BuildMessage(
    const std::vector<std::pair<std::string, std::string>>& assignments) {
  if (assignments.empty()) return Refused(EINVAL, "a message without an assignment");
  std::string message;
  for (const auto& [name, value] : assignments) {
    const bool is_name = !name.empty() && name.find('=') == std::string::npos &&
                         !HasAny(name, kSeparators, std::size(kSeparators));
    if (!is_name) return Refused(EINVAL, absl::StrCat("\"", name, "\" is no variable's name"));
    if (HasAny(value, kSeparators, std::size(kSeparators))) {
      return Refused(EINVAL, absl::StrCat(name, ": the value holds a line break or a NUL byte"));
    }
    // Between them and not after the last: the end of the datagram is that of the line.
    if (!message.empty()) message += '\n';
    absl::StrAppend(&message, name, "=", value);
  }
  if (message.size() > Notifier::kMaxMessageSize) {
    return Refused(EMSGSIZE, absl::StrCat("a message of ", message.size(), " bytes, more than ",
                                          Notifier::kMaxMessageSize));
  }
  return message;
}

}  // namespace

absl::StatusOr<Notifier> Notifier::FromEnvironment(bool unset_environment, Os& os) {
  const char* variable = os.GetEnv(kNotifySocket);
  if (variable == nullptr) return Notifier(os, UnixAddress());
  absl::StatusOr<UnixAddress> address = ParseAddress(variable);
  absl::Status status = address.status();
  const char* const names[] = {kNotifySocket};
  if (unset_environment) status = UnsetVariables(names, std::size(names), status, os);
  if (!status.ok()) return status;
  return Notifier(os, *address);
}

absl::Status Notifier::Ready() { return Send({{"READY", "1"}}); }

absl::Status Notifier::Status(const std::string& text) { return Send({{"STATUS", text}}); }

absl::Status Notifier::Stopping() { return Send({{"STOPPING", "1"}}); }

absl::Status Notifier::Reloading() {
  // By its moment the manager knows that this is the answer to its request and no older reload.
  SysResult<int64_t> now = os_->ClockGetTime(CLOCK_MONOTONIC);
  if (!now.ok()) return StatusFromErrno(now.error(), "clock_gettime(CLOCK_MONOTONIC)");
  return Send({{"RELOADING", "1"}, {"MONOTONIC_USEC", absl::StrCat(now.value() / 1000)}});
}

absl::Status Notifier::MainPid(pid_t pid) {
  if (pid < 1) return Refused(EINVAL, absl::StrCat("MAINPID: ", pid, " is no pid"));
  return Send({{"MAINPID", absl::StrCat(pid)}});
}

absl::Status Notifier::Errno(int error) {
  if (error < 1) return Refused(EINVAL, absl::StrCat("ERRNO: ", error, " is no errno"));
  return Send({{"ERRNO", absl::StrCat(error)}});
}

absl::Status Notifier::Watchdog() { return Send({{"WATCHDOG", "1"}}); }

absl::Status Notifier::ExtendTimeout(absl::Duration by) {
  if (by <= absl::ZeroDuration() || by == absl::InfiniteDuration()) {
    return Refused(EINVAL, absl::StrCat("EXTEND_TIMEOUT_USEC: ", absl::FormatDuration(by),
                                        " is no time from now on"));
  }
  const absl::Duration rounded = absl::Ceil(by, absl::Microseconds(1));
  return Send({{"EXTEND_TIMEOUT_USEC", absl::StrCat(absl::ToInt64Microseconds(rounded))}});
}

absl::Status Notifier::Send(const std::vector<std::pair<std::string, std::string>>& assignments) {
  absl::StatusOr<std::string> message = BuildMessage(assignments);
  if (!message.ok()) return message.status();
  if (!active()) return absl::OkStatus();
  SysResult<int> opened = os_->Socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (!opened.ok()) return StatusFromErrno(opened.error(), "socket(AF_UNIX, SOCK_DGRAM)");
  const UniqueFd fd(*os_, opened.value());
  const std::string what = absl::StrCat("sendto(\"", AddressText(address_), "\")");
  SysResult<size_t> sent = RetryOnEintr([&] {
    return os_->SendTo(fd.get(), message->data(), message->size(), MSG_NOSIGNAL, &address_);
  });
  if (!sent.ok()) return StatusFromErrno(sent.error(), what);
  // A datagram goes whole or not at all: unix(7).
  if (sent.value() != message->size()) return StatusFromErrno(EIO, what);
  return absl::OkStatus();
}

namespace {

absl::StatusOr<std::optional<absl::Duration>> ReadWatchdogInterval(Os& os) {
  const std::optional<absl::Duration> none;
  absl::StatusOr<std::optional<bool>> ours = ReadPidVariable(kWatchdogPid, os);
  if (!ours.ok()) return ours.status();
  if (!ours->value_or(true)) return none;
  absl::StatusOr<std::optional<int64_t>> interval =
      ReadNumberVariable(kWatchdogUsec, std::numeric_limits<int64_t>::max(), os);
  if (!interval.ok()) return interval.status();
  if (!interval->has_value()) return none;
  return std::optional<absl::Duration>(absl::Microseconds(**interval));
}

}  // namespace

absl::StatusOr<std::optional<absl::Duration>> WatchdogInterval(bool unset_environment, Os& os) {
  absl::StatusOr<std::optional<absl::Duration>> interval = ReadWatchdogInterval(os);
  if (!unset_environment) return interval;
  const char* const names[] = {kWatchdogUsec, kWatchdogPid};
  absl::Status status = UnsetVariables(names, std::size(names), interval.status(), os);
  if (!status.ok()) return status;
  return interval;
}

}  // namespace cleanfork
