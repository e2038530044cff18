// Programs that once did something else on SimOs, each cut down to the least that showed it: they
// do the same on both kernels now.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "tests/conformance/programs/comparison.h"
#include "tests/conformance/programs/program.h"
#include "tests/conformance/programs/program_kernels.h"

namespace cleanfork::programs {
namespace {

class KnownPrograms : public ::testing::Test {
 protected:
  static void SkipWithoutPrivileges() {
    const char* const required = std::getenv("CLEANFORK_REQUIRE_PRIVILEGED");
    ASSERT_TRUE(required == nullptr || std::string(required) != "1") << "this may not change ids";
    GTEST_SKIP() << "needs root of the whole machine: run the test as root outside of a sandbox";
  }

  Transcript Simulated(const Program& program) { return simulated_.Run(program); }
  Transcript Real(const Program& program) { return real_.Run(program); }

  const bool privileged_ = MayChangeIds();
  const OwnDirectory directory_{std::getenv("CLEANFORK_PROGRAM_PROCESS")};
  RealKernel real_{directory_, privileged_};
  SimulatedKernel simulated_{directory_, privileged_};
};

// Each was once done in another way by SimOs.
constexpr const char* kOnceDifferent[] = {
    // A zombie is no child of who does not ask for ends.
    "p0:fork(p1);p0:waitid(own,STOPPED);p1:exit(0)",
    // Who waits for a group looks again when a member ends, not when it leaves.
    "p0:fork(p2);p2:fork(p3);p2:waitpid(own,0);p3:setsid()",
    // It does look before it returns to a handler.
    "p0:sigaction(USR1,handler,0,0);p0:fork(p1);p0:waitpid(own,0);p1:setsid();p1:kill(p0,USR1)",
    // A slash behind what is to be created is EISDIR, also where a file is there.
    "p0:open(a,CREAT,0);p0:open(a/,CREAT,0)",
    // A signal that is waited for, but not blocked, ends a process all the same.
    "p0:fork(p1);p1:sigtimedwait(USR2,forever);p0:kill(p1,USR2)",
    "p0:fork(p3);p3:sigaction(TERM,handler,0,0);p3:sigtimedwait(TERM,forever);p0:kill(p3,TERM)",
};

TEST_F(KnownPrograms, ThatOnceDifferedDoTheSame) {
  for (const char* text : kOnceDifferent) {
    Program program;
    ASSERT_EQ(Parse(text, &program), "");
    EXPECT_EQ(FirstDifference(Simulated(program).text, Real(program).text), "") << text;
  }
}

#ifdef CLEANFORK_PROGRAMS_WITH_IDS
constexpr const char* kOnceDifferentWithIds[] = {
    // A parent sends its death's signal only to whom it may send signals.
    "p0:fork(p1);p0:setuid(1);p1:pdeathsig(USR1);p0:kill(p0,USR1)",
    // An exec that makes the file system's id the effective one takes that signal back.
    "p0:fork(p1);p1:fork(p6);p6:setfsuid(1);p6:pdeathsig(USR1);p6:exec();p1:exit(0)",
    "p0:fork(p1);p1:fork(p6);p6:setresuid(0,1,0);p6:pdeathsig(USR1);p6:exec();p1:exit(0)",
    "p0:fork(p1);p1:fork(p4);p1:setresuid(1,1,0);p4:pdeathsig(USR1);p1:exit(0)",
};

TEST_F(KnownPrograms, ThatOnceDifferedInIdsDoTheSame) {
  if (!privileged_) return SkipWithoutPrivileges();
  for (const char* text : kOnceDifferentWithIds) {
    Program program;
    ASSERT_EQ(Parse(text, &program), "");
    EXPECT_EQ(FirstDifference(Simulated(program).text, Real(program).text), "") << text;
  }
}
#endif

// What is compared is worth comparing: these do what they say.
TEST_F(KnownPrograms, ShowWhatIsDone) {
  const auto sees = [this](const char* text, const char* line) {
    Program program;
    EXPECT_EQ(Parse(text, &program), "");
    for (const std::string& transcript : {Simulated(program).text, Real(program).text}) {
      EXPECT_NE(transcript.find(line), std::string::npos) << text << "\n" << transcript;
    }
  };
  sees("p0:fork(p1);p1:exit(3);p0:waitpid(p1,0)", "p0:waitpid(p1,0): p0 = p1 0x300\n");
  sees("p0:pipe(0);p0:fork(p1);p1:read(3,100);p0:write(4,3)",
       "p0:write(4,3): p0 = 3 p1 = 3 b887b1d\n");
  sees("p0:fork(p1);p1:sigaction(USR1,info,0,0);p1:pause();p0:kill(p1,USR1)",
       "p0:kill(p1,USR1): p0 = ok p1 +SIGUSR1(0 p0 0) = EINTR\n");
  sees("p0:fork(p1);p0:kill(p1,STOP);p0:kill(p1,CONT);p0:waitpid(any,CONTINUED)",
       "p0:kill(p1,STOP): p0 = ok p1 stops\n");
  sees("p0:spawn(p1);p1:getppid()", "p1:getppid(): p1 = p0\n");
}

}  // namespace
}  // namespace cleanfork::programs
