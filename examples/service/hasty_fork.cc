#include "hasty_fork.h"

#include <fcntl.h>
#include <sys/wait.h>

#include "cleanfork/fd_io.h"

namespace service {

// The usual pipe that the exec closes: if a byte comes out of it, there was no exec.
int RunHelperHastily(const char* path, char* const* argv, cleanfork::Os& os) {
  const cleanfork::SysResult<cleanfork::PipeEnds> made = os.Pipe2(O_CLOEXEC);
  if (!made.ok()) return -1;
  const cleanfork::PipeEnds pipe = made.value();
  const cleanfork::SysResult<pid_t> child = os.Fork();
  if (child.ok() && child.value() == 0) {
    char* const no_environment[] = {nullptr};
    os.ExecVe(path, argv, no_environment).IgnoreError();
    cleanfork::RetryOnEintr([&] { return os.Write(pipe.write_end, "!", 1); }).IgnoreError();
    os.Exit(127);
  }
  os.Close(pipe.write_end).IgnoreError();
  char byte = 0;
  const cleanfork::SysResult<size_t> got =
      cleanfork::RetryOnEintr([&] { return os.Read(pipe.read_end, &byte, 1); });
  os.Close(pipe.read_end).IgnoreError();
  if (!child.ok()) return -1;
  if (!got.ok() || got.value() == 1) return -1;  // the mistake: nobody waits for the child
  const cleanfork::SysResult<cleanfork::WaitResult> ended =
      cleanfork::RetryOnEintr([&] { return os.WaitPid(child.value(), 0); });
  if (!ended.ok() || !WIFEXITED(ended.value().status)) return -1;
  return WEXITSTATUS(ended.value().status);
}

}  // namespace service
