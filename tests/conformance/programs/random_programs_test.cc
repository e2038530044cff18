// A thousand random programs do the same on both kernels, and so do those that once did not. What a
// program is, and why it has one outcome: program.h, program_controller.h.
//
//   CLEANFORK_SEED=17 CLEANFORK_PROGRAMS=1 .../random_programs_test   # one of them again
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "tests/conformance/programs/comparison.h"
#include "tests/conformance/programs/program.h"
#include "tests/conformance/programs/program_kernels.h"

namespace cleanfork::programs {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr uint64_t kPrograms = 200;  // forks of the real kernel are slow under these
#else
constexpr uint64_t kPrograms = 1000;
#endif
constexpr int kSteps = 120;

uint64_t Number(const char* name, uint64_t fallback) {
  const char* const text = std::getenv(name);
  return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

class RandomPrograms : public ::testing::Test {
 protected:
  Transcript Simulated(const Program& program) { return simulated_.Run(program); }
  Transcript Real(const Program& program) { return real_.Run(program); }

  const bool privileged_ = MayChangeIds();
  const OwnDirectory directory_{std::getenv("CLEANFORK_PROGRAM_PROCESS")};
  RealKernel real_{directory_, privileged_};
  SimulatedKernel simulated_{directory_, privileged_};
};

TEST_F(RandomPrograms, DoTheSameOnBothKernels) {
  const uint64_t seed = Number("CLEANFORK_SEED", 1);
  const uint64_t count = Number("CLEANFORK_PROGRAMS", kPrograms);
  const RunOn simulated = [this](const Program& program) { return Simulated(program); };
  const RunOn real = [this](const Program& program) { return Real(program); };
  for (uint64_t i = 0; i < count; ++i) {
    const auto [program, transcript] = GenerateLong(seed + i, kSteps, privileged_, simulated);
    ASSERT_GE(transcript.calls, kFewestCalls);
    const std::string difference = FirstDifference(transcript.text, Real(program).text);
    if (difference.empty()) continue;
    const Divergence divergence = ShrinkDivergence(program, simulated, real);
    FAIL() << "seed " << seed + i << "\n"
           << difference << "\n--program='" << Print(divergence.shrunk) << "'\n"
           << divergence.difference;
  }
}

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

TEST_F(RandomPrograms, ThatOnceDifferedDoTheSame) {
  for (const char* text : kOnceDifferent) {
    Program program;
    ASSERT_EQ(Parse(text, &program), "");
    EXPECT_EQ(FirstDifference(Simulated(program).text, Real(program).text), "") << text;
  }
}

constexpr const char* kOnceDifferentWithIds[] = {
    // A parent sends its death's signal only to whom it may send signals.
    "p0:fork(p1);p0:setuid(1);p1:pdeathsig(USR1);p0:kill(p0,USR1)",
    // An exec that makes the file system's id the effective one takes that signal back.
    "p0:fork(p1);p1:fork(p6);p6:setfsuid(1);p6:pdeathsig(USR1);p6:exec();p1:exit(0)",
    "p0:fork(p1);p1:fork(p6);p6:setresuid(0,1,0);p6:pdeathsig(USR1);p6:exec();p1:exit(0)",
    "p0:fork(p1);p1:fork(p4);p1:setresuid(1,1,0);p4:pdeathsig(USR1);p1:exit(0)",
};

TEST_F(RandomPrograms, ThatOnceDifferedInIdsDoTheSame) {
  if (!privileged_)
    GTEST_SKIP() << "needs root of the whole machine: random_programs_with_ids_test has it";
  for (const char* text : kOnceDifferentWithIds) {
    Program program;
    ASSERT_EQ(Parse(text, &program), "");
    EXPECT_EQ(FirstDifference(Simulated(program).text, Real(program).text), "") << text;
  }
}

// What is compared is worth comparing: these do what they say.
TEST_F(RandomPrograms, SeeWhatIsDone) {
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
