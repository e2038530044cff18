#include "src/child/move_up.h"

namespace cleanfork {

SysResult<int> MoveUp(Os& os, int fd, int first_free) {
  if (fd >= first_free) return fd;
  SysResult<int> moved = os.FcntlDupFd(fd, first_free);
  os.Close(fd).IgnoreError();
  return moved;
}

}  // namespace cleanfork
