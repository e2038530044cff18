// The tools themselves, on SimOs alone: what is written is read again, and what differs is cut down
// to the least that does.
#include "tests/conformance/programs/program_shrinker.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <set>
#include <string>

#include "cleanfork/os.h"
#include "cleanfork/os_wrapper.h"
#include "tests/conformance/programs/comparison.h"
#include "tests/conformance/programs/program.h"
#include "tests/conformance/programs/program_kernels.h"

namespace cleanfork::programs {
namespace {

constexpr int kSteps = 120;

TEST(Program, IsReadAsItWasWritten) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    const std::string text = Print(Generate(seed, kSteps, true));
    Program program;
    ASSERT_EQ(Parse(text, &program), "");
    ASSERT_EQ(program.size(), static_cast<size_t>(kSteps));
    ASSERT_EQ(Print(program), text);
  }
}

TEST(Program, OfASeedIsTheSameEachTime) {
  EXPECT_EQ(Print(Generate(7, kSteps, true)), Print(Generate(7, kSteps, true)));
  EXPECT_NE(Print(Generate(7, kSteps, true)), Print(Generate(8, kSteps, true)));
}

TEST(Program, MakesEveryCallThatThereIs) {
  std::set<Call> made;
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    for (const Step& step : Generate(seed, kSteps, true)) made.insert(step.call);
  }
  EXPECT_EQ(made.size(), Calls().size());
  EXPECT_GE(made.size(), 60U);
}

TEST(Program, WithoutPrivilegesChangesNoIds) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    for (const Step& step : Generate(seed, kSteps, false)) ASSERT_LT(step.call, Call::kSetUid);
  }
}

TEST(Program, ThatMakesNoSenseIsRefused) {
  Program program;
  EXPECT_EQ(Parse("", &program), "");
  for (const char* text :
       {"p0", "p0:", "p0:fork", "p0:fork()", "p0:fork(p1", "p8:ids()", "p0:fork(p1,p2)",
        "p0:nothing()", "p0:kill(p1,NOSUCH)", "p0:ids();", "p0:ids(1)"}) {
    EXPECT_NE(Parse(text, &program), "") << text;
  }
}

TEST(Shrink, LeavesNothingThatCanBeLeftOut) {
  const auto shows = [](const Program& program) {
    const std::string text = Print(program);
    return text.find("dup(") != std::string::npos && text.find("p1:close(") != std::string::npos;
  };
  Program program;
  ASSERT_EQ(Parse("p0:fork(p1);p1:dup(7);p0:pipe(CLOEXEC);p1:close(5);p0:dup(3)", &program), "");
  EXPECT_EQ(Print(Shrink(program, shows)), "p1:close(0);p0:dup(0)");
}

// Kernels that lie in one call each.
class LosesSignals : public OsWrapper {
 public:
  using OsWrapper::OsWrapper;
  SysResult<void> Kill(pid_t pid, int signal) override {
    return signal == SIGUSR2 ? SysResult<void>() : OsWrapper::Kill(pid, signal);
  }
};
class LiesAboutEnds : public OsWrapper {
 public:
  using OsWrapper::OsWrapper;
  SysResult<WaitIdResult> WaitId(idtype_t type, id_t id, int options) override {
    SysResult<WaitIdResult> result = OsWrapper::WaitId(type, id, options);
    if (!result.ok() || result.value().code != CLD_EXITED || result.value().status != 2) {
      return result;
    }
    return WaitIdResult{result.value().pid, CLD_EXITED, 0};
  }
};
class ForgetsTheEndOfPipes : public OsWrapper {
 public:
  using OsWrapper::OsWrapper;
  SysResult<size_t> Write(int fd, const void* buffer, size_t size) override {
    return OsWrapper::Write(fd, buffer, size > 60'000 ? 60'000 : size);
  }
};

template <typename Liar>
std::string ShrunkWith() {
  const OwnDirectory directory(std::getenv("CLEANFORK_PROGRAM_PROCESS"));
  SimulatedKernel honest(directory, true);
  SimulatedKernel lying(directory, true, [](Os& os, const std::function<void(Os&)>& next) {
    Liar liar(os);
    next(liar);
  });
  const RunOn run_honest = [&](const Program& program) { return honest.Run(program); };
  const RunOn run_lying = [&](const Program& program) { return lying.Run(program); };
  for (uint64_t seed = 1; seed <= 2000; ++seed) {
    const Program program = Generate(seed, kSteps, true);
    if (run_honest(program).text == run_lying(program).text) continue;
    return Print(ShrinkDivergence(program, run_lying, run_honest).shrunk);
  }
  return "not found";
}

TEST(Shrink, CutsALostSignalDownToTheOneCall) {
  EXPECT_EQ(ShrunkWith<LosesSignals>(), "p0:kill(p0,USR2)");
}

TEST(Shrink, CutsALieAboutAnEndDownToTwoProcesses) {
  EXPECT_EQ(ShrunkWith<LiesAboutEnds>(), "p0:fork(p1);p0:waitid(p1,EXITED);p1:exit(2)");
}

TEST(Shrink, CutsAShortWriteDownToItsSize) {
  EXPECT_EQ(ShrunkWith<ForgetsTheEndOfPipes>(), "p0:write(0,60001)");
}

}  // namespace
}  // namespace cleanfork::programs
