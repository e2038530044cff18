// HeapAsBefore(): a body that forgets a block where something fails, and its twin that does not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "cleanfork/checkers.h"
#include "cleanfork/explore.h"
#include "cleanfork/os.h"
#include "cleanfork/sim_heap.h"

namespace cleanfork {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

ExploreOptions OneFault() {
  ExploreOptions options;
  options.reports = false;
  options.progress = false;
  return options;
}

// Explores within a SimHeap.
ExploreResult ExploreHeap(const SimOs::Body& body, const ExploreOptions& options = OneFault()) {
  Scenario scenario;
  scenario.name = "heap";
  scenario.body = body;
  scenario.checkers = {HeapAsBefore()};
  SimOs(scenario.world).Run(scenario.body);
  const SimHeap heap;
  return Explore(scenario, options);
}

void ExpectKept(const ExploreResult& result) {
  EXPECT_EQ(result.verdict, ExploreResult::Verdict::kExhausted) << result;
  EXPECT_GT(result.runs, 1);
}

// What the bodies below forget is kept here, so that no leak checker looks for it.
struct Block {
  int descriptor = -1;
  Block* next = nullptr;
};
Block* forgotten = nullptr;
void Forget(Block* block) {
  block->next = forgotten;
  forgotten = block;
}

int CopyADescriptor(Os& os, bool forgets) {
  auto block = std::make_unique<Block>();
  const SysResult<int> copy = os.Dup(0);
  if (!copy.ok()) {
    if (forgets) Forget(block.release());
    return 1;
  }
  block->descriptor = copy.value();
  return os.Close(block->descriptor).ok() ? 0 : 1;
}

TEST(HeapAsBefore, IsBrokenByABlockThatIsForgottenWhereACallFails) {
  if (!SimHeap::IsInUse()) GTEST_SKIP() << "operator new is not that of SimHeap here";
  const ExploreResult result = ExploreHeap([](Os& os) { return CopyADescriptor(os, true); });
  ASSERT_EQ(result.failures.size(), 1u) << result;
  EXPECT_EQ(result.failures[0].rule, "the heap is as before");
  EXPECT_EQ(result.failures[0].what,
            "P (pid 100) returned with 1 block of the heap in use that it did not have; expected "
            "none");
  EXPECT_THAT(result.failures[0].plan, HasSubstr("cf1;P.dup#1=EMFILE;"));
}

TEST(HeapAsBefore, IsKeptByTheSameWithoutTheMistake) {
  ExpectKept(ExploreHeap([](Os& os) { return CopyADescriptor(os, false); }));
}

TEST(HeapAsBefore, IsBrokenInAReplayToo) {
  if (!SimHeap::IsInUse()) GTEST_SKIP() << "operator new is not that of SimHeap here";
  Scenario scenario;
  scenario.body = [](Os& os) { return CopyADescriptor(os, true); };
  scenario.checkers = {HeapAsBefore()};
  const SimHeap heap;
  EXPECT_EQ(Replay(scenario, "cf1;P.dup#1=EMFILE").rule, "the heap is as before");
  EXPECT_THAT(Replay(scenario, "cf1").rule, IsEmpty());
}

TEST(HeapAsBefore, IsBrokenInARunByChance) {
  if (!SimHeap::IsInUse()) GTEST_SKIP() << "operator new is not that of SimHeap here";
  ExploreOptions options = OneFault();
  options.max_faults = 0;
  options.random_runs = 1000;
  const ExploreResult result =
      ExploreHeap([](Os& os) { return CopyADescriptor(os, true); }, options);
  ASSERT_EQ(result.failures.size(), 1u) << result;
  EXPECT_EQ(result.failures[0].rule, "the heap is as before");
}

// An exception that is being handled while a child runs in the same memory.
struct Mishap {
  explicit Mishap(Os& of) : os(of) {}
  Mishap(const Mishap& other) : os(other.os), is_there(other.is_there) {}
  ~Mishap() { is_there = false; }
  Os& os;
  volatile bool is_there = true;
};

bool saw_it_gone = false;

int LookAt(void* argument) {
  const Mishap* const mishap = static_cast<Mishap*>(argument);
  for (int i = 0; i < 3; ++i) {
    mishap->os.GetPpid();
    saw_it_gone = saw_it_gone || !mishap->is_there;
  }
  return 0;
}

TEST(ExceptionsOfBodies, OutliveAKilledParentForTheChildThatRunsInItsMemory) {
  ExploreOptions options = OneFault();
  options.max_faults = 0;
  options.max_kills = 1;
  saw_it_gone = false;
  const auto body = [](Os& os) {
    const pid_t parent = os.Fork().value();
    if (parent == 0) {
      try {
        throw Mishap(os);
      } catch (Mishap& mishap) {
        os.VforkCall(&LookAt, &mishap, SIGCHLD).IgnoreError();
      }
      os.Exit(0);
    }
    os.WaitPid(parent, 0).IgnoreError();
    return 0;
  };
  EXPECT_EQ(ExploreHeap(body, options).verdict, ExploreResult::Verdict::kExhausted);
  EXPECT_FALSE(saw_it_gone);
}

// What is made for the first time where a call fails, for good.
const std::string& ExplanationOf(int) {
  static const auto* const text =
      new std::string("there are no descriptors left: " + std::string(100, '.'));
  return *text;
}

TEST(HeapAsBefore, IsKeptByWhatIsMadeOnceInAProgram) {
  const auto body = [](Os& os) {
    const SysResult<int> copy = os.Dup(0);
    if (!copy.ok()) return ExplanationOf(copy.error()).empty() ? 2 : 1;
    return os.Close(copy.value()).ok() ? 0 : 1;
  };
  ExpectKept(ExploreHeap(body));
}

// Processes that do not return have no destructors, and none of that is a leak.
TEST(HeapAsBefore, SaysNothingOfWhoExits) {
  ExpectKept(ExploreHeap([](Os& os) {
    const std::vector<int> before(100);
    const SysResult<pid_t> child = os.Fork();
    if (child.ok() && child.value() == 0) {
      const std::vector<int> own(100);
      os.Exit(0);
    }
    if (child.ok()) os.WaitPid(child.value(), 0).IgnoreError();
    return 0;
  }));
}

// A child of the same body frees its own copy.
TEST(HeapAsBefore, IsKeptWhereEachProcessFreesItsOwn) {
  ExpectKept(ExploreHeap([](Os& os) {
    std::vector<int> before(100);
    const SysResult<pid_t> child = os.Fork();
    before = std::vector<int>(200);
    if (!child.ok() || child.value() == 0) return 0;
    os.WaitPid(child.value(), 0).IgnoreError();
    return 0;
  }));
}

TEST(HeapAsBefore, SaysNothingWithoutASimHeap) {
  Scenario scenario;
  scenario.name = "heap";
  scenario.body = [](Os& os) { return CopyADescriptor(os, true); };
  scenario.checkers = {HeapAsBefore()};
  ExpectKept(Explore(scenario, OneFault()));
}

}  // namespace
}  // namespace cleanfork
