// What starting a program as another user costs, from small and large parents, beside
// posix_spawn(3), which can do no such thing, and beside the same steps by hand: bench/README.md.
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
#include "cleanfork/fork_options.h"
#include "cleanfork/spawn.h"

namespace {

constexpr char kProgram[] = "/bin/true";
constexpr char kUser[] = "nobody";

void Reap(benchmark::State& state, pid_t pid) {
  int status = 0;
  if (pid <= 0 || waitpid(pid, &status, 0) != pid || status != 0) {
    state.SkipWithError("the child was not started, or failed");
  }
}

void Spawn(benchmark::State& state, const cleanfork::Identity& identity) {
  cleanfork::ForkOptions options;
  options.identity = identity;
  for (auto _ : state) {
    absl::StatusOr<cleanfork::Child> child = cleanfork::Spawn({kProgram}, options);
    if (!child.ok() || !child->Wait().ok()) state.SkipWithError("the child was not started");
  }
}
void SpawnAsUser(benchmark::State& state) { Spawn(state, cleanfork::Identity::User(kUser)); }
// Without /etc/group, which is read for the groups of a user.
void SpawnAsIds(benchmark::State& state) {
  cleanfork::Identity identity = cleanfork::Identity::Ids(65534, 65534);
  identity.groups = cleanfork::GroupPolicy::kNone;
  Spawn(state, identity);
}
void PosixSpawn(benchmark::State& state) {
  char* argv[] = {const_cast<char*>(kProgram), nullptr};
  for (auto _ : state) {
    pid_t pid = -1;
    if (posix_spawn(&pid, kProgram, nullptr, nullptr, argv, environ) != 0) pid = -1;
    Reap(state, pid);
  }
}
void ForkAndExecAsUserByHand(benchmark::State& state) {
  for (auto _ : state) Reap(state, cleanfork::ForkAndExecByHand(kProgram, kUser));
}
BENCHMARK(SpawnAsUser)->UseRealTime();
BENCHMARK(SpawnAsIds)->UseRealTime();
BENCHMARK(PosixSpawn)->UseRealTime();
BENCHMARK(ForkAndExecAsUserByHand)->UseRealTime();

}  // namespace

int main(int argc, char** argv) {
  if (geteuid() != 0) {
    std::printf("needs root: only root may become another user\n");
    return 1;
  }
  constexpr size_t kLargest = 4096;
  for (const size_t size : {size_t{10}, size_t{1024}, kLargest}) {
    if (!cleanfork::GrowTo(size)) continue;
    // From the largest parent 200 times as fast: the goal of what does not copy its page tables.
    const double by_hand = size == kLargest ? 1.0 / 200 : 1.15;
    cleanfork::RunAndPrintRatios(argc, argv, ".*",
                                 {{"SpawnAsUser", "PosixSpawn", 1.2},
                                  {"SpawnAsIds", "PosixSpawn", 1.2},
                                  {"SpawnAsUser", "ForkAndExecAsUserByHand", by_hand}});
  }
}
