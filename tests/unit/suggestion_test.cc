// Words that are mistyped: the one that was meant is named, and none where none is near.
#include "src/cli/suggestion.h"

#include <sstream>
#include <string>
#include <vector>

#include "cleanfork/os.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/cli/exit_code.h"
#include "src/cli/subcommand.h"

namespace cleanfork::cli {
namespace {

using ::testing::EndsWith;

TEST(SuggestionTest, OneSlipForEachThreeLettersIsForgiven) {
  EXPECT_EQ(Nearest("strat", {"start", "restart"}), "start");       // changed places
  EXPECT_EQ(Nearest("resart", {"start", "restart"}), "restart");    // too few
  EXPECT_EQ(Nearest("resttart", {"start", "restart"}), "restart");  // too many
  EXPECT_EQ(Nearest("rextart", {"start", "restart"}), "restart");   // wrong
  EXPECT_EQ(Nearest("rxxtart", {"restart"}), "restart");
  EXPECT_EQ(Nearest("rxxxart", {"restart"}), "");
}

TEST(SuggestionTest, OfTwoThatAreAsNearTheFirstIsNamed) {
  EXPECT_EQ(Nearest("stat", {"start", "state"}), "start");
  EXPECT_EQ(Nearest("stat", {"state", "start"}), "state");
  EXPECT_EQ(Nearest("staet", {"start", "state"}), "start");
}

TEST(SuggestionTest, OfTwoTheNearerIsNamed) {
  EXPECT_EQ(Nearest("statsu", {"start", "status"}), "status");
  EXPECT_EQ(Nearest("statsu", {"status", "start"}), "status");
}

TEST(SuggestionTest, ALetterIsNoWordThatWasMeant) {
  EXPECT_EQ(Nearest("", {"run"}), "");
  EXPECT_EQ(Nearest("x", {"v", "xy"}), "");
}

TEST(SuggestionTest, TheCommandSaysWhatWasMeant) {
  const struct {
    std::vector<std::string> words;
    std::string said;
  } mistyped[] = {
      {{"strat"}, " \"strat\" (did you mean start?); see cleanfork --help\n"},
      {{"help", "sttaus"}, " \"sttaus\" (did you mean status?); see cleanfork --help\n"},
      {{"hepl"}, " \"hepl\" (did you mean help?); see cleanfork --help\n"},
      {{"start", "--usr=nobody", "true"},
       " --usr (did you mean --user?); see cleanfork start "
       "--help\n"},
      {{"start", "--pidfiles=/tmp/x", "true"},
       " --pidfiles (did you mean --pidfile?); see "
       "cleanfork start --help\n"},
      {{"stop", "--jsom"}, " --jsom (did you mean --json?); see cleanfork stop --help\n"},
      // What another subcommand has is not meant here.
      {{"status", "--umaks=22"}, " --umaks; see cleanfork status --help\n"},
      {{"run", "--" + std::string(5000, 'x'), "true"}, "xx; see cleanfork run --help\n"},
  };
  for (const auto& [words, said] : mistyped) {
    std::vector<std::string> all = words;
    all.insert(all.begin(), "cleanfork");
    std::ostringstream out, err;
    Context context = {RealOs(), out, err};
    EXPECT_EQ(RunCommandLine(all, context), kExitUsage);
    EXPECT_THAT(err.str(), EndsWith(said));
  }
}

}  // namespace
}  // namespace cleanfork::cli
