// The board for the command as it is shipped, with the kernel itself letting a call fail. Each row
// is retried to success, or is a failure with step and errno on standard error, after which nothing
// runs and no pid file is left. Tagged "local": it takes root.
#include <algorithm>
#include <cctype>
#include <cstring>
#include <ostream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/real/command_runner.h"
#include "tests/real/daemonizers.h"
#include "tests/real/fault_board.h"
#include "tests/real/required_privileges.h"

namespace cleanfork {

void PrintTo(const BoardRow& row, std::ostream* out) { *out << row.name; }

namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class KernelBoardTest : public ::testing::TestWithParam<BoardRow> {
 protected:
  void SetUp() override {
    const char* why = WhyNotPrivileged();
    if (why != nullptr) SkipWithoutPrivileges(why);
  }
};

TEST_P(KernelBoardTest, IsRetriedToSuccessOrToldAndLeavesNothing) {
  const BoardRow& row = GetParam();
  FaultBoard board("tests/real/announcing_daemon");
  if (row.full_disk) {
    const int error = board.MountFullDisk();
    if (error != 0) {
      SkipWithoutPrivileges(std::string("a tmpfs of its own: ") + std::strerror(error));
      return;
    }
  }
  const Daemonizer command = Daemonizers("src/cli/cleanfork", "")[0];
  const BoardOutcome outcome = board.Run(command, row);
  if (outcome.install_error != 0) {
    GTEST_SKIP() << "needs seccomp_unotify(2), Linux 5.5, with nobody else above us who uses it: "
                 << std::strerror(outcome.install_error);
  }
  EXPECT_EQ(outcome.fired > 0, !row.fault.calls.empty()) << "what was to go wrong did not";
  EXPECT_EQ(outcome.exit_code, row.exit_code) << Details(outcome);
  if (row.exit_code == 0) {
    EXPECT_NE(outcome.daemon, 0) << Details(outcome);
    EXPECT_THAT(outcome.wrong, IsEmpty());
    EXPECT_EQ(outcome.err, "");
    return;
  }
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, StartsWith("cleanfork: start: "));
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr(std::string("[step ") + row.step));
  EXPECT_THAT(outcome.err, HasSubstr(std::string("(") + row.error + ")"));
  EXPECT_FALSE(outcome.left_at_once) << "something ran when the command had ended";
  EXPECT_FALSE(outcome.left);
  EXPECT_EQ(outcome.daemon, 0);
  EXPECT_FALSE(outcome.has_pid_file);
}

// "pid file ENOSPC" as PidFileENOSPC.
std::string TestNameOf(const ::testing::TestParamInfo<BoardRow>& info) {
  std::string name;
  bool is_first = true;
  for (const char* c = info.param.name; *c != '\0'; ++c) {
    const bool is_word = std::isalnum(static_cast<unsigned char>(*c)) != 0;
    if (is_word) name += static_cast<char>(is_first ? std::toupper(*c) : *c);
    is_first = !is_word;
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Real, KernelBoardTest, ::testing::ValuesIn(BoardRows()), TestNameOf);

}  // namespace
}  // namespace cleanfork
