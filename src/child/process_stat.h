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

}  // namespace cleanfork

#endif  // CLEANFORK_SRC_CHILD_PROCESS_STAT_H_
