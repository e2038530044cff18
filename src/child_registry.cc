#include "cleanfork/child_registry.h"

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cleanfork/child_error.h"
#include "cleanfork/fd_io.h"
#include "cleanfork/probe.h"
#include "src/lost_child.h"

namespace cleanfork {

std::vector<ChildRegistry::Ended> ChildRegistry::WaitForEach(bool only_ended) {
  std::vector<Ended> ended;
  std::vector<Adopted> running;
  for (const Adopted& adopted : adopted_) {
    const pid_t pid = adopted.pid;
    if (adopted.lost) {
      ended.push_back({pid, LostChild(pid)});
      continue;
    }
    SysResult<WaitResult> result =
        RetryOnEintr([&] { return os_.WaitPid(pid, only_ended ? WNOHANG : 0); });
    if (!result.ok()) {
      CLEANFORK_PROBE("a registered child cannot be waited for");
      ended.push_back(
          {pid, result.error() == ECHILD
                    ? LostChild(pid)
                    : StatusFromErrno(result.error(), absl::StrCat("waitpid(", pid, ")"))});
    } else if (result.value().pid == 0) {
      running.push_back(adopted);
    } else {
      ended.push_back({pid, ExitStatus(result.value().status)});
    }
  }
  adopted_ = std::move(running);
  return ended;
}

}  // namespace cleanfork
