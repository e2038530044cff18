// Limits of SimOs that the real kernel would take root and an unused user to show.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>

#include <cerrno>

#include "cleanfork/os.h"
#include "cleanfork/sim_os.h"

namespace cleanfork {
namespace {

// The errno with which a second child of `uid` fails, where that user may have two processes.
int SecondForkOf(uid_t uid) {
  SimOsOptions options;
  options.uid = uid;
  options.limits[RLIMIT_NPROC] = {2, 2};
  SimOs sim(options);
  int error = -1;
  sim.Run([&error](Os& os) {
    if (os.Fork().value() == 0) {
      for (;;) os.ClockNanoSleep(CLOCK_MONOTONIC, 0, 1'000'000'000).IgnoreError();
    }
    const SysResult<pid_t> second = os.Fork();
    if (second.ok() && second.value() == 0) os.Exit(0);
    error = second.error();
    os.Kill(0, SIGKILL).IgnoreError();
    return 0;
  });
  return error;
}

TEST(SimOs, AUserHasNoMoreProcessesThanTheLimitSays) { EXPECT_EQ(SecondForkOf(1000), EAGAIN); }

TEST(SimOs, RootHasAsManyProcessesAsItLikes) { EXPECT_EQ(SecondForkOf(0), 0); }

}  // namespace
}  // namespace cleanfork
