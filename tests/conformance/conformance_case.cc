#include "tests/conformance/conformance_case.h"

#include <cstdio>
#include <cstdlib>
#include <ostream>
#include <string>

#include "tests/conformance/test_files.h"

#ifndef CLEANFORK_CONFORMANCE_OF_SIM_OS
#include "tests/real/own_process.h"
#endif

namespace cleanfork {
namespace {

#ifdef CLEANFORK_CONFORMANCE_OF_SIM_OS
constexpr Excuse::From kHere = Excuse::From::kSimulated;
bool HasRoot() { return true; }
#else
constexpr Excuse::From kHere = Excuse::From::kReal;
bool HasRoot() { return HasPrivileges(); }
#endif

int excused_from_simulated = 0;
int excused_from_real = 0;

void Hold(const ConformanceCase& row) {
  if (row.excuse.from == Excuse::From::kSimulated) ++excused_from_simulated;
  if (row.excuse.from == Excuse::From::kReal) ++excused_from_real;
  if (row.excuse.from == kHere) GTEST_SKIP() << "excused: " << row.excuse.why;
  EXPECT_EQ(Observe(row.body, TestFiles()), row.expected);
}

class Summary : public testing::Environment {
 public:
  void TearDown() override {
    std::printf("conformance: %d cases, of which %d are excused on SimOs, %d on the real kernel\n",
                testing::UnitTest::GetInstance()->test_to_run_count(), excused_from_simulated,
                excused_from_real);
  }
};

testing::Environment* const kSummary = testing::AddGlobalTestEnvironment(new Summary);

}  // namespace

void PrintTo(const ConformanceCase& row, std::ostream* out) { *out << row.name; }

std::string CaseName(const testing::TestParamInfo<ConformanceCase>& info) {
  return info.param.name;
}

void ConformanceOfRoot::SetUp() {
  if (!HasRoot()) GTEST_SKIP() << "only root outside of a sandbox can take other identities";
}

// A target may have rows of one kind alone, or none.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Conformance);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ConformanceOfRoot);

TEST_P(Conformance, Holds) { Hold(GetParam()); }
TEST_P(ConformanceOfRoot, Holds) { Hold(GetParam()); }

}  // namespace cleanfork
