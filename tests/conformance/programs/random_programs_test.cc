// A thousand random programs do the same on both kernels. What a program is, and why it has one
// outcome: program.h, program_controller.h.
//
//   CLEANFORK_SEED=17 CLEANFORK_PROGRAMS=1 .../random_programs_test   # one of them again
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "tests/conformance/programs/comparison.h"
#include "tests/conformance/programs/program.h"
#include "tests/conformance/programs/program_kernels.h"
#include "tests/real/required_privileges.h"
#include "tests/real/sanitizers.h"

namespace cleanfork::programs {
namespace {

constexpr uint64_t kPrograms = kAddressSanitizer ? 500 : 1000;  // its forks are slow
constexpr int kSteps = 120;

uint64_t Number(const char* name, uint64_t fallback) {
  const char* const text = std::getenv(name);
  return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

class RandomPrograms : public ::testing::Test {
 protected:
  Transcript Simulated(const Program& program) { return simulated_.Run(program); }
  Transcript Real(const Program& program) { return real_.Run(program); }

  const bool privileged_ = MayChangeIds();
  const OwnDirectory directory_{std::getenv("CLEANFORK_PROGRAM_PROCESS")};
  RealKernel real_{directory_, privileged_};
  SimulatedKernel simulated_{directory_, privileged_};
};

TEST_F(RandomPrograms, DoTheSameOnBothKernels) {
#ifdef CLEANFORK_PROGRAMS_WITH_IDS
  if (!privileged_) return SkipWithoutPrivileges(kToChangeIds);
#endif
  if (kThreadSanitizer) GTEST_SKIP() << kUnseen;
  const uint64_t seed = Number("CLEANFORK_SEED", 1);
  const uint64_t count = Number("CLEANFORK_PROGRAMS", kPrograms);
  const RunOn simulated = [this](const Program& program) { return Simulated(program); };
  const RunOn real = [this](const Program& program) { return Real(program); };
  for (uint64_t i = 0; i < count; ++i) {
    const auto [program, transcript] = GenerateLong(seed + i, kSteps, privileged_, simulated);
    ASSERT_GE(transcript.calls, kFewestCalls);
    const std::string difference = FirstDifference(transcript.text, Real(program).text);
    if (difference.empty()) continue;
    const Divergence divergence = ShrinkDivergence(program, simulated, real);
    FAIL() << "seed " << seed + i << "\n"
           << difference << "\n--program='" << Print(divergence.shrunk) << "'\n"
           << divergence.difference;
  }
}

}  // namespace
}  // namespace cleanfork::programs
