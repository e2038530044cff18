// Tests that run on SimOs are run again under the memcheck of valgrind, which must have nothing to
// say.
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "mocks/sanitizers.h"

namespace cleanfork {
namespace {

constexpr int kErrorsFound = 99;

// The exit status; -1 if it could not be started or was killed.
int Run(const std::vector<std::string>& words) {
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  pid_t child = -1;
  if (posix_spawnp(&child, argv[0], nullptr, nullptr, argv.data(), environ) != 0) return -1;
  int status = 0;
  if (waitpid(child, &status, 0) != child || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

int RunUnderValgrind(const std::string& program, const std::string& option = "--quiet") {
  return Run({"valgrind", "--quiet", option, "--error-exitcode=" + std::to_string(kErrorsFound),
              program, "--gtest_filter=-*DeathTest*"});
}

std::string WhyNot() {
#if defined(CLEANFORK_ASAN) || defined(CLEANFORK_TSAN)
  return "valgrind does not run programs that are built with a sanitizer";
#else
#if !__has_include(<valgrind/valgrind.h>)
  return "it was built without <valgrind/valgrind.h>: apt-get install valgrind";
#else
  if (Run({"valgrind", "--version"}) != 0) return "needs valgrind: apt-get install valgrind";
  return "";
#endif
#endif
}

TEST(UnderValgrind, TestsOfSimOsPassWithoutAWord) {
  const std::string why_not = WhyNot();
  if (!why_not.empty()) GTEST_SKIP() << why_not;
  std::istringstream programs(std::getenv("PROGRAMS"));
  int count = 0;
  for (std::string program; programs >> program; ++count) {
    EXPECT_EQ(RunUnderValgrind(program), 0) << program;
  }
  EXPECT_GE(count, 2);
}

// 64 MiB hold a thread's stack and what is mapped beside it.
TEST(UnderValgrind, StacksThatAreNearEachOtherAreNotTakenForOne) {
  const std::string why_not = WhyNot();
  if (!why_not.empty()) GTEST_SKIP() << why_not;
  EXPECT_EQ(RunUnderValgrind(std::getenv("NEAR_STACKS"), "--max-stackframe=67108864"), 0);
}

// So that it is seen to say something.
TEST(UnderValgrind, AReadOfFreedMemoryIsFound) {
  const std::string why_not = WhyNot();
  if (!why_not.empty()) GTEST_SKIP() << why_not;
  EXPECT_EQ(RunUnderValgrind(std::getenv("PLANTED")), kErrorsFound);
}

}  // namespace
}  // namespace cleanfork
