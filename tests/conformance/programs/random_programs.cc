// Runs random programs on the real kernel and on SimOs, and shows where the two differ:
//
//   random_programs --programs=1000000         # or
//   random_programs --seconds=300 --seed=7     # or one of them again
//   random_programs --program='p0:fork(p1);p1:exit(3);p0:waitpid(p1,0)'
//
// A program that does not do the same on both is cut down and printed as one line, for --program=.
// Exit status: 0 if none differs, 1 if some do, 2 if the arguments make no sense.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/conformance/programs/comparison.h"
#include "tests/conformance/programs/program.h"
#include "tests/conformance/programs/program_kernels.h"

namespace cleanfork::programs {
namespace {

struct Wishes {
  uint64_t seed = 1;
  uint64_t programs = 1'000'000;
  double seconds = 0;  // 0: no limit
  int steps = 120;     // in the text, of which some are left out
  uint64_t most_divergences = 10;
  std::string program;
};

bool TakeValue(const char* argument, const char* name, std::string* value) {
  const size_t size = std::strlen(name);
  if (std::strncmp(argument, name, size) != 0 || argument[size] != '=') return false;
  *value = argument + size + 1;
  return true;
}

bool ParseWishes(int argc, char** argv, Wishes* wishes) {
  for (int i = 1; i < argc; ++i) {
    std::string value;
    if (TakeValue(argv[i], "--seed", &value)) {
      wishes->seed = std::strtoull(value.c_str(), nullptr, 10);
    } else if (TakeValue(argv[i], "--programs", &value)) {
      wishes->programs = std::strtoull(value.c_str(), nullptr, 10);
    } else if (TakeValue(argv[i], "--seconds", &value)) {
      wishes->seconds = std::strtod(value.c_str(), nullptr);
    } else if (TakeValue(argv[i], "--steps", &value)) {
      wishes->steps = std::atoi(value.c_str());
    } else if (TakeValue(argv[i], "--divergences", &value)) {
      wishes->most_divergences = std::strtoull(value.c_str(), nullptr, 10);
    } else if (!TakeValue(argv[i], "--program", &wishes->program)) {
      return false;
    }
  }
  return true;
}

class Comparison {
 public:
  Comparison(const OwnDirectory& directory, bool privileged)
      : privileged_(privileged),
        real_(directory, privileged),
        simulated_(directory, privileged),
        run_simulated_([this](const Program& program) { return simulated_.Run(program); }),
        run_real_([this](const Program& program) { return real_.Run(program); }) {}

  int RunOne(const Wishes& wishes) {
    Program program;
    const std::string wrong = Parse(wishes.program, &program);
    if (!wrong.empty()) {
      std::fprintf(stderr, "%s\n", wrong.c_str());
      return 2;
    }
    const std::string simulated = run_simulated_(program).text;
    const std::string real = run_real_(program).text;
    std::printf("simulated:\n%s\n\nreal:\n%s\n\n", simulated.c_str(), real.c_str());
    const std::string difference = FirstDifference(simulated, real);
    std::printf("%s\n", difference.empty() ? "they do the same" : difference.c_str());
    return difference.empty() ? 0 : 1;
  }

  int RunMany(const Wishes& wishes) {
    const auto start = std::chrono::steady_clock::now();
    const auto seconds = [start] {
      return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    };
    double next_progress = 10;
    for (; count_ < wishes.programs; ++count_) {
      if (wishes.seconds > 0 && seconds() > wishes.seconds) break;
      if (divergences_ >= wishes.most_divergences) break;
      RunSeed(wishes.seed + count_, wishes.steps);
      if (seconds() < next_progress) continue;
      next_progress = seconds() + 10;
      std::fprintf(stderr, "%llu programs, %llu diverge, %.0f s\n",
                   static_cast<unsigned long long>(count_ + 1),
                   static_cast<unsigned long long>(divergences_), seconds());
    }
    std::printf(
        "%llu programs of %llu calls in all (at least %d each), seeds %llu to %llu, %s: "
        "%llu diverge, %.0f s\n",
        static_cast<unsigned long long>(count_), static_cast<unsigned long long>(calls_), fewest_,
        static_cast<unsigned long long>(wishes.seed),
        static_cast<unsigned long long>(wishes.seed + count_ - 1),
        privileged_ ? "with changes of ids" : "without changes of ids",
        static_cast<unsigned long long>(divergences_), seconds());
    return divergences_ == 0 ? 0 : 1;
  }

 private:
  void RunSeed(uint64_t seed, int steps) {
    const auto [program, simulated] = GenerateLong(seed, steps, privileged_, run_simulated_);
    calls_ += static_cast<uint64_t>(simulated.calls);
    if (fewest_ == 0 || simulated.calls < fewest_) fewest_ = simulated.calls;
    const std::string difference = FirstDifference(simulated.text, run_real_(program).text);
    if (difference.empty()) return;
    ++divergences_;
    std::fprintf(stderr, "seed %llu:\n%s\n", static_cast<unsigned long long>(seed),
                 difference.c_str());
    const Divergence divergence = ShrinkDivergence(program, run_simulated_, run_real_);
    std::printf("seed %llu:\n--program='%s'\n%s\n\n", static_cast<unsigned long long>(seed),
                Print(divergence.shrunk).c_str(), divergence.difference.c_str());
    std::fflush(stdout);
  }

  const bool privileged_;
  RealKernel real_;  // first, while this process is small
  SimulatedKernel simulated_;
  RunOn run_simulated_;
  RunOn run_real_;
  uint64_t count_ = 0;
  uint64_t calls_ = 0;
  uint64_t divergences_ = 0;
  int fewest_ = 0;
};

int Main(int argc, char** argv) {
  Wishes wishes;
  const char* const executable = std::getenv("CLEANFORK_PROGRAM_PROCESS");
  if (!ParseWishes(argc, argv, &wishes) || executable == nullptr) {
    std::fprintf(stderr,
                 "random_programs [--seed=N] [--programs=N] [--seconds=N] [--steps=N]\n"
                 "                [--divergences=N] [--program=TEXT]\n"
                 "with CLEANFORK_PROGRAM_PROCESS in the environment\n");
    return 2;
  }
  const OwnDirectory directory(executable);
  Comparison comparison(directory, MayChangeIds());
  return wishes.program.empty() ? comparison.RunMany(wishes) : comparison.RunOne(wishes);
}

}  // namespace
}  // namespace cleanfork::programs

int main(int argc, char** argv) { return cleanfork::programs::Main(argc, argv); }
