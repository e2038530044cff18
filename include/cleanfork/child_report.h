// ChildReport: the record that a child writes to its parent over a close-on-exec pipe while it
// sets itself up. Public because doubles have to speak it: a MockOs whose Fork() returns a pid
// has to answer the Read() that follows.
//
//   EXPECT_CALL(os, Read(10, _, _))
//       .WillOnce(cleanfork::ReadsReport(cleanfork::ChildReport::Started(4711)));
//
// A daemon of Daemonize() goes on to say that it is ready, or that it gives up; in the latter case
// `size` bytes of text follow the record in the same write(2).
//
// The parent reads one such record or end-of-file. End of file means that the child's end of the
// pipe is closed: by an exec, or by its death; which of the two is then looked up (src/child/).
//
// Thread-safe, signal-safe: a plain struct, smaller than PIPE_BUF, so that write(2) is atomic.
#ifndef CLEANFORK_CHILD_REPORT_H_
#define CLEANFORK_CHILD_REPORT_H_

#include <sys/types.h>

#include <cstdint>

#include "cleanfork/step.h"

namespace cleanfork {

struct ChildReport {
  enum Kind : int32_t {
    kForked = 1,   // the second fork is done: pid is the process that goes on
    kStarted = 2,  // set-up is complete: pid runs the program or the body
    kFailed = 3,   // step failed with error, an errno value; pid will exit or has
    kDied = 4,     // pid ended before set-up was complete: signal, or status if signal is 0
    kReady = 5,    // pid is ready: Daemon::Ready()
    kGaveUp = 6,   // pid is not going to be: Daemon::Fail(). status is an absl::StatusCode
  };

  int32_t kind = 0;
  int32_t step = 0;
  int32_t error = 0;
  int32_t signal = 0;
  int32_t status = 0;
  int32_t pid = 0;
  int32_t size = 0;  // of the text that follows a kGaveUp, in bytes

  static constexpr ChildReport Forked(pid_t pid) { return {kForked, 0, 0, 0, 0, pid, 0}; }
  static constexpr ChildReport Started(pid_t pid) { return {kStarted, 0, 0, 0, 0, pid, 0}; }
  static constexpr ChildReport Failed(Step step, int error, pid_t pid) {
    return {kFailed, static_cast<int32_t>(step), error, 0, 0, pid, 0};
  }
  static constexpr ChildReport Died(int signal, int status, pid_t pid) {
    return {kDied, static_cast<int32_t>(Step::kStart), 0, signal, status, pid, 0};
  }
  static constexpr ChildReport Ready(pid_t pid) {
    return {kReady, static_cast<int32_t>(Step::kReady), 0, 0, 0, pid, 0};
  }
  static constexpr ChildReport GaveUp(int code, pid_t pid, int32_t size) {
    return {kGaveUp, static_cast<int32_t>(Step::kReady), 0, 0, code, pid, size};
  }
};

}  // namespace cleanfork

#endif  // CLEANFORK_CHILD_REPORT_H_
