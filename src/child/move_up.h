#ifndef CLEANFORK_SRC_CHILD_MOVE_UP_H_
#define CLEANFORK_SRC_CHILD_MOVE_UP_H_

#include "cleanfork/os.h"

namespace cleanfork {

// The lowest number of a descriptor that is no standard stream.
constexpr int kFirstFreeDescriptor = 3;

// Takes `fd` over and returns it, or, if it landed among 0 to 2 because the caller has that
// closed, a close-on-exec copy of it at 3 or more: a stream that is set up later would overwrite
// it. On an error it is closed. Signal-safe.
SysResult<int> MoveUp(Os& os, int fd);

}  // namespace cleanfork

#endif  // CLEANFORK_SRC_CHILD_MOVE_UP_H_
