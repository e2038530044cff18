// Bugs about forks, and about daemons, which are two of them.
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "cleanfork/checkers.h"
#include "cleanfork/fd_io.h"
#include "tests/explore/seeded/seeded.h"

namespace cleanfork::seeded {
namespace {

int RetriesForEver(Os& os, bool right) {
  for (int attempt = 1;; ++attempt) {
    const SysResult<pid_t> child = os.Fork();
    if (child.ok() && child.value() == 0) os.Exit(0);
    if (child.ok()) return WaitFor(os, child.value());
    if (child.error() != EAGAIN || (right && attempt == 5)) return 1;
    os.ClockNanoSleep(CLOCK_MONOTONIC, 0, 1'000'000'000).IgnoreError();
  }
}

int GoesOnAsItsParentWhenExecFails(Os& os, bool right) {
  const SysResult<pid_t> child = os.Fork();
  if (!child.ok()) return 1;
  if (child.value() == 0) {
    ExecWorker(os).IgnoreError();
    if (right) os.Exit(127);
  }
  const int status = WaitFor(os, child.value());
  return status == 0 ? 0 : 1;
}

int DoesNotSeeThatTheSecondForkFails(Os& os, bool right) {
  const SysResult<pid_t> first = os.Fork();
  if (!first.ok()) return 1;
  if (first.value() == 0) {
    const bool has_session = os.SetSid().ok();
    const SysResult<pid_t> second = os.Fork();
    if (second.ok() && second.value() == 0) ServeForEver(os);
    os.Exit(!right || (has_session && second.ok()) ? 0 : 1);
  }
  return WaitFor(os, first.value()) == 0 ? 0 : 1;
}

void ASuccessIsADaemon(Scenario* scenario) {
  scenario->checkers = DaemonCheckers();
  scenario->checkers.push_back(
      MakeChecker("a success is a daemon that runs", [](const Execution& run) -> std::string {
        for (const FaultEntry& entry : run.deviations()) {  // somebody may have ended it
          if (entry.kind == FaultEntry::Kind::kSignal) return "";
        }
        const auto& all = run.processes();
        const bool runs = std::any_of(all.begin(), all.end(), [](const ExecutedProcess& process) {
          return process.end == ExecutedProcess::End::kRuns;
        });
        return Succeeded(run) && !runs ? "P succeeded, and nothing runs" : "";
      }));
}

// The daemon goes on once `go` says so; its end means that nobody wants it.
[[noreturn]] void ServeWhenTold(Os& os, PipeEnds go) {
  os.Close(go.write_end).IgnoreError();
  char byte = 0;
  if (ReadFully(os, go.read_end, &byte, 1).value_or(0) != 1) os.Exit(1);
  ServeForEver(os);
}

// The first child's exit status: it makes the daemon, and says which pid that has.
int MakeDaemon(Os& os, int pid_pipe, PipeEnds go, bool right) {
  const bool has_session = os.SetSid().ok();
  const SysResult<pid_t> daemon = has_session ? os.Fork() : SysResult<pid_t>(SysError(EPERM));
  if (!daemon.ok()) return 1;
  if (daemon.value() == 0) {
    os.Close(pid_pipe).IgnoreError();
    if (right) ServeWhenTold(os, go);
    ServeForEver(os);
  }
  const pid_t pid = daemon.value();
  return WriteFully(os, pid_pipe, &pid, sizeof(pid)).ok() ? 0 : 1;
}

int ForgetsTheDaemonWhenTheFirstChildIsKilled(Os& os, bool right) {
  const SysResult<PipeEnds> pids = os.Pipe2(O_CLOEXEC);
  const SysResult<PipeEnds> go = os.Pipe2(O_CLOEXEC);
  if (!pids.ok() || !go.ok()) os.Exit(1);
  const SysResult<pid_t> first = os.Fork();
  if (!first.ok()) os.Exit(1);
  if (first.value() == 0) {
    os.Close(pids.value().read_end).IgnoreError();
    os.Exit(MakeDaemon(os, pids.value().write_end, go.value(), right));
  }
  os.Close(pids.value().write_end).IgnoreError();
  pid_t daemon = 0;
  const SysResult<size_t> got = ReadFully(os, pids.value().read_end, &daemon, sizeof(daemon));
  WaitFor(os, first.value());
  const bool known = got.value_or(0) == sizeof(daemon);
  // Who exits closes `go`, and that tells the daemon to leave.
  if (!known) os.Exit(1);
  os.Exit(WriteFully(os, go.value().write_end, "g", 1).ok() ? 0 : 1);
  __builtin_unreachable();  // g++ does not see that a virtual function never returns
}

void DaemonRules(Scenario* scenario) { scenario->checkers = DaemonCheckers(); }

}  // namespace

std::vector<Seeded> ForkBugs() {
  return {
      {"tries to fork for ever", RetriesForEver, "no livelock", 1},
      {"goes on as its parent when the exec fails", GoesOnAsItsParentWhenExecFails,
       "a child exits once", 1},
      {"does not see that the second fork fails", DoesNotSeeThatTheSecondForkFails,
       "a success is a daemon that runs", 1, 0, 0, ASuccessIsADaemon},
      {"forgets the daemon when the first child is killed",
       ForgetsTheDaemonWhenTheFirstChildIsKilled, "nothing runs on after a failure", 0, 0, 1,
       DaemonRules},
  };
}

}  // namespace cleanfork::seeded
