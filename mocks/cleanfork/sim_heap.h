// SimHeap: takes back what simulated processes leave on the heap, so that a million runs of a
// SimOs (cleanfork/sim_os.h) take no more memory than one.
//
//   cleanfork::SimOs sim;
//   sim.Run(&Background);  // once without: what is made once and for all is nobody's
//   const cleanfork::SimHeap heap;
//   for (int i = 0; i < 1'000'000; ++i) {
//     const cleanfork::SimRun run = sim.Run(&Background);
//     EXPECT_NE(run.end, cleanfork::SimEnd::kDeadlock) << run.message;
//   }
//   EXPECT_EQ(heap.blocks_left_by_returns(), 0);
//
// A process that exits, is killed, execs or is left waiting never returns from its functions: no
// destructor on its stack runs, and in one real process what they own would stay for ever. While a
// SimHeap exists, what such a process has from operator new and has not given back is freed when
// the process ends, or its run. What a process leaves whose body returns is not freed: it is a
// leak, or was handed out. It is counted, and AddressSanitizer's leak checker, which is otherwise
// silent about bodies, reports it with its stack.
//
// So nothing that a process makes may outlive it: no string that is assigned to a variable of the
// test, no static local that is initialized in a body for the first time (hence the run without),
// no failure of EXPECT in a process that then exits. Make them in the scope of an OutlivesProcess:
//
//   {
//     const cleanfork::OutlivesProcess keep;
//     path = "/run/x";
//   }
//
// Nor may a process that does not end by returning leave an object in a list of the whole program.
// Abseil keeps one Cord in some 50,000 in such a list, and with them one absl::Status with a
// payload: absl::cord_internal::set_cordz_mean_interval(0) stops that.
//
// Depend on //:sim_heap to have it: that replaces operator new and delete in the whole program, and
// asks malloc(3) for the memory, so AddressSanitizer, ThreadSanitizer and UBSan still watch it.
// What malloc(3), strdup(3) and C libraries hand out is not taken back, nor an exception that is in
// flight, not yet caught, when a destructor exits. An exception that is being handled is: its own
// destructor runs, which must not make calls. valgrind puts an operator new of its own in the place
// of this one, unless it is told --soname-synonyms=somalloc=nouserintercepts; so do clang's
// ThreadSanitizer builds, which do not link with this. IsInUse() says whether blocks are seen.
//
// For the thread that makes it; one at a time, and not within a body. A block of a body must not be
// freed on another thread. Not signal-safe.
#ifndef CLEANFORK_SIM_HEAP_H_
#define CLEANFORK_SIM_HEAP_H_

#include <cstdint>
#include <memory>

namespace cleanfork {

namespace sim {
class ProcessHeaps;
}

class SimHeap {
 public:
  // Aborts with a message if this thread has one, and within a body; so does to destroy it there.
  SimHeap();
  SimHeap(const SimHeap&) = delete;
  SimHeap& operator=(const SimHeap&) = delete;
  ~SimHeap();

  // Whether this program's operator new is that of //:sim_heap, so that anything is taken back.
  static bool IsInUse();

  // Blocks, since this was made: that were taken back; and that a process did not free whose body
  // returned.
  int64_t blocks_taken_back() const;
  int64_t blocks_left_by_returns() const;

 private:
  std::unique_ptr<sim::ProcessHeaps> heaps_;
};

// While one exists, what a body allocates is the test's.
class OutlivesProcess {
 public:
  OutlivesProcess();
  OutlivesProcess(const OutlivesProcess&) = delete;
  OutlivesProcess& operator=(const OutlivesProcess&) = delete;
  ~OutlivesProcess();

 private:
  void* const before_;
};

}  // namespace cleanfork

#endif  // CLEANFORK_SIM_HEAP_H_
