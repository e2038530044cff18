// What /proc/PID/stat shows of a process: proc(5). Signal-safe.
#ifndef CLEANFORK_SRC_CHILD_PROCESS_STAT_H_
#define CLEANFORK_SRC_CHILD_PROCESS_STAT_H_

#include "cleanfork/os.h"

namespace cleanfork {

enum class ExecState {
  kUnknown,  // /proc is not there, not of our PID namespace, or has no such process
  kNotYet,   // forked, alive, and has not exec'd
  kDying,    // ended, or about to, and has not exec'd
  kExecd,    // has exec'd since it was forked; it may have ended since
};

ExecState GetExecState(Os& os, pid_t pid);

// Whether /proc calls this process by the number that it has for itself: kNo where it is that of a
// PID namespace in which it has another number or none, as after an unshare(2) or in a mount
// namespace that it has entered. There its numbers are strangers'.
enum class ProcIsOurs { kYes, kNo, kCannotTell };
ProcIsOurs IsProcOurs(Os& os);

}  // namespace cleanfork

#endif  // CLEANFORK_SRC_CHILD_PROCESS_STAT_H_
