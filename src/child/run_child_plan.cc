#include "src/child/run_child_plan.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <ctime>

#include "cleanfork/child_report.h"
#include "cleanfork/fd_io.h"
#include "cleanfork/probe.h"
#include "src/child/await_child.h"
#include "src/child/close_descriptors.h"
#include "src/child/move_up.h"

namespace cleanfork {
namespace {

// dup2(2) may find the target taken by an open(2) of another thread in the very moment (EBUSY);
// in a process without other threads that passes at once or never.
constexpr int kBusyAttempts = 8;

// What a failed step says of itself; error 0 where no call failed but the result is not as asked.
struct StepOutcome {
  bool ok = true;
  int error = 0;
};

constexpr StepOutcome kStepOk = {};
constexpr StepOutcome StepFailed(int error) { return {false, error}; }

template <typename T>
StepOutcome Outcome(const SysResult<T>& result) {
  return result.ok() ? kStepOk : StepFailed(result.error());
}

// A child at work on its plan.
struct Running {
  Os& os;
  const FrozenPlan& plan;

  // After the second fork: the pipe by whose end the first child learns that the second has exec'd
  // or died. A byte on it says that the second has reported that it started. It is made by the
  // first child, not in the parent, whose copy of the write end would keep it open: a parent waits
  // in its VforkCall() for as long as the first child lives.
  PipeEnds second;

  int termination_signal = SIGCHLD;  // of a VforkCall(); the one that the parent could have
};

[[noreturn]] void ReportAndExit(Running& running, Step step, int error) {
  CLEANFORK_PROBE("a child reports a failure");
  Os& os = running.os;
  const ChildReport report = ChildReport::Failed(step, error, os.GetPid());
  // Who cannot tell it can only leave: the parent then sees the end of the pipe and this status.
  WriteFully(os, running.plan.report_write, &report, sizeof(report)).IgnoreError();
  os.Exit(kChildFailedStatus);
  __builtin_unreachable();  // g++ does not see that a virtual function never returns
}

StepOutcome ResetSignals(Os& os) {
  for (int signal = 1; signal <= SignalSet::kMaxSignal; ++signal) {
    if (signal == SIGKILL || signal == SIGSTOP) continue;
    SysResult<SignalAction> action = os.SigAction(signal, nullptr);
    // The C library keeps some real-time signals to itself and says EINVAL.
    if (!action.ok() && action.error() == EINVAL && signal > SIGSYS) {
      CLEANFORK_PROBE("a signal of the C library is left alone");
      continue;
    }
    if (!action.ok()) return StepFailed(action.error());
    // SA_NOCLDWAIT on SIGCHLD has the kernel discard ended children, with the default action too.
    const bool is_default = action.value().handler == SIG_DFL &&
                            action.value().info_handler == nullptr &&
                            (action.value().flags & SA_NOCLDWAIT) == 0;
    if (is_default) continue;
    const SignalAction reset;
    SysResult<SignalAction> done = os.SigAction(signal, &reset);
    if (!done.ok()) return StepFailed(done.error());
  }
  return kStepOk;
}

StepOutcome SetLimits(Os& os, const PlannedStep& step) {
  for (size_t i = 0; i < step.limit_count; ++i) {
    SysResult<void> set = os.SetRLimit(step.limits[i].resource, step.limits[i].limit);
    if (!set.ok()) return StepFailed(set.error());
  }
  return kStepOk;
}

// In the child of a VforkCall() this is its own score, although the memory is shared: the kernel
// looks at who waits for it.
StepOutcome WriteOomScore(Os& os, const PlannedStep& step) {
  SysResult<int> fd =
      RetryOnEintr([&] { return os.Open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC, 0); });
  if (!fd.ok()) return StepFailed(fd.error());
  SysResult<size_t> written =
      RetryOnEintr([&] { return os.Write(fd.value(), step.text, step.text_size); });
  os.Close(fd.value()).IgnoreError();
  if (!written.ok()) return StepFailed(written.error());
  // A number that was cut short is another one.
  return written.value() == step.text_size ? kStepOk : StepFailed(EIO);
}

bool IsSameFile(const FileStatus& a, const FileStatus& b) {
  return a.device == b.device && a.inode == b.inode;
}

// chroot(2) leaves the working directory outside, from where ".." leads anywhere. A jail that is
// claimed and not there is believed by nobody: "/" and "." have to be the directory.
StepOutcome ChangeRoot(Os& os, const PlannedStep& step) {
  const SysResult<FileStatus> wanted = os.Stat(step.text);
  if (!wanted.ok()) return StepFailed(wanted.error());
  const SysResult<void> changed = os.ChRoot(step.path);
  if (!changed.ok()) return StepFailed(changed.error());
  const SysResult<void> entered = os.ChDir("/");
  if (!entered.ok()) return StepFailed(entered.error());
  const SysResult<FileStatus> root = os.Stat("/");
  if (!root.ok()) return StepFailed(root.error());
  const SysResult<FileStatus> here = os.Stat(".");
  if (!here.ok()) return StepFailed(here.error());
  const bool inside =
      IsSameFile(root.value(), wanted.value()) && IsSameFile(here.value(), wanted.value());
  return inside ? kStepOk : StepFailed(0);
}

StepOutcome InstallDescriptor(Os& os, int source, int target) {
  for (int attempt = 1;; ++attempt) {
    SysResult<int> installed = RetryOnEintr([&] { return os.Dup2(source, target); });
    if (installed.ok() || installed.error() != EBUSY || attempt == kBusyAttempts) {
      return Outcome(installed);
    }
    CLEANFORK_PROBE("a descriptor is busy and is installed again");
  }
}

// Writes the pid in digits so that it ends before `end`. Returns where it begins, at most
// kPidTextSize - 1 bytes before.
char* FormatPid(pid_t pid, char* end) {
  unsigned rest = static_cast<unsigned>(pid);
  do {
    *--end = static_cast<char>('0' + rest % 10);
    rest /= 10;
  } while (rest > 0);
  return end;
}

// Into the environment that was laid out before the fork. Where the memory is the caller's, nobody
// else reads it: its thread waits, and each attempt to fork writes it anew.
void WriteListenPid(Os& os, char* to) {
  if (to == nullptr) return;
  char text[kPidTextSize];
  char* const end = text + sizeof(text) - 1;
  *end = '\0';
  for (const char* from = FormatPid(os.GetPid(), end); from <= end;) *to++ = *from++;
}

StepOutcome WritePidFile(Os& os, int fd) {
  char text[kPidTextSize];
  char* const end = text + sizeof(text);
  end[-1] = '\n';
  const char* start = FormatPid(os.GetPid(), end - 1);
  const size_t size = static_cast<size_t>(end - start);
  SysResult<void> emptied = RetryOnEintr([&] { return os.FTruncate(fd, 0); });
  if (!emptied.ok()) return StepFailed(emptied.error());
  SysResult<size_t> written = RetryOnEintr([&] { return os.PWrite(fd, start, size, 0); });
  if (!written.ok()) return StepFailed(written.error());
  if (written.value() == size) return kStepOk;
  CLEANFORK_PROBE("a pid is cut short");
  return StepFailed(ENOSPC);  // it is another process's pid
}

// getrandom(2) gives up to 256 bytes at once or none, once the pool is ready.
StepOutcome FillRandom(Os& os, unsigned char* bytes, size_t size) {
  SysResult<size_t> got = RetryOnEintr([&] { return os.GetRandom(bytes, size, 0); });
  if (!got.ok()) return StepFailed(got.error());
  return got.value() == size ? kStepOk : StepFailed(EIO);
}

StepOutcome VerifyGroups(Os& os, const PlannedStep& step) {
  SysResult<size_t> count = os.GetGroups(step.scratch, step.group_count + 1);
  // EINVAL: more groups than there is room for, so more than were asked for.
  if (!count.ok()) return StepFailed(count.error() == EINVAL ? 0 : count.error());
  if (count.value() != step.group_count) return StepFailed(0);
  for (size_t i = 0; i < step.group_count; ++i) {
    bool found = false;  // the kernel sorts them, but does not say so
    for (size_t j = 0; j < step.group_count; ++j) found |= step.scratch[j] == step.groups[i];
    if (!found) return StepFailed(0);
  }
  return kStepOk;
}

// A call of setfsuid(2) with an id that nobody has changes nothing and returns the one that is.
StepOutcome VerifyGid(Os& os, gid_t wanted) {
  SysResult<ResGid> ids = os.GetResGid();
  if (!ids.ok()) return StepFailed(ids.error());
  const ResGid& gid = ids.value();
  const bool right = gid.real == wanted && gid.effective == wanted && gid.saved == wanted;
  return right && os.SetFsGid(static_cast<gid_t>(-1)) == wanted ? kStepOk : StepFailed(0);
}

StepOutcome VerifyUid(Os& os, uid_t wanted) {
  SysResult<ResUid> ids = os.GetResUid();
  if (!ids.ok()) return StepFailed(ids.error());
  const ResUid& uid = ids.value();
  const bool right = uid.real == wanted && uid.effective == wanted && uid.saved == wanted;
  return right && os.SetFsUid(static_cast<uid_t>(-1)) == wanted ? kStepOk : StepFailed(0);
}

// By capget(2) and not from /proc/self/status: there need be no /proc in a chroot.
StepOutcome VerifyNoCapabilities(Os& os) {
  SysResult<CapabilitySets> sets = os.CapGet();
  if (!sets.ok()) return StepFailed(sets.error());
  return sets.value().effective == 0 && sets.value().permitted == 0 ? kStepOk : StepFailed(0);
}

StepOutcome VerifyIdentity(Os& os, const PlannedStep& step) {
  StepOutcome outcome;
  if (step.check_groups) outcome = VerifyGroups(os, step);
  if (outcome.ok && step.check_gid) outcome = VerifyGid(os, step.gid);
  if (outcome.ok && step.check_uid) outcome = VerifyUid(os, step.uid);
  if (outcome.ok && step.check_capabilities) outcome = VerifyNoCapabilities(os);
  return outcome;
}

// Setuid Demystified (USENIX Security 2002): the one test that cannot be fooled is to try.
StepOutcome MustNotRegain(Os& os, const PlannedStep& step) {
  constexpr uid_t kUnchangedUid = static_cast<uid_t>(-1);
  constexpr gid_t kUnchangedGid = static_cast<gid_t>(-1);
  if (step.check_uid && os.SetResUid(kUnchangedUid, step.old_uid, kUnchangedUid).ok()) {
    return StepFailed(0);
  }
  if (step.check_gid && os.SetResGid(kUnchangedGid, step.old_gid, kUnchangedGid).ok()) {
    return StepFailed(0);
  }
  return kStepOk;
}

StepOutcome SetParentDeathSignal(Os& os, const PlannedStep& step) {
  SysResult<void> set = os.PrctlSetPdeathsig(step.signal);
  if (!set.ok()) return StepFailed(set.error());
  // A parent that ended before this was set sends nothing any more: prctl(2).
  return os.GetPpid() == step.parent ? kStepOk : StepFailed(ESRCH);
}

StepOutcome InstallHandlers(Os& os, const PlannedStep& step) {
  for (size_t i = 0; i < step.handler_count; ++i) {
    const PlannedHandler& handler = step.handlers[i];
    SysResult<SignalAction> installed = os.SigAction(handler.signal, &handler.action);
    if (!installed.ok()) return StepFailed(installed.error());
  }
  return kStepOk;
}

StepOutcome SetIds(Os& os, const PlannedStep& step) {
  if (step.step == Step::kSetGid) return Outcome(os.SetResGid(step.gid, step.gid, step.gid));
  return Outcome(os.SetResUid(step.uid, step.uid, step.uid));
}

// Every step but the second fork and the exec, which change who goes on.
StepOutcome RunStep(Running& running, const PlannedStep& step) {
  Os& os = running.os;
  switch (step.step) {
    case Step::kResetSignals: return ResetSignals(os);
    case Step::kSetSid: return Outcome(os.SetSid());
    case Step::kLimits: return SetLimits(os, step);
    case Step::kNice: return Outcome(os.SetPriority(PRIO_PROCESS, 0, step.nice));
    case Step::kOomScore: return WriteOomScore(os, step);
    case Step::kChRoot: return ChangeRoot(os, step);
    case Step::kUmask: os.Umask(step.mode); return kStepOk;
    case Step::kStdin: return InstallDescriptor(os, step.fd, 0);
    case Step::kStdout: return InstallDescriptor(os, step.fd, 1);
    case Step::kStderr: return InstallDescriptor(os, step.fd, 2);
    case Step::kCloseDescriptors:
      return Outcome(CloseDescriptors(os, step.kept, step.kept_count, running.second));
    case Step::kMoveDescriptor: return InstallDescriptor(os, step.fd, step.target);
    case Step::kKeepDescriptor: return Outcome(os.FcntlSetFd(step.fd, 0));
    case Step::kWritePidFile: return WritePidFile(os, step.fd);
    case Step::kSetGroups: return Outcome(os.SetGroups(step.groups, step.group_count));
    case Step::kSetGid:
    case Step::kSetUid: return SetIds(os, step);
    case Step::kVerifyIdentity: return VerifyIdentity(os, step);
    case Step::kRegain: return MustNotRegain(os, step);
    case Step::kNoNewPrivs: return Outcome(os.PrctlSetNoNewPrivs());
    case Step::kParentDeathSignal: return SetParentDeathSignal(os, step);
    case Step::kChDir: return Outcome(os.ChDir(step.path));
    case Step::kSignalHandlers: return InstallHandlers(os, step);
    case Step::kSignalMask: return Outcome(os.SigProcMask(SIG_SETMASK, &step.mask));
    case Step::kReseed: return FillRandom(os, step.random, step.random_size);
    default: return StepFailed(ENOSYS);  // the plan holds a step that is not the child's
  }
}

// Runs the steps in [from, to); a failure does not come back.
void RunSteps(Running& running, size_t from, size_t to) {
  for (size_t i = from; i < to; ++i) {
    const PlannedStep& step = running.plan.steps[i];
    const StepOutcome outcome = RunStep(running, step);
    if (!outcome.ok) ReportAndExit(running, step.step, outcome.error);
  }
}

size_t FindSecondFork(const FrozenPlan& plan) {
  size_t i = 0;
  while (i < plan.step_count && plan.steps[i].step != Step::kSecondFork) ++i;
  return i;
}

bool Sleep(Os& os, int64_t nanoseconds) {
  SysResult<int64_t> now = os.ClockGetTime(CLOCK_MONOTONIC);
  return now.ok() && SleepUntil(os, Later(now.value(), nanoseconds)).ok();
}

// Why the file at `path` cannot be executed; does not return if it can. ETXTBSY may pass: another
// thread has written the file and closed it, but a child that a third one was just forking has a
// copy of the descriptor until it execs itself.
int Exec(Running& running, const char* path) {
  const FrozenPlan& plan = running.plan;
  for (size_t i = 0;; ++i) {
    const SysResult<void> failed = running.os.ExecVe(path, plan.argv, plan.envp);
    const int why = failed.ok() ? ENOSYS : failed.error();  // a double may claim success
    if (why != ETXTBSY || i == plan.busy_delay_count) return why;
    CLEANFORK_PROBE("a program is open for writing and is tried again");
    if (!Sleep(running.os, plan.busy_delays[i])) return why;
  }
}

// The rest of a program's start: what is left of the plan, and the exec.
[[noreturn]] void FinishAndExec(Running& running, size_t from) {
  const FrozenPlan& plan = running.plan;
  RunSteps(running, from, plan.step_count);
  WriteListenPid(running.os, plan.listen_pid);
  // The error of a search is that of execvp(3): a file that is there but may not be executed
  // counts for more than one that is not there.
  int error = ENOENT;
  *plan.exec_reached = 1;
  for (size_t i = 0; i < plan.exec_path_count; ++i) {
    const int why = Exec(running, plan.exec_paths[i]);
    const bool absent = why == ENOENT || why == ENOTDIR || why == ENAMETOOLONG;
    if (!absent || plan.exec_path_count == 1) error = why;
    if (!absent && why != EACCES) break;
    if (i + 1 < plan.exec_path_count) CLEANFORK_PROBE("a program is looked for in the next place");
  }
  ReportAndExit(running, Step::kExec, error);
}

// The first child of a daemon that has yet to become ready: stays, as the only process that is told
// how the daemon ended, until that has no more use for it. The end of the pipe alone would not do:
// a process that the daemon has forked may hold the other end.
[[noreturn]] void SuperviseUntilReady(Running& running, pid_t second) {
  Os& os = running.os;
  AwaitedChild awaited;
  awaited.pid = second;
  awaited.pid_fd = os.PidFdOpen(second, 0).value_or(-1);
  awaited.report_read = running.second.read_end;
  ChildReport report = AwaitReport(os, awaited);
  if (report.kind == ChildReport::kStarted) os.Exit(0);
  CLEANFORK_PROBE("the first child tells the end of a daemon that was not ready");
  // Never to be killed for a pipe that cannot be read: it may have told the parent that it is
  // ready.
  if (report.kind != ChildReport::kDied) report = DecideAtEndOfFile(os, awaited);
  WriteFully(os, running.plan.report_write, &report, sizeof(report)).IgnoreError();
  RetryOnEintr([&] { return os.WaitPid(second, __WALL); }).IgnoreError();
  os.Exit(0);
  __builtin_unreachable();
}

// The first child, once the second is there: stays until it knows what became of it, tells the
// parent if the second one could not, and leaves.
[[noreturn]] void Supervise(Running& running, pid_t second) {
  Os& os = running.os;
  os.Close(running.second.write_end).IgnoreError();
  if (running.plan.awaits_ready) SuperviseUntilReady(running, second);
  char byte = 0;
  SysResult<size_t> got =
      RetryOnEintr([&] { return os.Read(running.second.read_end, &byte, sizeof(byte)); });
  if (got.ok() && got.value() == sizeof(byte)) os.Exit(0);
  ChildReport report;
  if (got.ok()) {
    AwaitedChild awaited;
    awaited.pid = second;
    awaited.execs = running.plan.execs();
    awaited.hidden_until_exec = running.termination_signal == 0;
    awaited.exec_reached = running.plan.exec_reached;
    report = DecideAtEndOfFile(os, awaited);
  } else {
    CLEANFORK_PROBE("the first child cannot read of the second and kills it");
    report = ChildReport::Failed(Step::kReport, got.error(), second);
    os.Kill(second, SIGKILL).IgnoreError();  // not reaped yet, so no stranger
  }
  // If the second child has failed it has said so first, and the parent reads no further.
  WriteFully(os, running.plan.report_write, &report, sizeof(report)).IgnoreError();
  if (report.kind != ChildReport::kStarted) {
    CLEANFORK_PROBE("the first child reaps a second that did not start");
    RetryOnEintr([&] { return os.WaitPid(second, __WALL); }).IgnoreError();
  }
  os.Exit(0);
  __builtin_unreachable();
}

void OpenSecondPipe(Running& running) {
  SysResult<PipeEnds> ends = running.os.Pipe2(O_CLOEXEC);
  if (!ends.ok()) ReportAndExit(running, Step::kPipe, ends.error());
  SysResult<int> read_end = MoveUp(running.os, ends.value().read_end, running.plan.first_free);
  if (!read_end.ok()) ReportAndExit(running, Step::kPipe, read_end.error());
  SysResult<int> write_end = MoveUp(running.os, ends.value().write_end, running.plan.first_free);
  if (!write_end.ok()) ReportAndExit(running, Step::kPipe, write_end.error());
  running.second = {read_end.value(), write_end.value()};
}

void BeginSecondChild(Running& running) {
  const ChildReport report = ChildReport::Forked(running.os.GetPid());
  SysResult<void> told = WriteFully(running.os, running.plan.report_write, &report, sizeof(report));
  if (told.ok()) return;
  CLEANFORK_PROBE("a second child finds nobody to start for");
  running.os.Exit(kChildFailedStatus);
}

// Calls fork_once() until it forks, as long as the plan has delays; a failure does not come back.
template <typename ForkOnce>
pid_t ForkSecond(Running& running, ForkOnce fork_once) {
  const FrozenPlan& plan = running.plan;
  for (size_t i = 0;; ++i) {
    SysResult<pid_t> forked = fork_once();
    if (forked.ok()) return forked.value();
    const bool transient = forked.error() == EAGAIN || forked.error() == ENOMEM;
    if (!transient || i == plan.second_fork_delay_count ||
        !Sleep(running.os, plan.second_fork_delays[i])) {
      ReportAndExit(running, Step::kSecondFork, forked.error());
    }
    CLEANFORK_PROBE("the second fork is tried again");
  }
}

int RunSecondProgram(void* argument) {
  Running running = *static_cast<const Running*>(argument);
  BeginSecondChild(running);
  FinishAndExec(running, FindSecondFork(running.plan) + 1);
}

}  // namespace

int SetUpChild(Os& os, const FrozenPlan& plan) {
  Running running = {os, plan, {}};
  os.Close(plan.report_read).IgnoreError();
  const size_t second_fork = FindSecondFork(plan);
  RunSteps(running, 0, second_fork);
  const bool has_second_fork = second_fork < plan.step_count;
  if (has_second_fork) {
    OpenSecondPipe(running);
    const pid_t second = ForkSecond(running, [&os] { return os.Fork(); });
    if (second != 0) Supervise(running, second);
    BeginSecondChild(running);
    RunSteps(running, second_fork + 1, plan.step_count);
  }
  WriteListenPid(os, plan.listen_pid);
  for (size_t i = 0; i < plan.scratch_fd_count; ++i) os.Close(plan.scratch_fds[i]).IgnoreError();
  const ChildReport report = ChildReport::Started(os.GetPid());
  SysResult<void> told = WriteFully(os, plan.report_write, &report, sizeof(report));
  if (!told.ok()) {
    CLEANFORK_PROBE("a child cannot say that it is set up");
    os.Exit(kChildFailedStatus);  // the parent will say that it never started
  }
  if (plan.awaits_ready) {
    if (has_second_fork) os.Close(running.second.read_end).IgnoreError();
    return running.second.write_end;
  }
  os.Close(plan.report_write).IgnoreError();
  if (has_second_fork) {
    const char byte = 1;
    // This process has kept the reading end as well: were the first child the only reader, its
    // death would make this write a SIGPIPE. Should the byte be lost, the first child waits for
    // this one to end; but the parent, who has the report, kills it.
    WriteFully(os, running.second.write_end, &byte, sizeof(byte)).IgnoreError();
    os.Close(running.second.write_end).IgnoreError();
    os.Close(running.second.read_end).IgnoreError();
  }
  return -1;
}

int RunProgram(void* argument) {
  const ProgramStart* start = static_cast<const ProgramStart*>(argument);
  Os& os = *start->os;
  Running running = {os, *start->plan, {}, start->termination_signal};
  os.Close(running.plan.report_read).IgnoreError();
  const size_t second_fork = FindSecondFork(running.plan);
  RunSteps(running, 0, second_fork);
  if (second_fork == running.plan.step_count) FinishAndExec(running, second_fork);
  OpenSecondPipe(running);
  const pid_t second = ForkSecond(running, [&] {
    return os.VforkCall(&RunSecondProgram, &running, running.termination_signal);
  });
  Supervise(running, second);
}

}  // namespace cleanfork
