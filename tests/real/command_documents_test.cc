// The generated documents: they have every subcommand and option of the tables, man(1) finds
// nothing wrong with the pages, and bash, zsh and fish complete by their scripts what there is.
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
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

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

// A home of its own, so that no start-up file of the user's says anything, and nobody's is written
// to.
std::string Home() { return std::string(std::getenv("TEST_TMPDIR")); }

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

class ZshCompletionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!Has("zsh")) GTEST_SKIP() << "needs zsh: apt-get install zsh";
  }

  // What zsh offers at the end of the line. Its completion runs in its line editor alone, so a
  // second zsh is typed to on a terminal, where compadd says what is added.
  static std::vector<std::string> Complete(const std::string& line) {
    std::ofstream(Home() + "/.zshrc")
        << "PROMPT= RPROMPT= fpath=(" << PathOf("") << " $fpath)\n"
        << "autoload -Uz compinit; compinit -u -d $HOME/compdump\n"
        << "zstyle ':completion:*' verbose no\n"
        << "compadd() {\n  local -a offers\n  builtin compadd -A offers \"$@\"\n"
        << "  if [[ \" ${@[1,(i)(-|--)]} \" != *\" -\"[OAD]\" \"* ]]; then\n"
        << "    for offer in $offers; do print -r -- \"OFFER:$offer\"; done\n  fi\n"
        << "  builtin compadd \"$@\"\n}\n"
        << "offer() { zle complete-word; print END_OF_OFFERS; exit }\n"
        << "zle -N offer; bindkey '^X' offer\n"
        << "zle-line-init() { print IT_IS_READY }\nzle -N zle-line-init\n";
    std::ofstream(Home() + "/complete.zsh")
        << "zmodload zsh/zpty || exit 9\nzpty shell zsh -d -i\n"
        << "while zpty -r shell said; do [[ $said == *IT_IS_READY* ]] && break; done\n"
        << "zpty -n -w shell \"$1\"$'\\x18'\n"
        << "while zpty -r shell said; do\n  said=${said//$'\\r'/}\n"
        << "  [[ $said == *OFFER:* ]] && print -r -- ${said##*OFFER:}\n"
        << "  [[ $said == *END_OF_OFFERS* ]] && break\ndone\n";
    const Outcome outcome =
        Shell("HOME='" + Home() + "' ZDOTDIR='" + Home() + "' TERM=dumb zsh -f '" + Home() +
              "/complete.zsh' '" + line + "' | sed 's/ *$//' | sort -u");
    EXPECT_EQ(outcome.status, 0) << outcome.text;
    std::vector<std::string> offers;
    for (const std::string& offer : Lines(outcome.text)) {
      if (!offer.empty()) offers.push_back(offer);
    }
    return offers;
  }
};

TEST_F(ZshCompletionTest, IsAScriptThatZshReads) {
  const Outcome outcome = Shell("zsh -n '" + PathOf("_cleanfork") + "'");
  EXPECT_EQ(outcome.status, 0) << outcome.text;
}

TEST_F(ZshCompletionTest, OffersTheSubcommands) {
  EXPECT_THAT(Complete("cleanfork st"), ElementsAre("start", "status", "stop"));
  EXPECT_THAT(Complete("cleanfork help st"), ElementsAre("start", "status", "stop"));
  EXPECT_THAT(Complete("cleanfork --v"), ElementsAre("--version"));
}

TEST_F(ZshCompletionTest, OffersTheOptionsOfTheSubcommandAndNoOthers) {
  std::vector<std::string> options;
  for (const Option& option : StopSubcommand().options) {
    options.push_back(std::string("--") + option.name);
  }
  EXPECT_THAT(Complete("cleanfork stop --"), ::testing::UnorderedElementsAreArray(options));
}

TEST_F(ZshCompletionTest, OffersWhatAnArgumentCanBe) {
  EXPECT_THAT(Complete("cleanfork start --user=roo"), ElementsAre("root"));
  EXPECT_THAT(Complete("cleanfork start --user roo"), ElementsAre("root"));
  EXPECT_THAT(Complete("cleanfork start --chdir=/us"), Contains("usr"));
}

TEST_F(ZshCompletionTest, OffersProgramsAndWhatTheProgramTakes) {
  EXPECT_THAT(Complete("cleanfork start slee"), Contains("sleep"));
  EXPECT_THAT(Complete("cleanfork start -- slee"), Contains("sleep"));
  EXPECT_THAT(Complete("cleanfork start --user root -- slee"), Contains("sleep"));
  EXPECT_THAT(Complete("cleanfork start -- --us"), IsEmpty());
  EXPECT_THAT(Complete("cleanfork start -- ls --almo"), ElementsAre("--almost-all"));
}

class FishCompletionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!Has("fish")) GTEST_SKIP() << "needs fish: apt-get install fish";
  }

  // What fish offers at the end of the line, without what it says of each.
  static std::vector<std::string> Complete(const std::string& line) {
    const Outcome outcome = Shell("HOME='" + Home() + "' fish -c \"source '" +
                                  PathOf("cleanfork.fish") + "'; complete -C '" + line + "'\"");
    EXPECT_EQ(outcome.status, 0) << outcome.text;
    std::vector<std::string> offers;
    for (const std::string& offer : Lines(outcome.text)) {
      offers.push_back(offer.substr(0, offer.find('\t')));
    }
    return offers;
  }
};

TEST_F(FishCompletionTest, IsAScriptThatFishReads) {
  const Outcome outcome = Shell("HOME='" + Home() + "' fish -n '" + PathOf("cleanfork.fish") + "'");
  EXPECT_EQ(outcome.status, 0) << outcome.text;
}

TEST_F(FishCompletionTest, OffersTheSubcommands) {
  EXPECT_THAT(Complete("cleanfork st"), UnorderedElementsAre("start", "status", "stop"));
  EXPECT_THAT(Complete("cleanfork help st"), UnorderedElementsAre("start", "status", "stop"));
  EXPECT_THAT(Complete("cleanfork --v"), ElementsAre("--version"));
}

TEST_F(FishCompletionTest, OffersTheOptionsOfTheSubcommandAndNoOthers) {
  std::vector<std::string> options;
  for (const Option& option : StopSubcommand().options) {
    options.push_back(std::string("--") + option.name);
  }
  EXPECT_THAT(Complete("cleanfork stop --"), ::testing::UnorderedElementsAreArray(options));
  EXPECT_THAT(Complete("cleanfork stop --name start --"),
              ::testing::UnorderedElementsAreArray(options));
}

TEST_F(FishCompletionTest, OffersWhatAnArgumentCanBe) {
  EXPECT_THAT(Complete("cleanfork start --user=roo"), ElementsAre("--user=root"));
  EXPECT_THAT(Complete("cleanfork start --user roo"), ElementsAre("root"));
  EXPECT_THAT(Complete("cleanfork stop --pidfile=/etc/pass"), Contains("--pidfile=/etc/passwd"));
}

TEST_F(FishCompletionTest, OffersProgramsAndWhatTheProgramTakes) {
  EXPECT_THAT(Complete("cleanfork start slee"), Contains("sleep"));
  EXPECT_THAT(Complete("cleanfork start -- slee"), Contains("sleep"));
  EXPECT_THAT(Complete("cleanfork start --user root -- slee"), Contains("sleep"));
  EXPECT_THAT(Complete("cleanfork start -- --us"), IsEmpty());
  EXPECT_THAT(Complete("cleanfork start -- ls --almo"), ElementsAre("--almost-all"));
  EXPECT_THAT(Complete("cleanfork start sleep --verb"), IsEmpty());
  // A word with what means something to a shell is one word of the program's, too.
  EXPECT_THAT(Complete("cleanfork start -- ls a\\;true --almo"), ElementsAre("--almost-all"));
}

TEST(CompletionTest, EveryShellKnowsEveryOption) {
  const std::string zsh = Slurp("_cleanfork"), fish = Slurp("cleanfork.fish");
  for (const Subcommand& subcommand : Subcommands()) {
    for (const Option& option : subcommand.options) {
      EXPECT_THAT(zsh, HasSubstr(std::string("'--") + option.name));
      EXPECT_THAT(fish, HasSubstr("__fish_cleanfork_at " + std::string(subcommand.name) + "' -l " +
                                  option.name + " "));
    }
  }
}

}  // namespace
}  // namespace cleanfork::cli
