// Limits and priorities: getrlimit(2), getpriority(2).
#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>

#include "mocks/sim/calls.h"
#include "mocks/sim/processes.h"

namespace cleanfork::sim {
namespace {

constexpr uint64_t kMostDescriptors = 1048576;  // /proc/sys/fs/nr_open

// Returns an errno or 0.
int SetNice(const Process& caller, Process* target, int priority) {
  const Credentials& own = caller.credentials;
  const Ids& theirs = target->credentials.user;
  const bool capable = own.Has(kCapSysNice);
  if (own.user.effective != theirs.real && own.user.effective != theirs.effective && !capable) {
    return EPERM;
  }
  // RLIMIT_NICE counts from 20 down: 20 - nice.
  const auto least = 20 - static_cast<int64_t>(target->limits[RLIMIT_NICE].soft);
  if (priority < target->nice && priority < least && !capable) return EACCES;
  target->nice = priority;
  return 0;
}

// By which a process is meant: its pid, its group or its real user.
id_t OwnNumber(const Process& process, int which) {
  switch (which) {
    case PRIO_PROCESS: return static_cast<id_t>(process.pid);
    case PRIO_PGRP: return static_cast<id_t>(process.group);
    default: return process.credentials.user.real;
  }
}

}  // namespace

SysResult<ResourceLimit> Calls::GetRLimit(int resource) {
  if (resource < 0 || resource >= kResources) return SysError(EINVAL);
  return self().limits[resource];
}

SysResult<void> Calls::SetRLimit(int resource, ResourceLimit limit) {
  if (resource < 0 || resource >= kResources) return SysError(EINVAL);
  if (limit.soft > limit.hard) return SysError(EINVAL);
  if (resource == RLIMIT_NOFILE && limit.hard > kMostDescriptors) return SysError(EPERM);
  ResourceLimit& own = self().limits[resource];
  if (limit.hard > own.hard && !self().credentials.Has(kCapSysResource)) return SysError(EPERM);
  own = limit;
  return {};
}

SysResult<int> Calls::SchedGetScheduler(pid_t pid) {
  if (pid < 0) return SysError(EINVAL);
  if (pid > 0 && FindProcess(kernel_, pid) == kNone) return SysError(ESRCH);
  return SCHED_OTHER;  // nobody can ask for another
}

SysResult<void> Calls::SetPriority(int which, id_t who, int priority) {
  if (which < PRIO_PROCESS || which > PRIO_USER) return SysError(EINVAL);
  priority = std::min(19, std::max(-20, priority));
  if (who == 0) who = OwnNumber(self(), which);
  int error = ESRCH;
  for (Process& process : kernel_.processes) {
    if (process.state == ProcessState::kFree || OwnNumber(process, which) != who) continue;
    const int failed = SetNice(self(), &process, priority);
    // One that was refused is told though others were not.
    if (failed != 0 || error == ESRCH) error = failed;
  }
  if (error != 0) return SysError(error);
  return {};
}

}  // namespace cleanfork::sim
