// FiberStack: the stack of a simulated process, with a guard page below it. Who runs off its end is
// named: a plain SIGSEGV would say only that some process of the test did.
#ifndef CLEANFORK_MOCKS_SIM_FIBER_STACK_H_
#define CLEANFORK_MOCKS_SIM_FIBER_STACK_H_

#include <cstddef>
#include <cstdint>

namespace cleanfork::sim {

class FiberStack {
 public:
  // Bytes that are the fiber's. A recursion with half a KiB a frame ran off 64 KiB at a depth of
  // 120; memory that is never touched costs nothing.
  static constexpr size_t kSize = size_t{256} * 1024;

  // Maps one, or takes over one that was given back. Aborts where memory is not to be had.
  static FiberStack* Take();

  // Gives it back. Its memory stays mapped, for the next fiber, until the thread ends.
  static void GiveBack(FiberStack* stack);

  // How many there are, of all threads.
  static int64_t InAll();

  char* bottom() const { return bottom_; }
  char* top() const { return bottom_ + kSize; }

  // What is printed when it overflows: "simulated process" and 101. `owner` must stay.
  void SetOwner(const char* owner, int number) {
    owner_ = owner;
    number_ = number;
  }

  // The handle of ThreadSanitizer for what runs here, which is expensive to make: kept over some
  // uses. Null otherwise.
  void* tsan_fiber = nullptr;
  int tsan_uses = 0;

 private:
  friend class OverflowReport;
  friend class StacksOfThread;
  FiberStack();
  ~FiberStack();

  char* bottom_ = nullptr;
  const char* owner_ = "";
  int number_ = 0;
  unsigned valgrind_id_ = 0;
  FiberStack* next_ = nullptr;
};

// While one exists, an overflow on the stack that SetRunning() named last on the thread that made
// it is reported on standard error; the signal then takes its course. The report runs on a stack of
// its own. To make one takes four system calls, which is as much as a short run: keep it.
class OverflowReport {
 public:
  OverflowReport();
  OverflowReport(const OverflowReport&) = delete;
  OverflowReport& operator=(const OverflowReport&) = delete;
  ~OverflowReport();

  // Whether it is this thread's. Destroyed on another one, it leaves that one its signal stack.
  bool IsOfThisThread() const;

  static void SetRunning(const FiberStack* stack);

 private:
  static void OnFault(int signal, void* address);
  friend struct FaultEntry;

  const uint64_t thread_;
};

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_FIBER_STACK_H_
