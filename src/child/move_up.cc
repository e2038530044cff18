#include "src/child/move_up.h"

namespace cleanfork {

SysResult<int> MoveUp(Os& os, int fd) {
  if (fd >= kFirstFreeDescriptor) return fd;
  SysResult<int> moved = os.FcntlDupFd(fd, kFirstFreeDescriptor);
  os.Close(fd).IgnoreError();
  return moved;
}

}  // namespace cleanfork
