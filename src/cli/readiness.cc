#include "src/cli/readiness.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "cleanfork/child_error.h"
#include "cleanfork/fd_io.h"
#include "cleanfork/notifier.h"
#include "cleanfork/unique_fd.h"
#include "src/cli/listeners.h"
#include "src/cli/option.h"

namespace cleanfork::cli {
namespace {

absl::Status Wrong(const std::string& what) { return absl::InvalidArgumentError(what); }

absl::Status NotReady(const std::string& what, int error_number) {
  ChildError error;
  error.step = Step::kReady;
  error.error = error_number;
  return ChildErrorStatus(what, error);
}

// A line on a pipe of which the service has the other end, as s6 has it.
class ReadyPipe : public Readiness {
 public:
  ReadyPipe(Os& os, int number, PipeEnds ends)
      : os_(os), number_(number), read_(os, ends.read_end), write_(os, ends.write_end) {}

  std::string What() const override { return absl::StrCat("a line on descriptor ", number_); }
  int descriptor() const override { return read_.get(); }
  void Started() override { write_.Reset(); }

  absl::StatusOr<bool> Look() override {
    for (;;) {
      struct pollfd look = {read_.get(), POLLIN, 0};
      const SysResult<size_t> there = os_.Poll(&look, 1, 0);
      if (!there.ok() && there.error() != EINTR) return NotReady("poll", there.error());
      if (there.value_or(0) == 0) return false;
      char bytes[512];
      const SysResult<size_t> got =
          RetryOnEintr([&] { return os_.Read(read_.get(), bytes, sizeof(bytes)); });
      if (!got.ok()) return NotReady("read", got.error());
      if (got.value() == 0) {
        return NotReady(absl::StrCat("it closed descriptor ", number_, " without a line"), EPIPE);
      }
      if (std::find(bytes, bytes + got.value(), '\n') != bytes + got.value()) return true;
    }
  }

 private:
  Os& os_;
  const int number_;
  UniqueFd read_;
  UniqueFd write_;
};

// Datagrams as sd_notify(3) sends them.
class NotifySocket : public Readiness {
 public:
  NotifySocket(Os& os, UniqueFd fd, std::vector<uid_t> trusted)
      : os_(os), fd_(std::move(fd)), trusted_(std::move(trusted)) {}

  std::string What() const override { return "READY=1"; }
  int descriptor() const override { return fd_.get(); }
  pid_t main_pid() const override { return main_pid_; }
  std::string status() const override { return status_; }

  absl::StatusOr<bool> Look() override {
    for (;;) {
      char bytes[Notifier::kMaxMessageSize];
      const SysResult<ReceivedMessage> got =
          RetryOnEintr([&] { return os_.RecvMsg(fd_.get(), bytes, sizeof(bytes), MSG_DONTWAIT); });
      if (!got.ok() && got.error() == EAGAIN) return false;
      if (!got.ok()) return NotReady("recvmsg", got.error());
      const ReceivedMessage& message = got.value();
      // The name is known to whoever reads /proc/net/unix; the sender's user the kernel vouches
      // for.
      const bool is_trusted =
          std::find(trusted_.begin(), trusted_.end(), message.uid) != trusted_.end();
      if (message.pid == 0 || message.cut || !is_trusted) continue;
      if (Take(std::string(bytes, message.size))) return true;
    }
  }

 private:
  // Whether the message says that it is ready.
  bool Take(const std::string& message) {
    bool ready = false;
    for (const std::string& line : std::vector<std::string>(absl::StrSplit(message, '\n'))) {
      int pid = 0;
      if (line == "READY=1") ready = true;
      if (line.compare(0, 7, "STATUS=") == 0) status_ = line.substr(7);
      if (line.compare(0, 8, "MAINPID=") == 0 &&
          ParseNumberBetween(line.substr(8), 1, 1 << 22, &pid)) {
        main_pid_ = pid;
      }
    }
    return ready;
  }

  Os& os_;
  UniqueFd fd_;
  const std::vector<uid_t> trusted_;
  pid_t main_pid_ = 0;
  std::string status_;
};

class Port : public Readiness {
 public:
  Port(Os& os, std::string text, std::vector<IpAddress> addresses, int port)
      : os_(os), text_(std::move(text)), addresses_(std::move(addresses)), port_(port) {}
  std::string What() const override { return absl::StrCat("a listener on ", text_); }
  absl::StatusOr<bool> Look() override { return IsListenedTo(addresses_, port_, os_); }

 private:
  Os& os_;
  const std::string text_;
  const std::vector<IpAddress> addresses_;
  const int port_;
};

// The addresses that HOST means; none for "*". Not of another name: who resolves it may wait for a
// network that the service is to bring.
absl::StatusOr<std::vector<IpAddress>> AddressesOf(const std::string& host) {
  if (host == "*") return std::vector<IpAddress>();
  if (host == "localhost") {
    return std::vector<IpAddress>{*ParseIpAddress("127.0.0.1"), *ParseIpAddress("::1")};
  }
  const bool in_brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  const std::optional<IpAddress> address =
      ParseIpAddress(in_brackets ? host.substr(1, host.size() - 2) : host);
  if (!address.has_value()) {
    return Wrong(
        absl::StrCat("\"", host, "\" is no address: give 127.0.0.1, [::1], localhost or *"));
  }
  return std::vector<IpAddress>{*address};
}

absl::StatusOr<std::unique_ptr<Readiness>> MakePort(const WaitFor& wait_for, Os& os) {
  const absl::StatusOr<std::vector<IpAddress>> addresses = AddressesOf(wait_for.host);
  if (!addresses.ok()) return addresses.status();
  const std::string text = absl::StrCat(wait_for.host, ":", wait_for.port);
  const absl::StatusOr<bool> taken = IsListenedTo(*addresses, wait_for.port, os);
  if (!taken.ok()) return taken.status();
  // Or that somebody else would be taken for the service.
  if (*taken) return NotReady(absl::StrCat(text, ": somebody listens there already"), EADDRINUSE);
  return std::make_unique<Port>(os, text, *addresses, wait_for.port);
}

absl::StatusOr<std::unique_ptr<Readiness>> MakeReadyPipe(const WaitFor& wait_for, Launch* launch,
                                                         Os& os) {
  const SysResult<PipeEnds> ends = os.Pipe2(O_CLOEXEC);
  if (!ends.ok()) return NotReady("pipe", ends.error());
  auto ready = std::make_unique<ReadyPipe>(os, wait_for.fd, ends.value());
  launch->options.descriptors.push_back({ends.value().write_end, wait_for.fd});
  return ready;
}

// The users whose word counts: root, whoever starts, and whom the service becomes.
std::vector<uid_t> TrustedUsers(const Launch& launch, Os& os) {
  std::vector<uid_t> users = {0, os.GetEuid()};
  if (!launch.options.identity.has_value()) return users;
  const Identity& identity = *launch.options.identity;
  if (identity.uid.has_value()) users.push_back(*identity.uid);
  const SysResult<UserRecord> record =
      RetryOnEintr([&] { return os.GetPwNam(identity.user.c_str()); });
  uid_t uid = 0;
  if (record.ok()) {
    users.push_back(record.value().uid);
  } else if (absl::SimpleAtoi(identity.user, &uid)) {
    users.push_back(uid);
  }
  return users;
}

absl::StatusOr<std::unique_ptr<Readiness>> MakeNotifySocket(Launch* launch, Os& os) {
  const SysResult<int> opened = os.Socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (!opened.ok()) return NotReady("socket", opened.error());
  UniqueFd fd(os, opened.value());
  uint64_t random[2];
  const SysResult<size_t> got =
      RetryOnEintr([&] { return os.GetRandom(random, sizeof(random), 0); });
  if (!got.ok()) return NotReady("getrandom", got.error());
  // An abstract name needs no directory, is reached from within a chroot, and goes with the socket.
  const std::string name = absl::StrFormat("cleanfork/notify/%016x%016x", random[0], random[1]);
  UnixAddress address;
  address.size = name.size() + 1;
  std::copy(name.begin(), name.end(), address.bytes + 1);
  const SysResult<void> bound = os.Bind(fd.get(), &address);
  if (!bound.ok()) return NotReady("bind", bound.error());
  const SysResult<void> told = os.SetPassCred(fd.get());
  if (!told.ok()) return NotReady("setsockopt(SO_PASSCRED)", told.error());
  launch->options.environment.set.emplace_back("NOTIFY_SOCKET", "@" + name);
  return std::make_unique<NotifySocket>(os, std::move(fd), TrustedUsers(*launch, os));
}

}  // namespace

absl::StatusOr<WaitFor> ParseWaitFor(const std::string& text) {
  WaitFor wait_for;
  if (text == "exec") return wait_for;
  if (text == "notify") {
    wait_for.kind = WaitFor::Kind::kNotify;
    return wait_for;
  }
  if (text == "ready-fd" || text.compare(0, 9, "ready-fd:") == 0) {
    wait_for.kind = WaitFor::Kind::kReadyFd;
    if (text != "ready-fd" && !ParseNumberBetween(text.substr(9), 3, 1 << 20, &wait_for.fd)) {
      return Wrong("the descriptor is no number from 3 up");
    }
    return wait_for;
  }
  const size_t colon = text.rfind(':');
  if (text.compare(0, 5, "port:") == 0 && colon > 5) {
    wait_for.kind = WaitFor::Kind::kPort;
    wait_for.host = text.substr(5, colon - 5);
    if (!ParseNumberBetween(text.substr(colon + 1), 1, 65535, &wait_for.port)) {
      return Wrong("the port is no number from 1 to 65535");
    }
    const absl::StatusOr<std::vector<IpAddress>> addresses = AddressesOf(wait_for.host);
    return addresses.ok() ? absl::StatusOr<WaitFor>(wait_for) : addresses.status();
  }
  return Wrong("is none of exec, ready-fd[:NUMBER], notify and port:ADDRESS:NUMBER");
}

absl::StatusOr<std::unique_ptr<Readiness>> MakeReadiness(const WaitFor& wait_for, Launch* launch,
                                                         Os& os) {
  // Two that say READY to one manager would be one too many: the starter does.
  if (wait_for.kind != WaitFor::Kind::kExec) {
    launch->options.environment =
        WithoutVariables(launch->options.environment, {"NOTIFY_SOCKET"}, os);
  }
  switch (wait_for.kind) {
    case WaitFor::Kind::kExec: break;
    case WaitFor::Kind::kReadyFd: return MakeReadyPipe(wait_for, launch, os);
    case WaitFor::Kind::kNotify: return MakeNotifySocket(launch, os);
    case WaitFor::Kind::kPort: return MakePort(wait_for, os);
  }
  return std::unique_ptr<Readiness>();
}

}  // namespace cleanfork::cli
