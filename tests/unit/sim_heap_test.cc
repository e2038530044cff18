// SimHeap: what processes leave on the heap is taken back, and what bodies leak is found.
#include "cleanfork/sim_heap.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "cleanfork/os.h"
#include "cleanfork/sim_os.h"
#include "mocks/sanitizers.h"
#include "tests/unit/abandoned_processes.h"
#include "tests/unit/allocated.h"

#ifdef CLEANFORK_ASAN
#include <sanitizer/lsan_interface.h>
#endif

namespace cleanfork {
namespace {

// Of //tests/unit:sim_heap_long_test: a million.
int64_t RunsAskedFor() {
  const char* const runs = std::getenv("CLEANFORK_SIM_HEAP_RUNS");
  return runs != nullptr ? std::atoll(runs) : 10'000;
}

void Print(const char* when, const Allocated& allocated) {
  std::printf("%s: %lld blocks, %lld bytes, %lld KiB resident\n", when,
              static_cast<long long>(allocated.blocks), static_cast<long long>(allocated.bytes),
              static_cast<long long>(allocated.resident));
}

TEST(SimHeap, MemoryIsFlatOverRunsThatLeaveProcessesInAllPositions) {
  if (!SimHeap::IsInUse()) GTEST_SKIP() << "operator new is not that of //:sim_heap";
  AbandonedProcesses processes;
  processes.RunAll();
  const SimHeap heap;
  for (int i = 0; i < 3; ++i) processes.RunAll();  // buffers grow to what they need
  WhatIsAllocated();
  const int64_t taken_back_before = heap.blocks_taken_back();
  const int64_t abandoned_before = processes.abandoned();
  const Allocated before = WhatIsAllocated();
  int64_t runs = 0;
  while (runs < RunsAskedFor()) runs += processes.RunAll();
  const Allocated after = WhatIsAllocated();
  const int64_t abandoned = processes.abandoned() - abandoned_before;
  const int64_t taken_back = heap.blocks_taken_back() - taken_back_before;
  std::printf("%lld runs, %lld processes that did not end well, %lld blocks taken back\n",
              static_cast<long long>(runs), static_cast<long long>(abandoned),
              static_cast<long long>(taken_back));
  Print("before", before);
  Print("after", after);
  EXPECT_EQ(after.blocks, before.blocks);
  // Where blocks are counted, bytes are those of the C library's chunks, which differ a little with
  // what was free when they were asked for; what is resident is the kernel's own affair, too.
  EXPECT_LE(after.bytes, before.bytes + (before.blocks > 0 ? 4096 : 0));
  EXPECT_LE(after.resident, before.resident + 256);
  EXPECT_GT(abandoned, runs / 2);
  EXPECT_GT(taken_back, 4 * abandoned);
}

// Without it they leave much, or the test above would show nothing.
TEST(SimHeap, WithoutOneTheSameRunsLeaveTheirHeapBehind) {
  AbandonedProcesses processes;
  processes.RunAll();
  const Allocated before = WhatIsAllocated();
  const int64_t runs = processes.RunAll();
  const Allocated after = WhatIsAllocated();
  EXPECT_GT(after.bytes - before.bytes, runs * 200);
  if (before.blocks > 0) {
    EXPECT_GT(after.blocks - before.blocks, runs * 4);
  }
}

TEST(SimHeap, WhatABodyLeavesThatReturnsIsCountedAndStays) {
  if (!SimHeap::IsInUse()) GTEST_SKIP() << "operator new is not that of //:sim_heap";
  SimOs sim;
  std::vector<std::string> handed_out;
  const SimHeap heap;
  sim.Run([&](Os&) {
    handed_out.assign(1, std::string(100, 'x'));
    return 0;
  });
  EXPECT_EQ(heap.blocks_left_by_returns(), 2);
  EXPECT_EQ(heap.blocks_taken_back(), 0);
  EXPECT_EQ(handed_out.at(0), std::string(100, 'x'));
}

TEST(SimHeap, WhatIsToOutliveAProcessThatExitsDoes) {
  SimOs sim;
  std::string seen;
  const SimHeap heap;
  sim.Run([&](Os& os) -> int {
    {
      const OutlivesProcess keep;
      seen.assign(100, 'x');
    }
    const std::string dropped(100, 'y');
    os.Exit(0);
    return 1;
  });
  EXPECT_EQ(heap.blocks_taken_back(), SimHeap::IsInUse() ? 1 : 0);
  EXPECT_EQ(seen, std::string(100, 'x'));
}

int* volatile handed_out = nullptr;  // or the compiler leaves out what is not used

// What the engine of the inner one allocates is not the outer one's process's; what that allocates
// afterwards is.
TEST(SimHeap, AProcessMayRunASimOsOfItsOwn) {
  if (!SimHeap::IsInUse()) GTEST_SKIP() << "operator new is not that of //:sim_heap";
  SimOs outer;
  const auto run = [&outer](bool one_more) {
    outer.Run([one_more](Os& os) {
      {
        SimOs inner;
        inner.Run([](Os&) { return 0; });
      }
      if (one_more) handed_out = new int(1);
      os.Exit(0);
      return 1;
    });
  };
  const SimHeap heap;
  run(false);
  EXPECT_EQ(heap.blocks_taken_back(), 0);
  run(true);
  EXPECT_EQ(heap.blocks_taken_back(), 1);
}

struct alignas(64) Aligned {
  char bytes[64];
};

TEST(SimHeap, SeesEveryFormOfNew) {
  if (!SimHeap::IsInUse()) GTEST_SKIP() << "operator new is not that of //:sim_heap";
  SimOs sim;
  const SimHeap heap;
  sim.Run([](Os& os) -> int {
    void* volatile blocks[] = {
        // or the compiler leaves out what is not used

        new int,     new int[3],     new (std::nothrow) int,     new (std::nothrow) int[3],
        new Aligned, new Aligned[2], new (std::nothrow) Aligned, new (std::nothrow) Aligned[2]};
    os.Exit(blocks[7] != nullptr ? 0 : 1);
    return 1;
  });
  EXPECT_EQ(heap.blocks_taken_back(), 8);
}

int* shared = nullptr;
int FreeTheParents(void*) {
  delete shared;
  shared = new int(1);
  return 0;
}

TEST(SimHeap, TheChildOfAVforkCallHasItsParentsHeap) {
  if (!SimHeap::IsInUse()) GTEST_SKIP() << "operator new is not that of //:sim_heap";
  SimOs sim;
  const SimHeap heap;
  sim.Run([](Os& os) {
    shared = new int(0);
    os.VforkCall(&FreeTheParents, nullptr, SIGCHLD).IgnoreError();
    os.WaitPid(-1, 0).IgnoreError();
    const int seen = *shared;
    delete shared;
    return seen == 1 ? 0 : 1;
  });
  EXPECT_EQ(sim.process(100)->wait_status, 0);
  EXPECT_EQ(heap.blocks_taken_back(), 0);
  EXPECT_EQ(heap.blocks_left_by_returns(), 0);
}

TEST(SimHeapDeathTest, AThreadHasOne) {
  const SimHeap heap;
  EXPECT_DEATH(SimHeap(), "this thread has one");
}

#ifdef CLEANFORK_ASAN
uintptr_t hidden = 0;  // from the leak checker; not a pointer
void Leak() { hidden = ~reinterpret_cast<uintptr_t>(new int[25]); }

TEST(SimHeap, LeakSanitizerReportsWhatABodyLeaks) {
  if (!SimHeap::IsInUse()) GTEST_SKIP() << "operator new is not that of //:sim_heap";
  SimOs sim;
  const SimHeap heap;
  ASSERT_EQ(__lsan_do_recoverable_leak_check(), 0);
  sim.Run([](Os&) {
    Leak();
    return 0;
  });
  EXPECT_EQ(heap.blocks_left_by_returns(), 1);
  EXPECT_EQ(__lsan_do_recoverable_leak_check(), 1);
  delete[] reinterpret_cast<int*>(~hidden);
}
#endif

}  // namespace
}  // namespace cleanfork
