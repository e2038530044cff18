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

// Of one process among those that are meant: an errno or 0, where `before` is what is said of those
// before it. ESRCH goes with the first success; another error stays: getpriority(2) has it as the
// caller's business to look.
int SetNice(const Process& caller, Process* target, int priority, int before) {
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
  return before == ESRCH ? 0 : before;
}

bool IsMeant(const Process& caller, const Process& process, int which, id_t who) {
  const auto number = static_cast<pid_t>(who);
  switch (which) {
    case PRIO_PROCESS: return process.pid == (number == 0 ? caller.pid : number);
    case PRIO_PGRP: return process.group == (number == 0 ? caller.group : number);
    default:
      return process.credentials.user.real == (who == 0 ? caller.credentials.user.real : who);
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
  int error = ESRCH;
  for (Process& process : kernel_.processes) {
    if (!IsLive(process) || !IsMeant(self(), process, which, who)) continue;
    error = SetNice(self(), &process, priority, error);
  }
  if (error != 0) return SysError(error);
  return {};
}

}  // namespace cleanfork::sim
