#include "bench/ratios.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <map>

namespace cleanfork {
namespace {

// Why a run has failed; null if it has not. Google Benchmark has other names for it since 1.8:
// Debian 12 has 1.7, MODULE.bazel a later one.
template <typename Run>
auto Failure(const Run& run, int) -> decltype(&run.error_message) {
  return run.error_occurred ? &run.error_message : nullptr;
}
template <typename Run>
auto Failure(const Run& run, long) -> decltype(&run.skip_message) {
  return run.skipped ? &run.skip_message : nullptr;
}

// Keeps every repetition's time; prints nothing itself.
class MedianReporter : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.run_type != Run::RT_Iteration) continue;
      const std::string* failure = Failure(run, 0);
      if (failure != nullptr) {
        std::printf("%s: %s\n", run.run_name.function_name.c_str(), failure->c_str());
        continue;
      }
      times_[run.run_name.function_name].push_back(run.GetAdjustedRealTime());
    }
  }

  // Nanoseconds; 0 when it was not run.
  double Median(const std::string& name) const {
    const auto found = times_.find(name);
    if (found == times_.end()) return 0;
    std::vector<double> times = found->second;
    std::sort(times.begin(), times.end());
    const size_t middle = times.size() / 2;
    return times.size() % 2 == 1 ? times[middle] : (times[middle - 1] + times[middle]) / 2;
  }
  size_t Repetitions(const std::string& name) const {
    const auto found = times_.find(name);
    return found == times_.end() ? 0 : found->second.size();
  }

 private:
  std::map<std::string, std::vector<double>> times_;
};

void InitializeOnce(int argc, char** argv) {
  static bool initialized = false;
  if (initialized) return;
  initialized = true;
  static std::vector<std::string> flags = {argv[0], "--benchmark_repetitions=101",
                                           "--benchmark_min_time=0.01",
                                           "--benchmark_enable_random_interleaving=true"};
  flags.insert(flags.end(), argv + 1, argv + argc);
  static std::vector<char*> pointers;
  for (std::string& flag : flags) pointers.push_back(flag.data());
  pointers.push_back(nullptr);
  int count = static_cast<int>(flags.size());
  benchmark::Initialize(&count, pointers.data());
}

}  // namespace

std::map<std::string, double> RunAndPrintRatios(int argc, char** argv, const std::string& filter,
                                                const std::vector<Ratio>& ratios) {
  InitializeOnce(argc, argv);
  MedianReporter reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter, filter);
  std::map<std::string, double> medians;
  for (const Ratio& ratio : ratios) {
    const double measured = reporter.Median(ratio.measured);
    const double baseline = reporter.Median(ratio.baseline);
    if (measured == 0 || baseline == 0) continue;
    medians[ratio.measured] = measured;
    medians[ratio.baseline] = baseline;
    std::printf("%-28s %12.1f ns   %-28s %12.1f ns   ratio %.4g", ratio.measured.c_str(), measured,
                ratio.baseline.c_str(), baseline, measured / baseline);
    if (ratio.goal > 0) {
      std::printf("   goal %.4g: %s", ratio.goal,
                  measured / baseline <= ratio.goal ? "met" : "missed");
    }
    std::printf("   (%zu repetitions)\n", reporter.Repetitions(ratio.measured));
  }
  return medians;
}

}  // namespace cleanfork
