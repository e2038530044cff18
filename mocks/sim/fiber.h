// Fiber: a stack and where on it to go on. A simulated process is one, so that each of them is
// somewhere in the middle of the user's code while another runs.
//
// Why not threads: a switch of them takes a microsecond and not five nanoseconds, and the order
// would be the kernel's. Why not Boost.Context: whoever builds the library from the central
// registry would fetch fifteen modules of Boost for one function of twenty instructions. On other
// architectures than x86-64 ucontext(3) does it, which is forty times as slow, since each of its
// switches is a system call for the signal mask.
//
// AddressSanitizer and ThreadSanitizer are told of every switch, valgrind of every stack.
// Exceptions that are being handled belong to the fiber that handles them.
#ifndef CLEANFORK_MOCKS_SIM_FIBER_H_
#define CLEANFORK_MOCKS_SIM_FIBER_H_

#include <cstddef>

#if !defined(__x86_64__) || defined(CLEANFORK_FIBER_UCONTEXT)
#define CLEANFORK_FIBER_ON_UCONTEXT 1
#include <ucontext.h>
#endif

#include "mocks/sanitizers.h"
#include "mocks/sim/bytes.h"
#include "mocks/sim/fiber_stack.h"

namespace cleanfork::sim {

class Fiber {
 public:
  // The calling thread itself, to be switched away from and back to.
  Fiber() = default;

  // Will run entry(argument), which must not return, when it is first switched to. `owner`, which
  // must stay, and `number` are who is named when its stack overflows.
  Fiber(const char* owner, int number, void (*entry)(void*), void* argument);

  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // Drops it wherever it is: no destructor on its stack runs.
  ~Fiber();

  // Destroys the exceptions that it was handling, as if it left their handlers.
  void DropExceptions();

  // Whether it is handling an exception, or one is on its way out.
  bool HasExceptions() const { return exceptions_.caught != nullptr || exceptions_.uncaught != 0; }

  // Where it is, and what is on its stack, of one that does not run and has no exceptions; and back
  // there, whatever it has done since.
  struct Image {
    Bytes stack;
    void* stack_pointer = nullptr;
  };
#if defined(CLEANFORK_FIBER_ON_UCONTEXT) || defined(CLEANFORK_ASAN) || defined(CLEANFORK_TSAN)
  static constexpr bool kCanBeSaved = false;  // others know of its stack as well
#else
  static constexpr bool kCanBeSaved = true;
#endif
  void Save(Image* image) const;
  void Restore(const Image& image);

  // Goes on in `to`; returns when somebody switches to `from` again.
  static void Switch(Fiber& from, Fiber& to);

  // Leaves `from` for ever.
  [[noreturn]] static void Exit(Fiber& from, Fiber& to);

 private:
  friend struct FiberStart;

  // What the C++ runtime knows of exceptions in flight: __cxa_eh_globals of the Itanium ABI.
  struct ExceptionState {
    void* caught = nullptr;
    unsigned int uncaught = 0;
  };

  static void Leave(Fiber& from, Fiber& to, bool for_ever);
  static void Arrive(Fiber& self);

  FiberStack* stack_ = nullptr;
  void (*entry_)(void*) = nullptr;
  void* argument_ = nullptr;
  ExceptionState exceptions_;
#ifdef CLEANFORK_FIBER_ON_UCONTEXT
  ucontext_t context_;
#else
  void* stack_pointer_ = nullptr;
#endif
  // For the sanitizers; unused otherwise.
  [[maybe_unused]] const void* bottom_ = nullptr;
  [[maybe_unused]] size_t size_ = 0;
  [[maybe_unused]] void* fake_stack_ = nullptr;
  [[maybe_unused]] void* tsan_fiber_ = nullptr;
};

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_FIBER_H_
