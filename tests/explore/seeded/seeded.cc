#include "tests/explore/seeded/seeded.h"

#include "cleanfork/fd_io.h"

namespace cleanfork::seeded {

std::vector<Seeded> AllBugs() {
  std::vector<Seeded> all;
  for (const auto& some :
       {PipeBugs(), WaitBugs(), ForkBugs(), SignalBugs(), IdentityBugs(), FileBugs()}) {
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

SimOsOptions World() {
  SimOsOptions world;
  world.users.push_back({"www", 33, 33, "/var"});
  SimProgram worker;
  worker.path = "/bin/worker";
  worker.body = [](Os&, const std::vector<std::string>&) { return 0; };
  world.programs.push_back(worker);
  return world;
}

ExploreOptions Bounds(int faults, int signals, int kills) {
  ExploreOptions options;
  options.max_faults = faults;
  options.max_signals = signals;
  options.signals = {SIGTERM};
  options.max_kills = kills;
  options.progress = false;
  options.reports = false;
  return options;
}

ExploreResult ExploreSeeded(const Seeded& seeded, bool right, const ExploreOptions& options) {
  Scenario scenario;
  scenario.name = "seeded";
  scenario.world = World();
  if (seeded.prepare != nullptr) seeded.prepare(&scenario);
  scenario.body = [&seeded, right](Os& os) { return seeded.run(os, right); };
  return Explore(scenario, options);
}

bool Succeeded(const Execution& run) {
  return run.end() != SimEnd::kDeadlock && run.processes()[0].wait_status == 0;
}

SysResult<void> ExecWorker(Os& os) {
  char path[] = "/bin/worker";
  char* const arguments[] = {path, nullptr};
  char* const environment[] = {nullptr};
  return os.ExecVe(path, arguments, environment);
}

int WaitFor(Os& os, pid_t child) {
  const SysResult<WaitResult> waited = RetryOnEintr([&] { return os.WaitPid(child, 0); });
  return waited.ok() ? waited.value().status : -1;
}

void ServeForEver(Os& os) {
  for (;;) os.SigTimedWait(SignalSet::Of(SIGUSR1), -1).IgnoreError();
}

}  // namespace cleanfork::seeded
