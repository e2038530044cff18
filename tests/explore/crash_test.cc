// A body that crashes: the line that is printed then makes it crash again.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <string>

#include "cleanfork/explore.h"
#include "cleanfork/os.h"
#include "tests/explore/test_scenario.h"
#include "tests/real/sanitizers.h"

namespace cleanfork {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Truly;

// The handler of a crash allocates and makes threads, which ThreadSanitizer ends the real child for
// that tries whether the line holds.
class CrashDeathTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (kThreadSanitizer) GTEST_SKIP() << "ThreadSanitizer lets no handler allocate";
  }
};

ExploreOptions Options(int faults) {
  ExploreOptions options;
  options.max_faults = faults;
  options.reports = false;
  options.progress = false;
  return options;
}

// The one line of `text` that is a plan.
std::string LineOf(const std::string& text) {
  const size_t begin = text.find("  cf1") + 2;
  if (begin > text.size()) return "no plan";
  return text.substr(begin, text.find('\n', begin) - begin);
}

// What an exploration that crashes says; empty if it does not crash.
std::string WordsOfCrash(const Scenario& scenario, const ExploreOptions& options) {
  std::string words;
  EXPECT_DEATH(Explore(scenario, options), Truly([&words](const std::string& text) {
                 words = text;
                 return text.find("crashes in the run") != std::string::npos;
               }));
  return words;
}

void ExpectReplays(const Scenario& scenario, const ExploreOptions& options) {
  const std::string words = WordsOfCrash(scenario, options);
  EXPECT_THAT(words, Not(HasSubstr("It may not")));
  EXPECT_EQ(words.find("crashes in the run"), words.rfind("crashes in the run")) << words;
  const std::string line = LineOf(words);
  SCOPED_TRACE(line);
  EXPECT_DEATH(Replay(scenario, line), "");
}

// UBSan would tell of it, and exit, before it happens.
[[noreturn]] __attribute__((no_sanitize("undefined"))) void FollowNullPointer() {
  volatile int* const pointer = nullptr;
  *pointer = 1;
  std::abort();
}

int UseEveryDescriptor(Os& os) {
  const SysResult<int> copy = os.Dup(0);
  if (!copy.ok()) FollowNullPointer();
  return os.Close(copy.value()).ok() ? 0 : 1;
}

// Has seen the second of two files without the first. The masks are steps of nobody else's.
template <typename Crash>
int LookAtFilesOfChild(Os& os, const Crash& crash) {
  const SysResult<pid_t> child = os.Fork();
  if (!child.ok()) return 1;
  if (child.value() == 0) {
    for (const char* path : {"/tmp/a", "/tmp/b"}) {
      os.Umask(01);
      os.Open(path, O_WRONLY | O_CREAT, 0600).IgnoreError();
      os.Umask(02);
    }
    os.Exit(0);
  }
  os.Umask(03);
  const bool has_first = os.Stat("/tmp/a").ok();
  os.Umask(04);
  const bool has_second = os.Stat("/tmp/b").ok();
  if (!has_first && has_second) crash();
  os.WaitPid(child.value(), 0).IgnoreError();
  return 0;
}

TEST_F(CrashDeathTest, OfANullPointerWhereACallFailsIsReplayed) {
  ExpectReplays(ScenarioOf(&UseEveryDescriptor), Options(1));
}

TEST_F(CrashDeathTest, WhereNothingFailsIsReplayed) {
  ExpectReplays(ScenarioOf([](Os& os) -> int {
                  os.Umask(0);
                  std::abort();
                }),
                Options(1));
}

TEST_F(CrashDeathTest, OfARaceIsReplayed) {
  ExpectReplays(ScenarioOf([](Os& os) { return LookAtFilesOfChild(os, &std::abort); }), Options(0));
}

TEST_F(CrashDeathTest, OfARaceByANullPointerIsReplayed) {
  ExpectReplays(ScenarioOf([](Os& os) { return LookAtFilesOfChild(os, &FollowNullPointer); }),
                Options(0));
}

TEST_F(CrashDeathTest, OfAChildInARunByChanceIsReplayed) {
  ExploreOptions options = Options(0);
  options.random_runs = 10'000;
  ExpectReplays(ScenarioOf([](Os& os) {
                  const SysResult<pid_t> child = os.Fork();
                  if (!child.ok()) return 1;
                  if (child.value() == 0) {
                    const bool is_bad = !os.Dup(0).ok() && !os.Pipe().ok();
                    if (is_bad) std::abort();
                    os.Exit(0);
                  }
                  os.WaitPid(child.value(), 0).IgnoreError();
                  return 0;
                }),
                options);
}

// Its second run is another one: that cannot be replayed, and is said.
TEST_F(CrashDeathTest, OfABodyThatKeepsSomethingIsToldApart) {
  static int runs = 0;
  const Scenario scenario = ScenarioOf([](Os& os) {
    os.Umask(0);
    if (++runs == 2) std::abort();
    return os.Dup(0).ok() ? 0 : 1;
  });
  EXPECT_THAT(WordsOfCrash(scenario, Options(1)), HasSubstr("It may not"));
}

// As it would have without the report.
TEST_F(CrashDeathTest, EndsTheProgramByItsSignal) {
  // AddressSanitizer has a handler of its own, which exits.
  if (!kAddressSanitizer) {
    EXPECT_EXIT(Explore(ScenarioOf(&UseEveryDescriptor), Options(1)),
                ::testing::KilledBySignal(SIGSEGV), "crashes in the run");
  }
  EXPECT_EXIT(Explore(ScenarioOf([](Os&) -> int { std::abort(); }), Options(1)),
              ::testing::KilledBySignal(SIGABRT), "crashes in the run");
}

}  // namespace
}  // namespace cleanfork
