// The generated documents: they have every subcommand and option of the tables, man(1) finds
// nothing wrong with the pages, and bash completes by its script what there is to complete.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "cleanfork/step.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/cli/exit_code.h"
#include "src/cli/subcommand.h"

namespace cleanfork::cli {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string PathOf(const std::string& name) {
  return std::string(std::getenv("TEST_SRCDIR")) + "/" + std::getenv("TEST_WORKSPACE") +
         "/src/cli/" + name;
}

std::string Slurp(const std::string& name) {
  std::ifstream file(PathOf(name));
  EXPECT_TRUE(file.good()) << name;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

struct Outcome {
  int status = -1;
  std::string text;  // of both streams
};

Outcome Shell(const std::string& command) {
  Outcome outcome;
  FILE* pipe = ::popen(("{ " + command + "\n} 2>&1").c_str(), "r");
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) {
    outcome.text += static_cast<char>(c);
  }
  outcome.status = ::pclose(pipe);
  return outcome;
}

// Whether a program is there; a test that needs it skips plainly where it is not.
bool Has(const std::string& program) {
  return Shell("command -v " + program + " >/dev/null").status == 0;
}

TEST(DocumentsTest, TheManualPageHasEverySubcommandOptionAndExitStatus) {
  const std::string page = Slurp("cleanfork.1");
  for (const Subcommand& subcommand : Subcommands()) {
    EXPECT_THAT(page, HasSubstr("\n.SS cleanfork " + std::string(subcommand.name) + " "));
    for (const Option& option : subcommand.options) {
      std::string name;
      for (const char c : std::string(option.name)) name += c == '-' ? "\\-" : std::string(1, c);
      EXPECT_THAT(page, HasSubstr("\\fB\\-\\-" + name + "\\fR"));
    }
  }
  for (const ExitCodeRow& row : ExitCodes()) {
    EXPECT_THAT(page, HasSubstr(".TP\n\\fB" + std::to_string(row.code) + "\\fR\n"));
  }
}

TEST(DocumentsTest, ThePageOfTheStepsHasEachStep) {
  const std::string page = Slurp("cleanfork-steps.7");
  for (int i = 0; i < kStepCount; ++i) {
    std::string name;
    for (const char c : std::string(StepName(static_cast<Step>(i)))) {
      name += c == '-' ? "\\-" : std::string(1, c);
    }
    EXPECT_THAT(page, HasSubstr("\n.SS " + name + "\n")) << i;
  }
}

TEST(DocumentsTest, GroffFindsNothingWrongWithThePages) {
  if (!Has("groff")) GTEST_SKIP() << "needs groff: apt-get install groff-base";
  for (const char* name : {"cleanfork.1", "cleanfork-steps.7"}) {
    const Outcome warnings = Shell("groff -man -Tutf8 -ww -z -rLL=200n '" + PathOf(name) + "'");
    EXPECT_EQ(warnings.status, 0);
    EXPECT_THAT(warnings.text, IsEmpty()) << name;
    const Outcome page = Shell("groff -man -Tutf8 -P-cbou '" + PathOf(name) + "'");
    EXPECT_THAT(page.text, AllOf(HasSubstr("SEE ALSO"), HasSubstr("daemon"), Not(HasSubstr("`"))));
  }
}

class BashCompletionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!Has("bash")) GTEST_SKIP() << "needs bash: apt-get install bash";
  }
  // What bash offers for the last of these words.
  static std::vector<std::string> Complete(const std::string& words) {
    const Outcome outcome =
        Shell("bash -c \"source '" + PathOf("cleanfork.bash") + "'; COMP_WORDS=(" + words +
              "); COMP_CWORD=\\$((\\${#COMP_WORDS[@]} - 1)); _cleanfork; printf '%s\\n' "
              "\\\"\\${COMPREPLY[@]}\\\"\"");
    EXPECT_EQ(outcome.status, 0) << outcome.text;
    std::vector<std::string> offers;
    std::istringstream lines(outcome.text);
    for (std::string line; std::getline(lines, line);) offers.push_back(line);
    return offers;
  }
};

TEST_F(BashCompletionTest, OffersTheSubcommands) {
  EXPECT_THAT(Complete("cleanfork st"), ::testing::UnorderedElementsAre("start", "stop", "status"));
  EXPECT_THAT(Complete("cleanfork ''"), Contains("help"));
}

TEST_F(BashCompletionTest, OffersTheOptionsOfEachSubcommandAndNoOthers) {
  for (const Subcommand& subcommand : Subcommands()) {
    std::vector<std::string> options;
    for (const Option& option : subcommand.options) {
      options.push_back(std::string("--") + option.name + (option.argument != nullptr ? "=" : ""));
    }
    EXPECT_THAT(Complete(std::string("cleanfork ") + subcommand.name + " --"),
                ::testing::UnorderedElementsAreArray(options));
  }
}

TEST_F(BashCompletionTest, OffersWhatAnArgumentCanBe) {
  EXPECT_THAT(Complete("cleanfork start --user = roo"), Contains("root"));
  EXPECT_THAT(Complete("cleanfork start --chdir = /us"), Contains("/usr"));
  EXPECT_THAT(Complete("cleanfork stop --pidfile /etc/pass"), Contains("/etc/passwd"));
}

TEST_F(BashCompletionTest, OffersProgramsWhereTheOneToBeStartedStands) {
  EXPECT_THAT(Complete("cleanfork start -- slee"), Contains("sleep"));
}

TEST(ZshCompletionTest, IsAScriptThatZshReads) {
  if (!Has("zsh")) GTEST_SKIP() << "needs zsh: apt-get install zsh";
  const Outcome outcome = Shell("zsh -n '" + PathOf("_cleanfork") + "'");
  EXPECT_EQ(outcome.status, 0) << outcome.text;
}

TEST(FishCompletionTest, IsAScriptThatFishReads) {
  if (!Has("fish")) GTEST_SKIP() << "needs fish: apt-get install fish";
  const Outcome outcome = Shell("fish -n '" + PathOf("cleanfork.fish") + "'");
  EXPECT_EQ(outcome.status, 0) << outcome.text;
}

TEST(CompletionTest, EveryShellKnowsEveryOption) {
  const std::string zsh = Slurp("_cleanfork"), fish = Slurp("cleanfork.fish");
  for (const Subcommand& subcommand : Subcommands()) {
    for (const Option& option : subcommand.options) {
      EXPECT_THAT(zsh, HasSubstr(std::string("'--") + option.name));
      EXPECT_THAT(fish, HasSubstr("__fish_seen_subcommand_from " + std::string(subcommand.name) +
                                  "' -l " + option.name + " "));
    }
  }
}

}  // namespace
}  // namespace cleanfork::cli
