// What checkers see of a run.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cleanfork/checkers.h"
#include "cleanfork/explore.h"

namespace cleanfork {
namespace {

// The rule that a body breaks without faults; empty: none.
std::string BrokenRule(const SimOs::Body& body,
                       std::vector<std::shared_ptr<const Checker>> checkers) {
  Scenario scenario;
  SimProgram program;
  program.path = "/bin/worker";
  program.body = [](Os&, const std::vector<std::string>&) { return 0; };
  scenario.world.programs.push_back(program);
  scenario.body = body;
  scenario.checkers = std::move(checkers);
  ExploreOptions options;
  options.max_faults = 0;
  options.reports = false;
  const ExploreResult result = Explore(scenario, options);
  return result.failures.empty() ? "" : result.failures[0].rule;
}

void ExecWorker(Os& os) {
  char path[] = "/bin/worker";
  char* const arguments[] = {path, nullptr};
  os.ExecVe(path, arguments, &arguments[1]).IgnoreError();
}

TEST(RunRecord, KnowsInTheFirstRunHowItEndsWithoutFaults) {
  EXPECT_EQ(BrokenRule([](Os&) { return 3; }, {SameEndInEveryOrder()}), "");
}

TEST(RunRecord, SaysOfNobodyButWhoHasExecdThatItIsAProgram) {
  std::vector<bool> programs;
  const auto note = MakeChecker("notes", [&programs](const Execution& run) {
    programs.clear();
    for (const ExecutedProcess& process : run.processes()) programs.push_back(process.program);
    return "";
  });
  const auto fork_and_exec = [](Os& os) {
    for (const bool execs : {false, true}) {
      const pid_t child = os.Fork().value();
      if (child == 0 && execs) ExecWorker(os);
      if (child == 0) os.Exit(0);
      os.WaitPid(child, 0).IgnoreError();
    }
    return 0;
  };
  EXPECT_EQ(BrokenRule(fork_and_exec, {note}), "");
  EXPECT_EQ(programs, (std::vector<bool>{false, false, true}));
  const auto exec = [](Os& os) {
    ExecWorker(os);
    return 1;
  };
  EXPECT_EQ(BrokenRule(exec, {note}), "");
  EXPECT_EQ(programs, std::vector<bool>{true});
}

TEST(RunRecord, ShowsWhatTheFirstProcessLeaves) {
  const auto leak = [](Os& os) { return os.Pipe().ok() ? 0 : 1; };
  EXPECT_EQ(BrokenRule(leak, StandardCheckers()), NoLeakedDescriptor()->name());
}

}  // namespace
}  // namespace cleanfork
