// Footprints of what processes do to one another: their table, signals, sessions, ids.
#include "mocks/sim/footprints.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include "mocks/sim/descriptors.h"
#include "mocks/sim/footprint_names.h"
#include "mocks/sim/processes.h"
#include "mocks/sim/signals.h"
#include "mocks/sim/waiting.h"

namespace cleanfork::sim {
namespace {

// RLIMIT_NPROC counts the processes of a user, unless there can never be so many.
bool IsCounted(const Process& process) {
  return process.limits[RLIMIT_NPROC].soft < static_cast<uint64_t>(kMaxProcesses);
}

Footprint OfFork(const Kernel& kernel, int slot) {
  FootprintNames names(kernel, slot);
  names.Write(SystemPart::kProcesses);
  // Children are waited for in the order in which they came, adopted ones too.
  names.Write(ProcessPart::kChildren, slot);
  names.Read(ProcessPart::kIdentity, slot);  // its group, which a parent may change
  if (IsCounted(names.self())) names.ReadEverybody();
  return names.footprint();
}

// The child that a wait would find now, or find not to have ended: no other makes a difference.
// kNone if others do.
int FindOnlyChild(const Kernel& kernel, int slot, const Wanted& wanted) {
  constexpr int kOthersToo = WSTOPPED | WCONTINUED | static_cast<int>(__WCLONE);
  if (wanted.error != 0 || wanted.type != P_PID || (wanted.options & kOthersToo) != 0) return kNone;
  const int child = FindProcess(kernel, static_cast<pid_t>(wanted.id));
  if (child == kNone || kernel.processes[child].parent != slot) return kNone;
  if (kernel.processes[child].clone_child != 0) return kNone;  // until it is another program
  const bool returns =
      kernel.processes[child].state == ProcessState::kZombie || (wanted.options & WNOHANG) != 0;
  return returns ? child : kNone;
}

// Whom a wait may find: the children, and who may be adopted until then.
Footprint OfWait(const Kernel& kernel, int slot, const Wanted& wanted, When when) {
  FootprintNames names(kernel, slot);
  const bool looks = (wanted.options & WNOWAIT) != 0;
  const int only = when == When::kNow ? FindOnlyChild(kernel, slot, wanted) : kNone;
  if (only != kNone) {
    if (looks || kernel.processes[only].state != ProcessState::kZombie) {
      names.Read(ProcessPart::kEnd, only);
    } else {
      names.Write(ProcessPart::kEnd, only);
      names.Write(ProcessPart::kIdentity, only);
      names.Commute(SystemPart::kProcesses);
    }
    return names.footprint();
  }
  names.Read(ProcessPart::kIdentity, slot);  // "of my group"
  if (looks) {
    names.Read(ProcessPart::kChildren, slot);
  } else {
    names.Write(ProcessPart::kChildren, slot);
    // Rows that become free; which of two does first makes no difference.
    names.Commute(SystemPart::kProcesses);
  }
  for (int child = 0; child < kMaxProcesses; ++child) {
    const Process& process = kernel.processes[child];
    const bool is_child = process.state != ProcessState::kFree && process.parent == slot;
    if (!is_child && names.self().subreaper == 0) continue;
    if (looks) {
      names.Read(ProcessPart::kIdentity, child);
      names.Read(ProcessPart::kEnd, child);
    } else {
      names.Write(ProcessPart::kIdentity, child);
      names.Write(ProcessPart::kEnd, child);
    }
  }
  return names.footprint();
}

// A new user: kill(2) asks who it is; a parent's end, whether it may still signal it.
Footprint OfNewUser(const Kernel& kernel, int slot) {
  FootprintNames names(kernel, slot);
  names.Write(ProcessPart::kIdentity, slot);
  if (IsCounted(names.self())) names.ReadEverybody();
  return names.footprint();
}

// A new group, which nobody asks for; but it may take the parent-death signal back.
Footprint OfNewGroup(const Kernel& kernel, int slot) {
  FootprintNames names(kernel, slot);
  if (names.self().parent_death_signal != 0) names.Write(ProcessPart::kIdentity, slot);
  return names.footprint();
}

}  // namespace

// Processes --------------------------------------------------------------------------------------

Footprint FootprintOf(Tag<OsCall::kFork>, const Kernel& kernel, int slot) {
  return OfFork(kernel, slot);
}

Footprint FootprintOf(Tag<OsCall::kVforkCall>, const Kernel& kernel, int slot, int (*)(void*),
                      void*, int) {
  return OfFork(kernel, slot);
}

Footprint FootprintOf(Tag<OsCall::kExecVe>, const Kernel& kernel, int slot, const char*,
                      char* const*, char* const*, When when) {
  FootprintNames names(kernel, slot, when);
  const Process& self = names.self();
  names.Write(ProcessPart::kIdentity, slot);  // ids; setpgid(2) and __WCLONE ask for an exec
  names.Write(ProcessPart::kPending, slot);   // what it does with signals
  names.OpenLimited();
  for (int fd = 0; fd < self.descriptors_end; ++fd) {
    if (self.descriptors[fd].close_on_exec != 0) names.Close(fd);
  }
  names.ReleaseVforkParent();
  // The program that it ran may be written to from now on, and the new one not any more.
  if (self.executable != kNone) names.Write(SystemPart::kFiles);
  names.Read(SystemPart::kFiles);
  if (self.too_many_processes != 0) names.ReadEverybody();
  return names.footprint();
}

Footprint FootprintOf(Tag<OsCall::kWaitPid>, const Kernel& kernel, int slot, pid_t pid, int options,
                      When when) {
  const Wanted wanted = WantedByWaitPid(kernel.processes[slot], pid, options);
  return OfWait(kernel, slot, wanted, when);
}

Footprint FootprintOf(Tag<OsCall::kWaitId>, const Kernel& kernel, int slot, idtype_t type, id_t id,
                      int options, When when) {
  const Wanted wanted = WantedByWaitId(kernel, kernel.processes[slot], type, id, options);
  return OfWait(kernel, slot, wanted, when);
}

Footprint FootprintOf(Tag<OsCall::kGetPpid>, const Kernel& kernel, int slot) {
  FootprintNames names(kernel, slot);
  names.Read(ProcessPart::kIdentity, slot);
  return names.footprint();
}

Footprint FootprintOf(Tag<OsCall::kKill>, const Kernel& kernel, int slot, pid_t pid, int signal) {
  FootprintNames names(kernel, slot);
  const int target = pid > 0 ? FindProcess(kernel, pid) : kNone;
  // Who may signal anybody asks no more than whether it is there.
  const bool may = names.self().credentials.Has(kCapKill);
  const ProcessPart asked = may ? ProcessPart::kEnd : ProcessPart::kIdentity;
  if (signal == 0) {
    if (target == kNone) names.ReadEverybody();
    if (target != kNone) names.Read(asked, target);
    return names.footprint();
  }
  // Who joins a group until then gets it too; so does a process that is not there yet.
  if (target == kNone) {
    names.Everything();
    return names.footprint();
  }
  names.Read(asked, target);
  names.Post(target);
  // Whether it is stopped then or not, its parent may hear that it goes on; and that parent may
  // have ended, and an older ancestor have adopted it.
  for (int at = target; signal == SIGCONT && kernel.processes[at].parent != kNone;) {
    at = kernel.processes[at].parent;
    names.Write(ProcessPart::kChildren, at);
    names.Post(at);
  }
  return names.footprint();
}

Footprint FootprintOf(Tag<OsCall::kPidFdOpen>, const Kernel& kernel, int slot, pid_t pid,
                      unsigned) {
  FootprintNames names(kernel, slot);
  const int target = FindProcess(kernel, pid);
  if (target == kNone) names.ReadEverybody();
  if (target != kNone) names.Read(ProcessPart::kEnd, target);
  names.OpenLimited();
  return names.footprint();
}

Footprint FootprintOf(Tag<OsCall::kPidFdSendSignal>, const Kernel& kernel, int slot, int fd,
                      int signal) {
  const Description* description = FindDescription(kernel, kernel.processes[slot], fd);
  const bool is_process = description != nullptr && description->kind == DescriptionKind::kPidFd;
  // No pid comes back: who has been waited for is gone for good.
  if (!is_process || FindProcess(kernel, description->object) == kNone) return Footprint();
  return FootprintOf(Tag<OsCall::kKill>(), kernel, slot, description->object, signal);
}

Footprint FootprintOf(Tag<OsCall::kPrctlSetPdeathsig>, const Kernel& kernel, int slot, int) {
  FootprintNames names(kernel, slot);
  names.Write(ProcessPart::kIdentity, slot);  // the end of its parent asks for it
  return names.footprint();
}

Footprint FootprintOf(Tag<OsCall::kSetSid>, const Kernel& kernel, int slot) {
  FootprintNames names(kernel, slot);
  names.Write(ProcessPart::kIdentity, slot);
  // Where its group has others, they may all go; where it has not, nobody else can make it.
  for (const Process& other : kernel.processes) {
    const bool is_in = other.state != ProcessState::kFree && other.group == names.self().pid;
    if (is_in && &other != &names.self()) names.ReadEverybody();
  }
  return names.footprint();
}

Footprint FootprintOf(Tag<OsCall::kSetPgid>, const Kernel& kernel, int slot, pid_t pid,
                      pid_t pgid) {
  FootprintNames names(kernel, slot);
  const int target = pid == 0 ? slot : FindProcess(kernel, pid);
  if (target == kNone) {
    names.Everything();
    return names.footprint();
  }
  names.Write(ProcessPart::kIdentity, target);
  if (pgid != 0 && pgid != kernel.processes[target].pid) names.ReadEverybody();
  return names.footprint();
}

Footprint FootprintOf(Tag<OsCall::kSetPriority>, const Kernel& kernel, int slot, int which,
                      id_t who, int) {
  FootprintNames names(kernel, slot);
  if (which != PRIO_PROCESS) {  // who is meant may change
    names.Everything();
    return names.footprint();
  }
  const int target = who == 0 ? slot : FindProcess(kernel, static_cast<pid_t>(who));
  if (target == kNone) {
    names.Everything();
    return names.footprint();
  }
  names.Write(ProcessPart::kIdentity, target);  // /proc tells of it
  if (target != slot) names.Write(ProcessPart::kOwn, target);
  return names.footprint();
}

Footprint FootprintOf(Tag<OsCall::kSchedGetScheduler>, const Kernel& kernel, int slot, pid_t pid) {
  FootprintNames names(kernel, slot);
  if (pid > 0) names.ReadProcess(pid);
  return names.footprint();
}

// Signals ----------------------------------------------------------------------------------------

Footprint FootprintOf(Tag<OsCall::kSigProcMask>, const Kernel& kernel, int slot, int,
                      const SignalSet* set) {
  FootprintNames names(kernel, slot);
  if (set != nullptr) names.Write(ProcessPart::kPending, slot);
  return names.footprint();
}

Footprint FootprintOf(Tag<OsCall::kSigAction>, const Kernel& kernel, int slot, int,
                      const SignalAction* action) {
  FootprintNames names(kernel, slot);
  if (action != nullptr) names.Write(ProcessPart::kPending, slot);
  return names.footprint();
}

Footprint FootprintOf(Tag<OsCall::kSigTimedWait>, const Kernel& kernel, int slot, SignalSet,
                      int64_t) {
  FootprintNames names(kernel, slot);
  names.Write(ProcessPart::kPending, slot);
  return names.footprint();
}

// Credentials ------------------------------------------------------------------------------------

Footprint FootprintOf(Tag<OsCall::kSetUid>, const Kernel& kernel, int slot, uid_t) {
  return OfNewUser(kernel, slot);
}
Footprint FootprintOf(Tag<OsCall::kSetEuid>, const Kernel& kernel, int slot, uid_t) {
  return OfNewUser(kernel, slot);
}
Footprint FootprintOf(Tag<OsCall::kSetReUid>, const Kernel& kernel, int slot, uid_t, uid_t) {
  return OfNewUser(kernel, slot);
}
Footprint FootprintOf(Tag<OsCall::kSetResUid>, const Kernel& kernel, int slot, uid_t, uid_t,
                      uid_t) {
  return OfNewUser(kernel, slot);
}
Footprint FootprintOf(Tag<OsCall::kSetFsUid>, const Kernel& kernel, int slot, uid_t) {
  return OfNewUser(kernel, slot);
}
Footprint FootprintOf(Tag<OsCall::kSetGid>, const Kernel& kernel, int slot, gid_t) {
  return OfNewGroup(kernel, slot);
}
Footprint FootprintOf(Tag<OsCall::kSetEgid>, const Kernel& kernel, int slot, gid_t) {
  return OfNewGroup(kernel, slot);
}
Footprint FootprintOf(Tag<OsCall::kSetReGid>, const Kernel& kernel, int slot, gid_t, gid_t) {
  return OfNewGroup(kernel, slot);
}
Footprint FootprintOf(Tag<OsCall::kSetResGid>, const Kernel& kernel, int slot, gid_t, gid_t,
                      gid_t) {
  return OfNewGroup(kernel, slot);
}
Footprint FootprintOf(Tag<OsCall::kSetFsGid>, const Kernel& kernel, int slot, gid_t) {
  return OfNewGroup(kernel, slot);
}

// The steps of an end ----------------------------------------------------------------------------

Footprint FootprintOfClosingStep(const Kernel& kernel, int slot) {
  FootprintNames names(kernel, slot, When::kNow);
  const Process& self = names.self();
  names.Write(ProcessPart::kExit, slot);
  for (int fd = 0; fd < self.descriptors_end; ++fd) names.Close(fd);
  names.ReleaseVforkParent();
  if (self.executable != kNone) names.Commute(SystemPart::kFiles);  // it may be written to again
  // What is pending stays so, and which children it leaves: that is seen in what is known of a
  // process that has ended. And from now on it adopts nobody.
  names.Read(ProcessPart::kChildren, slot);
  names.Read(ProcessPart::kPending, slot);
  return names.footprint();
}

namespace {

// Tells `parent` of the end of a child, which is then a zombie or gone.
void AddEnd(FootprintNames* names, int parent, bool tells) {
  if (parent == kNone) return names->Commute(SystemPart::kProcesses);  // init waits at once
  const Process& process = names->kernel().processes[parent];
  names->Write(ProcessPart::kChildren, parent);
  if (!tells) return;
  names->PostChildSignal(parent);
  const Action& action = process.signals.actions[SIGCHLD];
  const bool waits = action.ordinal != kIgnoreAction && (action.flags & SA_NOCLDWAIT) == 0;
  if (!waits) names->Commute(SystemPart::kProcesses);
}

// The end of a relative may leave a group without anybody who could continue it: setpgid(2). That
// is told to who is stopped; a step that stops somebody depends on every other.
void AddOrphanedGroups(FootprintNames* names) {
  for (const Process& each : names->kernel().processes) {
    if (each.state != ProcessState::kFree && each.stopped != 0) names->Everything();
  }
}

}  // namespace

Footprint FootprintOfLastStep(const Kernel& kernel, int slot) {
  FootprintNames names(kernel, slot);
  const Process& self = names.self();
  names.Write(ProcessPart::kIdentity, slot);
  names.Write(ProcessPart::kEnd, slot);
  AddEnd(&names, self.parent, self.clone_child == 0);
  AddOrphanedGroups(&names);
  bool has_children = false;
  for (int child = 0; child < kernel.processes.used; ++child) {
    const Process& process = kernel.processes[child];
    has_children |= process.state != ProcessState::kFree && process.parent == slot;
  }
  if (!has_children) return names.footprint();
  // As FindReaper() goes. It comes to the same whatever ends on the way; the reaper itself reads
  // its kChildren when it begins to.
  int reaper = self.parent;
  while (reaper != kNone) {
    const Process& process = kernel.processes[reaper];
    if (process.subreaper != 0 && process.state == ProcessState::kRunning) break;
    reaper = process.parent;
  }
  for (int child = 0; child < kernel.processes.used; ++child) {
    const Process& process = kernel.processes[child];
    if (process.state == ProcessState::kFree || process.parent != slot) continue;
    names.Write(ProcessPart::kIdentity, child);
    if (reaper != kNone) names.Write(ProcessPart::kChildren, reaper);
    if (process.parent_death_signal != 0) names.Post(child);
    if (process.state != ProcessState::kZombie) continue;
    names.Write(ProcessPart::kEnd, child);
    AddEnd(&names, reaper, true);
  }
  return names.footprint();
}

}  // namespace cleanfork::sim
