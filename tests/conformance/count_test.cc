// How many cases there are that both kernels have to pass, and how many are excused from one of
// them: added up over what each target says of itself. Runs them on SimOs, which takes no time.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>

namespace cleanfork {
namespace {

constexpr int kRequired = 300;  // without those that are excused

// What the program writes; nothing if it fails.
std::string OutputOf(const std::string& program) {
  FILE* const output = popen(("./" + program + " 2>&1").c_str(), "r");
  if (output == nullptr) return "";
  std::string text;
  char buffer[4096];
  for (size_t got = 1; got > 0;) {
    got = std::fread(buffer, 1, sizeof(buffer), output);
    text.append(buffer, got);
  }
  return pclose(output) == 0 ? text : "";
}

TEST(Conformance, HasCasesEnough) {
  // What Bazel tells a test about itself is not meant for those that this one runs.
  for (const char* name : {"XML_OUTPUT_FILE", "TEST_PREMATURE_EXIT_FILE", "TESTBRIDGE_TEST_ONLY",
                           "TEST_SHARD_INDEX", "TEST_TOTAL_SHARDS", "TEST_SHARD_STATUS_FILE"}) {
    unsetenv(name);
  }
  int cases = 0, from_simulated = 0, from_real = 0, programs = 0;
  const char* const names = std::getenv("SIMULATED");
  ASSERT_NE(names, nullptr);
  std::istringstream words(names);
  for (std::string program; words >> program; ++programs) {
    const std::string text = OutputOf(program);
    const size_t at = text.rfind("conformance: ");
    ASSERT_NE(at, std::string::npos) << program << " failed, or does not say how many it has";
    int has = 0, simulated = 0, real = 0;
    ASSERT_EQ(std::sscanf(text.c_str() + at,
                          "conformance: %d cases, of which %d are excused on SimOs, %d on the real",
                          &has, &simulated, &real),
              3)
        << program;
    cases += has;
    from_simulated += simulated;
    from_real += real;
  }
  std::printf(
      "conformance: %d cases in %d programs, of which %d are excused on SimOs, %d on the "
      "real kernel\n",
      cases, programs, from_simulated, from_real);
  EXPECT_GE(cases - from_simulated - from_real, kRequired);
}

}  // namespace
}  // namespace cleanfork
