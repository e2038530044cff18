// Whose heap it is that the code which runs allocates on: a simulated process's or the test's. The
// engine keeps it up to date; //:sim_heap, which replaces operator new, looks at it. Without that,
// or without a SimHeap object, all of it is the test's.
#ifndef CLEANFORK_MOCKS_SIM_HEAP_H_
#define CLEANFORK_MOCKS_SIM_HEAP_H_

#include <cstddef>
#include <cstdint>
#include <utility>

#include "mocks/sim/bytes.h"

namespace cleanfork::sim {

// What the code of one simulated process has allocated and not freed.
class ProcessHeap {
 public:
  virtual ~ProcessHeap() = default;

  // What operator new hands out to the process; null where there is none to be had.
  virtual void* Allocate(size_t size, size_t alignment) = 0;

  // The process's body has returned: how many blocks it has left, which may be anybody's.
  virtual int64_t NoteReturn() = 0;

  // The process is over, wherever it was; if its body has not returned all of it is freed. Destroys
  // this.
  virtual void End(bool returned) = 0;

  // All that stands in it, in the place of what is in `image`; and back, at the same addresses.
  virtual bool CanBeSaved() const = 0;
  virtual void Save(Bytes* image) const = 0;
  virtual void Restore(const Bytes& image) = 0;
};

class HeapTracker {
 public:
  virtual ~HeapTracker() = default;
  virtual ProcessHeap* MakeHeap() = 0;

  // Whether heaps that are made from now on are to be such as can be saved; what was before.
  virtual bool ExchangeSaved(bool saved) = 0;

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
