// ProcessHandle: a process that need not be a child of this one, held so that its pid cannot come
// to mean another. Pids are used again; a pid read from a file and signalled a moment later may
// hit a stranger.
//
//   absl::Status Terminate(pid_t pid, int64_t written) {   // the pid, and when it was written down
//     absl::StatusOr<cleanfork::ProcessHandle> process = cleanfork::ProcessHandle::Open(pid);
//     if (!process.ok()) return process.status();          // NotFound: there is none
//     if (process->start_time() > written) return absl::NotFoundError("somebody else's by now");
//     return process->Signal(SIGTERM);                     // hits that process or nobody
//   }
//
// It is a pidfd (pidfd_open(2)). Where the kernel or a seccomp filter has none (ENOSYS, EPERM), the
// pid together with the moment at which its process started, from /proc/PID/stat, takes its place:
// then a window of one system call is left between looking and signalling.
//
// Thread-compatible; not signal-safe. Os must outlive it.
#ifndef CLEANFORK_PROCESS_HANDLE_H_
#define CLEANFORK_PROCESS_HANDLE_H_

#include <sys/types.h>

#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cleanfork/os.h"
#include "cleanfork/unique_fd.h"

namespace cleanfork {

class ProcessHandle {
 public:
  // The process that has this pid now. NotFound when there is none, or only what is left of one
  // that nobody has waited for (a zombie); InvalidArgument for a pid of 0 or less;
  // FailedPrecondition when /proc does not show when it started, or is that of another PID
  // namespace, where the number is another's; else the code of the errno.
  static absl::StatusOr<ProcessHandle> Open(pid_t pid, Os& os = RealOs());

  pid_t pid() const { return pid_; }

  // Nanoseconds since the epoch, to 10 ms, by the system's clock as it is set now: setting it moves
  // this too.
  int64_t start_time() const { return start_time_; }

  // kill(2). NotFound when the process has ended, PermissionDenied when it is not ours to signal.
  absl::Status Signal(int signal);

  // Waits until the process has ended, or until `deadline`, nanoseconds on CLOCK_MONOTONIC; a
  // deadline that is over still looks once. True: it has ended, which for a child of somebody who
  // does not wait for it means that it is a zombie.
  absl::StatusOr<bool> WaitUntil(int64_t deadline);

 private:
  ProcessHandle(Os& os, pid_t pid, UniqueFd pid_fd) : os_(&os), pid_(pid), fd_(std::move(pid_fd)) {}

  absl::StatusOr<bool> HasEnded();

  Os* os_;
  pid_t pid_;
  UniqueFd fd_;  // invalid where there is no pidfd
  uint64_t start_ticks_ = 0;
  int64_t start_time_ = 0;
};

}  // namespace cleanfork

#endif  // CLEANFORK_PROCESS_HANDLE_H_
