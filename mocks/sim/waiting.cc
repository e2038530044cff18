#include "mocks/sim/waiting.h"

#include <fcntl.h>
#include <signal.h>

#include <cerrno>
#include <climits>

#include "mocks/sim/calls.h"
#include "mocks/sim/descriptors.h"
#include "mocks/sim/processes.h"
#include "mocks/sim/refuse.h"

namespace cleanfork::sim {
namespace {

constexpr int kCloneChildren = static_cast<int>(__WCLONE);
constexpr int kLinuxOptions = __WNOTHREAD | __WALL | kCloneChildren;  // __WNOTHREAD: there is one

// Whether it is a clone child if such are waited for: __WCLONE and __WALL of wait(2).
bool IsOfKind(const Process& child, int options) {
  const bool wants_clones = (options & kCloneChildren) != 0;
  return (options & __WALL) != 0 || wants_clones == (child.clone_child != 0);
}

bool IsMeant(pid_t pid, pid_t group, idtype_t type, id_t id) {
  switch (type) {
    case P_PID: return pid == static_cast<pid_t>(id);
    case P_PGID: return group == static_cast<pid_t>(id);
    default: return true;
  }
}

// What there is to be told of a child, out of what `options` ask for; code 0 for nothing.
WaitIdResult NewsOf(const Process& child, int options) {
  WaitIdResult news;
  if (child.state == ProcessState::kZombie) {
    if ((options & WEXITED) == 0) return news;
    const int status = child.wait_status;
    news.code = WIFEXITED(status) ? CLD_EXITED : CLD_KILLED;
    news.status = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
  } else if (child.stop_report != 0 && (options & WSTOPPED) != 0) {
    news.code = CLD_STOPPED;
    news.status = child.stop_report;
  } else if (child.continue_report != 0 && (options & WCONTINUED) != 0) {
    news.code = CLD_CONTINUED;
    news.status = SIGCONT;
  } else {
    return news;
  }
  news.pid = child.pid;
  return news;
}

Wanted Fails(int error) {
  Wanted wanted;
  wanted.error = error;
  return wanted;
}

}  // namespace

Children FindChildren(const Kernel& kernel, int parent, idtype_t type, id_t id, int options) {
  Children children;
  for (int slot = 0; slot < kernel.processes.used; ++slot) {
    const Process& child = kernel.processes[slot];
    if (!IsLive(child) || child.parent != parent) continue;
    if (!IsMeant(child.pid, child.group, type, id) || !IsOfKind(child, options)) continue;
    // Of a zombie nothing but its end can be told: who does not ask for that has no such child.
    children.any |= child.state != ProcessState::kZombie || (options & WEXITED) != 0;
    if (NewsOf(child, options).code == 0) continue;
    if (children.first == kNone || child.birth < kernel.processes[children.first].birth) {
      children.first = slot;
    }
  }
  return children;
}

Wanted WantedByWaitPid(const Process& self, pid_t pid, int options) {
  const int known = WNOHANG | WUNTRACED | WCONTINUED | kLinuxOptions;
  if ((options & ~known) != 0) return Fails(EINVAL);
  if (pid == INT_MIN) return Fails(ESRCH);
  idtype_t type = P_ALL;
  id_t id = 0;
  if (pid < -1) {
    type = P_PGID;
    id = static_cast<id_t>(-pid);
  } else if (pid == 0) {
    type = P_PGID;
    id = static_cast<id_t>(self.group);
  } else if (pid > 0) {
    type = P_PID;
    id = static_cast<id_t>(pid);
  }
  return {0, type, id, options | WEXITED, false};
}

Wanted WantedByWaitId(const Kernel& kernel, const Process& self, idtype_t type, id_t id,
                      int options) {
  const int known = WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | kLinuxOptions;
  if ((options & ~known) != 0) return Fails(EINVAL);
  if ((options & (WEXITED | WSTOPPED | WCONTINUED)) == 0) return Fails(EINVAL);
  const auto number = static_cast<pid_t>(id);
  switch (static_cast<int>(type)) {
    case P_ALL: break;
    case P_PID:
      if (number <= 0) return Fails(EINVAL);
      break;
    case P_PGID:
      if (number < 0) return Fails(EINVAL);
      if (number == 0) id = static_cast<id_t>(self.group);
      break;
    case 3: {  // P_PIDFD, which is not in every <sys/wait.h>
      if (number < 0) return Fails(EINVAL);
      const Description* description = FindDescription(kernel, self, number);
      if (description == nullptr || description->kind != DescriptionKind::kPidFd) {
        return Fails(EBADF);
      }
      // pidfd_open(2): one that does not block fails where it would have to wait.
      const bool fails = (description->flags & O_NONBLOCK) != 0 && (options & WNOHANG) == 0;
      return {0, P_PID, static_cast<id_t>(description->object), options | (fails ? WNOHANG : 0),
              fails};
    }
    default: return Fails(EINVAL);
  }
  return {0, type, id, options, false};
}

// What both have in common; the options are valid.
SysResult<WaitIdResult> Calls::WaitForChild(idtype_t type, id_t id, int options) {
  const int parent = slot();  // also when another process asks whether this one can go on
  for (;;) {
    const Children children = FindChildren(kernel_, parent, type, id, options);
    if (!children.any) return SysError(ECHILD);
    if (children.first != kNone) {
      Process& child = kernel_.processes[children.first];
      const WaitIdResult news = NewsOf(child, options);
      if ((options & WNOWAIT) != 0) return news;
      if (news.code == CLD_STOPPED) {
        child.stop_report = 0;
      } else if (news.code == CLD_CONTINUED) {
        child.continue_report = 0;
      } else {
        Reap(&kernel_, children.first);
      }
      return news;
    }
    if ((options & WNOHANG) != 0) return WaitIdResult();
    Process& own = kernel_.processes[parent];
    own.progress = own.child_ends;
    const Wake wake = Wait("no child has ended", kForever, [&] {
      const Children now = FindChildren(kernel_, parent, type, id, options);
      // Linux looks again only when a child that is meant has ended, and not when one leaves a
      // group. Who looks and finds others sleeps on until the next end. What is no group is left
      // by an end alone, after which others may have ended, too.
      const bool looks =
          type != P_PGID || (own.child_ends != own.progress &&
                             IsMeant(own.ended_child, own.ended_child_group, type, id));
      const bool returns = now.first != kNone || (!now.any && looks);
      if (!returns) own.progress = own.child_ends;
      return returns;
    });
    own.progress = 0;
    if (wake != Wake::kSignal) continue;
    if (!FindChildren(kernel_, parent, type, id, options).any) return SysError(ECHILD);
    return SysError(kRestartable);
  }
}

SysResult<WaitResult> Calls::WaitPid(pid_t pid, int options) {
  const Wanted wanted = WantedByWaitPid(self(), pid, options);
  if (wanted.error != 0) return SysError(wanted.error);
  const SysResult<WaitIdResult> ended = WaitForChild(wanted.type, wanted.id, wanted.options);
  if (!ended.ok()) return SysError(ended.error());
  WaitResult result;
  result.pid = ended.value().pid;
  if (result.pid == 0) return result;
  const int status = ended.value().status;
  switch (ended.value().code) {
    case CLD_EXITED: result.status = status << 8; break;
    case CLD_STOPPED: result.status = status << 8 | 0x7f; break;
    case CLD_CONTINUED: result.status = 0xffff; break;
    default: result.status = status;
  }
  return result;
}

SysResult<WaitIdResult> Calls::WaitId(idtype_t type, id_t id, int options) {
  const Wanted wanted = WantedByWaitId(kernel_, self(), type, id, options);
  if (wanted.error != 0) return SysError(wanted.error);
  const SysResult<WaitIdResult> ended = WaitForChild(wanted.type, wanted.id, wanted.options);
  if (wanted.fails_instead && ended.ok() && ended.value().pid == 0) return SysError(EAGAIN);
  return ended;
}

}  // namespace cleanfork::sim
