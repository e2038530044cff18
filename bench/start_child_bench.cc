// What starting a child costs beside the same steps by hand, and beside posix_spawn(3), from small
// and large parents: bench/README.md.
#include <benchmark/benchmark.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

#include "absl/status/statusor.h"
#include "bench/by_hand.h"
#include "bench/parent_size.h"
#include "bench/ratios.h"
#include "cleanfork/child.h"
#include "cleanfork/fork_child.h"
#include "cleanfork/spawn.h"

namespace {

constexpr char kProgram[] = "/bin/true";

void Reap(benchmark::State& state, pid_t pid) {
  int status = 0;
  if (pid <= 0 || waitpid(pid, &status, 0) != pid || status != 0) {
    state.SkipWithError("the child was not started, or failed");
  }
}

void Reap(benchmark::State& state, absl::StatusOr<cleanfork::Child> child) {
  if (!child.ok() || !child->Wait().ok()) state.SkipWithError("the child was not started");
}

void ForkChild(benchmark::State& state) {
  for (auto _ : state) {
    absl::StatusOr<pid_t> pid = cleanfork::ForkChild();
    if (pid.ok() && *pid == 0) _exit(0);
    Reap(state, pid.value_or(-1));
  }
}
void RunInChild(benchmark::State& state) {
  for (auto _ : state) Reap(state, cleanfork::RunInChild([] { return 0; }));
}
void ForkByHand(benchmark::State& state) {
  for (auto _ : state) {
    const pid_t pid = cleanfork::ForkByHand();
    if (pid == 0) _exit(0);
    Reap(state, pid);
  }
}
void BareFork(benchmark::State& state) {
  for (auto _ : state) {
    const pid_t pid = fork();
    if (pid == 0) _exit(0);
    Reap(state, pid);
  }
}
void Spawn(benchmark::State& state) {
  for (auto _ : state) Reap(state, cleanfork::Spawn({kProgram}));
}
void PosixSpawn(benchmark::State& state) {
  char* argv[] = {const_cast<char*>(kProgram), nullptr};
  for (auto _ : state) {
    pid_t pid = -1;
    if (posix_spawn(&pid, kProgram, nullptr, nullptr, argv, environ) != 0) pid = -1;
    Reap(state, pid);
  }
}
void ForkAndExecByHand(benchmark::State& state) {
  for (auto _ : state) Reap(state, cleanfork::ForkAndExecByHand(kProgram));
}
BENCHMARK(ForkChild)->UseRealTime();
BENCHMARK(RunInChild)->UseRealTime();
BENCHMARK(ForkByHand)->UseRealTime();
BENCHMARK(BareFork)->UseRealTime();
BENCHMARK(Spawn)->UseRealTime();
BENCHMARK(PosixSpawn)->UseRealTime();
BENCHMARK(ForkAndExecByHand)->UseRealTime();

}  // namespace

int main(int argc, char** argv) {
  constexpr double kGoal = 1.15;
  const std::vector<cleanfork::Ratio> ratios = {{"ForkChild", "ForkByHand", kGoal},
                                                {"RunInChild", "ForkByHand", kGoal},
                                                {"ForkByHand", "BareFork"},
                                                {"Spawn", "PosixSpawn"},
                                                {"Spawn", "ForkAndExecByHand", kGoal}};
  for (const size_t size : {size_t{10}, size_t{1024}}) {
    if (!cleanfork::GrowTo(size)) continue;
    cleanfork::RunAndPrintRatios(argc, argv, ".*", ratios);
  }
}
