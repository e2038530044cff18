// WouldBlock() against what the calls then do.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "mocks/sim/blocking.h"
#include "mocks/sim/kernel.h"
#include "mocks/sim/signals.h"
#include "tests/unit/sim_call_cases.h"

namespace cleanfork::sim {
namespace {

class BlockingTest : public testing::Test {
 protected:
  // A call that waits has changed nothing, if it was said to wait, and something, if not.
  void Check(const Kernel& kernel, int slot, const CallCase& call, const std::string& where) {
    const bool is_made = call.make != nullptr && call.would_block != nullptr;
    if (!is_made || !call.IsPossible(kernel, slot)) return;
    const Process& process = kernel.processes[slot];
    if (HasSignal(process)) return;  // which comes first
    const std::string name = where + std::to_string(process.pid) + ": " + call.text;
    const bool would_block = call.would_block(kernel, slot);
    CopyKernel(kernel, kernel, after_.get());
    const bool waits = call.make(after_.get(), slot) == "waits";
    after_->processes[slot].progress = process.progress;  // of the wait
    const bool same = AreSameBytes(kernel, *after_);
    EXPECT_EQ(would_block, waits && same) << name;
    if (would_block) ++blocked_;
    if (waits && !same) ++blocked_later_;
  }

  const std::unique_ptr<Kernel> before_ = NewKernel();
  const std::unique_ptr<Kernel> after_ = NewKernel();
  int blocked_ = 0;
  int blocked_later_ = 0;
};

TEST_F(BlockingTest, SaysOfEachCallWhetherItWaits) {
  for (const KernelCase& each : KernelCases()) {
    *after_ = *each.kernel;
    blocked_ = blocked_later_ = 0;
    for (int slot = 0; slot < each.kernel->processes.used; ++slot) {
      for (const CallCase& call : CallCases()) {
        Check(*each.kernel, slot, call, each.name + ": ");
      }
    }
    EXPECT_GT(blocked_, 5) << each.name;
    // A write of which a part went in.
    if (each.name == "ends of pipes") {
      EXPECT_GT(blocked_later_, 0);
    }
  }
}

TEST_F(BlockingTest, StillSaysSoAfterSomebodyElsesCall) {
  for (const KernelCase& each : KernelCases()) {
    *before_ = *after_ = *each.kernel;
    for (const CallCase& between : CallCases()) {
      for (int other = 0; other < 2; ++other) {
        if (between.make == nullptr || !between.IsPossible(*each.kernel, other)) continue;
        CopyKernel(*each.kernel, *each.kernel, before_.get());
        between.make(before_.get(), other);
        for (const CallCase& call : CallCases()) {
          Check(*before_, 2, call, each.name + ": after " + between.text + ": ");
        }
      }
    }
  }
}

TEST_F(BlockingTest, KnowsOfTheTimeThatIsLeftOfAnInterruptedCall) {
  const Kernel& kernel = *KernelCases()[0].kernel;
  *before_ = *after_ = kernel;
  Process& process = before_->processes[0];
  for (const Rest rest : {Rest::kKept, Rest::kLost}) {
    for (const int64_t time : {int64_t{0}, kernel.monotonic, kernel.monotonic + 1}) {
      process.rest = rest;
      process.rest_of_time = time;
      for (const CallCase& call : CallCases()) {
        const bool has_time = call.call == OsCall::kPoll || call.call == OsCall::kClockNanoSleep;
        if (!has_time) continue;
        CopyKernel(*before_, *before_, after_.get());
        const bool would_block = call.would_block(*before_, 0);
        EXPECT_EQ(would_block, call.make(after_.get(), 0) == "waits") << call.text << " " << time;
        if (would_block) ++blocked_;
      }
    }
  }
  EXPECT_GT(blocked_, 0);
}

}  // namespace
}  // namespace cleanfork::sim
