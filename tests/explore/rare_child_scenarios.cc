// Children whose parent has a thief in the house, or asks for everything at once.
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cleanfork/checkers.h"
#include "cleanfork/child.h"
#include "cleanfork/fd_io.h"
#include "cleanfork/fork_child.h"
#include "cleanfork/process_handle.h"
#include "cleanfork/spawn.h"
#include "cleanfork/stop.h"
#include "cleanfork/unique_fd.h"
#include "tests/explore/rare_scenarios.h"
#include "tests/explore/worker_world.h"

namespace cleanfork::explore {
namespace {

constexpr char kJail[] = "/var/run";
constexpr char kComplete[] = "complete";  // a note: the program found itself as it was asked for

// What SpawnWithEveryOption() asks for, as the program sees it from within.
bool IsAsAskedFor(Os& os, const std::vector<std::string>& arguments) {
  const SysResult<ResourceLimit> limit = os.GetRLimit(RLIMIT_NOFILE);
  const SysResult<FileStatus> root = os.Stat("/var"), four = os.FStat(4), five = os.FStat(5);
  const bool has_limit = limit.ok() && limit.value().soft == 20 && limit.value().hard == 30;
  // They have changed places: what was opened as 4 has the smaller size.
  const bool has_new_root = !root.ok();
  const bool has_moved = four.ok() && five.ok() && four.value().size == 3 && five.value().size == 2;
  const char* const socket = os.GetEnv("LISTEN_FDS");
  const SysResult<SignalAction> pipe_action = os.SigAction(SIGPIPE, nullptr);
  const SysResult<SignalSet> mask = os.SigProcMask(SIG_BLOCK, nullptr);
  return has_limit && has_moved && has_new_root && os.FcntlGetFd(3).ok() &&
         !os.FcntlGetFd(6).ok() && os.Umask(0) == 027 && socket != nullptr &&
         socket == std::string("1") && os.GetUid() == 33 && arguments.size() == 2 &&
         pipe_action.ok() && pipe_action.value().handler == SIG_IGN && mask.ok() &&
         mask.value() == SignalSet::Of(SIGHUP);
}

ForkOptions EveryOption(int two, int three) {
  ForkOptions options;
  options.identity = Identity::User("www");
  options.no_new_privs = true;
  options.parent_death_signal = SIGKILL;
  options.limits = {{RLIMIT_NOFILE, {20, 30}}};
  options.nice = 5;
  options.oom_score_adjust = 300;
  options.umask = 027;
  options.chroot = kJail;
  options.descriptors = {{two, three}, {three, two}};
  options.listen_fds = {{two, "http"}};
  options.environment.set = {{"LANG", "C"}};
  SignalAction ignore;
  ignore.handler = SIG_IGN;
  options.signal_handlers = {{SIGPIPE, ignore}};
  options.signal_mask = SignalSet::Of(SIGHUP);
  return options;
}

// Reaps whatever ends, as a handler of a program that forgets who else has children.
Os* thiefs_os = nullptr;
void Steal(int) {
  for (;;) {
    const SysResult<WaitResult> stolen = thiefs_os->WaitPid(-1, WNOHANG | __WALL);
    if (!stolen.ok() || stolen.value().pid <= 0) return;
  }
}

}  // namespace

Scenario SpawnWithEveryOption() {
  Scenario scenario = ScenarioOf("Spawn with every option", [](Os& os) {
    const UniqueFd other(os, os.Open("/dev/null", O_RDONLY | O_CLOEXEC, 0).value_or(-1));
    const UniqueFd two(os, os.Open("/var/run/two", O_RDONLY | O_CLOEXEC, 0).value_or(-1));
    const UniqueFd three(os, os.Open("/var/run/three", O_RDONLY | O_CLOEXEC, 0).value_or(-1));
    if (two.get() != 4 || three.get() != 5) return kFailed;
    absl::StatusOr<Child> child =
        Spawn({"/worker", "argument"}, EveryOption(two.get(), three.get()), os);
    if (!child.ok()) return Failed(child.status());
    Note(kStarted, 1);
    return EndedWell(child->Wait()) ? 0 : 2;
  });
  for (const char* name : {"two", "three"}) {
    SimFile file;
    file.path = std::string(kJail) + "/" + name;
    file.content = name == std::string("two") ? "ab" : "abc";
    scenario.world.files.push_back(file);
  }
  SimProgram program;
  program.path = std::string(kJail) + "/worker";
  program.body = [](Os& os, const std::vector<std::string>& arguments) {
    Note(kRan, 1);
    if (!IsAsAskedFor(os, arguments)) Note(kComplete, 0);
    return 0;
  };
  scenario.world.programs.push_back(program);
  scenario.checkers.push_back(
      MakeChecker("a program that runs is set up in full", [](const Execution& run) {
        return NoteOf(run, kComplete) == 0 ? "something that was asked for is not there" : "";
      }));
  return scenario;
}

// More than PIPE_BUF, which a write may take in parts.
Scenario RunInChildThatWritesMuch() {
  return ScenarioOf("RunInChild that writes much", [](Os& os) {
    constexpr size_t kMuch = 5000;
    ForkOptions options;
    options.out = Stream::Pipe();
    absl::StatusOr<Child> child = RunInChild(
        [&os] {
          Note(kRan, 1);
          const std::string text(kMuch, 'x');
          return WriteFully(os, 1, text.data(), text.size()).ok() ? 0 : 3;
        },
        options, os);
    if (!child.ok()) return Failed(child.status());
    Note(kStarted, 1);
    std::string text(kMuch + 1, '\0');
    const SysResult<size_t> got = ReadFully(os, child->pipes().out.get(), text.data(), text.size());
    if (!EndedWell(child->Wait())) return 2;
    return got.ok() && got.value() == kMuch ? 0 : 4;
  });
}

// A child that outlives its parent's death in the midst of the start sees EPIPE, and not SIGPIPE.
Scenario ForkChildWithSigpipeBlocked() {
  return ScenarioOf("ForkChild with SIGPIPE blocked", [](Os& os) {
    ForkOptions options;
    options.signal_mask = SignalSet::Of(SIGPIPE);
    return ForkAChildAndWait(os, options, [] { return 1; });
  });
}

// With the group of its own 65, where there is room for 64 at first.
Scenario ForkChildWithMoreGroupsThanRoom() {
  Scenario scenario = ScenarioOf("ForkChild with more groups than room", [](Os& os) {
    ForkOptions options;
    options.identity = Identity::User("www");
    return ForkAChildAndWait(os, options, [&os] {
      std::vector<gid_t> groups(100);
      return static_cast<int64_t>(os.GetGroups(groups.data(), groups.size()).value_or(0));
    });
  });
  // One stands twice: a process of SimOs has 64 at the most.
  scenario.world.users.back().groups = {1000};
  for (gid_t group = 1000; group < 1063; ++group) {
    scenario.world.users.back().groups.push_back(group);
  }
  scenario.checkers.push_back(MakeChecker("a child has all groups", [](const Execution& run) {
    const std::optional<int64_t> count = NoteOf(run, kRan);
    return count.has_value() && *count != 64 ? "there are some missing" : "";
  }));
  return scenario;
}

Scenario SignalAStolenChild() {
  Scenario scenario = ScenarioOf("Child stolen", [](Os& os) {
    absl::StatusOr<Child> child = Spawn({"worker"}, ForkOptions(), os);
    if (!child.ok()) return Failed(child.status());
    RetryOnEintr([&] { return os.WaitPid(-1, 0); }).IgnoreError();
    // Its number may be a stranger's by now.
    return child->Signal(SIGTERM).ok() ? 2 : 0;
  });
  scenario.checkers.pop_back();
  return scenario;
}

Scenario SpawnUnderAThief() {
  return ScenarioOf("Spawn under a thief", [](Os& os) {
    thiefs_os = &os;
    SignalAction steal;
    steal.handler = &Steal;
    steal.flags = SA_RESTART;
    const SysResult<SignalAction> before = os.SigAction(SIGCHLD, &steal);
    if (!before.ok()) return kFailed;
    int code = 0;
    {
      absl::StatusOr<Child> child = Spawn({"worker"}, ForkOptions(), os);
      if (child.ok()) {
        Note(kStarted, 1);
        child->Wait().status().IgnoreError();  // that it is lost is as good
      } else {
        code = Failed(child.status());
      }
    }
    const SignalAction old = before.value();
    os.SigAction(SIGCHLD, &old).IgnoreError();
    return code;
  });
}

// By its handle, beside whoever reaps it.
Scenario StopAProcessThatEnds() {
  Scenario scenario = ScenarioOf("Stop of a process that ends", [](Os& os) {
    const SysResult<pid_t> child = os.Fork();
    if (!child.ok()) return kFailed;
    if (child.value() == 0) os.Exit(0);
    int code = 0;
    {
      absl::StatusOr<ProcessHandle> process = ProcessHandle::Open(child.value(), os);
      RetryOnEintr([&] { return os.WaitPid(child.value(), 0); }).IgnoreError();
      if (process.ok() && !StopProcess(*process, StopSchedule(), os).ok()) code = 2;
      if (!process.ok() && !absl::IsNotFound(process.status())) code = Failed(process.status());
    }
    return code;
  });
  scenario.checkers.pop_back();
  return scenario;
}

std::vector<RareScenario> RareChildScenarios() {
  return {{SpawnWithEveryOption()},        {RunInChildThatWritesMuch()},
          {ForkChildWithSigpipeBlocked()}, {ForkChildWithMoreGroupsThanRoom()},
          {SignalAStolenChild()},          {SpawnUnderAThief()},
          {StopAProcessThatEnds()}};
}

}  // namespace cleanfork::explore
