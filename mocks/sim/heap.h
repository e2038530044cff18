// Whose heap it is that the code which runs allocates on: a simulated process's or the test's. The
// engine keeps it up to date; //:sim_heap, which replaces operator new, looks at it. Without that,
// or without a SimHeap object, all of it is the test's.
#ifndef CLEANFORK_MOCKS_SIM_HEAP_H_
#define CLEANFORK_MOCKS_SIM_HEAP_H_

#include <cstdint>
#include <utility>

namespace cleanfork::sim {

// What the code of one simulated process has allocated and not freed.
class ProcessHeap {
 public:
  virtual ~ProcessHeap() = default;

  // It is over, wherever it was; or its body has returned, and what it has left is told. Destroys
  // this.
  virtual void FreeAll() = 0;
  virtual int64_t Forget() = 0;
};

class HeapTracker {
 public:
  virtual ~HeapTracker() = default;
  virtual ProcessHeap* MakeHeap() = 0;

  // The one of this thread; null for none.
  static HeapTracker* Installed() { return installed_; }
  static void Install(HeapTracker* tracker) { installed_ = tracker; }

 private:
  static thread_local HeapTracker* installed_;
};

// The heap of the simulated process whose code runs on this thread; null in the engine, and in the
// test. While one of these exists it is another; code that is abandoned in the middle was in the
// engine, which is where fibers are switched.
class AllocatingFor {
 public:
  explicit AllocatingFor(ProcessHeap* heap) : before_(current_) { current_ = heap; }
  AllocatingFor(const AllocatingFor&) = delete;
  AllocatingFor& operator=(const AllocatingFor&) = delete;
  ~AllocatingFor() { current_ = before_; }

  static ProcessHeap* Current() { return current_; }
  static ProcessHeap* Exchange(ProcessHeap* heap) { return std::exchange(current_, heap); }

 private:
  static thread_local ProcessHeap* current_;

  ProcessHeap* const before_;
};

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_HEAP_H_
