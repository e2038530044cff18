// Daemonize: the program itself becomes a daemon, and whoever started it is told the truth.
//
//   int main() {
//     absl::StatusOr<cleanfork::PidFile> file = cleanfork::PidFile::Claim("/run/worker.pid");
//     if (!file.ok()) return Complain(file.status());      // another instance runs
//     cleanfork::DaemonizeOptions options;
//     options.fork.pid_file_descriptor = file->descriptor();
//     absl::StatusOr<cleanfork::Daemon> daemon = cleanfork::Daemonize(options);
//     if (!daemon.ok()) return Complain(daemon.status());  // the starter: no daemon, no file
//     absl::StatusOr<Server> server = Server::Listen();    // from here on the daemon
//     if (!server.ok()) return daemon->Fail(server.status()).raw_code();
//     absl::Status ready = daemon->Ready();                // now the starter leaves with status 0
//     return ready.ok() ? server->Run() : 1;               // and at the end the file is removed
//   }
//
// The process that calls is the starter: it forks a daemon, which returns from Daemonize() with a
// handle, and waits. It leaves, with exit status 0, only when the daemon has called Ready(). If the
// daemon calls Fail(), destroys the handle (which an exception does), exits, is killed, or lets the
// time pass, Daemonize() returns the error in the starter, and the daemon has been ended. So an
// init script or a supervisor (systemd's Type=forking) can believe the starter's exit status.
//
// Flush stdio before, fflush(nullptr): what is in its buffers is in the daemon's too. The starter
// leaves through Os::Exit(), which flushes nothing and runs no atexit(3) handler or destructor.
//
// The starter waits in the caller's signal mask. A signal that ends it ends the starter alone: the
// daemon finds out at Ready() (EPIPE), and has to leave by itself. Between that call's success and
// the starter's exit lies a moment in which a signal may still end the starter: then a daemon runs
// whose starter was seen to fail.
//
// A PidFile stays the starter's to remove until it leaves: after an error its destructor does. In
// the daemon the copy of the object removes the file at the daemon's regular end, where the daemon
// still may. With keep_parent, Commit() it in the starter, whose object would else remove the file
// under the daemon.
#ifndef CLEANFORK_DAEMONIZE_H_
#define CLEANFORK_DAEMONIZE_H_

#include <sys/types.h>

#include <cstddef>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cleanfork/fork_options.h"
#include "cleanfork/os.h"
#include "cleanfork/unique_fd.h"

namespace cleanfork {

struct DaemonizeOptions {
  DaemonizeOptions() { fork.session = Session::kDaemon; }

  // What the daemon is like; all that ForkChild() takes. The hooks: before_fork before the fork;
  // in_parent(pid) in the starter once the daemon is ready, before the starter leaves (an exception
  // that it throws passes through, the daemon goes on); in_child in the daemon before Daemonize()
  // returns (an exception passes through and is a failure). With Session::kNew or kKeep the daemon
  // is the starter's child, and an orphan only when that has left.
  ForkOptions fork;

  // How long the starter waits, from the moment when the daemon is set up, on CLOCK_MONOTONIC.
  // Range: above zero; absl::InfiniteDuration() to wait without end. A daemon that is not ready by
  // then is killed (SIGKILL).
  absl::Duration ready_timeout = absl::Seconds(90);

  // A daemon has only the thread that called, and the locks that others held stay held for ever; so
  // a process with other threads is refused. This allows it, for a daemon that until it execs makes
  // only async-signal-safe calls (signal-safety(7)), or knows what its threads hold.
  bool allow_threads = false;

  // In the starter Daemonize() returns too, once the daemon is ready: Daemon::in_daemon() tells the
  // two apart. For a test, or a program that starts several. A daemon that is its child it has to
  // wait for.
  bool keep_parent = false;
};

// What Daemonize() returns. Thread-compatible, not signal-safe; Os must outlive it.
//
// In the daemon it owns one or two descriptors, close-on-exec, from 3 up, until Ready(): a daemon
// that closes what it does not know leaves them alone. A process that the daemon forks has a copy
// of the handle that says nothing, neither by a call nor when it is destroyed.
class Daemon {
 public:
  Daemon(Daemon&& other) noexcept;
  Daemon& operator=(Daemon&& other) noexcept;

  // In the daemon, without Ready() or Fail() before: failure, and the starter is told so.
  ~Daemon();

  // False in the starter, to which keep_parent returned.
  bool in_daemon() const { return state_ != State::kStarter; }

  // The daemon's, in both.
  pid_t pid() const { return pid_; }

  // The daemon serves now. The starter leaves, or returns. OkStatus also when called again.
  //   Cancelled           the starter has ended (EPIPE): nobody was told. SIGPIPE does not come;
  //                       where it is blocked and one is pending, that one is taken
  //   FailedPrecondition  after Fail(), in a forked copy, in the starter
  //   else                the code of the errno of write(2); it may be called again
  // Does not wait for the starter.
  absl::Status Ready();

  // The daemon gives up. The starter returns a status of this code and text. Returns `why`, for the
  // caller to leave with: it has five seconds to exit before the starter kills it (SIGKILL). An
  // OkStatus is told as Unknown. Of a text longer than kLongestMessage bytes the starter sees the
  // beginning and "... [cut]"; control characters it sees as \x0a. If the starter has ended, nobody
  // is told. After Ready() or Fail(), in a forked copy and in the starter it only returns `why`.
  static constexpr size_t kLongestMessage = 2048;
  absl::Status Fail(const absl::Status& why);

 private:
  friend absl::StatusOr<Daemon> Daemonize(const DaemonizeOptions& options, Os& os);
  enum class State { kStarter, kStarting, kReady, kFailed };

  Daemon(Os& os, State state, pid_t pid, UniqueFd report, UniqueFd supervisor);
  bool MayTell() const;
  SysResult<void> Write(int fd, const void* bytes, size_t size);
  SysResult<void> Tell(const void* bytes, size_t size);
  void ReleaseFirstChild();
  void EndOfLife();

  Os* os_;
  State state_;
  pid_t pid_;
  int exceptions_;       // on their way when the handle was made
  UniqueFd report_;      // to the starter
  UniqueFd supervisor_;  // to the first child, which tells the starter how the daemon ended
};

// Returns in the daemon, which is then set up; in the starter after a failure, and with
// keep_parent. In the starter:
//   FailedPrecondition  the process has other threads, or /proc/self/stat does not say, and they
//                       are not allowed: nothing has been done
//   InvalidArgument     options that cannot hold
//   DeadlineExceeded    ready_timeout
//   Aborted             a signal ended the daemon before it was ready
//   the code of Fail()
//   else                as ForkChild(): the step that failed
// Each with a ChildError; what comes after the daemon was set up is of Step::kReady. The daemon is
// then gone (a process that it forked is not looked for), its end waited for, five seconds at most
// if it cannot be killed, and mask, dispositions and descriptors of the caller are as before. Only
// where the kernel has neither pidfds nor a readable /proc, or the caller has no descriptor left to
// open one, may a daemon whose first child was killed be left.
//
// Not to be called from more than one thread, whatever allow_threads says. Not signal-safe.
absl::StatusOr<Daemon> Daemonize(const DaemonizeOptions& options = DaemonizeOptions(),
                                 Os& os = RealOs());

}  // namespace cleanfork

#endif  // CLEANFORK_DAEMONIZE_H_
