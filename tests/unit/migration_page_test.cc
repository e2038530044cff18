// docs/migrating-from-openxpki.md has every defect once, and names only tests that there are.
#include <gtest/gtest.h>

#include <cctype>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

namespace {

std::string ReadText(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The rows "| S4 | ... | ... | test |", by number; a number that stands twice has two rows.
std::multimap<int, std::string> Rows(const std::string& page) {
  std::multimap<int, std::string> rows;
  std::istringstream lines(page);
  std::string line;
  const std::regex row(R"(^\| S(\d+) \|.*\|([^|]*)\|$)");
  for (std::smatch match; std::getline(lines, line);) {
    if (std::regex_match(line, match, row)) rows.emplace(std::stoi(match[1]), match[2]);
  }
  return rows;
}

// Every test that a cell names: the file in backticks, the tests after it. A cell that names a
// file alone means all of it.
std::vector<std::string> MissingTests(const std::string& cell) {
  std::vector<std::string> missing;
  std::string source;
  const std::regex word(R"(`([a-z_]+_test)`|\b([A-Z][A-Za-z0-9]{9,})\b)");
  for (std::sregex_iterator it(cell.begin(), cell.end(), word), end; it != end; ++it) {
    if ((*it)[1].matched) {
      source = ReadText("tests/real/" + (*it)[1].str() + ".cc");
      if (source.empty()) missing.push_back((*it)[1]);
    } else if (source.find(", " + (*it)[2].str() + ")") == std::string::npos &&
               source.find("{\"" + (*it)[2].str() + "\"") == std::string::npos) {
      missing.push_back((*it)[2]);
    }
  }
  return missing;
}

TEST(MigrationPage, HasEveryDefectOnceAndATestForEach) {
  const std::multimap<int, std::string> rows = Rows(ReadText("docs/migrating-from-openxpki.md"));
  for (int defect = 1; defect <= 32; ++defect) {
    ASSERT_EQ(rows.count(defect), 1u) << "S" << defect;
    const std::string& cell = rows.find(defect)->second;
    for (const std::string& test : MissingTests(cell)) {
      ADD_FAILURE() << "S" << defect << " names " << test << ", which there is not";
    }
    // S32 is that there were no tests.
    EXPECT_EQ(cell.find("_test`") != std::string::npos, defect < 32) << "S" << defect;
  }
  EXPECT_EQ(rows.size(), 32u);
}

TEST(MigrationPage, TestThatIsNotThereIsMissed) {
  EXPECT_EQ(MissingTests("`seed_defects_test` S99NoSuchTestAtAll"),
            std::vector<std::string>{"S99NoSuchTestAtAll"});
  EXPECT_EQ(MissingTests("`no_such_test`"), std::vector<std::string>{"no_such_test"});
}

}  // namespace
