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

  // The first child, which is the daemon's parent, says how the daemon ended, and only then reaps
  // it; 0 if there is none. And a pidfd of it.
  pid_t parent = 0;
  int parent_fd = -1;

  // Where there is no pidfd of a daemon that is nobody's child here: a handle of it, if there is
  // one.
  ProcessHandle* handle = nullptr;

  // It was no more before there could be a pidfd or a handle of it.
  bool is_gone = false;
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
//   kFailed at kReady    ETIME: the deadline is over; EPIPE: it has closed the pipe, and
//                        lives or cannot be looked at
//   kFailed at kReport   the pipe cannot be read or waited for; EPROTO: what it has is no word
DaemonReport AwaitReady(Os& os, const AwaitedDaemon& daemon, int64_t deadline);

// Waits until the daemon has ended, or until `deadline`; whether it has. Reads what is still said
// of it. False also where nobody can tell.
bool AwaitEnd(Os& os, const AwaitedDaemon& daemon, int64_t deadline);

// SIGKILL to the daemon, which nobody has said to have ended, and to no stranger that has come to
// its pid since.
void KillDaemon(Os& os, const AwaitedDaemon& daemon);

}  // namespace cleanfork

#endif  // CLEANFORK_SRC_AWAIT_READY_H_
