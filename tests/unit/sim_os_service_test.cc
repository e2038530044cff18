// A service's life on the simulated kernel: pid file, daemon, stop; and children by the dozen.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cleanfork/child_registry.h"
#include "cleanfork/fork_child.h"
#include "cleanfork/os.h"
#include "cleanfork/pid_file.h"
#include "cleanfork/sim_os.h"
#include "cleanfork/spawn.h"
#include "cleanfork/stop.h"

namespace cleanfork {
namespace {

constexpr const char* kPidFile = "/var/run/worker.pid";

SimOsOptions World() {
  SimOsOptions options;
  SimFile run;
  run.path = "/var/run";
  run.mode = 0755;
  run.type = SimFile::Type::kDirectory;
  options.files.push_back(run);
  options.users.push_back({"worker", 40, 40, "/"});
  options.programs.push_back({"/bin/worker", nullptr});
  return options;
}

int StatusOf(const SimOs& sim, pid_t pid) {
  const std::optional<SimProcess> process = sim.process(pid);
  if (!process.has_value() || process->state == SimProcess::State::kRunning) return -1;
  return WIFEXITED(process->wait_status) ? WEXITSTATUS(process->wait_status) : -1;
}

absl::Status StartWorker(Os& os) {
  absl::StatusOr<PidFile> file = PidFile::Claim(kPidFile, os);
  if (!file.ok()) return file.status();
  ForkOptions options;
  options.session = Session::kDaemon;
  options.pid_file_descriptor = file->descriptor();
  options.identity = Identity::User("worker");
  const absl::StatusOr<Child> daemon = Spawn({"worker"}, options, os);
  if (!daemon.ok()) return daemon.status();
  file->Commit();
  return absl::OkStatus();
}

TEST(ServiceOnSimOs, ADaemonWritesItsPidAndASecondOneIsRefused) {
  SimOs sim(World());
  const SimRun run = sim.Run([](Os& os) {
    if (!StartWorker(os).ok()) return 1;
    if (!absl::IsAlreadyExists(StartWorker(os))) return 2;
    const absl::StatusOr<PidFileState> state = ReadPidFile(kPidFile, os);
    return state.ok() && state->locked && state->process.has_value() && state->pid == 102 ? 0 : 3;
  });
  EXPECT_EQ(run.end, SimEnd::kLeftWaiting) << run.message;
  EXPECT_EQ(StatusOf(sim, 100), 0) << sim.TraceText();
  EXPECT_EQ(sim.FileContents(kPidFile), "102\n");
  EXPECT_EQ(sim.process(102)->uid.real, 40U);
}

TEST(ServiceOnSimOs, ADaemonIsStoppedByItsPidFile) {
  SimOs sim(World());
  const SimRun run = sim.Run([](Os& os) {
    if (!StartWorker(os).ok()) return 1;
    absl::StatusOr<PidFileState> state = ReadPidFile(kPidFile, os);
    if (!state.ok() || !state->process.has_value()) return 2;
    if (!StopProcess(*state->process, StopSchedule(), os).ok()) return 3;
    const absl::StatusOr<PidFileRemoval> removed = RemovePidFile(kPidFile, state->pid, os);
    return removed.ok() && *removed == PidFileRemoval::kRemoved ? 0 : 4;
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(StatusOf(sim, 100), 0) << sim.TraceText();
  EXPECT_EQ(WTERMSIG(sim.process(102)->wait_status), SIGTERM);
  EXPECT_EQ(sim.FileContents(kPidFile), std::nullopt);
}

TEST(ServiceOnSimOs, AWorkerThatIgnoresSigtermIsKilledInVirtualTime) {
  SimOsOptions world = World();
  world.programs[0].body = [](Os& os, const std::vector<std::string>&) {
    SignalAction ignore;
    ignore.handler = SIG_IGN;
    os.SigAction(SIGTERM, &ignore).IgnoreError();
    for (;;) os.Poll(nullptr, 0, -1).IgnoreError();
    return 0;
  };
  SimOs sim(world);
  const SimRun run = sim.Run([](Os& os) {
    if (!StartWorker(os).ok()) return 1;
    absl::StatusOr<PidFileState> state = ReadPidFile(kPidFile, os);
    return StopProcess(*state->process, StopSchedule(), os).ok() ? 0 : 3;
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(StatusOf(sim, 100), 0) << sim.TraceText();
  EXPECT_EQ(WTERMSIG(sim.process(102)->wait_status), SIGKILL);
  EXPECT_GE(sim.elapsed(), 1'000'000'000) << "it was given time to end";
}

TEST(ServiceOnSimOs, ARegistryReapsEachOfItsChildren) {
  SimOs sim(World());
  const SimRun run = sim.Run([](Os& os) {
    ChildRegistry registry(os);
    for (int i = 0; i < 12; ++i) {
      absl::StatusOr<Child> child = RunInChild([i] { return i; }, ForkOptions(), os);
      if (!child.ok()) return 99;
      registry.Adopt(*std::move(child));
    }
    int sum = 0;
    for (const ChildRegistry::Ended& ended : registry.WaitForAll()) {
      sum += ended.status->exit_status();
    }
    return registry.size() == 0 ? sum : 98;
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(StatusOf(sim, 100), 66) << sim.TraceText();
}

}  // namespace
}  // namespace cleanfork
