// Runs benchmarks in turns and prints what one costs of another: medians of interleaved
// repetitions, so that both have seen the same weather.
#ifndef CLEANFORK_BENCH_RATIOS_H_
#define CLEANFORK_BENCH_RATIOS_H_

#include <map>
#include <string>
#include <vector>

namespace cleanfork {

struct Ratio {
  std::string measured;  // names of two registered benchmarks
  std::string baseline;
  double goal = 0;  // the most that measured / baseline should be; 0: there is no goal
};

// Runs the benchmarks whose names match `filter`, a regular expression, and prints the ratios.
// Returns the medians, in nanoseconds, of those that were run.
// `argc` and `argv` are main()'s: the flags of Google Benchmark hold, and override ours.
std::map<std::string, double> RunAndPrintRatios(int argc, char** argv, const std::string& filter,
                                                const std::vector<Ratio>& ratios);

}  // namespace cleanfork

#endif  // CLEANFORK_BENCH_RATIOS_H_
