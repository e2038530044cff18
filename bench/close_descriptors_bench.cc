// What closing the descriptors of a child costs where the limit is low and where it is as high as
// containers have it, beside what is commonly written instead: bench/README.md.
#include <benchmark/benchmark.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "bench/ratios.h"
#include "cleanfork/child.h"
#include "cleanfork/spawn.h"

namespace {

constexpr int kOpen = 64;  // how many descriptors there are to be closed
constexpr rlim_t kLow = 1024;
constexpr rlim_t kHigh = 1'000'000'000;
constexpr rlim_t kLoop = 1'000'000;  // as far as the loop is really run

rlim_t seen_limit = kLow;

}  // namespace

// What this program, the library and the C library's callers are told of RLIMIT_NOFILE. A real
// limit of 1e9 takes an fs.nr_open that few systems have.
extern "C" {

int getrlimit(__rlimit_resource_t resource, struct rlimit* limit) noexcept {
  if (syscall(SYS_prlimit64, 0, resource, nullptr, limit) != 0) return -1;
  if (resource == RLIMIT_NOFILE) limit->rlim_cur = limit->rlim_max = seen_limit;
  return 0;
}

long sysconf(int name) noexcept {
  using Function = long (*)(int);
  static const auto next = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "sysconf"));
  return name == _SC_OPEN_MAX ? static_cast<long>(seen_limit) : next(name);
}

}  // extern "C"

namespace {

bool OpenDescriptors() {
  for (int fd = 3; fd < 3 + kOpen; ++fd) {
    if (dup2(0, fd) != fd) return false;  // not close-on-exec: what a careless library leaves
  }
  return true;
}

// Whether a child has none of them, whatever the limit is said to be.
bool AreReallyClosed() {
  for (rlim_t limit : {kLow, kHigh}) {
    seen_limit = limit;
    absl::StatusOr<cleanfork::Child> child = cleanfork::Spawn(
        {"/bin/sh", "-c", "test -e /proc/self/fd/0 && ! test -e /proc/self/fd/40"});
    if (!child.ok()) return false;
    const absl::StatusOr<cleanfork::ExitStatus> ended = child->Wait();
    if (!ended.ok() || !ended->success()) return false;
  }
  return true;
}

void Spawn(benchmark::State& state, rlim_t limit) {
  seen_limit = limit;
  for (auto _ : state) {
    absl::StatusOr<cleanfork::Child> child = cleanfork::Spawn({"/bin/true"});
    if (!child.ok() || !child->Wait().ok()) state.SkipWithError("the child was not started");
  }
}
void SpawnAtLowLimit(benchmark::State& state) { Spawn(state, kLow); }
void SpawnAtHighLimit(benchmark::State& state) { Spawn(state, kHigh); }

// fork(2), close_all() in the child, and the wait.
template <typename CloseAll>
void Fork(benchmark::State& state, rlim_t limit, CloseAll close_all) {
  seen_limit = limit;
  for (auto _ : state) {
    const pid_t pid = fork();
    if (pid == 0) {
      close_all();
      _exit(fcntl(3, F_GETFD) == -1 && errno == EBADF ? 0 : 1);
    }
    int status = 0;
    if (pid == -1 || waitpid(pid, &status, 0) != pid || status != 0) {
      state.SkipWithError("the child was not started, or has them open");
    }
  }
}
void CloseInALoop() {
  const long limit = sysconf(_SC_OPEN_MAX);
  for (int fd = 3; fd < limit; ++fd) close(fd);
}
void LoopAtLowLimit(benchmark::State& state) { Fork(state, kLow, &CloseInALoop); }
void LoopAtAMillion(benchmark::State& state) { Fork(state, kLoop, &CloseInALoop); }
void CloseRangeByHand(benchmark::State& state) {
  Fork(state, kHigh, [] { syscall(SYS_close_range, 3, ~0u, 0); });
}
BENCHMARK(SpawnAtLowLimit)->UseRealTime();
BENCHMARK(SpawnAtHighLimit)->UseRealTime();
BENCHMARK(LoopAtLowLimit)->UseRealTime();
BENCHMARK(LoopAtAMillion)->UseRealTime();
BENCHMARK(CloseRangeByHand)->UseRealTime();

}  // namespace

int main(int argc, char** argv) {
  if (!OpenDescriptors() || !AreReallyClosed()) {
    std::printf("the descriptors of a child are not closed\n");
    return 1;
  }
  const std::map<std::string, double> medians =
      cleanfork::RunAndPrintRatios(argc, argv, ".*",
                                   {{"SpawnAtHighLimit", "SpawnAtLowLimit", 1.05},
                                    {"LoopAtLowLimit", "CloseRangeByHand"},
                                    {"LoopAtAMillion", "CloseRangeByHand"}});
  const auto low = medians.find("LoopAtLowLimit");
  const auto million = medians.find("LoopAtAMillion");
  if (low == medians.end() || million == medians.end()) return 0;
  const double each = (million->second - low->second) / static_cast<double>(kLoop - kLow);
  std::printf("the loop closes one in %.1f ns: %.0f s at a limit of 1e9, extrapolated\n", each,
              each * static_cast<double>(kHigh) / 1e9);
}
