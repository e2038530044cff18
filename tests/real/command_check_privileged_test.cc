// `check` where it takes root: identity and groups that are off. Tagged "local": in Bazel's sandbox
// root is not root.
#include <grp.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/real/command_runner.h"
#include "tests/real/required_privileges.h"
#include "tests/real/unused_uid.h"

namespace cleanfork {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class CommandCheckPrivilegedTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* why = WhyNotPrivileged();
    if (why != nullptr) SkipWithoutPrivileges(why);
  }

  // What `check` says of a process that has become what `become` makes of it.
  CommandOutcome CheckWhatHas(const std::function<bool()>& become) {
    int ready[2];
    EXPECT_EQ(::pipe(ready), 0);
    const pid_t pid = ::fork();
    if (pid == 0) {
      if (!become() || ::write(ready[1], "x", 1) != 1) ::_exit(1);
      for (;;) ::pause();
    }
    ::close(ready[1]);
    char byte = 0;
    EXPECT_EQ(::read(ready[0], &byte, 1), 1);
    ::close(ready[0]);
    return runner_.Run({"check", std::to_string(pid)});
  }

  CommandRunner runner_;
};

TEST_F(CommandCheckPrivilegedTest, AnIdentityThatIsLeftForGoodIsFine) {
  const pid_t pid = PidIn(runner_.Run({"start", "--user=nobody", "sleep", "60"}).out);
  const CommandOutcome outcome = runner_.Run({"check", std::to_string(pid)});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out << outcome.err;
}

TEST_F(CommandCheckPrivilegedTest, GroupsThatWereLeftOverAreFound) {
  const CommandOutcome outcome = runner_.Run(
      {"check", std::to_string(PidIn(
                    runner_.Run({"start", "--user=nobody", "--groups=root", "sleep", "60"}).out))});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("off  groups           0, which its user is not in"));
  EXPECT_THAT(outcome.out, HasSubstr("ok   identity"));
}

TEST_F(CommandCheckPrivilegedTest, AWayBackToRootIsFound) {
  const CommandOutcome outcome = CheckWhatHas([] {
    const uid_t uid = UnusedUid();
    return ::setgroups(0, nullptr) == 0 && ::setresgid(uid, uid, uid) == 0 &&
           ::setresuid(uid, uid, 0) == 0;
  });
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("off  identity"));
  EXPECT_THAT(outcome.out, HasSubstr("real, effective, saved, filesystem"));
  EXPECT_THAT(outcome.out, HasSubstr("capabilities"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("off  groups")));
}

TEST_F(CommandCheckPrivilegedTest, RootsGroupAsTheFirstOneIsFound) {
  const CommandOutcome outcome = CheckWhatHas([] {
    const uid_t uid = UnusedUid();
    return ::setgroups(0, nullptr) == 0 && ::setresuid(uid, uid, uid) == 0;
  });
  EXPECT_THAT(outcome.out, HasSubstr("off  groups"));
}

TEST_F(CommandCheckPrivilegedTest, AnotherUsersProcessCannotBeLookedAt) {
  const uid_t uid = UnusedUid();
  const CommandOutcome outcome = runner_.Run({"check", std::to_string(::getpid())}, [uid] {
    if (::setgroups(0, nullptr) != 0 || ::setresgid(uid, uid, uid) != 0 ||
        ::setresuid(uid, uid, uid) != 0) {
      ::_exit(98);
    }
  });
  EXPECT_EQ(outcome.exit_code, 77) << outcome.out << outcome.err;
  EXPECT_EQ(outcome.out, "");
}

}  // namespace
}  // namespace cleanfork
