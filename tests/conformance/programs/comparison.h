// One program on two kernels.
#ifndef CLEANFORK_TESTS_CONFORMANCE_PROGRAMS_COMPARISON_H_
#define CLEANFORK_TESTS_CONFORMANCE_PROGRAMS_COMPARISON_H_

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "tests/conformance/programs/program.h"
#include "tests/conformance/programs/program_controller.h"
#include "tests/conformance/programs/program_shrinker.h"

namespace cleanfork::programs {

using RunOn = std::function<Transcript(const Program&)>;

// The first line that differs; "" if none does.
inline std::string FirstDifference(const std::string& simulated, const std::string& real) {
  if (simulated == real) return "";
  size_t start = 0;
  for (size_t at = 0; at < simulated.size() && at < real.size(); ++at) {
    if (simulated[at] != real[at]) break;
    if (simulated[at] == '\n') start = at + 1;
  }
  const auto line = [start](const std::string& text) {
    return text.substr(start, text.find('\n', start) - start);
  };
  return "simulated: " + line(simulated) + "\n     real: " + line(real);
}

constexpr int kFewestCalls = 40;

// The program of a seed, and what it does on the simulated kernel; one in which few steps are left
// out because all its processes have ended, or wait.
inline std::pair<Program, Transcript> GenerateLong(uint64_t seed, int steps, bool privileged,
                                                   const RunOn& simulated) {
  for (uint64_t attempt = 0;; ++attempt) {
    Program program = Generate(seed + (attempt << 40), steps, privileged);
    Transcript transcript = simulated(program);
    if (transcript.calls >= kFewestCalls) return {std::move(program), std::move(transcript)};
  }
}

struct Divergence {
  Program shrunk;
  std::string difference;
};

// What differs is cut down first.
inline Divergence ShrinkDivergence(const Program& program, const RunOn& simulated,
                                   const RunOn& real) {
  const auto difference = [&](const Program& candidate) {
    return FirstDifference(simulated(candidate).text, real(candidate).text);
  };
  Divergence divergence;
  divergence.shrunk =
      Shrink(program, [&](const Program& candidate) { return !difference(candidate).empty(); });
  divergence.difference = difference(divergence.shrunk);
  return divergence;
}

}  // namespace cleanfork::programs

#endif  // CLEANFORK_TESTS_CONFORMANCE_PROGRAMS_COMPARISON_H_
