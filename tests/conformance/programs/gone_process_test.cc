// A program that means a process which is gone must not mean whoever has its number by then.
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <set>
#include <string>

#include "cleanfork/os.h"
#include "cleanfork/os_wrapper.h"
#include "tests/conformance/programs/program.h"
#include "tests/conformance/programs/program_kernels.h"

namespace cleanfork::programs {
namespace {

constexpr pid_t kFirst = 102;  // p1: 100 is the controller, 101 p0

std::set<pid_t> meant;  // by kill(2) and pidfd_open(2), in any process

class NotesWhoIsMeant : public OsWrapper {
 public:
  using OsWrapper::OsWrapper;
  SysResult<void> Kill(pid_t pid, int signal) override {
    meant.insert(pid);
    return OsWrapper::Kill(pid, signal);
  }
  SysResult<int> PidFdOpen(pid_t pid, unsigned flags) override {
    meant.insert(pid);
    return OsWrapper::PidFdOpen(pid, flags);
  }
};

std::string TranscriptOf(const char* text) {
  const OwnDirectory directory(std::getenv("CLEANFORK_PROGRAM_PROCESS"));
  SimulatedKernel kernel(directory, false, [](Os& raw, const std::function<void(Os&)>& next) {
    NotesWhoIsMeant os(raw);
    next(os);
  });
  Program program;
  EXPECT_EQ(Parse(text, &program), "");
  meant.clear();
  return kernel.Run(program).text;
}

TEST(GoneProcess, IsNotSignalled) {
  const std::string text = TranscriptOf("p0:fork(p1);p1:exit(0);p0:waitpid(p1,0);p0:kill(p1,KILL)");
  EXPECT_NE(text.find("p0:kill(p1,KILL): p0 = ESRCH"), std::string::npos) << text;
  EXPECT_EQ(meant.count(kFirst), 0U);
}

TEST(GoneProcess, IsNotSignalledByPidFd) {
  const std::string text =
      TranscriptOf("p0:fork(p1);p1:exit(0);p0:waitpid(p1,0);p0:pidfd_kill(p1,KILL)");
  EXPECT_NE(text.find("p0:pidfd_kill(p1,KILL): p0 = ESRCH"), std::string::npos) << text;
  EXPECT_EQ(meant.count(kFirst), 0U);
}

TEST(GoneProcess, IsNotAGroup) {
  const std::string text =
      TranscriptOf("p0:fork(p1);p1:setsid();p1:exit(0);p0:waitpid(p1,0);p0:kill(-p1,TERM)");
  EXPECT_NE(text.find("p0:kill(-p1,TERM): p0 = ESRCH"), std::string::npos) << text;
  EXPECT_EQ(meant.count(-kFirst), 0U);
}

// While it has members, its number is nobody else's.
TEST(GoneProcess, HasItsGroupWhileSomebodyIsInIt) {
  const std::string text = TranscriptOf(
      "p0:fork(p1);p1:setsid();p1:fork(p2);p1:exit(0);p0:waitpid(p1,0);p0:kill(-p1,TERM)");
  EXPECT_NE(text.find("p0:kill(-p1,TERM): p0 = ok p2 ends"), std::string::npos) << text;
  EXPECT_EQ(meant.count(-kFirst), 1U);
}

TEST(GoneProcess, IsNotOneThatNobodyHasWaitedFor) {
  const std::string text = TranscriptOf("p0:fork(p1);p1:exit(0);p0:kill(p1,KILL)");
  EXPECT_NE(text.find("p0:kill(p1,KILL): p0 = ok"), std::string::npos) << text;
  EXPECT_EQ(meant.count(kFirst), 1U);
}

}  // namespace
}  // namespace cleanfork::programs
