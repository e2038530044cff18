#include "tests/conformance/conformance_case.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <ostream>
#include <string>

#include "tests/conformance/test_files.h"
#include "tests/real/required_privileges.h"

#ifndef CLEANFORK_CONFORMANCE_OF_SIM_OS
#include "tests/real/own_process.h"
#include "tests/real/sanitizers.h"
#endif

namespace cleanfork {
namespace {

#ifdef CLEANFORK_CONFORMANCE_OF_SIM_OS
constexpr Excuse::From kHere = Excuse::From::kSimulated;
constexpr bool kIsSeenThroughThreadSanitizer = false;
bool HasRoot() { return true; }
#else
constexpr Excuse::From kHere = Excuse::From::kReal;
constexpr bool kIsSeenThroughThreadSanitizer = kThreadSanitizer;
bool HasRoot() { return HasPrivileges(); }
#endif

void Hold(const ConformanceCase& row) {
  if (row.excuse.from == kHere) GTEST_SKIP() << "excused: " << row.excuse.why;
  EXPECT_EQ(Observe(row.body, TestFiles()), row.expected);
}

// "Kill.OfAZombieSucceed" of "Kill/Conformance.Holds/OfAZombieSucceed".
std::string ShortName(const testing::TestInfo& test) {
  const std::string suite = test.test_suite_name();
  const std::string name = test.name();
  return suite.substr(0, suite.find('/')) + "." + name.substr(name.rfind('/') + 1);
}

// Why the test was skipped, on one line.
std::string ReasonOf(const testing::TestResult& result) {
  for (int i = 0; i < result.total_part_count(); ++i) {
    const testing::TestPartResult& part = result.GetTestPartResult(i);
    std::string text = part.message();
    std::replace(text.begin(), text.end(), '\n', ' ');
    if (part.skipped()) return text;
  }
  return "";
}

bool NeedsPrivileges(const testing::TestResult& result) {
  for (int i = 0; i < result.test_property_count(); ++i) {
    if (std::string(result.GetTestProperty(i).key()) == kPrivileged) return true;
  }
  return false;
}

// Tells count_test of each case: name, whether it needs privileges, what became of it, why.
class Account : public testing::EmptyTestEventListener {
 public:
  Account() {
    const char* const path = std::getenv("CLEANFORK_ACCOUNT");
    if (path != nullptr) file_.open(path);
  }
  void OnTestStart(const testing::TestInfo&) override {
    // Some cases would hold all the same; but then by chance, as far as signals go.
    if (kIsSeenThroughThreadSanitizer) {
      GTEST_SKIP() << "ThreadSanitizer answers sigaction(2) itself, delivers signals late and in "
                      "an order of its own, and has a thread in each process: what the kernel "
                      "does is not seen through it";
    }
  }
  void OnTestEnd(const testing::TestInfo& test) override {
    const testing::TestResult& result = *test.result();
    file_ << ShortName(test) << '\t' << (NeedsPrivileges(result) ? kPrivileged : "-") << '\t'
          << (result.Failed()    ? "failed"
              : result.Skipped() ? "skipped"
                                 : "held")
          << '\t' << ReasonOf(result) << std::endl;
  }

 private:
  std::ofstream file_;
};

const bool kIsKept = [] {
  testing::UnitTest::GetInstance()->listeners().Append(new Account);
  return true;
}();

}  // namespace

void PrintTo(const ConformanceCase& row, std::ostream* out) { *out << row.name; }

std::string CaseName(const testing::TestParamInfo<ConformanceCase>& info) {
  return info.param.name;
}

void ConformanceOfRoot::SetUp() {
  RecordProperty(kPrivileged, "yes");
  if (!HasRoot()) SkipWithoutPrivileges("root outside of a sandbox, which can take identities");
}

// A target may have rows of one kind alone, or none.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Conformance);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ConformanceOfRoot);

TEST_P(Conformance, Holds) { Hold(GetParam()); }
TEST_P(ConformanceOfRoot, Holds) { Hold(GetParam()); }

}  // namespace cleanfork
