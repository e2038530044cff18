// Scenarios of bodies that stand in a test, and what came out of their runs.
#ifndef CLEANFORK_TESTS_EXPLORE_TEST_SCENARIO_H_
#define CLEANFORK_TESTS_EXPLORE_TEST_SCENARIO_H_

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <set>

#include "cleanfork/explore.h"
#include "cleanfork/os.h"
#include "cleanfork/sim_os.h"

namespace cleanfork {

// Named as the test that runs, and without a checker.
inline Scenario ScenarioOf(const SimOs::Body& body) {
  Scenario scenario;
  scenario.name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
  scenario.body = body;
  scenario.checkers.clear();
  return scenario;
}

// Without how many runs have come to each.
inline std::set<uint64_t> OutcomesOf(const ExploreResult& result) {
  std::set<uint64_t> outcomes;
  for (const auto& [outcome, count] : result.outcomes) outcomes.insert(outcome);
  return outcomes;
}

// Calls that have nothing to do with anybody else's.
inline void CallOften(Os& os, int times) {
  for (int i = 0; i < times; ++i) os.Umask(022);
}

// Two write to a file that was there before, and one reads what the last of them wrote.
inline const SimFile kFileThatIsThere = {"/etc/number", "0"};
inline int WriteToOneFile(Os& os) {
  for (int i = 1; i <= 2; ++i) {
    if (os.Fork().value_or(-1) != 0) continue;
    const SysResult<int> fd = os.Open(kFileThatIsThere.path.c_str(), O_WRONLY, 0);
    const char digit = static_cast<char>('0' + i);
    os.Write(fd.value_or(-1), &digit, 1).IgnoreError();
    os.Exit(0);
  }
  while (os.WaitPid(-1, 0).ok()) continue;
  char digit = '9';
  const SysResult<int> fd = os.Open(kFileThatIsThere.path.c_str(), O_RDONLY, 0);
  os.Read(fd.value_or(-1), &digit, 1).IgnoreError();
  return digit - '0';
}

// A body that has few runs, for tables.
struct Small {
  const char* name;
  SimOs::Body body;
};

}  // namespace cleanfork

#endif  // CLEANFORK_TESTS_EXPLORE_TEST_SCENARIO_H_
