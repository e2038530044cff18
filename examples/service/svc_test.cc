#include "svc.h"

#include <cerrno>
#include <csignal>
#include <string>
#include <vector>

#include "cleanfork/os.h"
#include "cleanfork/os_wrapper.h"
#include "gtest/gtest.h"

namespace service {
namespace {

using cleanfork::SysError;
using cleanfork::SysResult;

// An Os whose calls do what the test says and nothing in the kernel.
class ScriptedOs : public cleanfork::OsWrapper {
 public:
  ScriptedOs() : OsWrapper(cleanfork::RealOs()) {}

  SysResult<pid_t> Fork() override {
    calls.push_back("fork");
    return fork;
  }
  SysResult<pid_t> SetSid() override {
    calls.push_back("setsid");
    return set_sid;
  }
  SysResult<void> ExecVe(const char* path, char* const*, char* const*) override {
    calls.push_back("execve " + std::string(path));
    return exec;
  }
  SysResult<cleanfork::WaitResult> WaitPid(pid_t pid, int) override {
    calls.push_back("waitpid " + std::to_string(pid));
    if (interruptions-- > 0) return SysError(EINTR);
    return wait;
  }
  [[noreturn]] void Exit(int status) override { throw cleanfork::ProcessExited{status}; }

  SysResult<pid_t> fork = 4711;
  SysResult<pid_t> set_sid = 4711;
  SysResult<void> exec = SysError(ENOENT);
  SysResult<cleanfork::WaitResult> wait = cleanfork::WaitResult{4711, 0};
  int interruptions = 0;
  std::vector<std::string> calls;
};

HelperResult RunIn(cleanfork::Os& os, std::string path = "/usr/lib/helper") {
  char* argv[] = {&path[0], nullptr};
  return RunHelper(path.c_str(), argv, os);
}

// The status with which the child leaves.
int ExitStatusIn(ScriptedOs& os) {
  os.fork = 0;
  try {
    RunIn(os);
  } catch (const cleanfork::ProcessExited& exited) {
    return exited.status;
  }
  ADD_FAILURE() << "the child returned into its parent's code";
  return -1;
}

TEST(RunHelper, WaitsForTheChildThatItForked) {
  ScriptedOs os;
  EXPECT_TRUE(RunIn(os).ok());
  EXPECT_EQ(os.calls, (std::vector<std::string>{"fork", "waitpid 4711"}));
}

TEST(RunHelper, SaysWhichErrnoForkFailedWith) {
  ScriptedOs os;
  os.fork = SysError(EAGAIN);
  EXPECT_EQ(Describe(RunIn(os)), "fork: EAGAIN");
  EXPECT_EQ(os.calls, std::vector<std::string>{"fork"}) << "there is no child to wait for";
}

TEST(RunHelper, SaysWhichErrnoWaitingFailedWith) {
  ScriptedOs os;
  os.wait = SysError(ECHILD);
  EXPECT_EQ(Describe(RunIn(os)), "waitpid: ECHILD");
}

TEST(RunHelper, WaitsOnWhenASignalInterrupts) {
  ScriptedOs os;
  os.interruptions = 2;
  EXPECT_TRUE(RunIn(os).ok());
  EXPECT_EQ(os.calls.size(), 4u);
}

TEST(RunHelper, SaysWhichSignalKilledTheHelper) {
  ScriptedOs os;
  os.wait = cleanfork::WaitResult{4711, SIGKILL};
  EXPECT_EQ(Describe(RunIn(os)), "helper killed by signal 9");
}

TEST(RunHelperChild, LeadsASessionBeforeItExecs) {
  ScriptedOs os;
  EXPECT_EQ(ExitStatusIn(os), kExitNotFound);
  EXPECT_EQ(os.calls, (std::vector<std::string>{"fork", "setsid", "execve /usr/lib/helper"}));
}

TEST(RunHelperChild, DoesNotExecWithoutASessionOfItsOwn) {
  ScriptedOs os;
  os.set_sid = SysError(EPERM);
  EXPECT_EQ(ExitStatusIn(os), kExitSetUpFailed);
  EXPECT_EQ(os.calls, (std::vector<std::string>{"fork", "setsid"}));
}

TEST(RunHelperChild, TellsAProgramThatCannotBeRunFromOneThatIsNotThere) {
  ScriptedOs os;
  os.exec = SysError(EACCES);
  EXPECT_EQ(ExitStatusIn(os), kExitNotExecuted);
}

TEST(RunHelperOnTheRealKernel, ReportsHowTheHelperEnded) {
  cleanfork::Os& os = cleanfork::RealOs();
  EXPECT_TRUE(RunIn(os, "/bin/true").ok());
  EXPECT_EQ(Describe(RunIn(os, "/bin/false")), "helper exited with status 1");
  EXPECT_EQ(Describe(RunIn(os, "/no/such/program")), "helper exited with status 127");
  EXPECT_EQ(Describe(RunIn(os, "/")), "helper exited with status 126");
}

}  // namespace
}  // namespace service
