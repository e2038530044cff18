#include "tools/scenario_replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <sstream>
#include <string>

#include "tests/explore/all_scenarios.h"

namespace cleanfork::tools {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Replayed {
  int code = 0;
  std::string out;
  std::string err;
};

Replayed ReplayLine(const std::string& name, const std::string& line) {
  std::ostringstream out, err;
  const int code = ReplayScenario(name, line, out, err);
  return {code, out.str(), err.str()};
}

TEST(ScenarioReplay, ListsEachScenarioOnce) {
  std::ostringstream out;
  EXPECT_EQ(ListScenarios(out), kKeepsTheRules);
  EXPECT_THAT(out.str(), AllOf(HasSubstr("\nSpawn\n"), HasSubstr("\ncleanfork start\n"),
                               HasSubstr("\ncleanfork run with respawn\n")));
  std::set<std::string> names;
  for (const Scenario& scenario : explore::AllScenarios()) {
    EXPECT_TRUE(names.insert(scenario.name).second) << scenario.name;
  }
}

TEST(ScenarioReplay, ShowsARunThatKeepsTheRules) {
  const Replayed replayed = ReplayLine("Spawn", "cf1;P.pipe2#1=EMFILE");
  EXPECT_EQ(replayed.code, kKeepsTheRules);
  EXPECT_THAT(replayed.out, AllOf(HasSubstr("= EMFILE"), HasSubstr("keeps all rules")));
  EXPECT_THAT(replayed.err, IsEmpty());
}

// docs/found-by-exploring.md: a limit that is known, and that only a rule's exception passes by.
TEST(ScenarioReplay, SaysWhichRuleIsBroken) {
  const Replayed replayed =
      ReplayLine("Daemonize never ready",
                 "cf1;P.1.pidfd_open#1=EMFILE;P!SIGKILL@pidfd_send_signal#1;fits=e9aa");
  EXPECT_EQ(replayed.code, kBreaksARule) << replayed.out << replayed.err;
  EXPECT_THAT(replayed.out, HasSubstr("breaks the rule \"no livelock\""));
}

TEST(ScenarioReplay, OfANameThatNoneHasNamesThoseThatAreLikeIt) {
  const Replayed replayed = ReplayLine("PidFile", "cf1");
  EXPECT_EQ(replayed.code, kCannotReplay);
  EXPECT_THAT(replayed.err, AllOf(HasSubstr("no scenario \"PidFile\""), HasSubstr("--list"),
                                  HasSubstr("\n  PidFile claimed twice\n")));
  EXPECT_THAT(ReplayLine("", "cf1").err, HasSubstr("no scenario \"\": --list names them all.\n"));
}

TEST(ScenarioReplay, OfALineThatIsNoPlanShowsWhere) {
  const Replayed replayed = ReplayLine("Spawn", "cf1;P.frok#1=EAGAIN");
  EXPECT_EQ(replayed.code, kCannotReplay);
  EXPECT_THAT(replayed.err, AllOf(HasSubstr("not a plan"), HasSubstr("^")));
  EXPECT_THAT(replayed.out, IsEmpty());
}

TEST(ScenarioReplay, OfALineThatDoesNotFitSaysWhatToDo) {
  for (const char* line : {"cf1;P.fork#7=EAGAIN", "cf1;P.pipe2#1=EMFILE;fits=0000"}) {
    const Replayed replayed = ReplayLine("Spawn", line);
    EXPECT_EQ(replayed.code, kCannotReplay) << line;
    EXPECT_THAT(replayed.err,
                AllOf(HasSubstr("does not fit"), HasSubstr("explore_scenario -- 'Spawn'")));
  }
}

}  // namespace
}  // namespace cleanfork::tools
