// Pid files whose neighbours, clocks and paths are in motion.
#include <fcntl.h>

#include <cerrno>
#include <ctime>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "cleanfork/checkers.h"
#include "cleanfork/fd_io.h"
#include "cleanfork/os_wrapper.h"
#include "cleanfork/pid_file.h"
#include "cleanfork/unique_fd.h"
#include "tests/explore/rare_scenarios.h"
#include "tests/explore/worker_world.h"

namespace cleanfork::explore {
namespace {

// The clock was set back by an hour after the world began, which SimOs has no call for.
class ClockSetBack : public OsWrapper {
 public:
  using OsWrapper::OsWrapper;
  SysResult<int64_t> ClockGetTime(clockid_t clock) override {
    constexpr int64_t kHour = 3600 * int64_t{1'000'000'000};
    const SysResult<int64_t> now = OsWrapper::ClockGetTime(clock);
    if (!now.ok() || clock != CLOCK_REALTIME) return now;
    return now.value() - kHour;
  }
};

// As many other starters as there are attempts: before anybody looks whether the path still names
// the file, it names another one.
class PathInMotion : public OsWrapper {
 public:
  using OsWrapper::OsWrapper;
  SysResult<FileStatus> Stat(const char* path) override {
    if (path == std::string(kPidFile)) {
      wrapped().Unlink(path).IgnoreError();
      const UniqueFd other(wrapped(),
                           wrapped().Open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644).value_or(-1));
    }
    return OsWrapper::Stat(path);
  }
};

SimFile PidFileOf(const std::string& path, const std::string& content) {
  SimFile file;
  file.path = path;
  file.content = content;
  return file;
}

// A claim that must not succeed.
int ClaimWhatCannotBeHad(Os& os) {
  const absl::StatusOr<PidFile> file = PidFile::Claim(kPidFile, os);
  return file.ok() ? 0 : Failed(file.status());
}

void MustBeRefused(int error, Scenario* scenario) {
  AllowOwnError(error, scenario);
  scenario->checkers.back() = MakeChecker("nobody's file is taken", [](const Execution& run) {
    return run.processes()[0].wait_status == 0 ? "it is" : "";
  });
  scenario->checkers.push_back(EndsWith(kFailed));
}

// Holds the file, and closes another one when it is told to.
void ServeBeside(Os& os, int told, int tells) {
  absl::StatusOr<PidFile> file = PidFile::Claim(kPidFile, os);
  UniqueFd other(os, os.Open("/dev/null", O_RDONLY | O_CLOEXEC, 0).value_or(-1));
  if (file.ok()) {
    const std::string pid = absl::StrCat(os.GetPid(), "\n");
    const bool written = os.PWrite(file->descriptor(), pid.data(), pid.size(), 0).ok();
    if (written) WriteFully(os, tells, "x", 1).IgnoreError();
  }
  os.Close(tells).IgnoreError();
  char byte;
  RetryOnEintr([&] { return os.Read(told, &byte, 1); }).IgnoreError();
  other.Reset();
  RetryOnEintr([&] { return os.Read(told, &byte, 1); }).IgnoreError();
}

int LookBeside(Os& os, int told, int tells, pid_t service) {
  char byte;
  const SysResult<size_t> claimed = RetryOnEintr([&] { return os.Read(told, &byte, 1); });
  if (claimed.value_or(0) != 1) return kFailed;
  WriteFully(os, tells, "x", 1).IgnoreError();
  const absl::StatusOr<PidFileState> state = ReadPidFile(kPidFile, os);
  if (!state.ok()) return kFailed;
  const bool is_found = state->process.has_value() && state->pid == service;
  Note("found", is_found ? 1 : 0);
  return 0;
}

}  // namespace

Scenario ReadThePidFileOfOneThatClosesFiles() {
  Scenario scenario = ScenarioOf("PidFile of one that closes files", [](Os& os) {
    const SysResult<PipeEnds> up = os.Pipe2(O_CLOEXEC);
    if (!up.ok()) return kFailed;
    const UniqueFd up_read(os, up.value().read_end);
    UniqueFd up_write(os, up.value().write_end);
    const SysResult<PipeEnds> down = os.Pipe2(O_CLOEXEC);
    if (!down.ok()) return kFailed;
    const UniqueFd down_read(os, down.value().read_end);
    UniqueFd down_write(os, down.value().write_end);
    const SysResult<pid_t> child = os.Fork();
    if (!child.ok()) return kFailed;
    if (child.value() == 0) {
      down_write.Reset();
      ServeBeside(os, down_read.get(), up_write.Release());
      os.Exit(0);
    }
    up_write.Reset();
    const int code = LookBeside(os, up_read.get(), down_write.get(), child.value());
    down_write.Reset();
    RetryOnEintr([&] { return os.WaitPid(child.value(), 0); }).IgnoreError();
    return code;
  });
  scenario.checkers.back() = MakeChecker("a service that runs is found", [](const Execution& run) {
    // One that was killed has gone.
    const bool is_lost = NoteOf(run, "found") == 0 && !WasSignalled(run);
    return is_lost ? "it is not, and nobody says that something failed" : "";
  });
  scenario.checkers.push_back(EndsWith(0));
  return scenario;
}

Scenario ClaimAPidFileOfTheFuture() {
  Scenario scenario = ScenarioOf("PidFile of the future", [](Os& os) {
    ClockSetBack back(os);
    return ClaimWhatCannotBeHad(back);
  });
  scenario.world.files.push_back(PidFileOf(kPidFile, "100\n"));  // the body itself
  MustBeRefused(EEXIST, &scenario);
  return scenario;
}

Scenario ClaimAPidFileThatIsReplaced() {
  Scenario scenario = ScenarioOf("PidFile that is replaced", [](Os& os) {
    PathInMotion motion(os);
    return ClaimWhatCannotBeHad(motion);
  });
  MustBeRefused(EAGAIN, &scenario);
  return scenario;
}

// Without /proc it cannot be told who is meant.
Scenario ClaimAPidFileInAChroot() {
  Scenario scenario = ScenarioOf("PidFile in a chroot", [](Os& os) {
    if (!os.ChRoot("/jail").ok() || !os.ChDir("/").ok()) return kFailed;
    return ClaimWhatCannotBeHad(os);
  });
  scenario.world.files.push_back(PidFileOf(std::string("/jail") + kPidFile, "100\n"));
  MustBeRefused(EEXIST, &scenario);
  return scenario;
}

std::vector<RareScenario> RarePidFileScenarios() {
  return {{ReadThePidFileOfOneThatClosesFiles(), 1},
          {ClaimAPidFileOfTheFuture(), 0},
          {ClaimAPidFileThatIsReplaced(), 0, 0},
          {ClaimAPidFileInAChroot(), 0}};
}

}  // namespace cleanfork::explore
