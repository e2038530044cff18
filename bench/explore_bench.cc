// How long it takes to explore fork code, and what strace(1) takes for its single faults:
// bench/README.md.
//
//   explore [--most=K] [--best-of=N]
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "bench/daemonizer.h"
#include "bench/strace_faults.h"
#include "cleanfork/checker.h"
#include "cleanfork/checkers.h"
#include "cleanfork/explore.h"
#include "cleanfork/os.h"
#include "cleanfork/sim_heap.h"

namespace {

using cleanfork::ExploreOptions;
using cleanfork::ExploreResult;
using cleanfork::Scenario;

constexpr double kGoalRate = 150'000;  // executions a CPU second
constexpr double kAimedRate = 400'000;
constexpr double kGoalSeconds = 2;  // CPU seconds for all executions with up to three faults
constexpr int kGoalFaults = 3;

struct Flags {
  int most = 4;      // faults in a run
  int best_of = 20;  // of what takes under a second; the rest is measured once
};

double SecondsOf(int who) {
  struct rusage usage;
  if (::getrusage(who, &usage) != 0) return 0;
  const auto seconds = [](const struct timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Now, in KiB: the peak that getrusage(2) says would hide what a run gives back.
long ResidentKibibytes() {
  long pages = 0;
  std::FILE* const file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr) return 0;
  if (std::fscanf(file, "%*d %ld", &pages) != 1) pages = 0;
  std::fclose(file);
  return pages * (::sysconf(_SC_PAGESIZE) / 1024);
}

Scenario ScenarioOf(const char* name, cleanfork::SimOs::Body body) {
  Scenario scenario;
  scenario.name = name;
  scenario.world.users.push_back({"www", cleanfork::kDaemonUser, cleanfork::kDaemonUser, "/"});
  scenario.body = std::move(body);
  return scenario;
}

ExploreOptions OptionsOf(int faults, bool sticky) {
  ExploreOptions options;
  options.max_faults = faults;
  options.sticky_faults = sticky;
  options.progress = false;
  options.reports = false;
  return options;
}

struct Measured {
  ExploreResult result;
  double seconds = 0;  // of CPU, user and system
};

Measured Explore(const Scenario& scenario, const ExploreOptions& options, int best_of) {
  Measured best;
  for (int i = 0; i < best_of; ++i) {
    const double before = SecondsOf(RUSAGE_SELF);
    ExploreResult result = cleanfork::Explore(scenario, options);
    const double seconds = SecondsOf(RUSAGE_SELF) - before;
    if (i == 0 || seconds < best.seconds) best = {std::move(result), seconds};
    if (seconds > 1) break;
  }
  return best;
}

double RateOf(const Measured& measured) {
  return static_cast<double>(measured.result.runs + measured.result.pruned) / measured.seconds;
}

const char* VerdictText(const ExploreResult& result) {
  switch (result.verdict) {
    case ExploreResult::Verdict::kExhausted: return "all of them";
    case ExploreResult::Verdict::kTruncated: return "not all of them";
    case ExploreResult::Verdict::kFailed: break;
  }
  return "a rule is broken: these figures are of no use";
}

// A row for each number of faults, and a bar as long as its time, each column ten times the last.
void PrintTable(const char* title, const std::vector<Measured>& measured) {
  std::printf("%s\n  faults  executions      pruned   CPU seconds  executions a second\n", title);
  for (size_t k = 0; k < measured.size(); ++k) {
    const ExploreResult& result = measured[k].result;
    std::printf("  %6zu  %10lld  %10lld  %12.4f  %19.0f  %s\n", k,
                static_cast<long long>(result.runs), static_cast<long long>(result.pruned),
                measured[k].seconds, RateOf(measured[k]), VerdictText(result));
  }
}

void PrintPlot(const std::vector<Measured>& plain, const std::vector<Measured>& sticky) {
  constexpr double kLeast = 1e-5;  // CPU seconds
  constexpr double kColumns = 10;  // of a factor of ten
  const auto bar = [&](double seconds, char mark) {
    const double columns = std::max(0.0, kColumns * std::log10(seconds / kLeast));
    return std::string(static_cast<size_t>(columns), mark);
  };
  std::printf("\n  CPU seconds, logarithmic; '-' without faults that stay, '=' with them\n");
  std::printf("  faults  10us      100us     1ms       10ms      100ms     1s        10s\n");
  for (size_t k = 0; k < sticky.size(); ++k) {
    std::printf("  %6zu  |%s\n", k, bar(plain[k].seconds, '-').c_str());
    std::printf("          |%s\n", bar(sticky[k].seconds, '=').c_str());
  }
}

std::vector<Measured> MeasureUpTo(const Scenario& scenario, const Flags& flags,
                                  ExploreOptions options) {
  std::vector<Measured> measured;
  for (options.max_faults = 0; options.max_faults <= flags.most; ++options.max_faults) {
    measured.push_back(Explore(scenario, options, flags.best_of));
    if (measured.back().seconds > 2) break;  // the next may take ten times as long
  }
  return measured;
}

void PrintGoals(const char* how, const std::vector<Measured>& measured) {
  if (measured.size() <= static_cast<size_t>(kGoalFaults)) return;
  const Measured& at_goal = measured[kGoalFaults];
  std::printf("\n  up to %d faults%s: %.4f CPU seconds   goal %.0f: %s\n", kGoalFaults, how,
              at_goal.seconds, kGoalSeconds, at_goal.seconds < kGoalSeconds ? "met" : "missed");
  std::printf("  %.0f executions a CPU second, of which %.0f are aimed at   goal %.0f: %s\n\n",
              RateOf(at_goal), kAimedRate, kGoalRate,
              RateOf(at_goal) >= kGoalRate ? "met" : "missed");
}

// Without reduction: all runs are complete ones, and there are many. What is resident meanwhile, a
// checker sees, which is asked in each of them.
void MeasureUnreduced(Scenario scenario, const Flags& flags) {
  ExploreOptions options = OptionsOf(0, true);
  options.reduce = false;
  options.max_runs = 2'000'000;
  const std::vector<Measured> all = MeasureUpTo(scenario, flags, options);
  PrintTable((scenario.name + ", orders that make no difference, too").c_str(), all);
  int64_t runs = 0, next = 100;
  std::printf("  resident, KiB, after");
  scenario.checkers.push_back(
      cleanfork::MakeChecker("looks at the memory", [&](const cleanfork::Execution&) {
        if (++runs == next) {
          std::printf(" %lld runs: %ld;", static_cast<long long>(runs), ResidentKibibytes());
          next *= 10;
        }
        return std::string();
      }));
  options.max_faults = static_cast<int>(all.size()) - 1;
  cleanfork::Explore(scenario, options);
  std::printf(" %lld runs: %ld\n\n", static_cast<long long>(runs), ResidentKibibytes());
}

void MeasureScenario(const Scenario& scenario, const Flags& flags) {
  const std::vector<Measured> plain = MeasureUpTo(scenario, flags, OptionsOf(0, false));
  const std::vector<Measured> sticky = MeasureUpTo(scenario, flags, OptionsOf(0, true));
  PrintTable((scenario.name + ", faults of one call").c_str(), plain);
  PrintTable((scenario.name + ", faults that may stay, too").c_str(), sticky);
  ExploreOptions options = OptionsOf(0, true);
  options.checkpoints = true;
  std::vector<Measured> saved;
  {
    const cleanfork::SimHeap heap;
    saved = MeasureUpTo(scenario, flags, options);
  }
  PrintTable((scenario.name + ", the same from checkpoints").c_str(), saved);
  PrintPlot(plain, sticky);
  PrintGoals("", sticky);
  PrintGoals(", from checkpoints", saved);
}

// The single faults, each in one run; beside it those of them that strace can inject.
void CompareWithStrace(const Scenario& scenario, const Flags& flags) {
  const Measured single = Explore(scenario, OptionsOf(1, false), flags.best_of);
  const double simulated = 1 / RateOf(single);
  const std::string program = "bench/daemonizer_program";
  const std::vector<cleanfork::StraceFault> faults =
      cleanfork::StraceFaultsOf(single.result.coverage);
  const std::string missing = cleanfork::WhyNoStrace(program);
  if (!missing.empty()) {
    std::printf("strace: not measured: %s\n", missing.c_str());
    return;
  }
  const double before = SecondsOf(RUSAGE_CHILDREN);
  int injected = 0;
  for (const cleanfork::StraceFault& fault : faults) {
    if (cleanfork::RunUnderStrace(program, fault)) ++injected;
  }
  const double real = (SecondsOf(RUSAGE_CHILDREN) - before) / static_cast<double>(faults.size());
  std::printf(
      "single faults: %.2f us of CPU an execution; %zu of them by strace into real "
      "processes, of which %d were met: %.2f ms each; ratio %.0f\n",
      simulated * 1e6, faults.size(), injected, real * 1e3, real / simulated);
}

bool ParseFlags(int argc, char** argv, Flags* flags) {
  for (int i = 1; i < argc; ++i) {
    if (std::sscanf(argv[i], "--most=%d", &flags->most) == 1) continue;
    if (std::sscanf(argv[i], "--best-of=%d", &flags->best_of) == 1) continue;
    std::fprintf(stderr, "usage: explore [--most=FAULTS] [--best-of=N]\n");
    return false;
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags;
  if (!ParseFlags(argc, argv, &flags)) return 64;  // EX_USAGE
  const Scenario daemonizer = ScenarioOf("daemonizer", &cleanfork::RunDaemonizer);
  const Scenario longer =
      ScenarioOf("daemonizer that waits for an answer", &cleanfork::RunAcknowledgedDaemonizer);
  Explore(daemonizer, OptionsOf(0, true), 1);  // the first one builds what all have
  MeasureScenario(daemonizer, flags);
  MeasureScenario(longer, flags);
  MeasureUnreduced(longer, flags);
  CompareWithStrace(daemonizer, flags);
}
