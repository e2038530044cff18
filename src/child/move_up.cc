#include "src/child/move_up.h"

#include "cleanfork/probe.h"

namespace cleanfork {

SysResult<int> MoveUp(Os& os, int fd, int first_free) {
  if (fd >= first_free) return fd;
  CLEANFORK_PROBE("a descriptor is moved up out of the way");
  SysResult<int> moved = os.FcntlDupFd(fd, first_free);
  os.Close(fd).IgnoreError();
  return moved;
}

}  // namespace cleanfork
