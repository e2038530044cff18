// What SimOs is not: a kernel under a filter of seccomp(2), other namespaces, another scheduling
// policy, a world without /proc. An Os around it says what such a kernel says.
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cleanfork/checkers.h"
#include "cleanfork/child.h"
#include "cleanfork/fork_child.h"
#include "cleanfork/os_wrapper.h"
#include "cleanfork/spawn.h"
#include "cleanfork/unique_fd.h"
#include "tests/explore/rare_scenarios.h"
#include "tests/explore/worker_world.h"

namespace cleanfork::explore {
namespace {

// A filter that knows of no child without a termination signal.
class FilterOfClone : public OsWrapper {
 public:
  using OsWrapper::OsWrapper;
  SysResult<pid_t> VforkCall(int (*function)(void*), void* argument, int signal) override {
    if (signal == 0) return SysError(EINVAL);
    return OsWrapper::VforkCall(function, argument, signal);
  }
};

class FilterOfWaitId : public OsWrapper {
 public:
  using OsWrapper::OsWrapper;
  SysResult<WaitIdResult> WaitId(idtype_t, id_t, int) override { return SysError(EPERM); }
};

// Whose children go into a PID namespace in which nothing can be forked: pid_namespaces(7).
class DeadPidNamespace : public OsWrapper {
 public:
  // An empty name: the namespace has had no process yet, and the link leads nowhere.
  DeadPidNamespace(Os& os, std::string name) : OsWrapper(os), name_(std::move(name)) {}

  SysResult<pid_t> Fork() override { return SysError(ENOMEM); }
  SysResult<size_t> ReadLink(const char* path, char* buffer, size_t size) override {
    if (std::strcmp(path, "/proc/thread-self/ns/pid_for_children") != 0) {
      return OsWrapper::ReadLink(path, buffer, size);
    }
    if (name_.empty()) return SysError(ENOENT);
    const size_t length = std::min(size, name_.size());
    std::memcpy(buffer, name_.data(), length);
    return length;
  }

 private:
  const std::string name_;
};

// sched(7): a process of that policy cannot fork.
class SchedDeadline : public OsWrapper {
 public:
  using OsWrapper::OsWrapper;
  SysResult<pid_t> Fork() override { return SysError(EAGAIN); }
  SysResult<int> SchedGetScheduler(pid_t) override { return 6; }
};

int SpawnAWorker(Os& os, const ForkOptions& options) {
  absl::StatusOr<Child> child = Spawn({"/bin/worker"}, options, os);
  if (!child.ok()) return Failed(child.status());
  Note(kStarted, 1);
  return EndedWell(child->Wait()) ? 0 : 2;
}

int ForkAWorker(Os& os) {
  const absl::StatusOr<pid_t> pid = ForkChild(ForkOptions(), os);
  if (!pid.ok()) return Failed(pid.status());
  if (*pid == 0) os.Exit(0);
  return os.WaitPid(*pid, 0).ok() ? 0 : 2;
}

// A child that is not to be had, where nothing else goes wrong either.
Scenario Hopeless(std::string name, int error, SimOs::Body body) {
  Scenario scenario = ScenarioOf(std::move(name), std::move(body));
  AllowOwnError(error, &scenario);
  scenario.checkers.push_back(EndsWith(kFailed));
  scenario.checkers.push_back(MakeChecker("no child is started", [](const Execution& run) {
    return run.processes().size() > 1 ? "one is" : "";
  }));
  return scenario;
}

}  // namespace

Scenario SpawnUnderAFilterOfClone() {
  Scenario scenario = ScenarioOf("Spawn under a filter of clone", [](Os& os) {
    FilterOfClone filter(os);
    return SpawnAWorker(filter, ForkOptions());
  });
  scenario.checkers.push_back(EndsWith(0));
  return scenario;
}

Scenario SpawnUnderAFilterOfWaitId() {
  Scenario scenario = ScenarioOf("Spawn under a filter of waitid", [](Os& os) {
    FilterOfWaitId filter(os);
    return SpawnAWorker(filter, ForkOptions());
  });
  AllowOwnError(EPERM, &scenario);
  scenario.checkers.push_back(EndsWith(0));
  return scenario;
}

// Without /proc; and, for it is then that it matters, without children that are hidden until they
// exec.
Scenario SpawnInAChroot() {
  Scenario scenario = ScenarioOf("Spawn in a chroot", [](Os& os) {
    if (!os.ChRoot("/jail").ok() || !os.ChDir("/").ok()) return kFailed;
    FilterOfClone filter(os);
    ForkOptions options;
    options.in = options.out = options.err = Stream::Inherit();
    return SpawnAWorker(filter, options);
  });
  SimProgram program = scenario.world.programs.back();
  program.path = "/jail/bin/worker";
  scenario.world.programs.push_back(program);
  scenario.checkers.push_back(EndsWith(0));
  return scenario;
}

Scenario ForkIntoADeadPidNamespace() {
  return Hopeless("ForkChild into a dead PID namespace", ENOMEM, [](Os& os) {
    DeadPidNamespace dead(os, "pid:[4711]");
    return ForkAWorker(dead);
  });
}

Scenario ForkIntoAnEmptyPidNamespace() {
  return Hopeless("ForkChild into an empty PID namespace", ENOMEM, [](Os& os) {
    DeadPidNamespace empty(os, "");
    return ForkAWorker(empty);
  });
}

Scenario ForkUnderSchedDeadline() {
  return Hopeless("ForkChild under SCHED_DEADLINE", EAGAIN, [](Os& os) {
    SchedDeadline deadline(os);
    return ForkAWorker(deadline);
  });
}

// Somebody has put a file in its place, into which everything would be written.
Scenario ForkChildWithAnotherNullDevice() {
  return Hopeless("ForkChild with another null device", ENODEV, [](Os& os) {
    if (!os.Unlink("/dev/null").ok()) return kFailed;
    {
      const UniqueFd file(
          os, os.Open("/dev/null", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666).value_or(-1));
      if (!file.valid()) return kFailed;
    }
    return ForkAWorker(os);
  });
}

std::vector<RareScenario> OtherKernelScenarios() {
  return {{SpawnUnderAFilterOfClone()},
          {SpawnUnderAFilterOfWaitId()},
          {SpawnInAChroot()},
          {ForkIntoADeadPidNamespace(), 0},
          {ForkIntoAnEmptyPidNamespace(), 0},
          {ForkUnderSchedDeadline(), 0},
          {ForkChildWithAnotherNullDevice()}};
}

std::vector<RareScenario> RareScenarios() {
  std::vector<RareScenario> all;
  for (const std::vector<RareScenario>& some :
       {RareChildScenarios(), RareDaemonScenarios(), RarePidFileScenarios(), OtherKernelScenarios(),
        CommandScenarios()}) {
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

}  // namespace cleanfork::explore
