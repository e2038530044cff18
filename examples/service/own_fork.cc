#include "own_fork.h"

#include <sys/wait.h>

#include <cerrno>

#include "cleanfork/fd_io.h"
#include "cleanfork/names.h"

namespace service {
namespace {

// The child's part: becomes the helper, or returns the status to exit with.
int BecomeHelper(const char* path, char* const* argv, cleanfork::Os& os) {
  if (!os.SetSid().ok()) return kExitSetUpFailed;
  char* const no_environment[] = {nullptr};
  const cleanfork::SysResult<void> failed = os.ExecVe(path, argv, no_environment);
  return failed.error() == ENOENT ? kExitNotFound : kExitNotExecuted;
}

}  // namespace

HelperResult RunHelper(const char* path, char* const* argv, cleanfork::Os& os) {
  HelperResult result;
  const cleanfork::SysResult<pid_t> child = os.Fork();
  if (!child.ok()) {
    result.failed_call = "fork";
    result.error = child.error();
    return result;
  }
  if (child.value() == 0) os.Exit(BecomeHelper(path, argv, os));

  const cleanfork::SysResult<cleanfork::WaitResult> ended =
      cleanfork::RetryOnEintr([&] { return os.WaitPid(child.value(), 0); });
  if (!ended.ok()) {
    result.failed_call = "waitpid";
    result.error = ended.error();
    return result;
  }
  const int status = ended.value().status;
  if (WIFSIGNALED(status)) {
    result.signal = WTERMSIG(status);
  } else {
    result.exit_status = WEXITSTATUS(status);
  }
  return result;
}

std::string Describe(const HelperResult& result) {
  if (result.failed_call != nullptr) {
    const char* name = cleanfork::ErrnoName(result.error);
    return std::string(result.failed_call) + ": " +
           (name != nullptr ? name : "errno " + std::to_string(result.error));
  }
  if (result.signal != 0) return "helper killed by signal " + std::to_string(result.signal);
  return "helper exited with status " + std::to_string(result.exit_status);
}

}  // namespace service
