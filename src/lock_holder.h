// Who holds a lock of F_OFD_SETLK: fcntl(2) does not tell (l_pid is -1), /proc does.
#ifndef CLEANFORK_SRC_LOCK_HOLDER_H_
#define CLEANFORK_SRC_LOCK_HOLDER_H_

#include <sys/types.h>

#include "cleanfork/os.h"

namespace cleanfork {

enum class LockHolding {
  kYes,
  kNo,
  kCannotLook,  // /proc may not be looked into, as for a process of another user, or not wholly
};

// Whether the process `pid` has `file` open with such a lock on it.
LockHolding HoldsLock(Os& os, pid_t pid, const FileStatus& file);

}  // namespace cleanfork

#endif  // CLEANFORK_SRC_LOCK_HOLDER_H_
