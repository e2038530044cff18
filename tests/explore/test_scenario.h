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

// Two write to a file that was there before, and one reads what the last of them wrote. Nothing
// else tells which that was: the file was open already. When both have written there are two who
// may go on, without whom no state would be looked up.
inline const SimFile kFileThatIsThere = {"/etc/number", "0"};
inline int WriteToOneFile(Os& os) {
  const char* const path = kFileThatIsThere.path.c_str();
  const PipeEnds done = os.Pipe().value_or(PipeEnds());
  const int fds[] = {os.Open(path, O_WRONLY, 0).value_or(-1),
                     os.Open(path, O_WRONLY, 0).value_or(-1)};
  for (const char* digit : {"1", "2"}) {
    if (os.Fork().value_or(-1) != 0) continue;
    os.Write(fds[*digit - '1'], digit, 1).IgnoreError();
    os.Write(done.write_end, "x", 1).IgnoreError();
    os.Exit(0);
  }
  os.Close(done.write_end).IgnoreError();
  char digit = '9';
  for (int i = 0; i < 2; ++i) os.Read(done.read_end, &digit, 1).IgnoreError();
  while (os.WaitPid(-1, 0).ok()) continue;
  const SysResult<int> fd = os.Open(path, O_RDONLY, 0);
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
