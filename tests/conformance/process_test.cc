// Processes: fork, waiting, sessions and groups.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <climits>
#include <ctime>

#include "cleanfork/os.h"
#include "tests/conformance/kernel_under_test.h"

namespace cleanfork {
namespace {

pid_t ForkAndExit(Os& os, int status) {
  const pid_t child = os.Fork().value();
  if (child == 0) os.Exit(status);
  return child;
}

// Waits until it has ended, without reaping it.
void AwaitEnd(Os& os, pid_t child) {
  os.WaitId(P_PID, static_cast<id_t>(child), WEXITED | WNOWAIT).IgnoreError();
}

TEST(Conformance, WaitPidWithoutChildren) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              notes.Add(os.WaitPid(-1, 0));
              notes.Add(os.WaitPid(-1, WNOHANG));
              notes.Add(os.WaitPid(0, 0));
              notes.Add(os.WaitPid(os.GetPid(), 0));
              notes.Add(os.WaitPid(-os.GetPid(), 0));
              notes.Add(os.WaitPid(INT_MIN, 0));
              notes.Add(os.WaitPid(-1, 0x100));
            }),
            "ECHILD ECHILD ECHILD ECHILD ECHILD ESRCH EINVAL");
}

TEST(Conformance, WaitIdWithoutChildren) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              notes.Add(os.WaitId(P_ALL, 0, WEXITED));
              notes.Add(os.WaitId(P_ALL, 0, 0));
              notes.Add(os.WaitId(P_ALL, 0, WNOHANG));
              notes.Add(os.WaitId(P_PID, 0, WEXITED));
              notes.Add(os.WaitId(P_PGID, 0, WEXITED));
              notes.Add(os.WaitId(static_cast<idtype_t>(9), 0, WEXITED));
              notes.Add(os.WaitId(static_cast<idtype_t>(3), 77, WEXITED));
              notes.Add(os.WaitId(static_cast<idtype_t>(3), 0, WEXITED));
            }),
            "ECHILD EINVAL EINVAL EINVAL ECHILD EINVAL EBADF EBADF");
}

TEST(Conformance, WaitPidTellsHowAChildEnded) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              ForkAndExit(os, 0x1ff);
              notes.Add(os.WaitPid(-1, 0).value().status);
              const pid_t child = os.Fork().value();
              if (child == 0) {
                os.Kill(os.GetPid(), SIGTERM).IgnoreError();
                os.Exit(1);
              }
              notes.Add(os.WaitPid(child, 0).value().status);
              notes.Add(os.WaitPid(child, 0));
            }),
            "65280 15 ECHILD");
}

TEST(Conformance, WaitIdTellsHowAChildEnded) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              const pid_t child = ForkAndExit(os, 3);
              for (int options : {WEXITED | WNOWAIT, WEXITED, WEXITED}) {
                const SysResult<WaitIdResult> ended =
                    os.WaitId(P_PID, static_cast<id_t>(child), options);
                notes.Add(ended);
                if (!ended.ok()) continue;
                notes.Add(ended.value().code == CLD_EXITED);
                notes.Add(ended.value().status);
              }
              const pid_t killed = os.Fork().value();
              if (killed == 0) os.Poll(nullptr, 0, -1).IgnoreError();
              os.Kill(killed, SIGKILL).IgnoreError();
              const WaitIdResult ended = os.WaitId(P_ALL, 0, WEXITED).value();
              notes.Add(ended.code == CLD_KILLED);
              notes.Add(ended.status);
            }),
            "ok yes 3 ok yes 3 ECHILD yes 9");
}

TEST(Conformance, ZombiesAreReapedInTheOrderOfTheirForks) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              pid_t children[3];
              for (int i = 0; i < 3; ++i) children[i] = ForkAndExit(os, i);
              for (pid_t child : children) AwaitEnd(os, child);
              for (int i = 0; i < 3; ++i) {
                notes.Add(WEXITSTATUS(os.WaitPid(-1, 0).value().status));
              }
            }),
            "0 1 2");
}

TEST(Conformance, AWaitForOneGroupSeesNoOther) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              const pid_t own = ForkAndExit(os, 1);
              const pid_t other = os.Fork().value();
              if (other == 0) {
                os.SetPgid(0, 0).IgnoreError();
                os.Exit(2);
              }
              os.SetPgid(other, other).IgnoreError();  // as shells do: whoever is first
              AwaitEnd(os, own);
              AwaitEnd(os, other);
              notes.Add(os.WaitPid(0, 0).value().pid == own);
              notes.Add(os.WaitPid(0, 0));
              notes.Add(os.WaitPid(-other, WNOHANG).value().pid == other);
            }),
            "yes ECHILD yes");
}

TEST(Conformance, AChildIsDiscardedWhereSigchldIsIgnored) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              SignalAction ignore;
              ignore.handler = SIG_IGN;
              notes.Add(os.SigAction(SIGCHLD, &ignore));
              ForkAndExit(os, 1);
              notes.Add(os.WaitPid(-1, 0));
              SignalAction no_zombies;
              no_zombies.flags = SA_NOCLDWAIT;
              notes.Add(os.SigAction(SIGCHLD, &no_zombies));
              ForkAndExit(os, 1);
              notes.Add(os.WaitPid(-1, 0));
            }),
            "ok ECHILD ok ECHILD");
}

TEST(Conformance, AChildInheritsWhatForkSays) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              const SignalSet mask = SignalSet::Of(SIGUSR1);
              os.SigProcMask(SIG_BLOCK, &mask).IgnoreError();
              os.Kill(os.GetPid(), SIGUSR1).IgnoreError();
              os.Umask(0123);
              const pid_t child = os.Fork().value();
              if (child == 0) {
                const bool masked = os.SigProcMask(SIG_BLOCK, nullptr).value() == mask;
                const bool pending = os.SigTimedWait(mask, 0).ok();
                os.Exit((masked ? 1 : 0) | (pending ? 2 : 0) | (os.Umask(0) == 0123 ? 4 : 0));
              }
              notes.Add(WEXITSTATUS(os.WaitPid(child, 0).value().status));
              notes.Add(os.SigTimedWait(mask, 0));
            }),
            "5 ok");
}

TEST(Conformance, SetSidFailsForALeaderAndMakesOneOfOthers) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              notes.Add(os.SetSid());
              const pid_t child = os.Fork().value();
              if (child == 0) {
                const bool made = os.SetSid().value_or(0) == os.GetPid();
                const int again = os.SetSid().error();
                const int group = os.SetPgid(0, 0).error();
                os.Exit(made && again == EPERM && group == EPERM ? 0 : 1);
              }
              notes.Add(WEXITSTATUS(os.WaitPid(child, 0).value().status));
            }),
            "EPERM 0");
}

TEST(Conformance, SetPgidRefuses) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              notes.Add(os.SetPgid(0, -1));
              notes.Add(os.SetPgid(os.GetPpid(), 0));
              notes.Add(os.SetPgid(999999999, 0));
              notes.Add(os.SetPgid(0, 999999999));
              notes.Add(os.SetPgid(0, 0));
            }),
            "EINVAL ESRCH ESRCH EPERM ok");
}

TEST(Conformance, KillRefuses) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              notes.Add(os.Kill(os.GetPid(), 0));
              notes.Add(os.Kill(os.GetPid(), 65));
              notes.Add(os.Kill(os.GetPid(), -1));
              notes.Add(os.Kill(999999999, 0));
              notes.Add(os.Kill(999999999, 65));
              notes.Add(os.Kill(-999999999, SIGTERM));
              const pid_t zombie = ForkAndExit(os, 0);
              AwaitEnd(os, zombie);
              notes.Add(os.Kill(zombie, SIGTERM));
            }),
            "ok EINVAL EINVAL ESRCH ESRCH ESRCH ok");
}

TEST(Conformance, APidFdMeansItsProcess) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              notes.Add(os.PidFdOpen(0, 0));
              notes.Add(os.PidFdOpen(-1, 0));
              notes.Add(os.PidFdOpen(999999999, 0));
              const pid_t child = os.Fork().value();
              if (child == 0) os.Poll(nullptr, 0, -1).IgnoreError();
              const int fd = os.PidFdOpen(child, 0).value();
              notes.Add(os.FcntlGetFd(fd));
              struct pollfd ready = {fd, POLLIN, 0};
              notes.Add(os.Poll(&ready, 1, 0));
              char byte = 0;
              notes.Add(os.Read(fd, &byte, 1));
              notes.Add(os.Write(fd, &byte, 1));
              notes.Add(os.PidFdSendSignal(fd, 0));
              notes.Add(os.PidFdSendSignal(fd, 65));
              notes.Add(os.PidFdSendSignal(0, 0));
              notes.Add(os.PidFdSendSignal(77, 0));
              notes.Add(os.PidFdSendSignal(fd, SIGKILL));
              notes.Add(os.Poll(&ready, 1, -1));
              notes.Add(ready.revents == POLLIN);
              notes.Add(os.WaitId(static_cast<idtype_t>(3), static_cast<id_t>(fd), WEXITED));
              notes.Add(os.PidFdSendSignal(fd, 0));
            }),
            "EINVAL EINVAL ESRCH 1 0 EINVAL EINVAL ok EINVAL EBADF EBADF ok 1 yes ok ESRCH");
}

TEST(Conformance, TheEndOfAParentSendsItsChildrenTheSignalThatTheyAskedFor) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              notes.Add(os.PrctlSetPdeathsig(65));
              notes.Add(os.PrctlSetPdeathsig(-1));
              const PipeEnds ends = os.Pipe().value();
              if (os.Fork().value() == 0) {
                const PipeEnds set = os.Pipe().value();
                char byte = 0;
                if (os.Fork().value() == 0) {
                  os.PrctlSetPdeathsig(SIGTERM).IgnoreError();
                  os.Write(set.write_end, &byte, 1).IgnoreError();
                  os.Poll(nullptr, 0, -1).IgnoreError();
                  os.Exit(0);
                }
                os.Read(set.read_end, &byte, 1).IgnoreError();
                os.Exit(0);
              }
              os.Close(ends.write_end).IgnoreError();
              char byte = 0;
              notes.Add(os.Read(ends.read_end, &byte, 1));  // its end: the grandchild is gone
            }),
            "EINVAL EINVAL 0");
}

TEST(Conformance, AStoppedChildIsToldOfIfItIsAskedFor) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              const pid_t child = os.Fork().value();
              if (child == 0) {
                for (;;) os.Poll(nullptr, 0, -1).IgnoreError();
              }
              os.Kill(child, SIGSTOP).IgnoreError();
              notes.Add(os.WaitId(P_ALL, 0, WSTOPPED | WNOWAIT).value().code == CLD_STOPPED);
              notes.Add(os.WaitPid(-1, WNOHANG).value().pid);
              notes.Add(os.WaitPid(-1, WUNTRACED).value().status);
              notes.Add(os.WaitPid(-1, WUNTRACED | WNOHANG).value().pid);
              os.Kill(child, SIGTERM).IgnoreError();  // has to wait
              notes.Add(os.WaitPid(-1, WNOHANG).value().pid);
              os.Kill(child, SIGCONT).IgnoreError();
              const WaitIdResult ended = os.WaitId(P_ALL, 0, WEXITED).value();
              notes.Add(ended.code == CLD_KILLED && ended.status == SIGTERM);
            }),
            "yes 0 4991 0 0 yes");
}

TEST(Conformance, AContinuedChildIsToldOfIfItIsAskedFor) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              const pid_t child = os.Fork().value();
              if (child == 0) {
                for (;;) os.Poll(nullptr, 0, -1).IgnoreError();
              }
              os.Kill(child, SIGSTOP).IgnoreError();
              os.WaitPid(child, WUNTRACED).IgnoreError();
              os.Kill(child, SIGCONT).IgnoreError();
              notes.Add(os.WaitPid(child, WCONTINUED).value().status);
              notes.Add(os.WaitPid(child, WCONTINUED | WUNTRACED | WNOHANG).value().pid);
              os.Kill(child, SIGSTOP).IgnoreError();
              os.WaitPid(child, WUNTRACED).IgnoreError();
              os.Kill(child, SIGKILL).IgnoreError();
              notes.Add(os.WaitPid(child, 0).value().status);
            }),
            "65535 0 9");
}

TEST(Conformance, StoppingAndContinuingAreSigchldsUnlessRefused) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              const SignalSet set = SignalSet::Of(SIGCHLD);
              os.SigProcMask(SIG_BLOCK, &set).IgnoreError();
              const pid_t child = os.Fork().value();
              if (child == 0) {
                for (;;) os.Poll(nullptr, 0, -1).IgnoreError();
              }
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
            }),
            "yes yes EAGAIN yes");
}

TEST(Conformance, AParentDeathSignalIsNotInherited) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
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
            }),
            "1");
}

TEST(Conformance, VforkCallReturnsWhenTheChildHasEnded) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              const PipeEnds ends = os.Pipe().value();
              struct Start {
                Os* os;
                int fd;
              } start = {&os, ends.write_end};
              const auto write_and_return = [](void* argument) -> int {
                const Start& given = *static_cast<const Start*>(argument);
                given.os->Write(given.fd, "x", 1).IgnoreError();
                return 6;
              };
              const pid_t child = os.VforkCall(write_and_return, &start, SIGCHLD).value();
              char buffer[4];
              notes.Add(os.Read(ends.read_end, buffer, sizeof(buffer)));
              notes.Add(WEXITSTATUS(os.WaitPid(child, 0).value().status));
            }),
            "1 6");
}

}  // namespace
}  // namespace cleanfork
