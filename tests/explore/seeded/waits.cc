// Bugs about waiting for children, and about what became of them.
#include <fcntl.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "cleanfork/checkers.h"
#include "cleanfork/fd_io.h"
#include "tests/explore/seeded/seeded.h"

namespace cleanfork::seeded {
namespace {

int TakesAnInterruptedWaitForAFailure(Os& os, bool right) {
  const SysResult<pid_t> child = os.Fork();
  if (!child.ok()) return 1;
  if (child.value() == 0) os.Exit(0);
  if (right) return WaitFor(os, child.value());
  const SysResult<WaitResult> waited = os.WaitPid(child.value(), 0);
  return waited.ok() ? waited.value().status : 1;
}

int WaitsForAnyChild(Os& os, bool right) {
  const SysResult<pid_t> logger = os.Fork();
  if (!logger.ok()) return 1;
  if (logger.value() == 0) os.Exit(0);
  const SysResult<pid_t> worker = os.Fork();
  if (worker.ok() && worker.value() == 0) os.Exit(0);
  bool worked = false;
  if (worker.ok() && right) worked = WaitFor(os, worker.value()) == 0;
  if (worker.ok() && !right) {
    const SysResult<WaitResult> any = RetryOnEintr([&] { return os.WaitPid(-1, 0); });
    worked = any.ok() && any.value().pid == worker.value();
    if (!worked) WaitFor(os, worker.value());
  }
  WaitFor(os, logger.value());  // whoever has waited for it
  return worked ? 0 : 1;
}

void AskForTheSameEnd(Scenario* scenario) { scenario->checkers.push_back(SameEndInEveryOrder()); }

int KillsAndDoesNotReap(Os& os, bool right) {
  const SysResult<pid_t> child = os.Fork();
  if (!child.ok()) return 1;
  if (child.value() == 0) ServeForEver(os);
  os.ClockNanoSleep(CLOCK_MONOTONIC, 0, 1'000'000).IgnoreError();
  os.Kill(child.value(), SIGKILL).IgnoreError();
  if (right) WaitFor(os, child.value());
  return 0;
}

int SignalsAChildThatItHasReaped(Os& os, bool right) {
  const SysResult<pid_t> child = os.Fork();
  if (!child.ok()) return 1;
  if (child.value() == 0) ServeForEver(os);
  os.Kill(child.value(), SIGTERM).IgnoreError();
  const int status = WaitFor(os, child.value());
  if (!right) os.Kill(child.value(), SIGKILL).IgnoreError();  // to be sure
  return WIFSIGNALED(status) ? 0 : 1;
}

void ForbidSignalsToTheReaped(Scenario* scenario) {
  scenario->checkers.push_back(
      MakeChecker("who is reaped is not signalled", [](const Execution& run) -> std::string {
        for (const ExecutedCall& call : run.calls()) {
          if (call.call == OsCall::kKill && call.error == ESRCH) return "a number of nobody's";
        }
        return "";
      }));
}

int TakesAFailedForkForAChild(Os& os, bool right) {
  const SysResult<pid_t> forked = os.Fork();
  if (right && !forked.ok()) return 1;
  const pid_t child = forked.value_or(-1);
  if (child == 0) {
    ExecWorker(os).IgnoreError();
    os.Exit(127);
  }
  const SysResult<WaitResult> waited = RetryOnEintr([&] { return os.WaitPid(child, 0); });
  // ECHILD: somebody else, who waits for any child, has been told how it ended.
  if (!waited.ok()) return waited.error() == ECHILD ? 0 : 1;
  return waited.value().status == 0 ? 0 : 1;
}

int IgnoresTheStatusOfAFailedExec(Os& os, bool right) {
  const SysResult<pid_t> child = os.Fork();
  if (!child.ok()) return 1;
  if (child.value() == 0) {
    ExecWorker(os).IgnoreError();
    os.Exit(127);
  }
  const int status = WaitFor(os, child.value());
  return right && status != 0 ? 1 : 0;
}

// Starts the worker, and learns by a pipe that an exec closes why it could not. Returns what the
// pipe said: 0 for its end. The child, or -1.
int StartWithErrorPipe(Os& os, pid_t* child) {
  *child = -1;
  const SysResult<PipeEnds> pipe = os.Pipe2(O_CLOEXEC);
  if (!pipe.ok()) return pipe.error();
  const SysResult<pid_t> forked = os.Fork();
  if (forked.ok() && forked.value() == 0) {
    const int error = ExecWorker(os).error();
    WriteFully(os, pipe.value().write_end, &error, sizeof(error)).IgnoreError();
    os.Exit(127);
  }
  os.Close(pipe.value().write_end).IgnoreError();
  int error = forked.error();
  if (forked.ok()) {
    *child = forked.value();
    ReadFully(os, pipe.value().read_end, &error, sizeof(error)).IgnoreError();
  }
  os.Close(pipe.value().read_end).IgnoreError();
  return error;
}

int LeavesAZombieWhenExecFails(Os& os, bool right) {
  pid_t child = -1;
  const int error = StartWithErrorPipe(os, &child);
  if (error != 0 && right && child > 0) WaitFor(os, child);
  if (error != 0) return 1;
  return WaitFor(os, child) == 0 ? 0 : 1;
}

int TakesTheEndOfThePipeForAnExec(Os& os, bool right) {
  pid_t child = -1;
  const int error = StartWithErrorPipe(os, &child);
  const int status = child > 0 ? WaitFor(os, child) : 0;
  if (error != 0) return 1;
  if (right && WIFSIGNALED(status)) return 1;
  return 0;  // it was started; what became of it then is not asked
}

void ASuccessIsAProgram(Scenario* scenario) {
  scenario->checkers.push_back(
      MakeChecker("a success is a program that ran", [](const Execution& run) -> std::string {
        const auto& all = run.processes();
        const bool ran = std::any_of(
            all.begin(), all.end(), [](const ExecutedProcess& process) { return process.program; });
        return Succeeded(run) && !ran ? "P succeeded, and nothing was exec'd" : "";
      }));
}

}  // namespace

std::vector<Seeded> WaitBugs() {
  return {
      {"takes an interrupted waitpid for a failure", TakesAnInterruptedWaitForAFailure,
       "transient faults are absorbed", 1},
      {"waits for any child, and gets another's end", WaitsForAnyChild,
       "the end is the same in every order", 0, 0, 0, AskForTheSameEnd},
      {"kills a child and does not reap it", KillsAndDoesNotReap, "no child is left"},
      {"signals a child that it has reaped", SignalsAChildThatItHasReaped,
       "who is reaped is not signalled", 0, 0, 0, ForbidSignalsToTheReaped},
      {"takes a failed fork for a child", TakesAFailedForkForAChild,
       "a success is a program that ran", 1, 0, 0, ASuccessIsAProgram},
      {"ignores that the exec failed", IgnoresTheStatusOfAFailedExec,
       "a success is a program that ran", 1, 0, 0, ASuccessIsAProgram},
      {"leaves a zombie when the exec fails", LeavesAZombieWhenExecFails, "no zombie is left", 1},
      {"takes the end of the pipe for an exec", TakesTheEndOfThePipeForAnExec,
       "a success is a program that ran", 0, 0, 1, ASuccessIsAProgram},
  };
}

}  // namespace cleanfork::seeded
