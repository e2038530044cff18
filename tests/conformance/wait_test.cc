// waitpid(2) and waitid(2): which children, which news, what is left of them.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <climits>
#include <cstdint>
#include <ctime>
#include <string>

#include "cleanfork/os.h"
#include "tests/conformance/children.h"
#include "tests/conformance/conformance_case.h"
#include "tests/conformance/handler_notes.h"
#include "tests/conformance/kernel_under_test.h"

namespace cleanfork {
namespace {

constexpr auto kPidFd = static_cast<idtype_t>(3);  // P_PIDFD, which is not in every <sys/wait.h>

void NoteStatus(Notes& notes, const SysResult<WaitResult>& result) {
  if (!result.ok()) return notes.Add(result);
  if (result.value().pid == 0) return notes.Add("nobody");
  notes.Add(result.value().status);
}

// "exited:3", "killed:9", "stopped:19", "continued:18".
void NoteNews(Notes& notes, const SysResult<WaitIdResult>& result) {
  if (!result.ok()) return notes.Add(result);
  if (result.value().pid == 0) return notes.Add("nobody");
  const char* name = "?";
  switch (result.value().code) {
    case CLD_EXITED: name = "exited"; break;
    case CLD_KILLED: name = "killed"; break;
    case CLD_DUMPED: name = "dumped"; break;
    case CLD_STOPPED: name = "stopped"; break;
    case CLD_CONTINUED: name = "continued"; break;
    default: break;
  }
  notes.Add(std::string(name) + ":" + std::to_string(result.value().status));
}

ConformanceCase Status(const char* name, int status, const char* expected) {
  const auto body = [status](Os& os, Notes& notes) {
    ForkAndExit(os, status);
    NoteStatus(notes, os.WaitPid(-1, 0));
    ForkAndExit(os, status);
    NoteNews(notes, os.WaitId(P_ALL, 0, WEXITED));
  };
  return {name, body, expected};
}

const ConformanceCase kStatuses[] = {
    Status("Of0", 0, "0 exited:0"),
    Status("Of1", 1, "256 exited:1"),
    Status("Of255", 255, "65280 exited:255"),
    Status("Of256IsCut", 256, "0 exited:0"),
    Status("OfMinus1IsCut", -1, "65280 exited:255"),
};
CLEANFORK_CONFORMANCE(ExitStatus, kStatuses);

ConformanceCase Death(const char* name, int signal, const char* expected) {
  const auto body = [signal](Os& os, Notes& notes) {
    os.SetRLimit(RLIMIT_CORE, {1, 1}).IgnoreError();  // core(5): 0 does not bind a pipe
    os.Kill(ForkAndStay(os), signal).IgnoreError();
    NoteStatus(notes, os.WaitPid(-1, 0));
    os.Kill(ForkAndStay(os), signal).IgnoreError();
    NoteNews(notes, os.WaitId(P_ALL, 0, WEXITED));
  };
  return {name, body, expected};
}

const ConformanceCase kDeaths[] = {
    Death("BySighup", SIGHUP, "1 killed:1"),     Death("BySigint", SIGINT, "2 killed:2"),
    Death("BySigkill", SIGKILL, "9 killed:9"),   Death("BySigpipe", SIGPIPE, "13 killed:13"),
    Death("BySigalrm", SIGALRM, "14 killed:14"), Death("BySigterm", SIGTERM, "15 killed:15"),
    Death("BySigusr1", SIGUSR1, "10 killed:10"), Death("BySigio", SIGIO, "29 killed:29"),
    Death("BySigrtmin", 34, "34 killed:34"),     Death("BySigrtmax", 64, "64 killed:64"),
    Death("BySigquit", SIGQUIT, "3 killed:3"),   Death("BySigsegv", SIGSEGV, "11 killed:11"),
    Death("BySigabrt", SIGABRT, "6 killed:6"),
};
CLEANFORK_CONFORMANCE(Death, kDeaths);

// With a child that has ended, one that is stopped and one that goes on, in a group of its own.
ConformanceCase OfThree(const char* name, idtype_t type, int options, const char* expected) {
  const auto body = [type, options](Os& os, Notes& notes) {
    const pid_t stays = ForkAndStay(os);
    const pid_t stopped = ForkStopped(os);
    const pid_t ended = ForkZombie(os, 3);
    for (pid_t child : {stays, stopped, ended}) {
      if (type == P_ALL && child != ended) continue;
      NoteNews(notes, os.WaitId(type, static_cast<id_t>(child), options | WNOHANG));
    }
    os.Kill(stays, SIGKILL).IgnoreError();
    os.Kill(stopped, SIGKILL).IgnoreError();
  };
  return {name, body, expected};
}

const ConformanceCase kChoices[] = {
    OfThree("OfEachThatExited", P_PID, WEXITED, "nobody nobody exited:3"),
    OfThree("OfEachThatStopped", P_PID, WSTOPPED, "nobody stopped:19 ECHILD"),
    OfThree("OfEachThatContinued", P_PID, WCONTINUED, "nobody nobody ECHILD"),
    OfThree("OfEachThatDidAnything", P_PID, WEXITED | WSTOPPED | WCONTINUED,
            "nobody stopped:19 exited:3"),
    OfThree("OfAnyThatExited", P_ALL, WEXITED, "exited:3"),
    OfThree("OfAnyThatStopped", P_ALL, WSTOPPED, "stopped:19"),
    OfThree("OfAnyOfBothIsTheFirstForked", P_ALL, WEXITED | WSTOPPED, "stopped:19"),
    OfThree("OfEachAsAGroupIsOfNobody", P_PGID, WEXITED, "ECHILD ECHILD ECHILD"),
};
CLEANFORK_CONFORMANCE(Choice, kChoices);

const ConformanceCase kWaits[] = {
    {"OptionsAreLookedAtFirst",
     [](Os& os, Notes& notes) {
       notes.Add(os.WaitPid(-1, 4));  // WEXITED, which it does not know
       notes.Add(os.WaitPid(INT_MIN, 4));
       notes.Add(os.WaitPid(-1, WNOWAIT));
       notes.Add(os.WaitPid(-1, 0x40));
       notes.Add(os.WaitId(P_ALL, 0, WEXITED | 0x40));
       notes.Add(os.WaitId(P_PID, 0, WNOHANG));
       notes.Add(os.WaitId(static_cast<idtype_t>(9), 0, 0));
     },
     "EINVAL EINVAL EINVAL EINVAL EINVAL EINVAL EINVAL"},
    {"OfNoChildNeverWaits",
     [](Os& os, Notes& notes) {
       notes.Add(os.WaitPid(999999999, 0));
       notes.Add(os.WaitPid(1, 0));
       notes.Add(os.WaitPid(os.GetPpid(), 0));
       notes.Add(os.WaitPid(-999999999, 0));
       notes.Add(os.WaitId(P_PID, 1, WEXITED));
       notes.Add(os.WaitId(P_PGID, 999999999, WEXITED));
     },
     "ECHILD ECHILD ECHILD ECHILD ECHILD ECHILD"},
    {"OfAnyChildNeverWaitWhereThereIsNone",
     [](Os& os, Notes& notes) {
       for (int options : {0, WNOHANG}) notes.Add(os.WaitPid(-1, options));
       notes.Add(os.WaitPid(0, 0));
       notes.Add(os.WaitPid(os.GetPid(), 0));
       notes.Add(os.WaitPid(-os.GetPid(), 0));
       notes.Add(os.WaitPid(INT_MIN, 0));
       notes.Add(os.WaitId(P_ALL, 0, WEXITED));
       notes.Add(os.WaitId(P_PID, 0, WEXITED));
       notes.Add(os.WaitId(P_PGID, 0, WEXITED));
     },
     "ECHILD ECHILD ECHILD ECHILD ECHILD ESRCH ECHILD EINVAL ECHILD"},
    {"OfAnyChildTakeTheFirstForked",
     [](Os& os, Notes& notes) {
       pid_t children[3];
       for (int i = 0; i < 3; ++i) children[i] = ForkAndExit(os, i);
       for (pid_t child : children) AwaitEnd(os, child);
       for (int i = 0; i < 3; ++i) NoteStatus(notes, os.WaitPid(-1, 0));
     },
     "0 256 512"},
    {"OfOneThatIsReapedUnaskedEndThoughAnotherEndsAfterIt",
     [](Os& os, Notes& notes) {
       SignalAction ignore;
       ignore.handler = SIG_IGN;
       os.SigAction(SIGCHLD, &ignore).IgnoreError();
       const PipeEnds pipe = os.Pipe().value();
       pid_t children[2];
       for (pid_t& child : children) {
         child = os.Fork().value();
         if (child != 0) continue;
         char byte;
         os.Close(pipe.write_end).IgnoreError();
         os.Read(pipe.read_end, &byte, 1).IgnoreError();
         os.Exit(0);
       }
       os.Close(pipe.write_end).IgnoreError();
       notes.Add(os.WaitPid(children[0], 0));
     },
     "ECHILD"},
    {"ForOnesGroupTakeNoChildOfAnother",
     [](Os& os, Notes& notes) {
       const pid_t own = ForkAndExit(os, 1);
       const pid_t other = ForkAndStay(os);
       os.SetPgid(other, other).IgnoreError();
       os.Kill(other, SIGKILL).IgnoreError();
       AwaitEnd(os, own);
       AwaitEnd(os, other);
       NoteStatus(notes, os.WaitPid(0, 0));
       NoteStatus(notes, os.WaitPid(0, 0));
       NoteStatus(notes, os.WaitPid(-other, WNOHANG));
     },
     "256 ECHILD 9"},
    {"TellOfAContinuationOnceByWaitpidToo",
     [](Os& os, Notes& notes) {
       const pid_t child = ForkStopped(os);
       NoteStatus(notes, os.WaitPid(child, WUNTRACED));
       os.Kill(child, SIGCONT).IgnoreError();
       NoteStatus(notes, os.WaitPid(child, WCONTINUED));
       NoteStatus(notes, os.WaitPid(child, WCONTINUED | WUNTRACED | WNOHANG));
       os.Kill(child, SIGKILL).IgnoreError();
     },
     "4991 65535 nobody"},
    {"AreInterruptedByTheSigchldOfAnotherChild",
     [](Os& os, Notes& notes) {
       ForgetSignals(os);
       ListenTo(os, SIGCHLD);
       const pid_t parent = os.GetPid();
       const pid_t stays = ForkAndStay(os);
       if (os.Fork().value() == 0) {
         AwaitSleepOf(os, parent);
         os.ClockNanoSleep(CLOCK_MONOTONIC, 0, 50'000'000).IgnoreError();
         os.Exit(0);
       }
       notes.Add(os.WaitPid(stays, 0));
       notes.Add(Heard(os));
       os.Kill(stays, SIGKILL).IgnoreError();
     },
     "EINTR 17"},
    {"HaveSigchldsOfStopsUnlessTheseAreRefused",
     [](Os& os, Notes& notes) {
       const SignalSet set = SignalSet::Of(SIGCHLD);
       Block(os, set);
       const pid_t child = ForkAndStay(os);
       os.Kill(child, SIGSTOP).IgnoreError();
       notes.Add(os.SigTimedWait(set, -1).value().code == CLD_STOPPED);
       os.Kill(child, SIGCONT).IgnoreError();
       notes.Add(os.SigTimedWait(set, -1).value().code == CLD_CONTINUED);
       SignalAction action;
       action.flags = SA_NOCLDSTOP;
       os.SigAction(SIGCHLD, &action).IgnoreError();
       os.Kill(child, SIGSTOP).IgnoreError();
       os.WaitPid(child, WUNTRACED).IgnoreError();
       notes.Add(os.SigTimedWait(set, 0));
       os.Kill(child, SIGKILL).IgnoreError();
       notes.Add(os.SigTimedWait(set, -1).value().code == CLD_KILLED);
     },
     "yes yes EAGAIN yes"},
    {"OfAGrandchildNeverWaits",
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
       notes.Add(os.WaitPid(grandchild, 0));
       os.Kill(grandchild, SIGKILL).IgnoreError();
       NoteStatus(notes, os.WaitPid(-1, 0));
     },
     "ECHILD 0"},
    {"WithWnowaitLeaveAZombie",
     [](Os& os, Notes& notes) {
       const pid_t child = ForkZombie(os, 7);
       for (int i = 0; i < 2; ++i) NoteNews(notes, os.WaitId(P_ALL, 0, WEXITED | WNOWAIT));
       notes.Add(os.Kill(child, 0));
       NoteStatus(notes, os.WaitPid(child, 0));
       notes.Add(os.Kill(child, 0));
       NoteStatus(notes, os.WaitPid(child, 0));
     },
     "exited:7 exited:7 ok 1792 ESRCH ECHILD"},
    {"TellOfAStopOnce",
     [](Os& os, Notes& notes) {
       const pid_t child = ForkStopped(os);
       NoteNews(notes, os.WaitId(P_ALL, 0, WSTOPPED));
       NoteNews(notes, os.WaitId(P_ALL, 0, WSTOPPED | WNOHANG));
       os.Kill(child, SIGSTOP).IgnoreError();  // it is stopped already
       NoteNews(notes, os.WaitId(P_ALL, 0, WSTOPPED | WNOHANG));
       os.Kill(child, SIGKILL).IgnoreError();
     },
     "stopped:19 nobody nobody"},
    {"TellOfNoStopAfterItsContinuation",
     [](Os& os, Notes& notes) {
       const pid_t child = ForkStopped(os);
       os.Kill(child, SIGCONT).IgnoreError();
       NoteNews(notes, os.WaitId(P_ALL, 0, WSTOPPED | WNOHANG));
       NoteNews(notes, os.WaitId(P_ALL, 0, WCONTINUED));
       NoteNews(notes, os.WaitId(P_ALL, 0, WCONTINUED | WNOHANG));
       os.Kill(child, SIGKILL).IgnoreError();
     },
     "nobody continued:18 nobody"},
    {"TellOfNoContinuationOfWhatWasNotStopped",
     [](Os& os, Notes& notes) {
       const pid_t child = ForkAndStay(os);
       os.Kill(child, SIGCONT).IgnoreError();
       NoteNews(notes, os.WaitId(P_ALL, 0, WCONTINUED | WSTOPPED | WNOHANG));
       os.Kill(child, SIGKILL).IgnoreError();
     },
     "nobody"},
    {"TellOfNoStopAfterTheEnd",
     [](Os& os, Notes& notes) {
       const pid_t child = ForkStopped(os);
       os.Kill(child, SIGKILL).IgnoreError();
       AwaitEnd(os, child);
       NoteNews(notes, os.WaitId(P_ALL, 0, WSTOPPED | WNOHANG));
       NoteStatus(notes, os.WaitPid(-1, WUNTRACED));
     },
     "ECHILD 9"},
    {"OfAZombieForItsStopFindNobody",
     [](Os& os, Notes& notes) {
       ForkZombie(os, 3);
       NoteNews(notes, os.WaitId(P_ALL, 0, WSTOPPED | WNOHANG));
       NoteNews(notes, os.WaitId(P_ALL, 0, WSTOPPED));
       NoteStatus(notes, os.WaitPid(-1, 0));
     },
     "ECHILD ECHILD 768"},
    {"WithWnohangFindNobodyWhileItRuns",
     [](Os& os, Notes& notes) {
       const pid_t child = ForkAndStay(os);
       NoteStatus(notes, os.WaitPid(child, WNOHANG));
       NoteStatus(notes, os.WaitPid(0, WNOHANG));
       NoteNews(notes, os.WaitId(P_PGID, 0, WEXITED | WNOHANG));
       NoteStatus(notes, os.WaitPid(-os.GetPid(), WNOHANG | WUNTRACED | WCONTINUED));
       os.Kill(child, SIGKILL).IgnoreError();
       NoteStatus(notes, os.WaitPid(child, 0));
     },
     "nobody nobody nobody nobody 9"},
    {"OfAPidfdAreOfItsProcess",
     [](Os& os, Notes& notes) {
       const pid_t other = ForkAndExit(os, 1);
       const pid_t child = ForkAndExit(os, 2);
       const auto fd = static_cast<id_t>(os.PidFdOpen(child, 0).value());
       NoteNews(notes, os.WaitId(kPidFd, fd, WEXITED));
       NoteNews(notes, os.WaitId(kPidFd, fd, WEXITED));
       NoteStatus(notes, os.WaitPid(other, 0));
     },
     "exited:2 ECHILD 256"},
    {"OfAPidfdThatIsNoneAreRefused",
     [](Os& os, Notes& notes) {
       notes.Add(os.WaitId(kPidFd, 0, WEXITED));
       notes.Add(os.WaitId(kPidFd, 77, WEXITED));
       notes.Add(os.WaitId(kPidFd, static_cast<id_t>(-1), WEXITED));
       notes.Add(os.WaitId(kPidFd, 77, 0));
       const int own = os.PidFdOpen(os.GetPid(), 0).value();
       notes.Add(os.WaitId(kPidFd, static_cast<id_t>(own), WEXITED));
     },
     "EBADF EBADF EINVAL EINVAL ECHILD"},
    {"OfAPidfdThatDoesNotBlockFail",
     [](Os& os, Notes& notes) {
       const pid_t child = ForkAndStay(os);
       const auto fd = static_cast<id_t>(os.PidFdOpen(child, O_NONBLOCK).value());
       NoteNews(notes, os.WaitId(kPidFd, fd, WEXITED));
       NoteNews(notes, os.WaitId(kPidFd, fd, WEXITED | WNOHANG));
       os.Kill(child, SIGKILL).IgnoreError();
       AwaitEnd(os, child);
       NoteNews(notes, os.WaitId(kPidFd, fd, WEXITED));
       NoteNews(notes, os.WaitId(kPidFd, fd, WEXITED));
     },
     "EAGAIN nobody killed:9 ECHILD"},
    {"InAGroupFollowAChildThatChangesIt",
     [](Os& os, Notes& notes) {
       const pid_t child = ForkAndStay(os);
       NoteStatus(notes, os.WaitPid(0, WNOHANG));
       notes.Add(os.SetPgid(child, child));
       NoteStatus(notes, os.WaitPid(0, WNOHANG));
       NoteStatus(notes, os.WaitPid(-child, WNOHANG));
       os.Kill(-child, SIGKILL).IgnoreError();
       NoteStatus(notes, os.WaitPid(-child, 0));
     },
     "nobody ok ECHILD nobody 9"},
    {"InAGroupOfZombiesFindThem",
     [](Os& os, Notes& notes) {
       const pid_t child = ForkAndStay(os);
       os.SetPgid(child, child).IgnoreError();
       os.Kill(child, SIGKILL).IgnoreError();
       AwaitEnd(os, child);
       notes.Add(os.Kill(-child, SIGTERM));
       NoteNews(notes, os.WaitId(P_PGID, static_cast<id_t>(child), WEXITED));
       notes.Add(os.Kill(-child, SIGTERM));
     },
     "ok killed:9 ESRCH"},
    {"WhereSigchldIsIgnoredLastUntilAllHaveEnded",
     [](Os& os, Notes& notes) {
       Ignore(os, SIGCHLD);
       const int64_t start = os.ClockGetTime(CLOCK_MONOTONIC).value();
       for (int64_t milliseconds : {10, 30}) {
         if (os.Fork().value() != 0) continue;
         os.ClockNanoSleep(CLOCK_MONOTONIC, 0, milliseconds * 1'000'000).IgnoreError();
         os.Exit(1);
       }
       NoteStatus(notes, os.WaitPid(-1, 0));
       notes.Add(os.ClockGetTime(CLOCK_MONOTONIC).value() - start >= 20'000'000);
     },
     "ECHILD yes"},
    {"WhereSigchldIsIgnoredTooLateFindTheZombie",
     [](Os& os, Notes& notes) {
       ForkZombie(os, 5);
       Ignore(os, SIGCHLD);
       NoteStatus(notes, os.WaitPid(-1, 0));
     },
     "1280"},
    {"WithSaNocldwaitAreToldOfByTheSignal",
     [](Os& os, Notes& notes) {
       ForgetSignals(os);
       ListenTo(os, SIGCHLD, SA_NOCLDWAIT | SA_RESTART);
       ForkAndExit(os, 1);
       NoteStatus(notes, os.WaitPid(-1, 0));
       notes.Add(Heard(os));
     },
     "ECHILD 17"},
    {"WithTheDefaultActionLeaveNoSigchldPending",
     [](Os& os, Notes& notes) {
       ForkZombie(os, 1);
       notes.Add(IsPending(os, SIGCHLD));
       NoteStatus(notes, os.WaitPid(-1, 0));
       ForkZombie(os, 1);  // it is blocked now
       notes.Add(IsPending(os, SIGCHLD));
     },
     "no 256 yes"},
    {"ByAWaitingParentLeaveSigchldPending",
     [](Os& os, Notes& notes) {
       Block(os, SignalSet::Of(SIGCHLD));
       ForkAndExit(os, 1);
       NoteStatus(notes, os.WaitPid(-1, 0));
       notes.Add(IsPending(os, SIGCHLD));
     },
     "256 yes"},
    {"ThatFindNobodyWhileAllAreStopped",
     [](Os& os, Notes& notes) {
       const pid_t child = ForkStopped(os);
       NoteStatus(notes, os.WaitPid(child, WNOHANG));
       os.Kill(child, SIGTERM).IgnoreError();
       NoteStatus(notes, os.WaitPid(child, WNOHANG));
       os.Kill(child, SIGCONT).IgnoreError();
       NoteStatus(notes, os.WaitPid(child, 0));
     },
     "nobody nobody 15"},
};
CLEANFORK_CONFORMANCE(Waits, kWaits);

}  // namespace
}  // namespace cleanfork
