#include "mocks/sim/processes.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cerrno>

#include "mocks/sim/calls.h"
#include "mocks/sim/descriptors.h"
#include "mocks/sim/files.h"
#include "mocks/sim/refuse.h"
#include "mocks/sim/signals.h"

namespace cleanfork::sim {
namespace {

// Who adopts the children of `slot`: the nearest ancestor that said so, or init.
int FindReaper(const Kernel& kernel, int slot) {
  int at = kernel.processes[slot].parent;
  while (at != kNone) {
    const Process& process = kernel.processes[at];
    if (process.subreaper != 0 && process.state == ProcessState::kRunning) return at;
    at = process.parent;
  }
  return kNone;
}

// Tells the parent of a zombie; whether it is gone without being waited for.
bool NotifyParent(Kernel* kernel, int slot) {
  const Process& process = kernel->processes[slot];
  if (process.parent == kNone) return true;  // init waits for it at once
  Process& parent = kernel->processes[process.parent];
  ++parent.child_ends;
  parent.ended_child = process.pid;
  parent.ended_child_group = process.group;
  if (process.clone_child != 0) return false;
  const Action& action = parent.signals.actions[SIGCHLD];
  const bool ignored = action.ordinal == kIgnoreAction;
  const bool exited = WIFEXITED(process.wait_status);
  const int status = exited ? WEXITSTATUS(process.wait_status) : WTERMSIG(process.wait_status);
  const Sender sender = {exited ? CLD_EXITED : CLD_KILLED, process.pid,
                         process.credentials.user.real, status};
  if (!ignored) PostSignal(kernel, process.parent, SIGCHLD, sender);
  return ignored || (action.flags & SA_NOCLDWAIT) != 0;
}

// setpgid(2): whether nobody in the group, but for `ignored`, has a parent in another group of its
// session, who could continue it.
bool IsOrphaned(const Kernel& kernel, pid_t group, int ignored) {
  for (int slot = 0; slot < kMaxProcesses; ++slot) {
    const Process& process = kernel.processes[slot];
    if (!IsLive(process) || process.group != group || slot == ignored) continue;
    if (process.state == ProcessState::kZombie || process.parent == kNone) continue;
    const Process& parent = kernel.processes[process.parent];
    if (parent.group != group && parent.session == process.session) return false;
  }
  return true;
}

// _exit(2): when a group loses the last one who could continue it, and somebody in it is stopped,
// all in it get SIGHUP and SIGCONT. `relative` is the parent that `slot` had.
void ReleaseOrphanedGroup(Kernel* kernel, int slot, int relative, int ignored) {
  if (relative == kNone) return;
  const Process& process = kernel->processes[slot];
  const Process& parent = kernel->processes[relative];
  const pid_t group = process.group;
  if (parent.group == group || parent.session != process.session) return;
  if (!IsOrphaned(*kernel, group, ignored)) return;
  bool stopped = false;
  for (const Process& each : kernel->processes) {
    stopped |= IsLive(each) && each.group == group && each.stopped != 0;
  }
  if (!stopped) return;
  for (int signal : {SIGHUP, SIGCONT}) {
    for (int each = 0; each < kMaxProcesses; ++each) {
      const Process& member = kernel->processes[each];
      if (!IsLive(member) || member.group != group) continue;
      PostSignal(kernel, each, signal, {SI_KERNEL, 0, 0, 0});
    }
  }
}

void Reparent(Kernel* kernel, int slot) {
  const int reaper = FindReaper(*kernel, slot);
  const Process& own = kernel->processes[slot];
  for (int child = 0; child < kernel->processes.used; ++child) {
    Process& process = kernel->processes[child];
    if (!IsLive(process) || process.parent != slot) continue;
    process.parent = reaper;
    process.clone_child = 0;
    if (process.vfork_parent == slot) process.vfork_parent = kNone;
    process.birth = kernel->next_birth++;
    const int death = process.parent_death_signal;
    // It is the parent that sends it, and has to have the right to.
    if (death != 0 && process.state == ProcessState::kRunning && MaySignal(own, process, death)) {
      PostSignal(kernel, child, death, SenderOf(own));
    }
    if (process.state == ProcessState::kZombie && NotifyParent(kernel, child)) {
      Reap(kernel, child);
      continue;
    }
    ReleaseOrphanedGroup(kernel, child, slot, kNone);
  }
}

bool IsChildOf(const Process& process, int parent) {
  return IsLive(process) && process.parent == parent;
}

}  // namespace

int FindProcess(const Kernel& kernel, pid_t pid) {
  for (int slot = 0; slot < kernel.processes.used; ++slot) {
    const Process& process = kernel.processes[slot];
    if (IsLive(process) && process.pid == pid) return slot;
  }
  return kNone;
}

pid_t ParentPid(const Kernel& kernel, const Process& process) {
  return process.parent == kNone ? kInitPid : kernel.processes[process.parent].pid;
}

bool IsInOrphanedGroup(const Kernel& kernel, const Process& process) {
  return IsOrphaned(kernel, process.group, kNone);
}

uint64_t CountProcesses(const Kernel& kernel, uid_t real_uid) {
  uint64_t count = 0;
  for (const Process& process : kernel.processes) {
    count += IsLive(process) && process.credentials.user.real == real_uid;
  }
  return count;
}

SysResult<int> ForkProcess(Kernel* kernel, int parent_slot) {
  const Process& parent = kernel->processes[parent_slot];
  const Credentials& credentials = parent.credentials;
  const bool exempt = credentials.user.real == 0 || credentials.Has(kCapSysResource) ||
                      credentials.Has(kCapSysAdmin);
  const bool full =
      CountProcesses(*kernel, credentials.user.real) + 1 > parent.limits[RLIMIT_NPROC].soft;
  if (full && !exempt) return SysError(EAGAIN);
  for (int slot = 0; slot < kMaxProcesses; ++slot) {
    Process& child = kernel->processes[slot];
    if (IsLive(child)) continue;
    kernel->processes.Use(slot) = parent;
    child.pid = kernel->next_pid++;
    child.parent = parent_slot;
    child.birth = kernel->next_birth++;
    child.started = kernel->monotonic;
    child.signals.pending = child.signals.own_pending = 0;
    child.parent_death_signal = 0;
    child.subreaper = 0;
    child.ever_execd = 0;
    child.vfork_parent = kNone;
    child.clone_child = 0;
    child.stopped = child.stop_report = child.continue_report = 0;
    ShareDescriptors(kernel, child);
    if (child.executable != kNone) ++kernel->inodes[child.executable].open_count;
    return slot;
  }
  OutOfRoom("processes that are not reaped yet", kMaxProcesses);
}

void BeginExit(Kernel* kernel, int slot) {
  Process& process = kernel->processes[slot];
  process.state = ProcessState::kExiting;
  if (process.executable != kNone) ReleaseInode(kernel, process.executable);
  process.executable = kNone;
  CloseAllDescriptors(kernel, &process);
}

void FinishExit(Kernel* kernel, int slot, int wait_status) {
  Process& process = kernel->processes[slot];
  process.wait_status = wait_status;
  Reparent(kernel, slot);
  ReleaseOrphanedGroup(kernel, slot, process.parent, slot);
  process.state = ProcessState::kZombie;
  if (NotifyParent(kernel, slot)) Reap(kernel, slot);
}

void Reap(Kernel* kernel, int slot) { kernel->processes[slot] = Process(); }

// The calls of Os ------------------------------------------------------------------------------

pid_t Calls::GetPid() { return self().pid; }
pid_t Calls::GetPpid() { return ParentPid(kernel_, self()); }

SysResult<pid_t> Calls::SetSid() {
  // Nobody may be in a group of that number, or it would be of two sessions.
  for (const Process& process : kernel_.processes) {
    if (IsLive(process) && process.group == self().pid) return SysError(EPERM);
  }
  self().session = self().pid;
  self().group = self().pid;
  return self().pid;
}

SysResult<void> Calls::SetPgid(pid_t pid, pid_t pgid) {
  if (pid == 0) pid = self().pid;
  if (pgid == 0) pgid = pid;
  if (pgid < 0) return SysError(EINVAL);
  const int target = FindProcess(kernel_, pid);
  if (target == kNone) return SysError(ESRCH);
  Process& process = kernel_.processes[target];
  if (IsChildOf(process, slot())) {
    if (process.session != self().session) return SysError(EPERM);
    if (process.ever_execd != 0) return SysError(EACCES);
  } else if (target != slot()) {
    return SysError(ESRCH);
  }
  if (process.session == process.pid) return SysError(EPERM);  // a session leader
  if (pgid != pid) {
    bool found = false;
    for (const Process& other : kernel_.processes) {
      found |= IsLive(other) && other.group == pgid && other.session == self().session;
    }
    if (!found) return SysError(EPERM);
  }
  process.group = pgid;
  return {};
}

SysResult<void> Calls::PrctlSetPdeathsig(int signal) {
  if (signal < 0 || signal > SignalSet::kMaxSignal) return SysError(EINVAL);
  self().parent_death_signal = signal;
  return {};
}

}  // namespace cleanfork::sim
