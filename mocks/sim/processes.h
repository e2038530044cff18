// The table of processes: fork, the two steps of an end, sessions and process groups.
#ifndef CLEANFORK_MOCKS_SIM_PROCESSES_H_
#define CLEANFORK_MOCKS_SIM_PROCESSES_H_

#include <sys/types.h>

#include <cstdint>

#include "cleanfork/sys_result.h"
#include "mocks/sim/kernel.h"

namespace cleanfork::sim {

// The slot of the process of that pid, a zombie or not; kNone.
int FindProcess(const Kernel& kernel, pid_t pid);
pid_t ParentPid(const Kernel& kernel, const Process& process);

// setpgid(2): nobody outside of its group could continue it; a terminal's signals do not stop it.
bool IsInOrphanedGroup(const Kernel& kernel, const Process& process);

uint64_t CountProcesses(const Kernel& kernel, uid_t real_uid);

// fork(2): the slot of the child, or EAGAIN by RLIMIT_NPROC.
SysResult<int> ForkProcess(Kernel* kernel, int parent);

// The first step of an end: descriptors are closed, and who reads from a pipe may see its end.
void BeginExit(Kernel* kernel, int slot);

// The second: children get a new parent, and this one a zombie, which is gone at once if it does
// not want to know.
void FinishExit(Kernel* kernel, int slot, int wait_status);

// A zombie that has been waited for.
void Reap(Kernel* kernel, int slot);

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_PROCESSES_H_
