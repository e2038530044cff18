// What a process leaves to others, and what it shares with them while it lives.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include "cleanfork/os.h"
#include "tests/conformance/kernel_under_test.h"
#include "tests/real/vfork_is_fork.h"

namespace cleanfork {
namespace {

TEST(Conformance, WhatIsWaitedForLeavesRoomForMore) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              int sum = 0;
              for (int i = 0; i < 40; ++i) {
                const pid_t child = os.Fork().value();
                if (child == 0) os.Exit(i);
                sum += WEXITSTATUS(os.WaitPid(child, 0).value().status);
              }
              notes.Add(sum);
            }),
            "780");
}

TEST(Conformance, AChildOfVforkCallHasItsParentsEnvironment) {
#ifndef CLEANFORK_CONFORMANCE_OF_SIM_OS
  if (kVforkIsFork) GTEST_SKIP() << kNoVfork;
#endif
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              char variable[] = "COLOUR=red";
              char* block[] = {variable, nullptr};
              struct Shared {
                Os* os;
                char** block;
              } shared = {&os, block};
              char* const* const before = os.GetEnviron();
              const pid_t child = os.VforkCall(
                                        [](void* argument) {
                                          const Shared& own = *static_cast<Shared*>(argument);
                                          own.os->SetEnviron(own.block);
                                          return 0;
                                        },
                                        &shared, SIGCHLD)
                                      .value();
              os.WaitPid(child, 0).IgnoreError();
              const char* const colour = os.GetEnv("COLOUR");
              notes.Add(colour != nullptr ? colour : "none");
              os.SetEnviron(const_cast<char**>(before));
            }),
            "red");
}

Os* os_of_handler = nullptr;

// Counts in the umask, which is a process's own as no variable is here, how often it has run; and
// sends its signal once more: what it counts by then is made eight times as much.
void Nested(int signal) {
  const mode_t before = os_of_handler->Umask(0);
  os_of_handler->Umask(before + 1);
  if (before != 0) return;
  os_of_handler->Kill(os_of_handler->GetPid(), signal).IgnoreError();
  os_of_handler->Umask(os_of_handler->Umask(0) * 8);
}

TEST(Conformance, AHandlerInterruptsItselfOnlyIfItIsToldTo) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              os_of_handler = &os;
              for (int flags : {0, SA_NODEFER}) {
                os.Umask(0);
                SignalAction action;
                action.handler = &Nested;
                action.flags = flags;
                os.SigAction(SIGUSR1, &action).IgnoreError();
                os.Kill(os.GetPid(), SIGUSR1).IgnoreError();
                notes.Add(static_cast<int>(os.Umask(022)));
              }
            }),
            "9 16");
}

}  // namespace
}  // namespace cleanfork
