#include "cleanfork/process_handle.h"

#include <poll.h>

#include <cerrno>
#include <ctime>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cleanfork/child_error.h"
#include "cleanfork/fd_io.h"
#include "cleanfork/probe.h"
#include "src/child/process_stat.h"
#include "src/proc_files.h"
#include "src/wait_for_end.h"

namespace cleanfork {
namespace {

constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;

// The unit of proc_pid_stat(5) is sysconf(_SC_CLK_TCK), which is 100 on every architecture of
// Linux but alpha and ia64, whatever CONFIG_HZ says.
constexpr int64_t kNanosecondsPerTick = kNanosecondsPerSecond / 100;

struct ProcessStat {
  char state = 0;
  uint64_t start_ticks = 0;  // since boot
};

// Reads /proc/PID/stat. Returns an errno or 0: ENOENT and ESRCH when there is no such process (or
// no /proc), EPROTO when the file is not as proc_pid_stat(5) says.
int ReadProcessStat(Os& os, pid_t pid, ProcessStat* stat) {
  std::string text;
  const int error = ReadProcFile(os, absl::StrCat("/proc/", pid, "/stat"), &text);
  if (error != 0) return error;
  // The second field is the program's name in parentheses and may hold any byte, so fields are
  // counted from the last parenthesis: the state is the 3rd, the start time the 22nd.
  const size_t parenthesis = text.rfind(')');
  if (parenthesis == std::string::npos) return EPROTO;
  const std::vector<std::string> fields =
      absl::StrSplit(text.substr(parenthesis + 1), ' ', absl::SkipEmpty());
  constexpr size_t kState = 3 - 3;
  constexpr size_t kStartTime = 22 - 3;
  if (fields.size() <= kStartTime) return EPROTO;
  stat->state = fields[kState][0];
  return absl::SimpleAtoi(fields[kStartTime], &stat->start_ticks) ? 0 : EPROTO;
}

bool IsDead(const ProcessStat& stat) {
  return stat.state == 'Z' || stat.state == 'X' || stat.state == 'x';
}

// When the system was booted, in nanoseconds since the epoch. Not from "btime" of /proc/stat, which
// has whole seconds. Both clocks run alike, but for the one being set; and CLOCK_BOOTTIME and the
// start times in /proc have the same offset in a time namespace (time_namespaces(7)).
SysResult<int64_t> ReadBootTime(Os& os) {
  const SysResult<int64_t> now = os.ClockGetTime(CLOCK_REALTIME);
  if (!now.ok()) return now;
  const SysResult<int64_t> since_boot = os.ClockGetTime(CLOCK_BOOTTIME);
  if (!since_boot.ok()) return since_boot;
  return now.value() - since_boot.value();
}

bool MeansNoProcess(int error) { return error == ESRCH || error == ENOENT; }

}  // namespace

absl::StatusOr<ProcessHandle> ProcessHandle::Open(pid_t pid, Os& os) {
  if (pid <= 0) return absl::InvalidArgumentError(absl::StrCat(pid, " is not a process id"));
  const absl::Status none = absl::NotFoundError(absl::StrCat("there is no process ", pid));
  const SysResult<int> opened = os.PidFdOpen(pid, 0);
  if (!opened.ok()) {
    // EINVAL, in later kernels ENOENT: the number is a thread's, no process has it.
    const int error = opened.error();
    if (error == ESRCH || error == EINVAL || error == ENOENT) return none;
    if (opened.error() != ENOSYS && opened.error() != EPERM) {
      return StatusFromErrno(opened.error(), absl::StrCat("pidfd_open(", pid, ")"));
    }
    CLEANFORK_PROBE("there are no pidfds");
  }
  ProcessHandle handle(os, pid, UniqueFd(os, opened.value_or(-1)));
  if (IsProcOurs(os) == ProcIsOurs::kNo) {
    CLEANFORK_PROBE("/proc is of another PID namespace, or is not there");
    // Where there is no pidfd either, whether there is such a process at all.
    const SysResult<void> exists = os.Kill(pid, 0);
    if (!exists.ok() && exists.error() == ESRCH) return none;
    return absl::FailedPreconditionError(absl::StrCat(
        "/proc is not that of our PID namespace: it cannot be told who process ", pid, " is"));
  }
  ProcessStat stat;
  const int error = ReadProcessStat(os, pid, &stat);
  if (MeansNoProcess(error)) {
    // Gone since, or hidden from us: proc(5), hidepid.
    CLEANFORK_PROBE("a process has ended since its pidfd was opened, or is hidden");
    const SysResult<void> exists = os.Kill(pid, 0);
    if (!exists.ok() && exists.error() == ESRCH) return none;
    return absl::FailedPreconditionError(
        absl::StrCat("/proc does not show process ", pid, ": it cannot be told who that is"));
  }
  if (error != 0) return StatusFromErrno(error, absl::StrCat("read(\"/proc/", pid, "/stat\")"));
  if (IsDead(stat)) return none;
  const SysResult<int64_t> boot_time = ReadBootTime(os);
  if (!boot_time.ok()) return StatusFromErrno(boot_time.error(), "clock_gettime()");
  handle.start_ticks_ = stat.start_ticks;
  handle.start_time_ =
      boot_time.value() + static_cast<int64_t>(stat.start_ticks) * kNanosecondsPerTick;
  return handle;
}

absl::Status ProcessHandle::Signal(int signal) {
  SysResult<void> sent;
  if (fd_.valid()) sent = os_->PidFdSendSignal(fd_.get(), signal);
  // A filter may know pidfd_open(2) but not pidfd_send_signal(2), and answer either way; EPERM may
  // as well be kill(2)'s own, which then says so again.
  if (!fd_.valid() || sent.error() == ENOSYS || sent.error() == EPERM) {
    CLEANFORK_PROBE("a process is signalled by its pid");
    absl::StatusOr<bool> ended = HasEnded();
    if (!ended.ok()) return ended.status();
    sent = *ended ? SysResult<void>(SysError(ESRCH)) : os_->Kill(pid_, signal);
  }
  if (sent.ok()) return absl::OkStatus();
  const std::string what = absl::StrCat("kill(", pid_, ", ", signal, ")");
  // ESRCH has no code of its own in absl::ErrnoToStatusCode that says as much.
  if (sent.error() == ESRCH) return absl::NotFoundError(absl::StrCat(what, ": it has ended"));
  return StatusFromErrno(sent.error(), what);
}

absl::StatusOr<bool> ProcessHandle::HasEnded() {
  if (fd_.valid()) {
    struct pollfd look = {fd_.get(), POLLIN, 0};
    const SysResult<size_t> ready = RetryOnEintr([&] { return os_->Poll(&look, 1, 0); });
    if (!ready.ok()) return StatusFromErrno(ready.error(), "poll(pidfd)");
    return ready.value() > 0;
  }
  CLEANFORK_PROBE("the end of a process is looked for in /proc");
  const SysResult<void> exists = os_->Kill(pid_, 0);
  if (!exists.ok() && exists.error() == ESRCH) return true;
  ProcessStat stat;
  const int error = ReadProcessStat(*os_, pid_, &stat);
  if (MeansNoProcess(error)) return true;
  if (error != 0) return StatusFromErrno(error, absl::StrCat("read(\"/proc/", pid_, "/stat\")"));
  return IsDead(stat) || stat.start_ticks != start_ticks_;
}

absl::StatusOr<bool> ProcessHandle::WaitUntil(int64_t deadline) {
  return WaitForEnd(*os_, fd_.valid() ? fd_.get() : -1, deadline, [this] { return HasEnded(); });
}

}  // namespace cleanfork
