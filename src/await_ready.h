// AwaitReady: how the starter of a daemon learns whether it became ready, and how it ends one that
// did not.
#ifndef CLEANFORK_SRC_AWAIT_READY_H_
#define CLEANFORK_SRC_AWAIT_READY_H_

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "cleanfork/child_report.h"
#include "cleanfork/os.h"
#include "cleanfork/process_handle.h"

namespace cleanfork {

// A daemon that is set up and has yet to say that it is ready.
struct AwaitedDaemon {
  pid_t pid = 0;
  int report_read = -1;
  int pid_fd = -1;  // of pid; -1 where there is none
  bool is_child = false;

  // A pidfd of the daemon's parent, the first child, who says how the daemon ended; -1 if there is
  // no such process or no pidfd of it.
  int parent_fd = -1;

  // Of a daemon that is nobody's child here, where there is no pidfd.
  ProcessHandle* handle = nullptr;
};

// The longest text of a kGaveUp. With its record it is less than PIPE_BUF (4096 bytes on Linux), up
// to which a write(2) is atomic: pipe(7).
constexpr size_t kLongestText = 2048;

struct DaemonReport {
  ChildReport report;
  std::string text;  // of a kGaveUp
};

// The error of a daemon that has ended in a way that nobody could tell.
constexpr int kEndUnknown = ECHILD;

// Waits for the daemon's word, its end, or `deadline`, nanoseconds on CLOCK_MONOTONIC (the greatest
// number: none). In the caller's own signal mask; a handler that runs does not end it.
//   kReady, kGaveUp      as the daemon says
//   kDied                it has ended; error is kEndUnknown where it cannot be told how
//   kFailed at kReady    ETIME: the deadline is over; EPIPE: it has closed the pipe and lives
//   kFailed at kReport   the pipe cannot be read or waited for
DaemonReport AwaitReady(Os& os, const AwaitedDaemon& daemon, int64_t deadline);

// Waits until the daemon has ended, or until `deadline`; whether it has. False also where nobody
// can tell.
bool AwaitEnd(Os& os, const AwaitedDaemon& daemon, int64_t deadline);

// SIGKILL to the daemon, and to no stranger that has come to its pid.
void KillDaemon(Os& os, const AwaitedDaemon& daemon);

}  // namespace cleanfork

#endif  // CLEANFORK_SRC_AWAIT_READY_H_
