#include "cleanfork/probe.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

namespace cleanfork {
namespace {

std::vector<std::string>& Heard() {
  static auto* const heard = new std::vector<std::string>;
  return *heard;
}

void Listen(const char* what) { Heard().push_back(what); }

void ComeByTwoProbes() {
  CLEANFORK_PROBE("the first");
  if (true) CLEANFORK_PROBE("the second");
}

class Probe : public testing::Test {
 protected:
  void SetUp() override { Heard().clear(); }
  void TearDown() override { SetProbeListener(nullptr); }
};

TEST_F(Probe, IsNothingWhereNobodyListens) {
  ComeByTwoProbes();
  EXPECT_EQ(SetProbeListener(&Listen), nullptr);
  EXPECT_EQ(Heard(), std::vector<std::string>{});
}

TEST_F(Probe, TellsTheListenerItsText) {
  SetProbeListener(&Listen);
  ComeByTwoProbes();
  EXPECT_EQ(Heard(), (std::vector<std::string>{"the first", "the second"}));
}

TEST_F(Probe, TellsNobodyAnyMoreOnceTheListenerIsTaken) {
  SetProbeListener(&Listen);
  EXPECT_EQ(SetProbeListener(nullptr), &Listen);
  ComeByTwoProbes();
  EXPECT_EQ(Heard(), std::vector<std::string>{});
}

TEST_F(Probe, LeavesErrnoAlone) {
  errno = EMFILE;
  ComeByTwoProbes();
  EXPECT_EQ(errno, EMFILE);
}

void Leave(const char* what) { _exit(std::string(what) == "the first" ? 7 : 8); }

TEST_F(Probe, IsHeardInAForkedChildByItsParentsListener) {
  SetProbeListener(&Leave);
  const pid_t child = fork();
  ASSERT_NE(child, -1);
  if (child == 0) {
    ComeByTwoProbes();
    _exit(9);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 7);
}

}  // namespace
}  // namespace cleanfork
