// Bugs about files, pid files above all.
#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "cleanfork/checkers.h"
#include "cleanfork/fd_io.h"
#include "tests/explore/seeded/seeded.h"

namespace cleanfork::seeded {
namespace {

constexpr char kPidFile[] = "/var/service.pid";

int ClosesAgainAfterAnInterruption(Os& os, bool right) {
  const SysResult<int> fd = os.Open(kPidFile, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (!fd.ok()) return 1;
  const SysResult<void> written = WriteFully(os, fd.value(), "100\n", 4);
  SysResult<void> closed = os.Close(fd.value());
  // Linux has closed it all the same: close(2).
  while (!right && !closed.ok() && closed.error() == EINTR) closed = os.Close(fd.value());
  return written.ok() && (closed.ok() || closed.error() == EINTR) ? 0 : 1;
}

// One of two that are started at once: whether it is the one that stays.
bool Claims(Os& os, bool right) {
  int flags = O_WRONLY | O_CREAT | O_CLOEXEC;
  if (right) flags |= O_EXCL;
  if (!right && os.Stat(kPidFile).ok()) return false;
  const SysResult<int> fd = os.Open(kPidFile, flags, 0644);
  return fd.ok();
}

int LooksBeforeItMakesThePidFile(Os& os, bool right) {
  pid_t starters[2] = {-1, -1};
  for (pid_t& starter : starters) {
    starter = os.Fork().value_or(-1);
    if (starter != 0) continue;
    const bool claimed = Claims(os, right);
    if (claimed) Note("claimed", 1);
    os.Exit(0);
  }
  for (pid_t starter : starters) {
    if (starter > 0) WaitFor(os, starter);
  }
  return 0;
}

void OneInstanceOnly(Scenario* scenario) {
  scenario->checkers.push_back(
      MakeChecker("one instance at most", [](const Execution& run) -> std::string {
        int64_t instances = 0;
        for (const ExecutedNote& note : run.notes()) instances += note.value;
        return instances > 1 ? "two processes have claimed the pid file" : "";
      }));
}

// A service that is there while it has its pid file, and then leaves.
int RunService(Os& os, bool right) {
  const int flags = O_RDWR | O_CREAT | O_CLOEXEC | (right ? 0 : O_EXCL);
  const SysResult<int> fd = os.Open(kPidFile, flags, 0644);
  if (!fd.ok()) return 1;
  if (right && !os.FcntlSetLock(fd.value(), F_WRLCK).ok()) return 1;
  os.Unlink(kPidFile).IgnoreError();
  return 0;
}

int IsKeptFromStartingByAStalePidFile(Os& os, bool right) {
  int last = 1;
  for (int start = 0; start < 2; ++start) {
    const SysResult<pid_t> service = os.Fork();
    if (!service.ok()) return 1;
    if (service.value() == 0) os.Exit(RunService(os, right));
    last = WaitFor(os, service.value());
  }
  return last == 0 ? 0 : 1;
}

void ACrashDoesNotMatter(Scenario* scenario) {
  scenario->checkers.push_back(MakeChecker(
      "a crash does not keep the next from starting", [](const Execution& run) -> std::string {
        const FaultPlan& all = run.deviations();
        const ProcessPath first_start = ProcessPath().Child(1);
        const bool of_first = std::all_of(all.begin(), all.end(), [&](const FaultEntry& entry) {
          return entry.process == first_start;
        });
        return of_first && !Succeeded(run) ? "the second start has failed" : "";
      }));
}

int LeavesThePidFileWhenForkFails(Os& os, bool right) {
  const SysResult<int> fd = os.Open(kPidFile, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (!fd.ok()) return 1;
  os.Close(fd.value()).IgnoreError();
  const SysResult<pid_t> service = os.Fork();
  if (!service.ok()) {
    if (right) os.Unlink(kPidFile).IgnoreError();
    return 1;
  }
  if (service.value() == 0) os.Exit(os.Unlink(kPidFile).ok() ? 0 : 1);
  return WaitFor(os, service.value()) == 0 ? 0 : 1;
}

void NothingStaysAfterAFailedFork(Scenario* scenario) {
  scenario->checkers.push_back(
      MakeChecker("a failed start leaves no pid file", [](const Execution& run) -> std::string {
        const bool started = run.processes().size() > 1;
        const bool killed = run.processes()[0].end == ExecutedProcess::End::kKilled;
        for (const FaultEntry& entry : run.deviations()) {
          if (entry.call == OsCall::kUnlink) return "";  // it cannot be removed
        }
        return !started && !killed && run.FileContents(kPidFile).has_value() ? "it is there" : "";
      }));
}

int WritesAPidThatIsCutShort(Os& os, bool right) {
  const SysResult<int> fd = os.Open(kPidFile, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (!fd.ok()) return 1;
  const SysResult<size_t> written = os.PWrite(fd.value(), "4711\n", 5, 0);
  os.Close(fd.value()).IgnoreError();
  if (right) return written.value_or(0) == 5 ? 0 : 1;
  return written.ok() ? 0 : 1;
}

void ASuccessIsAWholePid(Scenario* scenario) {
  scenario->checkers.push_back(
      MakeChecker("a success is a whole pid", [](const Execution& run) -> std::string {
        const std::string content = run.FileContents(kPidFile).value_or("");
        return Succeeded(run) && content != "4711\n" ? "the file says \"" + content + "\"" : "";
      }));
}

}  // namespace

std::vector<Seeded> FileBugs() {
  return {
      {"closes again after an interruption", ClosesAgainAfterAnInterruption,
       "no call on a closed descriptor", 1},
      {"looks for a pid file and then makes it", LooksBeforeItMakesThePidFile,
       "one instance at most", 0, 0, 0, OneInstanceOnly},
      {"is kept from starting by a stale pid file", IsKeptFromStartingByAStalePidFile,
       "a crash does not keep the next from starting", 0, 0, 1, ACrashDoesNotMatter},
      {"leaves the pid file when fork fails", LeavesThePidFileWhenForkFails,
       "a failed start leaves no pid file", 1, 0, 0, NothingStaysAfterAFailedFork},
      {"writes a pid that is cut short", WritesAPidThatIsCutShort, "a success is a whole pid", 1, 0,
       0, ASuccessIsAWholePid},
  };
}

}  // namespace cleanfork::seeded
