// Sessions, process groups, orphans: setsid(2), setpgid(2), _exit(2).
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <cerrno>
#include <climits>
#include <ctime>

#include "cleanfork/os.h"
#include "tests/conformance/children.h"
#include "tests/conformance/conformance_case.h"
#include "tests/conformance/handler_notes.h"
#include "tests/conformance/kernel_under_test.h"

namespace cleanfork {
namespace {

int ErrorOf(const SysResult<void>& result) { return result.ok() ? 0 : result.error(); }

const ConformanceCase kGroups[] = {
    {"OfANegativeNumberAreRefusedFirst",
     [](Os& os, Notes& notes) {
       notes.Add(os.SetPgid(999999999, -1));
       notes.Add(os.SetPgid(-1, -1));
       notes.Add(os.SetPgid(-1, 0));
       notes.Add(os.SetPgid(0, INT_MIN));
       notes.Add(os.SetPgid(-1, 5));
     },
     "EINVAL EINVAL EINVAL EINVAL ESRCH"},
    {"OfOthersCannotBeChanged",
     [](Os& os, Notes& notes) {
       notes.Add(os.SetPgid(os.GetPpid(), 0));
       notes.Add(os.SetPgid(1, 1));
       notes.Add(os.SetPgid(999999999, 0));
       const pid_t parent = os.GetPid();
       notes.Add(InChild(os, [&] { return ErrorOf(os.SetPgid(parent, 0)) == ESRCH; }));
     },
     "ESRCH ESRCH ESRCH 1"},
    {"ThatAreNotThereCannotBeJoined",
     [](Os& os, Notes& notes) {
       const pid_t child = ForkAndStay(os);
       notes.Add(os.SetPgid(child, 999999999));
       notes.Add(os.SetPgid(0, child));
       os.Kill(child, SIGKILL).IgnoreError();
     },
     "EPERM EPERM"},
    {"OfAChildAreMadeAndJoined",
     [](Os& os, Notes& notes) {
       const pid_t one = ForkAndStay(os);
       const pid_t two = ForkAndStay(os);
       notes.Add(os.SetPgid(one, 0));
       notes.Add(os.SetPgid(two, one));
       notes.Add(os.Kill(-one, SIGTERM));
       notes.Add(os.WaitPid(-one, 0).value().status);
       notes.Add(os.WaitPid(-one, 0).value().status);
       notes.Add(os.WaitPid(-one, 0));
     },
     "ok ok ok 15 15 ECHILD"},
    {"OfAGrandchildAreNotOnes",
     [](Os& os, Notes& notes) {
       const PipeEnds ends = os.Pipe().value();
       const pid_t child = os.Fork().value();
       if (child == 0) {
         const pid_t grandchild = ForkAndStay(os);
         os.Write(ends.write_end, &grandchild, sizeof(grandchild)).IgnoreError();
         os.WaitPid(grandchild, 0).IgnoreError();
         os.Exit(0);
       }
       pid_t grandchild = 0;
       os.Read(ends.read_end, &grandchild, sizeof(grandchild)).IgnoreError();
       notes.Add(os.SetPgid(grandchild, 0));
       os.Kill(grandchild, SIGKILL).IgnoreError();
       notes.Add(os.WaitPid(child, 0).value().status);
     },
     "ESRCH 0"},
    {"OfAChildInAnotherSessionAreItsOwn",
     [](Os& os, Notes& notes) {
       const PipeEnds ends = os.Pipe().value();
       const pid_t child = os.Fork().value();
       if (child == 0) {
         os.SetSid().IgnoreError();
         os.Write(ends.write_end, "x", 1).IgnoreError();
         Stay(os);
       }
       char byte = 0;
       os.Read(ends.read_end, &byte, 1).IgnoreError();
       notes.Add(os.SetPgid(child, 0));
       notes.Add(os.SetPgid(0, child));
       os.Kill(child, SIGKILL).IgnoreError();
     },
     "EPERM EPERM"},
    {"OfALeaderStayWhenItLeaves",
     [](Os& os, Notes& notes) {
       const pid_t one = ForkAndStay(os);
       const pid_t two = ForkAndStay(os);
       os.SetPgid(one, one).IgnoreError();
       os.SetPgid(two, one).IgnoreError();
       notes.Add(os.SetPgid(one, os.GetPid()));
       notes.Add(os.Kill(-one, SIGTERM));
       notes.Add(os.WaitPid(-one, 0).value().pid == two);
       notes.Add(os.WaitPid(one, WNOHANG).value().pid);
       os.Kill(one, SIGKILL).IgnoreError();
     },
     "ok ok yes 0"},
    {"AreInherited",
     [](Os& os, Notes& notes) {
       const pid_t parent = os.GetPid();
       notes.Add(InChild(os, [&] { return ErrorOf(os.Kill(-parent, 0)); }));
       notes.Add(InChild(os, [&] { return ErrorOf(os.SetPgid(0, parent)); }));
     },
     "0 0"},
    {"OfAZombieCanBeChanged",
     [](Os& os, Notes& notes) {
       const pid_t child = ForkZombie(os);
       notes.Add(os.SetPgid(child, child));
       notes.Add(os.WaitPid(0, WNOHANG));
       notes.Add(os.WaitPid(-child, WNOHANG).value().pid == child);
     },
     "ok ECHILD yes"},
};
CLEANFORK_CONFORMANCE(Groups, kGroups);

const ConformanceCase kSessions[] = {
    {"AreNotMadeByALeaderOfAGroup",
     [](Os& os, Notes& notes) {
       notes.Add(os.SetSid());
       notes.Add(InChild(os, [&] {
         os.SetPgid(0, 0).IgnoreError();
         return os.SetSid().error() == EPERM ? 1 : 0;
       }));
     },
     "EPERM 1"},
    {"AreMadeOnce",
     [](Os& os, Notes& notes) {
       notes.Add(InChild(os, [&] {
         const bool made = os.SetSid().value_or(0) == os.GetPid();
         return (made ? 1 : 0) | (os.SetSid().error() == EPERM ? 2 : 0);
       }));
     },
     "3"},
    {"AreNotMadeWhileTheirGroupIsThere",
     [](Os& os, Notes& notes) {
       // A group outlives its leader's leaving it.
       notes.Add(InChild(os, [&] {
         const pid_t home = os.GetPpid();
         os.SetPgid(0, 0).IgnoreError();
         const pid_t member = ForkAndStay(os);
         os.SetPgid(0, home).IgnoreError();
         const int while_there = os.SetSid().error();
         os.Kill(member, SIGKILL).IgnoreError();
         os.WaitPid(member, 0).IgnoreError();
         return while_there == EPERM && os.SetSid().ok() ? 0 : 1;
       }));
     },
     "0"},
    {"OfALeaderCannotBeLeftByAGroup",
     [](Os& os, Notes& notes) {
       notes.Add(InChild(os, [&] {
         const pid_t home = os.GetPpid();
         os.SetSid().IgnoreError();
         const bool own = ErrorOf(os.SetPgid(0, 0)) == EPERM;
         return own && ErrorOf(os.SetPgid(0, home)) == EPERM ? 0 : 1;
       }));
     },
     "0"},
    {"HaveGroupsOfTheirOwn",
     [](Os& os, Notes& notes) {
       notes.Add(InChild(os, [&] {
         const pid_t home = os.GetPpid();
         os.SetSid().IgnoreError();
         return InChild(os, [&] {
           const bool apart = ErrorOf(os.SetPgid(0, home)) == EPERM;
           return apart && os.SetPgid(0, 0).ok() ? 0 : 1;
         });
       }));
     },
     "0"},
};
CLEANFORK_CONFORMANCE(Sessions, kSessions);

// A child in a group of its own, or a session of its own, gets the signal.
ConformanceCase TerminalStop(const char* name, int signal, bool own_session, const char* expected) {
  const auto body = [signal, own_session](Os& os, Notes& notes) {
    const pid_t child = os.Fork().value();
    if (child == 0) {
      if (own_session) os.SetSid().IgnoreError();
      if (!own_session) os.SetPgid(0, 0).IgnoreError();
      os.Kill(os.GetPid(), signal).IgnoreError();
      os.Exit(7);
    }
    const int status = os.WaitPid(child, WUNTRACED).value().status;
    notes.Add(WIFSTOPPED(status) ? WSTOPSIG(status) : -WEXITSTATUS(status));
    if (!WIFSTOPPED(status)) return;
    os.Kill(child, SIGCONT).IgnoreError();
    notes.Add(WEXITSTATUS(os.WaitPid(child, 0).value().status));
  };
  return {name, body, expected};
}

const ConformanceCase kStops[] = {
    TerminalStop("OfSigtstp", SIGTSTP, false, "20 7"),
    TerminalStop("OfSigttin", SIGTTIN, false, "21 7"),
    TerminalStop("OfSigttou", SIGTTOU, false, "22 7"),
    TerminalStop("OfSigtstpDoesNothingInAnOrphanedGroup", SIGTSTP, true, "-7"),
    TerminalStop("OfSigttinDoesNothingInAnOrphanedGroup", SIGTTIN, true, "-7"),
    TerminalStop("OfSigttouDoesNothingInAnOrphanedGroup", SIGTTOU, true, "-7"),
    TerminalStop("OfSigstopStopsInAnOrphanedGroupToo", SIGSTOP, true, "19 7"),
};
CLEANFORK_CONFORMANCE(TerminalStop, kStops);

// A child has a child in a group of that one's own, which is stopped or not, and then ends. Notes
// what the grandchild heard: it writes each signal to a pipe.
int heard_fd = -1;
void TellOf(int signal) {
  const char byte = static_cast<char>(signal);
  os_of_handlers->Write(heard_fd, &byte, 1).IgnoreError();
}

ConformanceCase Orphan(const char* name, bool stopped, const char* expected) {
  const auto body = [stopped](Os& os, Notes& notes) {
    os_of_handlers = &os;
    const PipeEnds ends = os.Pipe().value();
    heard_fd = ends.write_end;
    if (os.Fork().value() == 0) {
      os.SetSid().IgnoreError();
      if (os.Fork().value() != 0) {
        const PipeEnds ready = os.Pipe().value();
        const pid_t grandchild = os.Fork().value();
        if (grandchild == 0) {
          os.SetPgid(0, 0).IgnoreError();
          SignalAction action;
          action.handler = &TellOf;
          for (int signal : {SIGHUP, SIGCONT}) os.SigAction(signal, &action).IgnoreError();
          os.Write(ready.write_end, "x", 1).IgnoreError();
          os.Poll(nullptr, 0, 200'000'000).IgnoreError();
          os.Exit(0);
        }
        char byte = 0;
        os.Read(ready.read_end, &byte, 1).IgnoreError();
        if (stopped) os.Kill(grandchild, SIGSTOP).IgnoreError();
        if (stopped) os.WaitPid(grandchild, WUNTRACED).IgnoreError();
        os.Exit(0);
      }
      os.Exit(0);
    }
    os.Close(ends.write_end).IgnoreError();
    char byte = 0;
    while (os.Read(ends.read_end, &byte, 1).value_or(0) == 1) notes.Add(int{byte});
  };
  return {name, body, expected};
}

const ConformanceCase kOrphans[] = {
    Orphan("InAStoppedGroupHearSighupAndSigcont", true, "18 1"),
    Orphan("InAGroupThatRunsHearNothing", false, ""),
};
CLEANFORK_CONFORMANCE(Orphans, kOrphans);

const ConformanceCase kParents[] = {
    {"OfAChildAreTheForker",
     [](Os& os, Notes& notes) {
       const pid_t parent = os.GetPid();
       notes.Add(InChild(os, [&] { return os.GetPpid() == parent ? 0 : 1; }));
     },
     "0"},
    {"OfAVforkChildAreTheForker",
     [](Os& os, Notes& notes) {
       struct Start {
         Os* os;
         pid_t parent;
       } start = {&os, os.GetPid()};
       const auto compare = [](void* argument) -> int {
         const Start& given = *static_cast<const Start*>(argument);
         return given.os->GetPpid() == given.parent && given.os->GetPid() != given.parent ? 0 : 1;
       };
       const pid_t child = os.VforkCall(compare, &start, SIGCHLD).value();
       notes.Add(WEXITSTATUS(os.WaitPid(child, 0).value().status));
     },
     "0"},
    {"OfAnOrphanChange",
     [](Os& os, Notes& notes) {
       const PipeEnds ends = os.Pipe().value();
       if (os.Fork().value() == 0) {
         const pid_t parent = os.GetPid();
         if (os.Fork().value() == 0) {
           while (os.GetPpid() == parent) {
             os.ClockNanoSleep(CLOCK_MONOTONIC, 0, 1'000'000).IgnoreError();
           }
           os.Write(ends.write_end, "x", 1).IgnoreError();
           os.Exit(0);
         }
         os.Exit(0);
       }
       os.Close(ends.write_end).IgnoreError();
       notes.Add(os.WaitPid(-1, 0).value().status);
       char byte = 0;
       notes.Add(os.Read(ends.read_end, &byte, 1));
       notes.Add(os.WaitPid(-1, WNOHANG));
     },
     "0 1 ECHILD"},
    {"ThatDieSendTheSignalThatWasAskedFor",
     [](Os& os, Notes& notes) {
       const PipeEnds ends = os.Pipe().value();
       if (os.Fork().value() == 0) {
         const PipeEnds set = os.Pipe().value();
         if (os.Fork().value() == 0) {
           os.PrctlSetPdeathsig(SIGTERM).IgnoreError();
           os.Write(set.write_end, "x", 1).IgnoreError();
           Stay(os);
         }
         char byte = 0;
         os.Read(set.read_end, &byte, 1).IgnoreError();
         os.Exit(0);
       }
       os.Close(ends.write_end).IgnoreError();
       char byte = 0;
       notes.Add(os.Read(ends.read_end, &byte, 1));  // its end: the grandchild is gone
     },
     "0"},
    {"ThatDieSendNothingToWhoAskedBeforeItsFork",
     [](Os& os, Notes& notes) {
       const PipeEnds ends = os.Pipe().value();
       if (os.Fork().value() == 0) {
         os.PrctlSetPdeathsig(SIGTERM).IgnoreError();
         const pid_t parent = os.GetPid();
         if (os.Fork().value() != 0) os.Exit(0);
         while (os.GetPpid() == parent) {
           os.ClockNanoSleep(CLOCK_MONOTONIC, 0, 1'000'000).IgnoreError();
         }
         os.Write(ends.write_end, "x", 1).IgnoreError();
         os.Exit(0);
       }
       os.Close(ends.write_end).IgnoreError();
       char byte = 0;
       notes.Add(os.Read(ends.read_end, &byte, 1));
     },
     "1"},
    {"SendNoSignalThatIsNone",
     [](Os& os, Notes& notes) {
       notes.Add(os.PrctlSetPdeathsig(SIGKILL));
       notes.Add(os.PrctlSetPdeathsig(0));
       notes.Add(os.PrctlSetPdeathsig(64));
       notes.Add(os.PrctlSetPdeathsig(65));
       notes.Add(os.PrctlSetPdeathsig(-1));
     },
     "ok ok ok EINVAL EINVAL"},
};
CLEANFORK_CONFORMANCE(Parents, kParents);

}  // namespace
}  // namespace cleanfork
