// Waiting for children: waitpid(2), waitid(2).
#include <fcntl.h>
#include <sys/wait.h>

#include <cerrno>
#include <climits>

#include "mocks/sim/calls.h"
#include "mocks/sim/descriptors.h"
#include "mocks/sim/processes.h"
#include "mocks/sim/refuse.h"

namespace cleanfork::sim {
namespace {

constexpr int kOptionsOfAllThreads = __WNOTHREAD | __WALL | static_cast<int>(__WCLONE);

bool IsMeant(const Process& child, idtype_t type, id_t id) {
  switch (type) {
    case P_PID: return child.pid == static_cast<pid_t>(id);
    case P_PGID: return child.group == static_cast<pid_t>(id);
    default: return true;
  }
}

// Among the children that are meant: the zombie that was there first, and whether there are any.
struct Children {
  bool any = false;
  int zombie = kNone;
};

Children FindChildren(const Kernel& kernel, int parent, idtype_t type, id_t id) {
  Children children;
  for (int slot = 0; slot < kMaxProcesses; ++slot) {
    const Process& child = kernel.processes[slot];
    if (child.state == ProcessState::kFree || child.parent != parent) continue;
    if (!IsMeant(child, type, id)) continue;
    children.any = true;
    if (child.state != ProcessState::kZombie) continue;
    if (children.zombie == kNone || child.birth < kernel.processes[children.zombie].birth) {
      children.zombie = slot;
    }
  }
  return children;
}

}  // namespace

// What both have in common; the options are valid.
SysResult<WaitIdResult> Calls::WaitForChild(idtype_t type, id_t id, int options) {
  if ((options & kOptionsOfAllThreads) != 0) Refuse("__WNOTHREAD, __WALL or __WCLONE");
  const int parent = slot();  // also when another process asks whether this one can go on
  for (;;) {
    const Children children = FindChildren(kernel_, parent, type, id);
    if (!children.any) return SysError(ECHILD);
    if (children.zombie != kNone && (options & WEXITED) != 0) {
      const Process& zombie = kernel_.processes[children.zombie];
      WaitIdResult result;
      result.pid = zombie.pid;
      const int status = zombie.wait_status;
      result.code = WIFEXITED(status) ? CLD_EXITED : CLD_KILLED;
      result.status = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
      if ((options & WNOWAIT) == 0) Reap(&kernel_, children.zombie);
      return result;
    }
    if ((options & WNOHANG) != 0) return WaitIdResult();
    // Nobody stops or continues: without WEXITED there is nothing to come.
    const Wake wake = Wait("no child has ended", kForever, [&] {
      const Children now = FindChildren(kernel_, parent, type, id);
      return !now.any || (now.zombie != kNone && (options & WEXITED) != 0);
    });
    if (wake == Wake::kSignal) return SysError(kRestartable);
  }
}

SysResult<WaitResult> Calls::WaitPid(pid_t pid, int options) {
  const int known = WNOHANG | WUNTRACED | WCONTINUED | kOptionsOfAllThreads;
  if ((options & ~known) != 0) return SysError(EINVAL);
  if (pid == INT_MIN) return SysError(ESRCH);
  idtype_t type = P_ALL;
  id_t id = 0;
  if (pid < -1) {
    type = P_PGID;
    id = static_cast<id_t>(-pid);
  } else if (pid == 0) {
    type = P_PGID;
    id = static_cast<id_t>(self().group);
  } else if (pid > 0) {
    type = P_PID;
    id = static_cast<id_t>(pid);
  }
  const SysResult<WaitIdResult> ended = WaitForChild(type, id, options | WEXITED);
  if (!ended.ok()) return SysError(ended.error());
  WaitResult result;
  result.pid = ended.value().pid;
  if (result.pid == 0) return result;
  result.status =
      ended.value().code == CLD_EXITED ? ended.value().status << 8 : ended.value().status;
  return result;
}

SysResult<WaitIdResult> Calls::WaitId(idtype_t type, id_t id, int options) {
  const int known = WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | kOptionsOfAllThreads;
  if ((options & ~known) != 0) return SysError(EINVAL);
  if ((options & (WEXITED | WSTOPPED | WCONTINUED)) == 0) return SysError(EINVAL);
  const auto number = static_cast<pid_t>(id);
  switch (static_cast<int>(type)) {
    case P_ALL: break;
    case P_PID:
      if (number <= 0) return SysError(EINVAL);
      break;
    case P_PGID:
      if (number < 0) return SysError(EINVAL);
      if (number == 0) id = static_cast<id_t>(self().group);
      break;
    case 3: {  // P_PIDFD, which is not in every <sys/wait.h>
      if (number < 0) return SysError(EINVAL);
      const Description* description = Find(number);
      if (description == nullptr || description->kind != DescriptionKind::kPidFd) {
        return SysError(EBADF);
      }
      if ((description->flags & O_NONBLOCK) != 0) Refuse("waitid on a pidfd that does not block");
      type = P_PID;
      id = static_cast<id_t>(description->object);
      break;
    }
    default: return SysError(EINVAL);
  }
  return WaitForChild(type, id, options);
}

}  // namespace cleanfork::sim
