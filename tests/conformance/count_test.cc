// Runs all cases on both kernels and holds what became of them against cases.txt: one that stands
// there and does not run any more, on either side, is missed by its name. A new one needs no line,
// but nobody misses it until it has one; the end of the output has the lines.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include "tests/real/required_privileges.h"
#include "tests/real/sanitizers.h"
#include "tests/real/vfork_is_fork.h"

namespace cleanfork {
namespace {

constexpr int kRequired = 300;  // whatever cases.txt says

// What became of a case on one of the kernels, as conformance_case.cc has written it.
struct Fate {
  bool privileged = false;
  std::string end = "not run";
  std::string why;
  bool Held() const { return end == "held"; }
  bool SkippedFor(const std::string& reason) const {
    return end == "skipped" && why.find(reason) != std::string::npos;
  }
};

// By "kill Kill.OfAZombieSucceed".
using Fates = std::map<std::string, Fate>;

void RunCases(const std::string& noun, const std::string& program, Fates* fates) {
  const std::string account = testing::TempDir() + "account_of_" + noun;
  setenv("CLEANFORK_ACCOUNT", account.c_str(), 1);
  const std::string output = account + ".out";
  EXPECT_EQ(std::system(("./" + program + " > " + output + " 2>&1").c_str()), 0)
      << program << ":\n"
      << std::ifstream(output).rdbuf();
  std::ifstream lines(account);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream columns(line);
    std::string name, privileged;
    Fate fate;
    std::getline(columns, name, '\t');
    std::getline(columns, privileged, '\t');
    std::getline(columns, fate.end, '\t');
    std::getline(columns, fate.why);
    fate.privileged = privileged == "privileged";
    EXPECT_TRUE(fates->emplace(noun + " " + name, fate).second) << name << " is there twice";
  }
  std::remove(account.c_str());
  std::remove(output.c_str());
}

std::set<std::string> ListedCases() {
  std::set<std::string> names;
  std::ifstream lines(std::getenv("CASES"));
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && line[0] != '#') names.insert(line);
  }
  return names;
}

struct Count {
  int held = 0;             // on both, without privileges
  int privileged_held = 0;  // on both, with them
  int privileged_not_run = 0;
  int excused = 0;
  int without_vfork = 0;  // under a sanitizer
};

void Judge(const std::string& name, const Fate& real, const Fate& simulated, Count* count) {
  if (real.Held() && simulated.Held()) {
    ++(simulated.privileged ? count->privileged_held : count->held);
  } else if ((simulated.Held() && real.SkippedFor("excused: ")) ||
             (real.Held() && simulated.SkippedFor("excused: "))) {
    ++count->excused;
  } else if (simulated.Held() && simulated.privileged && real.SkippedFor(kNeedsPrivileges)) {
    ++count->privileged_not_run;
  } else if (simulated.Held() && kVforkIsFork && real.SkippedFor(kNoVfork)) {
    ++count->without_vfork;
  } else {
    ADD_FAILURE() << name << ": on the real kernel " << real.end << " " << real.why << ", on SimOs "
                  << simulated.end << " " << simulated.why;
  }
}

TEST(Conformance, HasAllCasesThatItHad) {
  if (kThreadSanitizer) {
    GTEST_SKIP() << "nothing of the real kernel is seen through ThreadSanitizer";
  }
  // What Bazel tells a test about itself is not meant for those that this one runs.
  for (const char* name : {"XML_OUTPUT_FILE", "TEST_PREMATURE_EXIT_FILE", "TESTBRIDGE_TEST_ONLY",
                           "TEST_SHARD_INDEX", "TEST_TOTAL_SHARDS", "TEST_SHARD_STATUS_FILE"}) {
    unsetenv(name);
  }
  Fates real, simulated;
  std::istringstream programs(std::getenv("PROGRAMS"));
  for (std::string noun, on_real, on_simulated; programs >> noun >> on_real >> on_simulated;) {
    RunCases(noun, on_real, &real);
    RunCases(noun, on_simulated, &simulated);
  }

  const std::set<std::string> listed = ListedCases();
  std::set<std::string> all = listed;
  for (const Fates* fates : {&real, &simulated}) {
    for (const auto& [name, fate] : *fates) all.insert(name);
  }
  Count count;
  for (const std::string& name : all) {
    if (real.count(name) == 0 && simulated.count(name) == 0) {
      ADD_FAILURE() << name << " is lost. If it was to go, take it out of cases.txt.";
      continue;
    }
    Judge(name, real[name], simulated[name], &count);
  }
  EXPECT_GE(count.held + count.privileged_held, kRequired);

  std::printf("conformance: %d cases held on both kernels, and %d more that need privileges\n",
              count.held, count.privileged_held);
  std::printf("conformance: %d that need privileges did not run on the real kernel\n",
              count.privileged_not_run);
  std::printf("conformance: %d are excused from one kernel, %d need a vfork\n", count.excused,
              count.without_vfork);
  for (const std::string& name : all) {
    if (listed.count(name) == 0) std::printf("not in cases.txt: %s\n", name.c_str());
  }
}

}  // namespace
}  // namespace cleanfork
