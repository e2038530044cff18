// Notifier: tells the service manager how a service is doing, as sd_notify(3) does, without
// libsystemd.
//
//   absl::StatusOr<cleanfork::Notifier> manager = cleanfork::Notifier::FromEnvironment();
//   if (!manager.ok()) return manager.status();   // NOTIFY_SOCKET says something impossible
//   absl::Status told = manager->Ready();         // READY=1: what Type=notify waits for
//   if (!told.ok()) LogError(told.ToString());    // sendto("/run/systemd/notify"): ... (ENOENT)
//
// Where there is no NOTIFY_SOCKET nobody wants to hear: active() is false, each message is checked
// as ever, sent nowhere and an OkStatus, so that a service says the same under every manager and
// under none.
//
// A message is one datagram of at most kMaxMessageSize bytes, on a socket of its own that is closed
// again: a Notifier holds no descriptor, survives closing them all, and may be copied. To a manager
// that does not read, a message waits until there is room (unix(7)), as sd_notify's does: a READY=1
// that is lost would have the service killed. The manager looks at who sent it (NotifyAccess= of
// systemd.service(5)): a child's word may not count.
//
// Thread-safe but for FromEnvironment() and WatchdogInterval(), which read the environment: not
// beside a change of it (getenv(3)). Not signal-safe. SIGPIPE is never raised, and EINTR is
// retried. Os must outlive it.
#ifndef CLEANFORK_NOTIFIER_H_
#define CLEANFORK_NOTIFIER_H_

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cleanfork/os.h"
#include "cleanfork/os_types.h"

namespace cleanfork {

class Notifier {
 public:
  // What systemd reads of one message, and discards the whole of if there is more.
  static constexpr size_t kMaxMessageSize = 4096;  // bytes

  // For the socket that NOTIFY_SOCKET names: an absolute path, or '@' and an abstract name
  // (unix(7)). Anything else is InvalidArgument, an empty variable too: a relative path would be
  // another file after a chdir(2), vsock: is for virtual machines and not supported, and what is
  // longer than sun_path is ENAMETOOLONG. That somebody listens there is not looked at.
  //
  // With `unset_environment` the variable is removed, on errors too, so that children do not
  // inherit it; this Notifier goes on to work.
  static absl::StatusOr<Notifier> FromEnvironment(bool unset_environment = false,
                                                  Os& os = RealOs());

  // Whether there is anybody to be told.
  bool active() const { return address_.size > 0; }

  // What a message says is in sd_notify(3). Each fails with
  //   InvalidArgument (EINVAL)     a value that holds a newline, a carriage return or a NUL, which
  //                                would be another assignment; a pid, an errno or a time that is
  //                                none
  //   InvalidArgument (EMSGSIZE)   more than kMaxMessageSize bytes; nothing is sent
  //   else                         the code of the errno of socket(2), sendto(2), clock_gettime(2):
  //                                ECONNREFUSED if nobody has the socket open any more, EAGAIN
  //                                never, since the socket is a blocking one
  absl::Status Ready();
  absl::Status Status(const std::string& text);  // one line of UTF-8
  absl::Status Stopping();
  absl::Status Reloading();  // with MONOTONIC_USEC, for Type=notify-reload; then Ready() again
  absl::Status MainPid(pid_t pid);
  absl::Status Errno(int error);
  absl::Status Watchdog();
  absl::Status ExtendTimeout(absl::Duration by);  // from now on; rounded up to a microsecond

  // Several assignments in one message: {{"READY", "1"}, {"STATUS", "Serving"}}. A name that is
  // empty or holds '=' or what a value may not hold is InvalidArgument, as is an empty list.
  absl::Status Send(const std::vector<std::pair<std::string, std::string>>& assignments);

 private:
  Notifier(Os& os, const UnixAddress& address) : os_(&os), address_(address) {}

  Os* os_;
  UnixAddress address_;  // of size 0: nobody
};

// How often Watchdog() is due at the least, as sd_watchdog_enabled(3) has it: half of that is a
// good interval. Nullopt if no WATCHDOG_USEC is set, or WATCHDOG_PID is another process.
// InvalidArgument (EINVAL) if one of them is no number, or not from 1 up. With `unset_environment`
// both are removed, on errors too.
absl::StatusOr<std::optional<absl::Duration>> WatchdogInterval(bool unset_environment = false,
                                                               Os& os = RealOs());

}  // namespace cleanfork

#endif  // CLEANFORK_NOTIFIER_H_
