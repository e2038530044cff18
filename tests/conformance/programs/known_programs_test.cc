// Programs that once did something else on SimOs, each cut down to the least that showed it: they
// do the same on both kernels now.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "tests/conformance/programs/comparison.h"
#include "tests/conformance/programs/program.h"
#include "tests/conformance/programs/program_kernels.h"
#include "tests/real/required_privileges.h"
#include "tests/real/sanitizers.h"

namespace cleanfork::programs {
namespace {

class KnownPrograms : public ::testing::Test {
 protected:
  Transcript Simulated(const Program& program) { return simulated_.Run(program); }
  Transcript Real(const Program& program) { return real_.Run(program); }

  const bool privileged_ = MayChangeIds();
  const OwnDirectory directory_{std::getenv("CLEANFORK_PROGRAM_PROCESS")};
  RealKernel real_{directory_, privileged_};
  SimulatedKernel simulated_{directory_, privileged_};
};

struct Known {
  const char* program;
  const char* line;  // of what comes of it
};

constexpr Known kKnown[] = {
    // These were once done in another way by SimOs:
    // A zombie is no child of who does not ask for ends.
    {"p0:fork(p1);p0:waitid(own,STOPPED);p1:exit(0)", "p1:exit(0): p0 = ECHILD p1 ends"},
    // Who waits for a group looks again when a member ends, not when it leaves.
    {"p0:fork(p2);p2:fork(p3);p2:waitpid(own,0);p3:setsid()", "p3:setsid(): p3 = p3"},
    {"p0:fork(p1);p0:fork(p2);p0:waitid(own,CONTINUED);p1:kill(p1,USR1);p2:setsid()",
     "p2:setsid(): p2 = p2"},
    // It does look before it returns to a handler.
    {"p0:sigaction(USR1,handler,0,0);p0:fork(p1);p0:waitpid(own,0);p1:setsid();p1:kill(p0,USR1)",
     "p1:kill(p0,USR1): p0 +SIGUSR1 = ECHILD p1 = ok"},
    // A slash behind what is to be created is EISDIR, also where a file is there.
    {"p0:open(a,CREAT,0);p0:open(a/,CREAT,0)", "p0:open(a/,CREAT,0): p0 = EISDIR"},
    // A signal that is waited for, but not blocked, ends a process all the same.
    {"p0:fork(p1);p1:sigtimedwait(USR2,forever);p0:kill(p1,USR2)",
     "p0:kill(p1,USR2): p0 = ok p1 ends"},
    {"p0:fork(p1);p1:sigaction(TERM,handler,0,0);p1:sigtimedwait(TERM,forever);p0:kill(p1,TERM)",
     "p0:kill(p1,TERM): p0 = ok p1 = 15 0 p0"},
    // And these say what a program sees:
    {"p0:fork(p1);p1:exit(3);p0:waitpid(p1,0)", "p0:waitpid(p1,0): p0 = p1 0x300"},
    {"p0:pipe(0);p0:fork(p1);p1:read(3,100);p0:write(4,3)", "p0:write(4,3): p0 = 3 p1 = 3 b887b1d"},
    {"p0:fork(p1);p1:sigaction(USR1,info,0,0);p1:pause();p0:kill(p1,USR1)",
     "p0:kill(p1,USR1): p0 = ok p1 +SIGUSR1(0 p0 0) = EINTR"},
    {"p0:fork(p1);p0:kill(p1,STOP);p0:kill(p1,CONT);p0:waitpid(any,CONTINUED)",
     "p0:kill(p1,STOP): p0 = ok p1 stops"},
    {"p0:spawn(p1);p1:getppid()", "p1:getppid(): p1 = p0"},
    {"p0:sigaction(USR1,handler,0,0);p0:fork(p1);p0:fork(p2);p0:kill(own,USR1)",
     "p0:kill(own,USR1): p0 +SIGUSR1 = ok p1 +SIGUSR1 p2 +SIGUSR1"},
    {"p0:pipe(CLOEXEC);p0:dup(3);p0:getfd(5)", "p0:getfd(5): p0 = 0"},
    {"p0:open(r,0,0);p0:fork(p1);p1:read(3,100);p0:read(3,100)", "p0:read(3,100): p0 = 0 1505"},
    {"p0:pipe(CLOEXEC);p0:exec();p0:dup(0)", "p0:dup(0): p0 = 3"},
};

TEST_F(KnownPrograms, DoTheSameOnBothKernels) {
  for (const Known& known : kKnown) {
    Program program;
    ASSERT_EQ(Parse(known.program, &program), "");
    const std::string simulated = Simulated(program).text;
    EXPECT_NE(simulated.find(known.line + std::string("\n")), std::string::npos)
        << known.program << "\n"
        << simulated;
    if (kThreadSanitizer) continue;
    EXPECT_EQ(FirstDifference(simulated, Real(program).text), "") << known.program;
  }
  if (kThreadSanitizer) GTEST_SKIP() << kUnseen << "; on SimOs these programs were right";
}

constexpr Known kKnownOfIds[] = {
    // These were once done in another way by SimOs:
    // A parent sends its death's signal only to whom it may send signals.
    {"p0:fork(p1);p0:setuid(1);p1:pdeathsig(USR1);p0:kill(p0,USR1);p1:getppid()",
     "p1:getppid(): p1 = ?"},
    {"p0:fork(p1);p1:fork(p4);p1:setresuid(1,1,0);p4:pdeathsig(USR1);p1:exit(0);p4:getppid()",
     "p4:getppid(): p4 = ?"},
    // An exec that makes the file system's id the effective one takes that signal back, and one
    // that
    // is secure.
    {"p0:fork(p1);p1:fork(p6);p6:setfsuid(1);p6:pdeathsig(USR1);p6:exec();p1:exit(0);p6:getppid()",
     "p6:getppid(): p6 = ?"},
    {"p0:fork(p1);p1:fork(p6);p6:setresuid(0,1,0);p6:pdeathsig(USR1);p6:exec();p1:exit(0);"
     "p6:getppid()",
     "p6:getppid(): p6 = ?"},
    // And these say what a program sees:
    {"p0:setfsuid(1);p0:exec();p0:ids()",
     "p0:ids(): p0 = uid 0 0 0 0 0 gid 0 0 0 0 0 fs 0 0 caps 1 1"},
    {"p0:fork(p1);p1:setuid(1);p1:kill(p0,USR1)", "p1:kill(p0,USR1): p1 = EPERM"},
    {"p0:setuid(2);p0:unlink(t/theirs)", "p0:unlink(t/theirs): p0 = EPERM"},
    {"p0:setuid(1);p0:unlink(t/theirs)", "p0:unlink(t/theirs): p0 = ok"},
    {"p0:setuid(1);p0:ids()",
     "p0:ids(): p0 = uid 61231 61231 61231 61231 61231 gid 0 0 0 0 0 fs 61231 0 caps 0 0"},
    {"p0:open(b,CREAT,0);p0:chroot(d);p0:stat(d/../b)", "p0:stat(d/../b): p0 = ENOENT"},
    {"p0:setuid(1);p0:setuid(0)", "p0:setuid(0): p0 = EPERM"},
    {"p0:seteuid(1);p0:setuid(0);p0:setuid(2)", "p0:setuid(2): p0 = ok"},
    {"p0:setresuid(1,1,0);p0:open(secret,0,0)", "p0:open(secret,0,0): p0 = EACCES"},
    {"p0:setresuid(1,1,1);p0:ids()",
     "p0:ids(): p0 = uid 61231 61231 61231 61231 61231 gid 0 0 0 0 0 fs 61231 0 caps 0 0"},
    {"p0:umask(0);p0:open(a,CREAT,388);p0:setuid(1);p0:open(a,0,0)", "p0:open(a,0,0): p0 = EACCES"},
    {"p0:setgroups(-1,-1);p0:setresuid(1,1,1);p0:open(secret,0,0)",
     "p0:open(secret,0,0): p0 = EACCES"},
};

#ifndef CLEANFORK_PROGRAMS_WITH_IDS
// What the real kernel does is what was seen there by the test below.
TEST_F(KnownPrograms, OfIdsDoOnSimOsWhatTheRealKernelDid) {
  SimulatedKernel privileged(directory_, true);
  for (const Known& known : kKnownOfIds) {
    Program program;
    ASSERT_EQ(Parse(known.program, &program), "");
    const std::string simulated = privileged.Run(program).text;
    EXPECT_NE(simulated.find(known.line), std::string::npos) << known.program << "\n" << simulated;
  }
}
#else
TEST_F(KnownPrograms, OfIdsDoTheSameOnBothKernels) {
  if (!privileged_) return SkipWithoutPrivileges(kToChangeIds);
  if (kThreadSanitizer) GTEST_SKIP() << kUnseen;
  for (const Known& known : kKnownOfIds) {
    Program program;
    ASSERT_EQ(Parse(known.program, &program), "");
    const std::string real = Real(program).text;
    EXPECT_NE(real.find(known.line), std::string::npos) << known.program << "\n" << real;
    EXPECT_EQ(FirstDifference(Simulated(program).text, real), "") << known.program;
  }
}
#endif

}  // namespace
}  // namespace cleanfork::programs
