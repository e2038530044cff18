// Sending signals: kill(2), pidfd_send_signal(2); what they do: signal(7).
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <climits>

#include "cleanfork/os.h"
#include "tests/conformance/children.h"
#include "tests/conformance/conformance_case.h"
#include "tests/conformance/handler_notes.h"
#include "tests/conformance/kernel_under_test.h"

namespace cleanfork {
namespace {

void NoteEnd(Os& os, Notes& notes, pid_t child) { notes.Add(os.WaitPid(child, 0).value().status); }

// What the default action of the signal does to a process: "ends it", "stops it", "nothing".
ConformanceCase Default(const char* name, int signal, const char* expected) {
  const auto body = [signal](Os& os, Notes& notes) {
    os.SetRLimit(RLIMIT_CORE, {1, 1}).IgnoreError();  // core(5): 0 does not bind a pipe
    const pid_t child = os.Fork().value();
    if (child == 0) {
      os.Kill(os.GetPid(), signal).IgnoreError();
      os.Exit(99);
    }
    const int status = os.WaitPid(child, WUNTRACED).value().status;
    notes.Add(WIFSTOPPED(status) ? "stops" : WIFSIGNALED(status) ? "ends" : "nothing");
    if (WIFSTOPPED(status)) os.Kill(child, SIGKILL).IgnoreError();
  };
  return {name, body, expected};
}

const ConformanceCase kDefaults[] = {
    Default("OfSigchldIsNothing", SIGCHLD, "nothing"),
    Default("OfSigurgIsNothing", SIGURG, "nothing"),
    Default("OfSigwinchIsNothing", SIGWINCH, "nothing"),
    Default("OfSigcontIsNothing", SIGCONT, "nothing"),
    Default("OfSigstopIsToStop", SIGSTOP, "stops"),
    Default("OfSigkillIsToEnd", SIGKILL, "ends"),
    Default("OfSigquitIsToEnd", SIGQUIT, "ends"),
    Default("OfSigtrapIsToEnd", SIGTRAP, "ends"),
    Default("OfSigsysIsToEnd", SIGSYS, "ends"),
    Default("OfSigvtalrmIsToEnd", SIGVTALRM, "ends"),
    Default("OfSigpwrIsToEnd", SIGPWR, "ends"),
    Default("OfSigstkfltIsToEnd", SIGSTKFLT, "ends"),
    Default("OfSigxcpuIsToEnd", SIGXCPU, "ends"),
};
CLEANFORK_CONFORMANCE(DefaultAction, kDefaults);

const ConformanceCase kKills[] = {
    {"LookForTheProcessBeforeTheSignal",
     [](Os& os, Notes& notes) {
       notes.Add(os.Kill(999999999, 65));
       notes.Add(os.Kill(-999999999, 65));
       notes.Add(os.Kill(os.GetPid(), 65));
       notes.Add(os.Kill(os.GetPid(), -1));
       notes.Add(os.Kill(0, 65));
       notes.Add(os.Kill(-os.GetPid(), 65));
       notes.Add(os.Kill(INT_MIN, 0));
       notes.Add(os.Kill(INT_MIN, 65));
     },
     "ESRCH ESRCH EINVAL EINVAL EINVAL EINVAL ESRCH ESRCH"},
    {"OfAZombieSucceed",
     [](Os& os, Notes& notes) {
       const pid_t child = ForkZombie(os);
       notes.Add(os.Kill(child, 0));
       notes.Add(os.Kill(child, SIGKILL));
       notes.Add(os.Kill(child, 65));
       NoteEnd(os, notes, child);
       notes.Add(os.Kill(child, 0));
     },
     "ok ok EINVAL 0 ESRCH"},
    {"OfOnesGroupReachAll",
     [](Os& os, Notes& notes) {
       const pid_t one = ForkAndStay(os);
       const pid_t two = ForkAndStay(os);
       const pid_t apart = ForkAndStay(os);
       os.SetPgid(apart, apart).IgnoreError();
       ForgetSignals(os);
       ListenTo(os, SIGUSR1);
       notes.Add(os.Kill(0, SIGUSR1));
       notes.Add(Heard(os));
       NoteEnd(os, notes, one);
       NoteEnd(os, notes, two);
       notes.Add(os.WaitPid(apart, WNOHANG).value().pid);
       notes.Add(os.Kill(-apart, SIGTERM));
       NoteEnd(os, notes, apart);
     },
     "ok 10 10 10 0 ok 15"},
    {"OfNothingTellWhoIsThere",
     [](Os& os, Notes& notes) {
       notes.Add(os.Kill(os.GetPid(), 0));
       notes.Add(os.Kill(0, 0));
       notes.Add(os.Kill(-os.GetPid(), 0));
       const pid_t child = ForkAndStay(os);
       notes.Add(os.Kill(child, 0));
       notes.Add(os.Kill(-child, 0));
       os.Kill(child, SIGKILL).IgnoreError();
     },
     "ok ok ok ok ESRCH"},
    {"AreDeliveredBeforeTheyReturn",
     [](Os& os, Notes& notes) {
       ForgetSignals(os);
       ListenTo(os, SIGUSR1);
       notes.Add(os.Kill(os.GetPid(), SIGUSR1));
       notes.Add(Heard(os));
     },
     "ok 10"},
    {"OfAStoppedProcessWait",
     [](Os& os, Notes& notes) {
       const pid_t child = ForkAndStay(os);
       os.Kill(child, SIGSTOP).IgnoreError();
       os.WaitPid(child, WUNTRACED).IgnoreError();
       notes.Add(os.Kill(child, SIGTERM));
       notes.Add(os.WaitPid(child, WNOHANG).value().pid);
       os.Kill(child, SIGCONT).IgnoreError();
       NoteEnd(os, notes, child);
     },
     "ok 0 15"},
    {"BySigkillEndAStoppedProcess",
     [](Os& os, Notes& notes) {
       const pid_t child = ForkAndStay(os);
       os.Kill(child, SIGSTOP).IgnoreError();
       os.WaitPid(child, WUNTRACED).IgnoreError();
       os.Kill(child, SIGKILL).IgnoreError();
       NoteEnd(os, notes, child);
     },
     "9"},
    {"BySigcontDropStopsThatArePending",
     [](Os& os, Notes& notes) {
       Block(os, SignalSet::Of(SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT));
       for (int signal : {SIGTSTP, SIGTTIN, SIGTTOU}) {
         notes.Add(os.Kill(os.GetPid(), signal));
       }
       notes.Add(os.Kill(os.GetPid(), SIGCONT));
       for (int signal : {SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT}) notes.Add(IsPending(os, signal));
     },
     "ok ok ok ok no no no yes"},
    {"ByAStopDropSigcont",
     [](Os& os, Notes& notes) {
       Block(os, SignalSet::Of(SIGTSTP, SIGCONT));
       notes.Add(os.Kill(os.GetPid(), SIGCONT));
       notes.Add(os.Kill(os.GetPid(), SIGTSTP));
       notes.Add(IsPending(os, SIGCONT));
       notes.Add(IsPending(os, SIGTSTP));
     },
     "ok ok no yes"},
    {"OfAHandledSigcontRunItsHandler",
     [](Os& os, Notes& notes) {
       const PipeEnds ends = os.Pipe().value();
       const pid_t child = os.Fork().value();
       if (child == 0) {
         ForgetSignals(os);
         ListenTo(os, SIGCONT);
         os.Write(ends.write_end, "x", 1).IgnoreError();
         while (Heard(os) == 0) os.Poll(nullptr, 0, 1'000'000).IgnoreError();
         os.Exit(Heard(os));
       }
       char byte = 0;
       os.Read(ends.read_end, &byte, 1).IgnoreError();
       os.Kill(child, SIGSTOP).IgnoreError();
       os.WaitPid(child, WUNTRACED).IgnoreError();
       os.Kill(child, SIGCONT).IgnoreError();
       notes.Add(WEXITSTATUS(os.WaitPid(child, 0).value().status));
     },
     "18"},
    {"OfTheSameSignalAreOne",
     [](Os& os, Notes& notes) {
       Block(os, SignalSet::Of(SIGUSR1));
       notes.Add(os.Kill(os.GetPid(), SIGUSR1));
       notes.Add(os.Kill(os.GetPid(), SIGUSR1));
       notes.Add(IsPending(os, SIGUSR1));
       notes.Add(IsPending(os, SIGUSR1));
     },
     "ok ok yes no"},
    {"OfARealTimeSignalAreQueued",
     [](Os& os, Notes& notes) {
       Block(os, SignalSet::Of(34));
       notes.Add(os.Kill(os.GetPid(), 34));
       notes.Add(os.Kill(os.GetPid(), 34));
       for (int i = 0; i < 3; ++i) notes.Add(IsPending(os, 34));
     },
     "ok ok yes yes no",
     NotOnSimulated("a second queued real-time signal is refused: docs/sim_os.md")},
    {"OfBlockedAndIgnoredSignalsStay",
     [](Os& os, Notes& notes) {
       Ignore(os, SIGUSR1);
       notes.Add(os.Kill(os.GetPid(), SIGUSR1));
       notes.Add(IsPending(os, SIGUSR1));  // blocks it
       notes.Add(os.Kill(os.GetPid(), SIGUSR1));
       notes.Add(IsPending(os, SIGUSR1));
     },
     "ok no ok yes"},
};
CLEANFORK_CONFORMANCE(Kill, kKills);

const ConformanceCase kPidFds[] = {
    {"OpenRefuses",
     [](Os& os, Notes& notes) {
       notes.Add(os.PidFdOpen(0, 0));
       notes.Add(os.PidFdOpen(-1, 0));
       notes.Add(os.PidFdOpen(INT_MIN, 0));
       notes.Add(os.PidFdOpen(999999999, 0));
       notes.Add(os.PidFdOpen(0, 1));
       notes.Add(os.PidFdOpen(os.GetPid(), 1));
       notes.Add(os.PidFdOpen(os.GetPid(), O_CLOEXEC));
     },
     "EINVAL EINVAL EINVAL ESRCH EINVAL EINVAL EINVAL"},
    {"AreCloseOnExec",
     [](Os& os, Notes& notes) {
       const int fd = os.PidFdOpen(os.GetPid(), 0).value();
       notes.Add(fd);
       notes.Add(os.FcntlGetFd(fd));
       const int copy = os.Dup(fd).value();
       notes.Add(os.FcntlGetFd(copy));
       notes.Add(os.PidFdSendSignal(copy, 0));
     },
     "3 1 0 ok"},
    {"OfAZombieAreSignalled",
     [](Os& os, Notes& notes) {
       const pid_t child = ForkZombie(os);
       const int fd = os.PidFdOpen(child, 0).value();
       notes.Add(os.PidFdSendSignal(fd, 0));
       notes.Add(os.PidFdSendSignal(fd, SIGTERM));
       NoteEnd(os, notes, child);
       notes.Add(os.PidFdSendSignal(fd, 0));
       notes.Add(os.PidFdSendSignal(fd, 65));
       notes.Add(os.PidFdOpen(child, 0));
     },
     "ok ok 0 ESRCH ESRCH ESRCH"},
    {"ThatAreNoneAreRefused",
     [](Os& os, Notes& notes) {
       const PipeEnds ends = os.Pipe().value();
       notes.Add(os.PidFdSendSignal(0, 65));
       notes.Add(os.PidFdSendSignal(ends.read_end, 0));
       notes.Add(os.PidFdSendSignal(-1, 0));
       notes.Add(os.PidFdSendSignal(77, 65));
     },
     "EBADF EBADF EBADF EBADF"},
    {"SignalOneself",
     [](Os& os, Notes& notes) {
       ForgetSignals(os);
       ListenTo(os, SIGUSR2);
       const int fd = os.PidFdOpen(os.GetPid(), 0).value();
       notes.Add(os.PidFdSendSignal(fd, SIGUSR2));
       notes.Add(Heard(os));
       notes.Add(os.PidFdSendSignal(fd, -1));
       notes.Add(os.PidFdSendSignal(fd, 64));
       notes.Add("not reached");
     },
     "signal 64"},
    {"CannotBeReadOrWritten",
     [](Os& os, Notes& notes) {
       const int fd = os.PidFdOpen(os.GetPid(), 0).value();
       char byte = 0;
       notes.Add(os.Read(fd, &byte, 1));
       notes.Add(os.Write(fd, &byte, 1));
       notes.Add(os.PRead(fd, &byte, 1, -1));
       notes.Add(os.IsATty(fd));
       notes.Add(os.GetDents(fd, &byte, 1));
     },
     "EINVAL EINVAL EINVAL ENOTTY ENOTDIR"},
    {"MeanTheirProcessInAChildToo",
     [](Os& os, Notes& notes) {
       ForgetSignals(os);
       ListenTo(os, SIGUSR1, SA_RESTART);
       const int fd = os.PidFdOpen(os.GetPid(), 0).value();
       if (os.Fork().value() == 0) os.Exit(os.PidFdSendSignal(fd, SIGUSR1).ok() ? 0 : 1);
       notes.Add(WEXITSTATUS(os.WaitPid(-1, 0).value().status));
       notes.Add(Heard(os));
     },
     "0 10"},
};
CLEANFORK_CONFORMANCE(PidFds, kPidFds);

}  // namespace
}  // namespace cleanfork
