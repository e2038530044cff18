// What the skeleton that //tools:example_skeleton_test generates is a test of.
#include <fcntl.h>

#include "cleanfork/os.h"

int CodeUnderTest(cleanfork::Os& os);

int CodeUnderTest(cleanfork::Os& os) {
  const bool has_pipe = os.Pipe2(O_CLOEXEC).ok();  // it can do without
  const cleanfork::SysResult<pid_t> child = os.Fork();
  if (!child.ok()) return 1;
  if (child.value() == 0) os.Exit(os.SetGid(33).ok() ? 0 : 1);
  return has_pipe ? 0 : 2;
}
