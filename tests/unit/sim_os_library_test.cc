// The library, unchanged, on the simulated kernel.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <string>

#include "absl/status/statusor.h"
#include "cleanfork/child.h"
#include "cleanfork/child_error.h"
#include "cleanfork/fd_io.h"
#include "cleanfork/fork_child.h"
#include "cleanfork/os.h"
#include "cleanfork/sim_os.h"
#include "cleanfork/spawn.h"

namespace cleanfork {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

SimOsOptions World() {
  SimOsOptions options;
  options.users.push_back({"www", 33, 34, "/var/www", "/bin/sh", {50, 51}});
  options.programs.push_back({"/bin/daemon", nullptr});
  options.programs.push_back({"/bin/true", [](Os&, const std::vector<std::string>&) { return 0; }});
  return options;
}

int StatusOf(const SimOs& sim, pid_t pid) {
  const std::optional<SimProcess> process = sim.process(pid);
  if (!process.has_value() || process->state == SimProcess::State::kRunning) return -1;
  return WIFEXITED(process->wait_status) ? WEXITSTATUS(process->wait_status) : -1;
}

TEST(LibraryOnSimOs, ForkChildSetsTheChildUp) {
  SimOs sim(World());
  const SimRun run = sim.Run([](Os& os) {
    ForkOptions options;
    options.identity = Identity::User("www");
    const absl::StatusOr<pid_t> pid = ForkChild(options, os);
    if (!pid.ok()) return 1;
    if (*pid == 0) return os.GetUid() == 33 && os.GetGid() == 34 ? 0 : 2;
    return WEXITSTATUS(os.WaitPid(*pid, 0).value().status);
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(StatusOf(sim, 100), 0) << sim.TraceText();
  const SimProcess child = *sim.process(101);
  EXPECT_EQ(child.session, 101);
  EXPECT_THAT(child.groups, ElementsAre(34, 50, 51));
  EXPECT_EQ(child.capabilities.permitted, 0U);
  EXPECT_EQ(child.umask, 022U);
  EXPECT_EQ(child.directory, "/");
  EXPECT_EQ(child.mask, SignalSet::Empty());
  EXPECT_THAT(child.descriptors,
              ElementsAre(std::make_pair(0, "/dev/null"), std::make_pair(1, "/dev/null"),
                          std::make_pair(2, "/dev/null")));
  EXPECT_EQ(sim.process(100)->descriptors.size(), 3U) << "the caller has what it had";
}

TEST(LibraryOnSimOs, RunInChildReturnsAChild) {
  SimOs sim(World());
  const SimRun run = sim.Run([](Os& os) {
    absl::StatusOr<Child> child =
        RunInChild([&os] { return os.GetPpid() == 100 ? 5 : 6; }, ForkOptions(), os);
    if (!child.ok()) return 1;
    const absl::StatusOr<ExitStatus> ended = child->Wait();
    return ended.ok() && ended->exited() ? ended->exit_status() : 2;
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(StatusOf(sim, 100), 5) << sim.TraceText();
}

TEST(LibraryOnSimOs, SpawnStartsAProgramThatCanBeLookedAt) {
  SimOs sim(World());
  const SimRun run = sim.Run([](Os& os) {
    ForkOptions options;
    options.limits.push_back({RLIMIT_NOFILE, {64, 64}});
    options.identity = Identity::User("www");
    absl::StatusOr<Child> child = Spawn({"daemon", "--verbose"}, options, os);
    if (!child.ok()) return 1;
    child->Detach();
    return 0;
  });
  EXPECT_EQ(run.end, SimEnd::kLeftWaiting) << run.message;
  EXPECT_THAT(run.message, HasSubstr("process 101: runs /bin/daemon"));
  EXPECT_EQ(StatusOf(sim, 100), 0) << sim.TraceText();
  const SimProcess program = *sim.process(101);
  EXPECT_EQ(program.program, "/bin/daemon");
  EXPECT_THAT(program.arguments, ElementsAre("daemon", "--verbose"));
  EXPECT_EQ(program.uid.saved, 33U);
  EXPECT_EQ(program.limits.at(RLIMIT_NOFILE).soft, 64U);
  EXPECT_EQ(program.descriptors.size(), 3U);
  EXPECT_THAT(program.environment, testing::Contains("HOME=/var/www"));
}

TEST(LibraryOnSimOs, SpawnWaitsForARegisteredProgram) {
  SimOs sim(World());
  const SimRun run = sim.Run([](Os& os) {
    absl::StatusOr<Child> child = Spawn({"true"}, ForkOptions(), os);
    if (!child.ok()) return 1;
    return child->Wait()->success() ? 0 : 2;
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(StatusOf(sim, 100), 0) << sim.TraceText();
}

TEST(LibraryOnSimOs, SpawnSaysThatAProgramIsNotThere) {
  SimOs sim(World());
  std::string message;
  const SimRun run = sim.Run([&message](Os& os) {
    const absl::StatusOr<Child> child = Spawn({"absent"}, ForkOptions(), os);
    message = child.status().ToString();
    return child.ok() ? 1 : 0;
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(StatusOf(sim, 100), 0) << sim.TraceText();
  EXPECT_THAT(message, HasSubstr("ENOENT"));
  EXPECT_EQ(sim.process(100)->descriptors.size(), 3U);
}

TEST(LibraryOnSimOs, ADaemonIsASecondChildInASessionThatItDoesNotLead) {
  SimOs sim(World());
  const SimRun run = sim.Run([](Os& os) {
    ForkOptions options;
    options.session = Session::kDaemon;
    return Spawn({"daemon"}, options, os).ok() ? 0 : 1;
  });
  EXPECT_EQ(run.end, SimEnd::kLeftWaiting) << run.message;
  EXPECT_EQ(StatusOf(sim, 100), 0) << sim.TraceText();
  const SimProcess daemon = *sim.process(102);
  EXPECT_EQ(daemon.parent, 1);
  EXPECT_EQ(daemon.session, 101);
  EXPECT_EQ(daemon.program, "/bin/daemon");
  EXPECT_EQ(sim.process(101)->state, SimProcess::State::kReaped);
}

TEST(LibraryOnSimOs, ADaemonOfAForkGoesOnInTheCallersCode) {
  SimOs sim(World());
  const SimRun run = sim.Run([](Os& os) {
    ForkOptions options;
    options.session = Session::kDaemon;
    const absl::StatusOr<pid_t> pid = ForkChild(options, os);
    if (!pid.ok()) return 1;
    if (*pid != 0) return *pid == 102 ? 0 : 2;
    const int fd = os.Open("/tmp/it-ran", O_CREAT | O_WRONLY, 0644).value();
    return WriteFully(os, fd, "yes", 3).ok() ? 0 : 3;
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(StatusOf(sim, 100), 0) << sim.TraceText();
  EXPECT_EQ(sim.FileContents("/tmp/it-ran"), "yes");
}

TEST(LibraryOnSimOs, AProcessLimitFailsTheForkAndTheLibraryTriesAgain) {
  SimOsOptions world = World();
  world.uid = world.gid = 33;
  world.supplementary_groups = {33};
  world.limits[RLIMIT_NPROC] = {1, 1};
  SimOs sim(world);
  std::string message;
  const SimRun run = sim.Run([&message](Os& os) {
    const absl::StatusOr<Child> child = RunInChild([] { return 0; }, ForkOptions(), os);
    message = child.status().ToString();
    return child.ok() ? 1 : 0;
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(StatusOf(sim, 100), 0) << sim.TraceText();
  EXPECT_THAT(message, HasSubstr("RLIMIT_NPROC is full: 1 of 1"));
  EXPECT_GT(sim.elapsed(), 0) << "virtual time passes between the attempts";
}

// The child of VforkCall() writes to its caller's memory; a process that is forked later is made by
// running all of it again, and has to find what was written.
TEST(LibraryOnSimOs, AForkAfterASpawnFindsWhatTheSpawnLeft) {
  SimOs sim(World());
  const SimRun run = sim.Run([](Os& os) {
    absl::StatusOr<Child> first = Spawn({"true"}, ForkOptions(), os);
    if (!first.ok() || !first->Wait()->success()) return 1;
    absl::StatusOr<Child> second = RunInChild([] { return 8; }, ForkOptions(), os);
    return second.ok() ? second->Wait()->exit_status() : 2;
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(StatusOf(sim, 100), 8) << sim.TraceText();
}

}  // namespace
}  // namespace cleanfork
