// Signal masks, actions, what is pending: sigprocmask(2), sigaction(2), sigtimedwait(2).
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <cstdint>
#include <ctime>
#include <string>
#include <vector>

#include "cleanfork/os.h"
#include "tests/conformance/conformance_case.h"
#include "tests/conformance/handler_notes.h"
#include "tests/conformance/kernel_under_test.h"

namespace cleanfork {
namespace {

SignalSet Mask(Os& os) { return os.SigProcMask(SIG_BLOCK, nullptr).value(); }

ConformanceCase MaskChange(const char* name, int how, uint64_t before, uint64_t change,
                           const char* expected) {
  const auto body = [=](Os& os, Notes& notes) {
    const SignalSet start = SignalSet::FromBits(before);
    os.SigProcMask(SIG_SETMASK, &start).IgnoreError();
    const SignalSet set = SignalSet::FromBits(change);
    const SysResult<SignalSet> old = os.SigProcMask(how, &set);
    notes.Add(old);
    if (old.ok()) notes.Add(std::to_string(old.value().bits()));
    notes.Add(std::to_string(Mask(os).bits()));
  };
  return {name, body, expected};
}

const ConformanceCase kMasks[] = {
    MaskChange("GrowByABlock", SIG_BLOCK, 3, 6, "ok 3 7"),
    MaskChange("ShrinkByAnUnblock", SIG_UNBLOCK, 3, 6, "ok 3 1"),
    MaskChange("AreSet", SIG_SETMASK, 3, 6, "ok 3 6"),
    MaskChange("AreSetToNothing", SIG_SETMASK, 3, 0, "ok 3 0"),
    MaskChange("NeverHaveSigkillAndSigstop", SIG_BLOCK, 0, 1ULL << 8 | 1ULL << 18, "ok 0 0"),
    MaskChange("NeverHaveThoseOfTheCLibrary", SIG_BLOCK, 0, 3ULL << 31, "ok 0 0"),
    MaskChange("HaveRealTimeSignals", SIG_BLOCK, 0, 1ULL << 33 | 1ULL << 63,
               "ok 0 9223372045444710400"),
    MaskChange("AreFull", SIG_SETMASK, 0, ~0ULL, "ok 0 18446744067266838271"),
    MaskChange("OfAnUnknownChangeAreRefused", 3, 3, 6, "EINVAL 3"),
    MaskChange("OfANegativeChangeAreRefused", -1, 3, 6, "EINVAL 3"),
    {"ThatAreAskedForNeedNoKnownChange",
     [](Os& os, Notes& notes) { notes.Add(os.SigProcMask(9, nullptr)); }, "ok"},
};
CLEANFORK_CONFORMANCE(Masks, kMasks);

int AnswerOf(Os& os, int signal) {
  const SysResult<SignalAction> action = os.SigAction(signal, nullptr);
  if (!action.ok()) return -action.error();
  if (action.value().handler == SIG_DFL && action.value().info_handler == nullptr) return 0;
  return action.value().handler == SIG_IGN ? 1 : 2;
}

// Blocks the signals, sends them in this order and lets them in; notes which handlers ran in order.
ConformanceCase Delivery(const char* name, std::vector<int> signals, const char* expected) {
  const auto body = [signals](Os& os, Notes& notes) {
    ForgetSignals(os);
    SignalSet set;
    for (int signal : signals) {
      ListenTo(os, signal);
      set.Add(signal);
    }
    Block(os, set);
    for (int signal : signals) os.Kill(os.GetPid(), signal).IgnoreError();
    notes.Add(Heard(os));
    Unblock(os, set);
    notes.Add(Heard(os));
  };
  return {name, body, expected};
}

const ConformanceCase kDeliveries[] = {
    Delivery("OfOne", {SIGUSR1}, "0 10"),
    Delivery("OfTwoRunsTheHigherFirst", {SIGUSR1, SIGUSR2}, "0 1210"),
    Delivery("OfTwoIsNotInTheOrderOfTheirSending", {SIGUSR2, SIGUSR1}, "0 1210"),
    Delivery("OfThree", {SIGHUP, SIGTERM, SIGUSR1}, "0 151001"),
    Delivery("OfTheSameIsOne", {SIGUSR1, SIGUSR1}, "0 10"),
    Delivery("OfARealTimeSignalRunsItFirst", {SIGUSR1, 40}, "0 4010"),
    // Linux takes signals that a fault may have raised before all others: they run last.
    Delivery("OfASynchronousSignalRunsItLast", {SIGSEGV, SIGHUP}, "0 111"),
    Delivery("OfSigbusAndSigtermRunsSigbusLast", {SIGBUS, SIGTERM}, "0 1507"),
    Delivery("OfSigsysAndSigusr1RunsSigsysLast", {SIGSYS, SIGUSR1}, "0 1031"),
};
CLEANFORK_CONFORMANCE(Delivery, kDeliveries);

const ConformanceCase kActions[] = {
    {"BeginAsTheDefault",
     [](Os& os, Notes& notes) {
       int not_default = 0;
       for (int signal = 1; signal <= 64; ++signal) {
         if (signal != 32 && signal != 33 && AnswerOf(os, signal) != 0) ++not_default;
       }
       notes.Add(not_default);
     },
     "0"},
    {"KeepTheirFlagsAndMask",
     [](Os& os, Notes& notes) {
       constexpr int kFlags = SA_RESTART | SA_NOCLDSTOP | SA_NOCLDWAIT | SA_NODEFER | SA_ONSTACK;
       for (int flags : {0, SA_RESTART, SA_NOCLDSTOP | SA_NOCLDWAIT, SA_NODEFER | SA_ONSTACK}) {
         ListenTo(os, SIGCHLD, flags, SignalSet::Of(SIGHUP, 40));
         const SignalAction now = os.SigAction(SIGCHLD, nullptr).value();
         notes.Add((now.flags & kFlags) == flags);  // the C library has one of its own
         notes.Add(now.mask == SignalSet::Of(SIGHUP, 40));
       }
     },
     "yes yes yes yes yes yes yes yes"},
    {"OfIgnoranceKeepFlagsToo",
     [](Os& os, Notes& notes) {
       SignalAction action;
       action.handler = SIG_IGN;
       action.flags = SA_RESTART;
       notes.Add(os.SigAction(SIGUSR1, &action));
       const SignalAction now = os.SigAction(SIGUSR1, nullptr).value();
       notes.Add(now.handler == SIG_IGN);
       notes.Add((now.flags & SA_RESTART) != 0);
     },
     "ok yes yes"},
    {"NeverMaskSigkill",
     [](Os& os, Notes& notes) {
       ListenTo(os, SIGUSR1, 0, SignalSet::Full());
       const SignalSet mask = os.SigAction(SIGUSR1, nullptr).value().mask;
       for (int signal : {SIGKILL, SIGSTOP, SIGTERM, 34}) notes.Add(mask.Contains(signal));
     },
     "no no yes yes"},
    {"OfSigkillCanBeAskedForOnly",
     [](Os& os, Notes& notes) {
       SignalAction action;
       for (int signal : {SIGKILL, SIGSTOP}) {
         notes.Add(os.SigAction(signal, nullptr));
         notes.Add(os.SigAction(signal, &action));
       }
     },
     "ok EINVAL ok EINVAL"},
    {"OfSignalsThatAreNoneAreRefused",
     [](Os& os, Notes& notes) {
       SignalAction action;
       for (int signal : {-1, 0, 32, 33, 65, 1000}) {
         notes.Add(os.SigAction(signal, nullptr));
         notes.Add(os.SigAction(signal, &action));
       }
     },
     "EINVAL EINVAL EINVAL EINVAL EINVAL EINVAL EINVAL EINVAL EINVAL EINVAL EINVAL EINVAL"},
    {"WithInfoAreGivenBack",
     [](Os& os, Notes& notes) {
       SignalAction action;
       action.info_handler = [](int, siginfo_t*, void*) {};
       notes.Add(os.SigAction(SIGUSR1, &action).value().handler == SIG_DFL);
       notes.Add(os.SigAction(SIGUSR1, nullptr).value().info_handler == action.info_handler);
     },
     "yes yes"},
    {"WithInfoAreToldHowAChildEnded",
     [](Os& os, Notes& notes) {
       ForgetSignals(os);
       SignalAction action;
       action.info_handler = [](int signal, siginfo_t* info, void*) {
         NoteSignal(signal);
         NoteSignal(info->si_code == CLD_EXITED ? info->si_status : 99);
       };
       os.SigAction(SIGCHLD, &action).IgnoreError();
       Block(os, SignalSet::Of(SIGCHLD));
       if (os.Fork().value() == 0) os.Exit(9);
       os.WaitPid(-1, 0).IgnoreError();
       notes.Add(Heard(os));
       Unblock(os, SignalSet::Of(SIGCHLD));
       notes.Add(Heard(os));
     },
     "0 1709"},
    {"WithAMaskPutOthersOff",
     [](Os& os, Notes& notes) {
       ForgetSignals(os);
       ListenTo(os, SIGUSR1, 0, SignalSet::Of(SIGUSR2));
       ListenTo(os, SIGUSR2);
       Block(os, SignalSet::Of(SIGUSR1, SIGUSR2));
       os.Kill(os.GetPid(), SIGUSR2).IgnoreError();
       os.Kill(os.GetPid(), SIGUSR1).IgnoreError();
       Unblock(os, SignalSet::Of(SIGUSR1, SIGUSR2));
       notes.Add(Heard(os));
       notes.Add(Mask(os).empty());
     },
     "1012 yes"},
    {"OfIgnoranceDropWhatIsPending",
     [](Os& os, Notes& notes) {
       Block(os, SignalSet::Of(SIGUSR1));
       os.Kill(os.GetPid(), SIGUSR1).IgnoreError();
       Ignore(os, SIGUSR1);
       notes.Add(IsPending(os, SIGUSR1));
     },
     "no"},
    {"OfTheDefaultDropWhatIsIgnoredByIt",
     [](Os& os, Notes& notes) {
       ListenTo(os, SIGURG);
       ListenTo(os, SIGUSR1);
       Block(os, SignalSet::Of(SIGURG, SIGUSR1));
       os.Kill(os.GetPid(), SIGURG).IgnoreError();
       os.Kill(os.GetPid(), SIGUSR1).IgnoreError();
       const SignalAction by_default;
       os.SigAction(SIGURG, &by_default).IgnoreError();
       os.SigAction(SIGUSR1, &by_default).IgnoreError();
       notes.Add(IsPending(os, SIGURG));
       notes.Add(IsPending(os, SIGUSR1));
     },
     "no yes"},
    {"WithoutDeferralNestInTheirOwn",
     [](Os& os, Notes& notes) {
       ForgetSignals(os);
       ListenTo(os, SIGUSR1, SA_NODEFER);
       os.Kill(os.GetPid(), SIGUSR1).IgnoreError();
       os.Kill(os.GetPid(), SIGUSR1).IgnoreError();
       notes.Add(Heard(os));
       notes.Add(Mask(os).empty());
     },
     "1010 yes"},
    {"WithResetAreTheDefaultAfterwards",
     [](Os& os, Notes& notes) {
       ForgetSignals(os);
       ListenTo(os, SIGURG, static_cast<int>(SA_RESETHAND));
       notes.Add(AnswerOf(os, SIGURG));
       os.Kill(os.GetPid(), SIGURG).IgnoreError();
       notes.Add(AnswerOf(os, SIGURG));
       os.Kill(os.GetPid(), SIGURG).IgnoreError();
       notes.Add(Heard(os));
     },
     "2 0 23"},
    {"OfOneThatIsMaskedByItselfWait",
     [](Os& os, Notes& notes) {
       ForgetSignals(os);
       SignalAction action;
       action.handler = [](int signal) {
         NoteSignal(signal);
         if (Heard(*os_of_handlers) == signal) {
           os_of_handlers->Kill(os_of_handlers->GetPid(), signal).IgnoreError();
           NoteSignal(1);
         }
       };
       os.SigAction(SIGUSR1, &action).IgnoreError();
       os.Kill(os.GetPid(), SIGUSR1).IgnoreError();
       notes.Add(Heard(os));
     },
     "100110"},
    {"OfOneThatIsNotDeferredDoNotWait",
     [](Os& os, Notes& notes) {
       ForgetSignals(os);
       SignalAction action;
       action.flags = SA_NODEFER;
       action.handler = [](int signal) {
         NoteSignal(signal);
         if (Heard(*os_of_handlers) == signal) {
           os_of_handlers->Kill(os_of_handlers->GetPid(), signal).IgnoreError();
           NoteSignal(1);
         }
       };
       os.SigAction(SIGUSR1, &action).IgnoreError();
       os.Kill(os.GetPid(), SIGUSR1).IgnoreError();
       notes.Add(Heard(os));
     },
     "101001"},
    {"SeeTheMaskOfTheirHandler",
     [](Os& os, Notes& notes) {
       ForgetSignals(os);
       SignalAction action;
       action.mask = SignalSet::Of(SIGUSR2);
       action.handler = [](int) {
         const SignalSet mask = Mask(*os_of_handlers);
         NoteSignal((mask.Contains(SIGUSR1) ? 1 : 0) | (mask.Contains(SIGUSR2) ? 2 : 0) |
                    (mask.Contains(SIGTERM) ? 4 : 0));
       };
       os.SigAction(SIGUSR1, &action).IgnoreError();
       os.Kill(os.GetPid(), SIGUSR1).IgnoreError();
       notes.Add(Heard(os));
       notes.Add(Mask(os).empty());
     },
     "3 yes"},
    {"GiveTheMaskBackThatWasBefore",
     [](Os& os, Notes& notes) {
       ForgetSignals(os);
       SignalAction action;
       action.handler = [](int) {
         const SignalSet all = SignalSet::Full();
         os_of_handlers->SigProcMask(SIG_SETMASK, &all).IgnoreError();
       };
       os.SigAction(SIGUSR1, &action).IgnoreError();
       os.Kill(os.GetPid(), SIGUSR1).IgnoreError();
       notes.Add(Mask(os).empty());
     },
     "yes"},
};
CLEANFORK_CONFORMANCE(Actions, kActions);

// Code and sender of what is taken; "10:user:self".
void NoteTaken(Os& os, Notes& notes, const SysResult<SignalInfo>& taken) {
  if (!taken.ok()) return notes.Add(taken);
  std::string code = std::to_string(taken.value().code);
  if (taken.value().code == SI_USER) code = "user";
  if (taken.value().code == CLD_EXITED) code = "exited";
  if (taken.value().code == SI_KERNEL) code = "kernel";
  const bool self = taken.value().pid == os.GetPid();
  notes.Add(std::to_string(taken.value().signal) + ":" + code + (self ? ":self" : ":other"));
}

const ConformanceCase kWaits[] = {
    {"TakeTheLowest",
     [](Os& os, Notes& notes) {
       const SignalSet set = SignalSet::Of(SIGUSR1, SIGUSR2, SIGHUP, 40);
       Block(os, set);
       for (int signal : {40, SIGUSR2, SIGHUP, SIGUSR1}) {
         os.Kill(os.GetPid(), signal).IgnoreError();
       }
       for (int i = 0; i < 5; ++i) NoteTaken(os, notes, os.SigTimedWait(set, 0));
     },
     "1:user:self 10:user:self 12:user:self 40:user:self EAGAIN"},
    {"TakeASynchronousSignalFirst",
     [](Os& os, Notes& notes) {
       const SignalSet set = SignalSet::Of(SIGHUP, SIGSEGV);
       Block(os, set);
       os.Kill(os.GetPid(), SIGHUP).IgnoreError();
       os.Kill(os.GetPid(), SIGSEGV).IgnoreError();
       for (int i = 0; i < 2; ++i) NoteTaken(os, notes, os.SigTimedWait(set, 0));
     },
     "11:user:self 1:user:self"},
    {"LeaveOthers",
     [](Os& os, Notes& notes) {
       Block(os, SignalSet::Of(SIGUSR1, SIGUSR2));
       os.Kill(os.GetPid(), SIGUSR1).IgnoreError();
       NoteTaken(os, notes, os.SigTimedWait(SignalSet::Of(SIGUSR2), 0));
       NoteTaken(os, notes, os.SigTimedWait(SignalSet(), 0));
       NoteTaken(os, notes, os.SigTimedWait(SignalSet::Of(SIGUSR1), 0));
     },
     "EAGAIN EAGAIN 10:user:self"},
    {"RunNoHandler",
     [](Os& os, Notes& notes) {
       ForgetSignals(os);
       ListenTo(os, SIGUSR1);
       Block(os, SignalSet::Of(SIGUSR1));
       os.Kill(os.GetPid(), SIGUSR1).IgnoreError();
       NoteTaken(os, notes, os.SigTimedWait(SignalSet::Of(SIGUSR1), -1));
       Unblock(os, SignalSet::Of(SIGUSR1));
       notes.Add(Heard(os));
     },
     "10:user:self 0"},
    {"TakeTheEndOfAChild",
     [](Os& os, Notes& notes) {
       Block(os, SignalSet::Of(SIGCHLD));
       if (os.Fork().value() == 0) os.Exit(0);
       NoteTaken(os, notes, os.SigTimedWait(SignalSet::Of(SIGCHLD), -1));
       notes.Add(os.WaitPid(-1, 0).value().status);
     },
     "17:exited:other 0"},
    {"TakeWhatIsNotBlockedButHandled",
     [](Os& os, Notes& notes) {
       ForgetSignals(os);
       ListenTo(os, SIGUSR1);
       const pid_t parent = os.GetPid();
       if (os.Fork().value() == 0) {
         AwaitSleepOf(os, parent);
         os.ClockNanoSleep(CLOCK_MONOTONIC, 0, 50'000'000).IgnoreError();
         os.Kill(parent, SIGUSR1).IgnoreError();
         os.Exit(0);
       }
       NoteTaken(os, notes, os.SigTimedWait(SignalSet::Of(SIGUSR1), 10'000'000'000));
       notes.Add(Heard(os));
     },
     "10:user:other 0"},
    {"TakeSigpipeOfTheThread",
     [](Os& os, Notes& notes) {
       Block(os, SignalSet::Of(SIGPIPE));
       const PipeEnds ends = os.Pipe().value();
       os.Close(ends.read_end).IgnoreError();
       notes.Add(os.Write(ends.write_end, "x", 1));
       os.Kill(os.GetPid(), SIGPIPE).IgnoreError();  // another one, of the process
       for (int i = 0; i < 3; ++i) NoteTaken(os, notes, os.SigTimedWait(SignalSet::Of(SIGPIPE), 0));
     },
     "EPIPE 13:user:self 13:user:self EAGAIN"},
    {"NeverTakeSigkill",
     [](Os& os, Notes& notes) {
       NoteTaken(os, notes, os.SigTimedWait(SignalSet::Of(SIGKILL, SIGSTOP), 0));
     },
     "EAGAIN"},
    {"LastAsLongAsTheySay",
     [](Os& os, Notes& notes) {
       const int64_t start = os.ClockGetTime(CLOCK_MONOTONIC).value();
       NoteTaken(os, notes, os.SigTimedWait(SignalSet::Of(SIGUSR1), 5'000'000));
       notes.Add(os.ClockGetTime(CLOCK_MONOTONIC).value() - start >= 5'000'000);
     },
     "EAGAIN yes"},
};
CLEANFORK_CONFORMANCE(SignalWaits, kWaits);

}  // namespace
}  // namespace cleanfork
