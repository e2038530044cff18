// Signals: masks, handlers, interrupted calls.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <csignal>
#include <ctime>

#include "cleanfork/os.h"
#include "tests/conformance/kernel_under_test.h"

namespace cleanfork {
namespace {

// What the handlers have seen, as one number; a variable of the process that looks at it alone.
volatile int seen = 0;

void NoteSignal(int signal) { seen = seen * 100 + signal; }

void NoteInfo(int signal, siginfo_t* info, void*) {
  seen = seen * 100 + signal;
  if (info->si_code == CLD_EXITED) seen = seen * 100 + info->si_status;
}

SignalAction Handler(int flags) {
  SignalAction action;
  action.handler = &NoteSignal;
  action.flags = flags;
  return action;
}

void Block(Os& os, SignalSet set) { os.SigProcMask(SIG_BLOCK, &set).IgnoreError(); }
void Unblock(Os& os, SignalSet set) { os.SigProcMask(SIG_UNBLOCK, &set).IgnoreError(); }

TEST(Conformance, SigProcMaskRefusesAndReturnsTheOldMask) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              const SignalSet all = SignalSet::Full();
              notes.Add(os.SigProcMask(9, &all));
              notes.Add(os.SigProcMask(9, nullptr));
              notes.Add(os.SigProcMask(SIG_SETMASK, &all).value().empty());
              const SignalSet now = os.SigProcMask(SIG_BLOCK, nullptr).value();
              for (int signal : {1, SIGKILL, SIGSTOP, 32, 33, 34, 64}) {
                notes.Add(now.Contains(signal));
              }
              Unblock(os, SignalSet::Of(1, 64));
              notes.Add(os.SigProcMask(SIG_BLOCK, nullptr).value().Contains(64));
            }),
            "EINVAL ok yes yes no no no no yes yes no");
}

TEST(Conformance, SigActionRefusesWhatCannotBeCaught) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              const SignalAction action = Handler(0);
              for (int signal : {0, -1, 65, SIGKILL, SIGSTOP, 32, 33, SIGTERM, 34}) {
                notes.Add(os.SigAction(signal, &action));
                notes.Add(os.SigAction(signal, nullptr));
              }
            }),
            "EINVAL EINVAL EINVAL EINVAL EINVAL EINVAL EINVAL ok EINVAL ok "
            "EINVAL EINVAL EINVAL EINVAL ok ok ok ok");
}

TEST(Conformance, SigActionReturnsWhatWasThere) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              SignalAction action = Handler(SA_RESTART | SA_NODEFER);
              action.mask = SignalSet::Of(SIGUSR2, SIGKILL);
              notes.Add(os.SigAction(SIGUSR1, &action).value().handler == SIG_DFL);
              const SignalAction now = os.SigAction(SIGUSR1, nullptr).value();
              notes.Add(now.handler == action.handler);
              notes.Add(now.mask == SignalSet::Of(SIGUSR2));
              notes.Add((now.flags & (SA_RESTART | SA_NODEFER | SA_SIGINFO)) ==
                        (SA_RESTART | SA_NODEFER));
              SignalAction info;
              info.info_handler = &NoteInfo;
              os.SigAction(SIGUSR1, &info).IgnoreError();
              notes.Add(os.SigAction(SIGUSR1, nullptr).value().info_handler == &NoteInfo);
            }),
            "yes yes yes yes yes");
}

TEST(Conformance, AHandlerRunsBeforeTheCallThatSentItReturns) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              seen = 0;
              const SignalAction action = Handler(0);
              os.SigAction(SIGUSR1, &action).IgnoreError();
              os.Kill(os.GetPid(), SIGUSR1).IgnoreError();
              notes.Add(seen);
            }),
            "10");
}

TEST(Conformance, BlockedSignalsComeTogetherTheHighestRunningFirst) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              seen = 0;
              const SignalAction action = Handler(0);
              for (int signal : {SIGUSR1, SIGUSR2, SIGTERM}) {
                os.SigAction(signal, &action).IgnoreError();
              }
              Block(os, SignalSet::Of(SIGUSR1, SIGUSR2, SIGTERM));
              for (int signal : {SIGTERM, SIGUSR1, SIGUSR1, SIGUSR2}) {
                os.Kill(os.GetPid(), signal).IgnoreError();
              }
              notes.Add(seen);
              Unblock(os, SignalSet::Of(SIGUSR1, SIGUSR2, SIGTERM));
              notes.Add(seen);
            }),
            "0 151210");
}

TEST(Conformance, AHandlersMaskPutsOthersOff) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              seen = 0;
              SignalAction action = Handler(0);
              action.mask = SignalSet::Of(SIGUSR2);
              os.SigAction(SIGUSR1, &action).IgnoreError();
              os.SigAction(SIGUSR2, &action).IgnoreError();
              Block(os, SignalSet::Of(SIGUSR1, SIGUSR2));
              os.Kill(os.GetPid(), SIGUSR2).IgnoreError();
              os.Kill(os.GetPid(), SIGUSR1).IgnoreError();
              Unblock(os, SignalSet::Of(SIGUSR1, SIGUSR2));
              notes.Add(seen);
              notes.Add(os.SigProcMask(SIG_BLOCK, nullptr).value().empty());
            }),
            "1012 yes");
}

TEST(Conformance, AOnceOnlyHandlerIsGoneAfterwards) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              seen = 0;
              const SignalAction action = Handler(static_cast<int>(SA_RESETHAND));
              os.SigAction(SIGUSR1, &action).IgnoreError();
              os.Kill(os.GetPid(), SIGUSR1).IgnoreError();
              notes.Add(seen);
              os.Kill(os.GetPid(), SIGUSR1).IgnoreError();
              notes.Add("not reached");
            }),
            "signal 10");
}

TEST(Conformance, IgnoringASignalDropsWhatIsPending) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              Block(os, SignalSet::Of(SIGUSR1, SIGCHLD));
              os.Kill(os.GetPid(), SIGUSR1).IgnoreError();
              os.Kill(os.GetPid(), SIGCHLD).IgnoreError();
              SignalAction ignore;
              ignore.handler = SIG_IGN;
              os.SigAction(SIGUSR1, &ignore).IgnoreError();
              const SignalAction by_default;
              os.SigAction(SIGCHLD, &by_default).IgnoreError();
              notes.Add(os.SigTimedWait(SignalSet::Of(SIGUSR1), 0));
              notes.Add(os.SigTimedWait(SignalSet::Of(SIGCHLD), 0));
              os.Kill(os.GetPid(), SIGUSR1).IgnoreError();  // blocked: it stays, though ignored
              notes.Add(os.SigTimedWait(SignalSet::Of(SIGUSR1), 0));
            }),
            "EAGAIN EAGAIN ok");
}

TEST(Conformance, SigTimedWaitTakesTheLowestAndSaysFromWhom) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              const SignalSet set = SignalSet::Of(SIGHUP, SIGUSR1, SIGTERM);
              Block(os, set);
              os.Kill(os.GetPid(), SIGTERM).IgnoreError();
              os.Kill(os.GetPid(), SIGUSR1).IgnoreError();
              const SignalInfo first = os.SigTimedWait(set, -1).value();
              notes.Add(first.signal);
              notes.Add(first.code == SI_USER && first.pid == os.GetPid());
              notes.Add(os.SigTimedWait(set, 0).value().signal);
              notes.Add(os.SigTimedWait(set, 1000));
            }),
            "10 yes 15 EAGAIN");
}

TEST(Conformance, TheEndOfAChildIsASigchldThatSaysHow) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              seen = 0;
              SignalAction action;
              action.info_handler = &NoteInfo;
              os.SigAction(SIGCHLD, &action).IgnoreError();
              Block(os, SignalSet::Of(SIGCHLD));
              if (os.Fork().value() == 0) os.Exit(9);
              os.WaitPid(-1, 0).IgnoreError();
              notes.Add(seen);
              Unblock(os, SignalSet::Of(SIGCHLD));
              notes.Add(seen);
            }),
            "0 1709");
}

TEST(Conformance, AWaitForAChildIsInterruptedBySigchldOfAnother) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              seen = 0;
              const SignalAction action = Handler(0);
              os.SigAction(SIGCHLD, &action).IgnoreError();
              const pid_t stays = os.Fork().value();
              if (stays == 0) {
                os.Poll(nullptr, 0, -1).IgnoreError();
                os.Exit(0);
              }
              if (os.Fork().value() == 0) {
                os.ClockNanoSleep(CLOCK_MONOTONIC, 0, 50'000'000).IgnoreError();
                os.Exit(0);
              }
              notes.Add(os.WaitPid(stays, 0));
              notes.Add(seen);
              os.Kill(stays, SIGKILL).IgnoreError();
            }),
            "EINTR 17");
}

TEST(Conformance, ExecOfWhatIsNoProgramFails) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              char* const none[] = {nullptr};
              notes.Add(os.ExecVe("/absent", none, none));
              notes.Add(os.ExecVe("/tmp", none, none));
              notes.Add(os.ExecVe("/dev/null", none, none));
              notes.Add(os.ExecVe("", none, none));
              notes.Add(os.ExecVe("/dev/null/x", none, none));
            }),
            "ENOENT EACCES EACCES ENOENT ENOTDIR");
}

}  // namespace
}  // namespace cleanfork
