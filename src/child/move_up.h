#ifndef CLEANFORK_SRC_CHILD_MOVE_UP_H_
#define CLEANFORK_SRC_CHILD_MOVE_UP_H_

#include "cleanfork/os.h"

namespace cleanfork {

// Takes `fd` over and returns it, or, if it landed below `first_free` because the caller has that
// closed, a close-on-exec copy of it there or above: a stream, or a descriptor that is to get a
// number of its own, would overwrite it. On an error it is closed. Signal-safe.
SysResult<int> MoveUp(Os& os, int fd, int first_free);

}  // namespace cleanfork

#endif  // CLEANFORK_SRC_CHILD_MOVE_UP_H_
