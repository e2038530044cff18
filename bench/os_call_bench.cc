// What a call through Os costs beside the same call of libc: bench/README.md.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include "bench/ratios.h"
#include "cleanfork/os.h"

namespace {

// The compiler must not see which Os it is, as it does not in users' code.
cleanfork::Os& OpaqueOs() {
  cleanfork::Os* os = &cleanfork::RealOs();
  benchmark::DoNotOptimize(os);
  return *os;
}

void GetppidThroughOs(benchmark::State& state) {
  cleanfork::Os& os = OpaqueOs();
  for (auto _ : state) benchmark::DoNotOptimize(os.GetPpid());
}
void GetppidOfLibc(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(::getppid());
}
BENCHMARK(GetppidThroughOs)->UseRealTime();
BENCHMARK(GetppidOfLibc)->UseRealTime();

// One with a SysResult, which is returned through memory.
void FcntlThroughOs(benchmark::State& state) {
  cleanfork::Os& os = OpaqueOs();
  for (auto _ : state) benchmark::DoNotOptimize(os.FcntlGetFd(0));
}
void FcntlOfLibc(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(::fcntl(0, F_GETFD));
}
BENCHMARK(FcntlThroughOs)->UseRealTime();
BENCHMARK(FcntlOfLibc)->UseRealTime();

void ReadThroughOs(benchmark::State& state) {
  cleanfork::Os& os = OpaqueOs();
  const int fd = ::open("/dev/zero", O_RDONLY);
  char byte;
  for (auto _ : state) benchmark::DoNotOptimize(os.Read(fd, &byte, 1));
  ::close(fd);
}
void ReadOfLibc(benchmark::State& state) {
  const int fd = ::open("/dev/zero", O_RDONLY);
  char byte;
  for (auto _ : state) benchmark::DoNotOptimize(::read(fd, &byte, 1));
  ::close(fd);
}
BENCHMARK(ReadThroughOs)->UseRealTime();
BENCHMARK(ReadOfLibc)->UseRealTime();

}  // namespace

int main(int argc, char** argv) {
  constexpr double kGoal = 1.05;
  cleanfork::RunAndPrintRatios(argc, argv, ".*",
                               {{"GetppidThroughOs", "GetppidOfLibc", kGoal},
                                {"FcntlThroughOs", "FcntlOfLibc", kGoal},
                                {"ReadThroughOs", "ReadOfLibc", kGoal}});
}
