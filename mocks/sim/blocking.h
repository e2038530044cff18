#pragma once
#include <fcntl.h>
#include <sys/wait.h>

#include "mocks/sim/call_tag.h"
#include "mocks/sim/descriptors.h"
#include "mocks/sim/kernel.h"
#include "mocks/sim/pipes.h"
namespace cleanfork::sim {
template <OsCall kCall, typename... A>
bool WouldBlock(Tag<kCall>, const Kernel&, int, A...) {
  return false;
}
inline bool WouldBlock(Tag<OsCall::kRead>, const Kernel& k, int slot, int fd, void*, size_t) {
  const Description* d = FindDescription(k, k.processes[slot], fd);
  return d && d->kind == DescriptionKind::kPipeRead && IsEmpty(k.pipes[d->object]) &&
         k.pipes[d->object].writers > 0;
}
inline bool WouldBlock(Tag<OsCall::kWaitPid>, const Kernel& k, int slot, pid_t pid, int o) {
  if (o & WNOHANG) return false;
  bool any = false;
  for (int i = 0; i < k.processes.used; ++i) {
    const Process& c = k.processes[i];
    if (c.state == ProcessState::kFree || c.parent != slot) continue;
    if (pid > 0 && c.pid != pid) continue;
    if (c.state == ProcessState::kZombie) return false;
    any = true;
  }
  return any;
}
}  // namespace cleanfork::sim
