// Child: a child process that this program started and answers for.
//
//   absl::StatusOr<cleanfork::Child> child = cleanfork::Spawn({"/usr/bin/sort", "words"}, options);
//   if (!child.ok()) return child.status();
//   absl::StatusOr<cleanfork::ExitStatus> ended = child->Wait();
//   if (ended.ok() && !ended->success()) LogError(ended->ToString());   // "exit status 2"
//
//   absl::StatusOr<cleanfork::ExitStatus> soon = child->Wait(absl::Seconds(30));
//   if (absl::IsDeadlineExceeded(soon.status())) child->Stop().IgnoreError();   // TERM/5s/KILL/5s
//
// Waits for its own pid only and touches no signal disposition, so it lives beside whatever else
// the program does with children. Thread-compatible; not signal-safe. Os must outlive it.
#ifndef CLEANFORK_CHILD_H_
#define CLEANFORK_CHILD_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cleanfork/os.h"
#include "cleanfork/stop.h"
#include "cleanfork/unique_fd.h"

namespace cleanfork {

// How a process ended: a status of waitpid(2).
class ExitStatus {
 public:
  explicit ExitStatus(int wait_status) : status_(wait_status) {}

  bool success() const { return status_ == 0; }
  bool exited() const { return WIFEXITED(status_); }
  int exit_status() const { return exited() ? WEXITSTATUS(status_) : 0; }  // 0 to 255
  bool signalled() const { return WIFSIGNALED(status_); }
  int term_signal() const { return signalled() ? WTERMSIG(status_) : 0; }
  bool dumped_core() const { return signalled() && WCOREDUMP(status_); }
  int wait_status() const { return status_; }

  // "exit status 2", "signal 9 (SIGKILL)", "signal 11 (SIGSEGV), core dumped".
  std::string ToString() const;

 private:
  int status_;
};

class Child {
 public:
  // The pipes that Stream::Pipe() asked for; invalid where it did not.
  struct Pipes {
    UniqueFd in;   // to be written to
    UniqueFd out;  // to be read
    UniqueFd err;
  };

  // Answers for `pid`, a child of this process that nobody else waits for. `pid_fd`, if valid, is a
  // pidfd of it, through which it is signalled.
  Child(Os& os, pid_t pid, Pipes pipes, UniqueFd pid_fd = UniqueFd());

  // A process that is not this one's child, as after Session::kDaemon: it can be signalled, through
  // `pid_fd` alone, but not waited for, and it outlives this object.
  static Child Daemon(Os& os, pid_t pid, UniqueFd pid_fd);

  // A child that somebody else has reaped already: there is nothing to wait for or to signal.
  static Child Lost(Os& os, pid_t pid, Pipes pipes);

  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;

  // Kills (SIGKILL) and reaps a child that still runs; one that may not be killed (EPERM: it has
  // become another user) is left alone. Detach() prevents it.
  ~Child();

  pid_t pid() const { return pid_; }

  // Descriptors of Stream::Pipe(). They belong to the caller once moved out, and then outlive the
  // child and this object: what the child wrote before it ended stays readable.
  Pipes& pipes() { return pipes_; }

  // Waits until the child has ended, and reaps it. The result is kept: a second call returns it
  // again. FailedPrecondition for a daemon and after Detach(); NotFound (ECHILD) when somebody else
  // has reaped it, as a waitpid(-1) elsewhere or SIGCHLD set to SIG_IGN does.
  absl::StatusOr<ExitStatus> Wait();

  // The same without waiting: nullopt while the child runs.
  absl::StatusOr<std::optional<ExitStatus>> TryWait();

  // The same for at most `timeout`, on CLOCK_MONOTONIC, to the nanosecond: DeadlineExceeded if it
  // then still runs. An infinite timeout has no end; one of 0 or less looks once. It sleeps on the
  // pidfd; without one it asks after 20 ms, then less and less often, up to 320 ms apart, and at
  // the deadline, for this child and no other, whose pid cannot be used again before it is reaped.
  // Any error but NotFound leaves the child owned and as it was.
  absl::StatusOr<ExitStatus> Wait(absl::Duration timeout);

  // Ends the child as the schedule says, TERM/5s/KILL/5s by default, reaps it and returns how it
  // ended; a child that has ended already is sent nothing and is returned as it ended.
  //   PermissionDenied (EPERM)   it may not be signalled: it has become another user
  //   DeadlineExceeded           it still runs at the end of the schedule; so does one that hangs
  //                              in the kernel (state D of ps(1)) after its SIGKILL
  //   else                       as for Wait(), or the errno of a clock
  // After these, but for NotFound, the child is still owned and may be stopped again.
  //
  // A daemon is stopped through its pidfd, and its end is seen there; how it ended only its parent
  // is told, so the result is nullopt. FailedPrecondition without a pidfd, as for Signal().
  absl::StatusOr<std::optional<ExitStatus>> Stop(const StopSchedule& schedule = StopSchedule());

  // pidfd_send_signal(2), which cannot hit a stranger that has come to the pid since. Without a
  // pidfd (Linux before 5.3, or no descriptor left) kill(2), if a wait still knows the child: safe
  // as long as nobody else reaps this program's children in that very moment, by SIGCHLD set to
  // SIG_IGN or a waitpid(-1). NotFound (ESRCH) once the process has ended;
  // FailedPrecondition after Detach(), and for a daemon without a pidfd, which may have ended and
  // its number be another's.
  absl::Status Signal(int signal);

  // Whether this object has a child to answer for: one that is neither reaped nor given up.
  bool owned() const { return state_ == State::kRunning; }

  // Whether somebody else has reaped the child, as far as is known here.
  bool lost() const { return state_ == State::kLost; }

  // Gives the child up: from now on somebody else has to wait for it. Returns its pid.
  pid_t Detach();

 private:
  enum class State { kRunning, kEnded, kLost, kDaemon, kDetached };

  absl::StatusOr<std::optional<ExitStatus>> WaitWith(int options);
  absl::StatusOr<bool> WaitUntil(int64_t deadline);
  SysResult<void> Send(int signal);
  void EndOfLife();

  Os* os_;
  pid_t pid_;
  State state_ = State::kRunning;
  ExitStatus exit_status_{0};
  Pipes pipes_;
  UniqueFd pid_fd_;
};

}  // namespace cleanfork

#endif  // CLEANFORK_CHILD_H_
