#include "tests/explore/report/worker_scenario.h"

#include <fcntl.h>
#include <signal.h>

#include <cerrno>

#include "cleanfork/os.h"
#include "cleanfork/os_types.h"

namespace cleanfork {
namespace {

void Close(Os& os, const PipeEnds& pipe) {
  os.Close(pipe.read_end).IgnoreError();
  os.Close(pipe.write_end).IgnoreError();
}

int WaitFor(Os& os, pid_t child) {
  SysResult<WaitResult> ended = os.WaitPid(child, 0);
  while (!ended.ok() && ended.error() == EINTR) ended = os.WaitPid(child, 0);
  return ended.ok() ? ended.value().status : -1;
}

void HandleChild(int) {}

SysResult<size_t> ReadByte(Os& os, int fd) {
  char byte = 0;
  SysResult<size_t> got = os.Read(fd, &byte, 1);
  while (!got.ok() && got.error() == EINTR) got = os.Read(fd, &byte, 1);
  return got;
}

// Whether the worker has started and ended well.
bool RunWorker(Os& os, bool forgets_pipe) {
  const SysResult<PipeEnds> pipe = os.Pipe2(O_CLOEXEC);
  if (!pipe.ok()) return false;
  const SysResult<pid_t> child = os.Fork();
  if (!child.ok()) {
    if (!forgets_pipe) Close(os, pipe.value());
    return false;
  }
  if (child.value() == 0) {
    for (int signal = 1; signal <= 6; ++signal) os.SigAction(signal, nullptr).IgnoreError();
    SysResult<size_t> put = os.Write(pipe.value().write_end, "r", 1);
    while (!put.ok() && put.error() == EINTR) put = os.Write(pipe.value().write_end, "r", 1);
    os.Exit(put.ok() ? 0 : 1);
  }
  os.Close(pipe.value().write_end).IgnoreError();
  const SysResult<size_t> got = ReadByte(os, pipe.value().read_end);
  os.Close(pipe.value().read_end).IgnoreError();
  const int status = WaitFor(os, child.value());
  return got.ok() && got.value() == 1 && status == 0;
}

int StartWorker(Os& os, bool forgets_pipe) {
  SignalAction action;
  action.handler = HandleChild;
  const SysResult<SignalAction> before = os.SigAction(SIGCHLD, &action);
  if (!before.ok()) return 1;
  const bool worked = RunWorker(os, forgets_pipe);
  os.SigAction(SIGCHLD, &before.value()).IgnoreError();
  return worked ? 0 : 1;
}

int RaceWorkers(Os& os) {
  const SysResult<PipeEnds> pipe = os.Pipe2(O_CLOEXEC);
  if (!pipe.ok()) return 1;
  pid_t workers[2] = {};
  for (int i = 0; i < 2; ++i) {
    workers[i] = os.Fork().value_or(-1);
    if (workers[i] == 0) {
      os.Write(pipe.value().write_end, i == 0 ? "a" : "b", 1).IgnoreError();
      os.Exit(0);
    }
  }
  char first = 0;
  os.Read(pipe.value().read_end, &first, 1).IgnoreError();
  Note("first", first);
  for (pid_t worker : workers) {
    if (worker > 0) WaitFor(os, worker);
  }
  Close(os, pipe.value());
  return 0;
}

}  // namespace

Scenario StartTheWorkerScenario() {
  Scenario scenario;
  scenario.name = "start the worker";
  scenario.body = [](Os& os) { return StartWorker(os, false); };
  return scenario;
}

Scenario ForgetfulWorkerScenario() {
  Scenario scenario;
  scenario.name = "a forgetful <worker> & \"friends\"";
  scenario.body = [](Os& os) { return StartWorker(os, true); };
  return scenario;
}

Scenario RacingWorkersScenario() {
  Scenario scenario;
  scenario.name = "racing workers";
  scenario.body = RaceWorkers;
  scenario.checkers = {MakeChecker("the first worker is first", [](const Execution& run) {
    for (const ExecutedNote& note : run.notes()) {
      if (note.key == "first" && note.value == 'b') return "the second one was";
    }
    return "";
  })};
  return scenario;
}

ExploreOptions WorkerOptions(int faults) {
  ExploreOptions options;
  options.max_faults = faults;
  options.progress = false;
  options.reports = false;
  return options;
}

}  // namespace cleanfork
