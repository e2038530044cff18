#include "tests/explore/probes/probes_of_src.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "tests/explore/probes/find_probes.h"

namespace cleanfork::explore {
namespace {

using testing::HasSubstr;

TEST(ProbesOfSrc, HaveEachAWordOfTheirOwn) {
  std::map<std::string, std::string> places;
  for (const SourceProbe& probe : ProbesOfSrc()) {
    const std::string place = probe.file + ":" + std::to_string(probe.line);
    const auto [at, is_new] = places.emplace(probe.text, place);
    EXPECT_TRUE(is_new) << place << ": \"" << probe.text << "\" stands at " << at->second << " too";
  }
}

TEST(ProbesOfSrc, SayWhatHappens) {
  for (const SourceProbe& probe : ProbesOfSrc()) {
    EXPECT_THAT(probe.text, HasSubstr(" ")) << probe.file << ":" << probe.line;
  }
}

TEST(ProbesOfSrc, AreOfTheLibraryTheChildAndTheCommand) {
  std::map<std::string, int> folders;
  for (const SourceProbe& probe : ProbesOfSrc()) {
    ++folders[probe.file.substr(0, probe.file.rfind('/'))];
  }
  for (const char* folder : {"include/cleanfork", "src", "src/child", "src/cli"}) {
    EXPECT_GT(folders[folder], 0) << folder;
  }
}

TEST(FindProbes, FindsThoseOfSeveralLinesAndInConditions) {
  const std::vector<FoundProbe> found = FindProbes(
      "if (x) CLEANFORK_PROBE(\"one\");\n"
      "CLEANFORK_PROBE(\n    \"two \"\n    \"halves\");\n");
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].text, "one");
  EXPECT_EQ(found[0].line, 1);
  EXPECT_EQ(found[1].text, "two halves");
  EXPECT_EQ(found[1].line, 2);
}

TEST(FindProbes, PassesOverCommentsLiteralsAndTheMacroItself) {
  EXPECT_TRUE(FindProbes("// CLEANFORK_PROBE(\"a\")\n"
                         "const char* b = \"CLEANFORK_PROBE(c)\";\n"
                         "#define CLEANFORK_PROBE(what) Reach(\"\" what)\n")
                  .empty());
}

TEST(FindProbes, ShowsOneWithoutALiteral) {
  const std::vector<FoundProbe> found = FindProbes("CLEANFORK_PROBE(kName);");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].text, "");
}

}  // namespace
}  // namespace cleanfork::explore
