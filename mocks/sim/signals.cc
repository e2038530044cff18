#include "mocks/sim/signals.h"

#include <fcntl.h>
#include <signal.h>

#include <cerrno>
#include <climits>
#include <string>

#include "mocks/sim/calls.h"
#include "mocks/sim/processes.h"
#include "mocks/sim/refuse.h"

namespace cleanfork::sim {
namespace {

constexpr uint64_t kNeverBlocked = SignalBit(SIGKILL) | SignalBit(SIGSTOP);
constexpr uint64_t kOfFaults = SignalBit(SIGSEGV) | SignalBit(SIGBUS) | SignalBit(SIGILL) |
                               SignalBit(SIGTRAP) | SignalBit(SIGFPE) | SignalBit(SIGSYS);
constexpr uint64_t kStops =
    SignalBit(SIGSTOP) | SignalBit(SIGTSTP) | SignalBit(SIGTTIN) | SignalBit(SIGTTOU);
constexpr int kFirstRealTime = 32;
constexpr int kKnownFlags =
    SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_RESTART | SA_NODEFER | SA_ONSTACK;

bool IsValid(int signal) { return signal >= 1 && signal <= SignalSet::kMaxSignal; }

bool IsIgnoredByDefault(int signal) {
  return signal == SIGCHLD || signal == SIGURG || signal == SIGWINCH || signal == SIGCONT;
}

bool IsIgnored(const Process& process, int signal) {
  const int ordinal = process.signals.actions[signal].ordinal;
  if (ordinal == kIgnoreAction) return true;
  return ordinal == kDefaultAction && IsIgnoredByDefault(signal);
}

// Whether its default action is to end the process.
bool Ends(int signal) { return (kStops & SignalBit(signal)) == 0 && !IsIgnoredByDefault(signal); }

// Tells the parent that a child of it was stopped or continued, unless it does not want to know.
void TellParent(Kernel* kernel, int slot, int code, int status) {
  const Process& process = kernel->processes[slot];
  if (process.parent == kNone) return;
  const Action& action = kernel->processes[process.parent].signals.actions[SIGCHLD];
  if (action.ordinal == kIgnoreAction || (action.flags & SA_NOCLDSTOP) != 0) return;
  PostSignal(kernel, process.parent, SIGCHLD,
             {code, process.pid, process.credentials.user.real, status});
}

void Continue(Kernel* kernel, int slot) {
  Process& process = kernel->processes[slot];
  if (process.stopped == 0) return;
  process.stopped = process.stop_report = 0;
  process.continue_report = 1;
  TellParent(kernel, slot, CLD_CONTINUED, SIGCONT);
}

}  // namespace

Sender SenderOf(const Process& process) {
  return {SI_USER, process.pid, process.credentials.user.real, 0};
}

bool MaySignal(const Process& sender, const Process& target, int signal) {
  const Ids& from = sender.credentials.user;
  const Ids& to = target.credentials.user;
  if (from.effective == to.saved || from.effective == to.real) return true;
  if (from.real == to.saved || from.real == to.real) return true;
  if (sender.credentials.Has(kCapKill)) return true;
  return signal == SIGCONT && sender.session == target.session;
}

void PostSignal(Kernel* kernel, int slot, int signal, const Sender& sender) {
  Process& process = kernel->processes[slot];
  if (process.state != ProcessState::kRunning) return;  // it is on its way out
  const uint64_t bit = SignalBit(signal);
  if ((kStops & bit) != 0) process.signals.pending &= ~SignalBit(SIGCONT);
  if (signal == SIGCONT) {  // also where it is blocked or ignored
    process.signals.pending &= ~kStops;
    Continue(kernel, slot);
  }
  // A blocked signal stays pending even where it is ignored: it may be waited for.
  const bool ignored = IsIgnored(process, signal);
  if (ignored && (process.signals.mask & bit) == 0) return;
  if (signal != SIGCHLD || !ignored) kernel->signalled |= uint32_t{1} << slot;
  if ((process.signals.pending & bit) != 0) {
    if (signal >= kFirstRealTime) {
      Refuse("a second real-time signal " + std::to_string(signal) + " in the queue");
    }
    return;
  }
  process.signals.pending |= bit;
  process.signals.senders[signal] = sender;
}

void StopProcess(Kernel* kernel, int slot, int signal) {
  Process& process = kernel->processes[slot];
  process.stopped = process.stop_report = signal;
  process.continue_report = 0;
  TellParent(kernel, slot, CLD_STOPPED, signal);
}

bool HasSignal(const Process& process) {
  return ((process.signals.pending | process.signals.own_pending) & ~process.signals.mask) != 0;
}

bool IsBeingKilled(const Process& process) {
  return (process.signals.pending & SignalBit(SIGKILL)) != 0;
}

int TakeSignal(Process* process, uint64_t from, Sender* sender) {
  const uint64_t own = process->signals.own_pending & from;
  const bool to_thread = own != 0 && !IsBeingKilled(*process);  // those come first
  const uint64_t pending = to_thread ? own : process->signals.pending & from;
  if (pending == 0) return 0;
  // SIGKILL goes before all others, and what a fault raises before the rest.
  const uint64_t urgent = pending & SignalBit(SIGKILL);
  const uint64_t faults = pending & kOfFaults;
  const uint64_t first = urgent != 0 ? urgent : faults != 0 ? faults : pending;
  const int signal = __builtin_ctzll(first) + 1;
  if (to_thread) {
    process->signals.own_pending &= ~SignalBit(signal);
    *sender = SenderOf(*process);
    return signal;
  }
  process->signals.pending &= ~SignalBit(signal);
  *sender = process->signals.senders[signal];
  process->signals.senders[signal] = Sender();
  return signal;
}

uint64_t TakenByWaiting(const Process& process, SignalSet set) {
  uint64_t taken = set.bits() & ~kNeverBlocked;
  for (int signal = 1; signal <= SignalSet::kMaxSignal; ++signal) {
    const bool by_default = process.signals.actions[signal].ordinal == kDefaultAction;
    const bool blocked = (process.signals.mask & SignalBit(signal)) != 0;
    if (by_default && !blocked && Ends(signal)) taken &= ~SignalBit(signal);
  }
  return taken;
}

void ResetHandlers(Signals* signals) {
  for (Action& action : signals->actions) {
    const int kept = action.ordinal == kIgnoreAction ? kIgnoreAction : kDefaultAction;
    action = {kept, 0, 0};
  }
}

DefaultAction DefaultActionOf(const Kernel& kernel, const Process& process, int signal) {
  if (Ends(signal)) return DefaultAction::kTerminate;
  if (IsIgnoredByDefault(signal)) return DefaultAction::kIgnore;
  const bool of_terminals = signal != SIGSTOP;
  return of_terminals && IsInOrphanedGroup(kernel, process) ? DefaultAction::kIgnore
                                                            : DefaultAction::kStop;
}

// The calls of Os ------------------------------------------------------------------------------

void Calls::PostSignalToSelf(int signal) {
  Signals& signals = self().signals;
  const uint64_t bit = SignalBit(signal);
  if (IsIgnored(self(), signal) && (signals.mask & bit) == 0) return;
  signals.own_pending |= bit;
}

SysResult<void> Calls::Kill(pid_t pid, int signal) {
  if (pid == kInitPid) Refuse("kill of init");
  if (pid == -1) Refuse("kill of all processes");
  if (pid == INT_MIN) return SysError(ESRCH);
  const pid_t group = pid == 0 ? self().group : -pid;
  bool found = false;
  bool sent = false;
  for (int target = 0; target < kernel_.processes.used; ++target) {
    const Process& process = kernel_.processes[target];
    if (!IsLive(process)) continue;
    if (pid > 0 ? process.pid != pid : process.group != group) continue;
    found = true;
    if (signal != 0 && !IsValid(signal)) return SysError(EINVAL);
    if (!MaySignal(self(), process, signal)) continue;
    sent = true;
    if (signal != 0) PostSignal(&kernel_, target, signal, SenderOf(self()));
  }
  if (!found) return SysError(ESRCH);
  if (!sent) return SysError(EPERM);
  return {};
}

SysResult<void> Calls::PidFdSendSignal(int fd, int signal) {
  const Description* description = Find(fd);
  if (description == nullptr || description->kind != DescriptionKind::kPidFd) {
    return SysError(EBADF);
  }
  const int target = FindProcess(kernel_, description->object);
  if (target == kNone) return SysError(ESRCH);
  if (signal != 0 && !IsValid(signal)) return SysError(EINVAL);
  const Process& process = kernel_.processes[target];
  if (!MaySignal(self(), process, signal)) return SysError(EPERM);
  if (signal == 0) return {};
  PostSignal(&kernel_, target, signal, SenderOf(self()));
  return {};
}

SysResult<SignalSet> Calls::SigProcMask(int how, const SignalSet* set) {
  Signals& signals = self().signals;
  const SignalSet old = SignalSet::FromBits(signals.mask);
  if (set == nullptr) return old;
  // The C library takes its own two signals out.
  uint64_t bits = set->bits();
  if (how != SIG_UNBLOCK) bits &= ~(SignalBit(32) | SignalBit(33));
  switch (how) {
    case SIG_BLOCK: signals.mask |= bits; break;
    case SIG_UNBLOCK: signals.mask &= ~bits; break;
    case SIG_SETMASK: signals.mask = bits; break;
    default: return SysError(EINVAL);
  }
  signals.mask &= ~kNeverBlocked;
  return old;
}

SysResult<SignalAction> Calls::SigAction(int signal, const SignalAction* action) {
  if (!IsValid(signal) || signal == 32 || signal == 33) return SysError(EINVAL);
  const bool fixed = signal == SIGKILL || signal == SIGSTOP;
  if (fixed && action != nullptr) return SysError(EINVAL);
  sim::Action& own = self().signals.actions[signal];
  SignalAction old = runner_.ActionOf(own.ordinal);
  old.flags = own.flags & ~SA_SIGINFO;
  old.mask = SignalSet::FromBits(own.mask);
  if (action == nullptr) return old;
  const int unknown = action->flags & ~(kKnownFlags | static_cast<int>(SA_RESETHAND));
  if (unknown != 0) Refuse("flag " + std::to_string(unknown) + " of sigaction");
  own.ordinal = runner_.OrdinalOf(*action);
  own.flags = action->flags;
  own.mask = action->mask.bits() & ~kNeverBlocked;
  // What is ignored now is no longer pending: POSIX, "Signal Actions".
  if (IsIgnored(self(), signal)) {
    self().signals.pending &= ~SignalBit(signal);
    self().signals.own_pending &= ~SignalBit(signal);
  }
  return old;
}

SysResult<SignalInfo> Calls::SigTimedWait(SignalSet set, int64_t nanoseconds) {
  const int64_t deadline = Deadline(nanoseconds);
  Process& process = self();
  const uint64_t taken = TakenByWaiting(process, set);
  for (;;) {
    Sender sender;
    const int signal = TakeSignal(&process, taken, &sender);
    if (signal != 0) return SignalInfo{signal, sender.code, sender.pid};
    const Wake wake = Wait("none of the signals is pending", deadline, [&] {
      return ((process.signals.pending | process.signals.own_pending) & taken) != 0;
    });
    if (wake == Wake::kSignal) return SysError(EINTR);
    if (wake == Wake::kTimeout) return SysError(EAGAIN);
  }
}

}  // namespace cleanfork::sim
