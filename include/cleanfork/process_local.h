// ProcessLocal: a variable that outlives the functions that use it, and is each process's own in a
// simulation too.
//
//   int NextRequestNumber() {
//     static cleanfork::ProcessLocal<int> last(0);
//     return ++last.get();
//   }
//
// A real fork copies a program's globals with the rest of its memory. The processes of a SimOs
// (cleanfork/sim_os.h) share those of the test that runs them: what one does to a global the others
// see, and it is done again for each child that is forked. A ProcessLocal behaves there as a global
// does in reality: a child has what its parent had when it forked, then each has its own. The child
// of VforkCall() has its parent's. A new program, whether it begins a run or is exec'd, has what
// the variable was made with. Elsewhere it is a plain global, and get() tests one pointer.
//
// It is meant for globals, static members and static locals, also those that a simulated process is
// the first to reach, and must not be destroyed while a simulation runs that has used it. In a
// simulation the values are not destroyed when their process ends, as no process's globals are by
// _exit(2): what a value owns on the heap stays.
//
// Errors: none. Thread safety: that of a plain T. Outside a simulation get() is async-signal-safe;
// within one it allocates the first time.
#ifndef CLEANFORK_PROCESS_LOCAL_H_
#define CLEANFORK_PROCESS_LOCAL_H_

#include <cstddef>
#include <new>
#include <utility>

namespace cleanfork {

// The variables of one simulated process: for SimOs to implement.
class ProcessVariables {
 public:
  virtual ~ProcessVariables() = default;

  // The copy of `variable`, which is made by `construct` when it is first asked for.
  virtual void* Find(const void* variable, size_t size, size_t alignment,
                     void (*construct)(void* copy, const void* variable)) = 0;

  // `destroy`s `object` when the process has ended: for what is kept for as long as it lives, and
  // is nobody's then. `destroy` must make no calls of Os. Not called where the whole of the
  // process's heap is taken back (cleanfork/sim_heap.h).
  virtual void KeepUntilEnd(void* object, void (*destroy)(void* object)) = 0;

  // Whose heap it is that operator new allocates on from now on, null for nobody's; returns whose
  // it was (cleanfork/sim_heap.h).
  virtual void* ExchangeHeap(void* heap) = 0;

  // Those of the process that runs on this thread; null where nothing is simulated.
  static ProcessVariables* Current() { return current_; }
  static void SetCurrent(ProcessVariables* variables) { current_ = variables; }

 private:
  static inline thread_local ProcessVariables* current_ = nullptr;
};

template <typename T>
class ProcessLocal {
 public:
  // Has T(arguments...) in each process; T must be copyable.
  template <typename... Arguments>
  explicit ProcessLocal(Arguments&&... arguments)
      : ProcessLocal(Made(std::forward<Arguments>(arguments)...)) {}
  ProcessLocal(const ProcessLocal&) = delete;
  ProcessLocal& operator=(const ProcessLocal&) = delete;

  // The value of the process that asks. The reference holds until that process ends or execs.
  T& get() {
    ProcessVariables* const variables = ProcessVariables::Current();
    if (variables == nullptr) return value_;
    return *static_cast<T*>(variables->Find(this, sizeof(T), alignof(T), &Construct));
  }

  T& operator*() { return get(); }
  T* operator->() { return &get(); }

 private:
  // While one exists, what is allocated outlives the process.
  class OnNobodysHeap {
   public:
    OnNobodysHeap()
        : variables_(ProcessVariables::Current()),
          heap_(variables_ != nullptr ? variables_->ExchangeHeap(nullptr) : nullptr) {}
    OnNobodysHeap(const OnNobodysHeap&) = delete;
    OnNobodysHeap& operator=(const OnNobodysHeap&) = delete;
    ~OnNobodysHeap() {
      if (variables_ != nullptr) variables_->ExchangeHeap(heap_);
    }

   private:
    ProcessVariables* const variables_;
    void* const heap_;
  };

  // What the first process that comes by has made of the arguments, maybe of blocks that they had.
  // So the variable has a copy.
  struct Made {
    template <typename... Arguments>
    explicit Made(Arguments&&... arguments) : value(std::forward<Arguments>(arguments)...) {}
    const OnNobodysHeap scope;
    const T value;
  };

  explicit ProcessLocal(Made&& made) : initial_(made.value), value_(initial_) {}

  static void Construct(void* copy, const void* variable) {
    new (copy) T(static_cast<const ProcessLocal*>(variable)->initial_);
  }

  const T initial_;
  T value_;
};

}  // namespace cleanfork

#endif  // CLEANFORK_PROCESS_LOCAL_H_
