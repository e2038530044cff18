#include "mocks/sim/fiber.h"

#include <cxxabi.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>

#include "mocks/sanitizers.h"

#ifdef CLEANFORK_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef CLEANFORK_TSAN
#include <sanitizer/tsan_interface.h>
#endif

#ifndef CLEANFORK_FIBER_ON_UCONTEXT
// Saves what a function has to preserve (System V ABI, AMD64, 3.2.1), exchanges stacks and goes on
// where the other one left off. By a jump: a ret would be predicted to return to the caller.
asm(R"(
  .text
  .globl cleanfork_sim_switch_stacks
  .hidden cleanfork_sim_switch_stacks
  .type cleanfork_sim_switch_stacks, @function
cleanfork_sim_switch_stacks:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  subq $8, %rsp
  stmxcsr (%rsp)
  fnstcw 4(%rsp)
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  ldmxcsr (%rsp)
  fldcw 4(%rsp)
  addq $8, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  popq %rcx
  jmp *%rcx
  .size cleanfork_sim_switch_stacks, . - cleanfork_sim_switch_stacks
)");
extern "C" void cleanfork_sim_switch_stacks(void** from, void* to);
#endif

namespace cleanfork::sim {
namespace {

// Who is being left and who is arrived at: all that a new fiber knows when it starts.
thread_local Fiber* leaving = nullptr;
thread_local Fiber* arriving = nullptr;

#ifdef CLEANFORK_TSAN
// A fiber of ThreadSanitizer keeps a history that grows with each use; to make one is slow.
constexpr int kTsanUses = 32;
#endif

}  // namespace

struct FiberStart {
  [[noreturn]] static void Run() {
    Fiber& self = *arriving;
    Fiber::Arrive(self);
    self.entry_(self.argument_);
    __builtin_trap();  // the entry must not return
  }
};

Fiber::Fiber(const char* owner, int number, void (*entry)(void*), void* argument)
    : stack_(FiberStack::Take()), entry_(entry), argument_(argument) {
  stack_->SetOwner(owner, number);
  bottom_ = stack_->bottom();
  size_ = FiberStack::kSize;
#ifdef CLEANFORK_ASAN
  // What frames of the last fiber here had poisoned.
  ASAN_UNPOISON_MEMORY_REGION(stack_->bottom(), FiberStack::kSize);
#endif
#ifdef CLEANFORK_TSAN
  if (stack_->tsan_fiber != nullptr && stack_->tsan_uses >= kTsanUses) {
    __tsan_destroy_fiber(stack_->tsan_fiber);
    stack_->tsan_fiber = nullptr;
  }
  if (stack_->tsan_fiber == nullptr) {
    stack_->tsan_fiber = __tsan_create_fiber(0);
    stack_->tsan_uses = 0;
  }
  ++stack_->tsan_uses;
  tsan_fiber_ = stack_->tsan_fiber;
#endif
#ifdef CLEANFORK_FIBER_ON_UCONTEXT
  getcontext(&context_);
  context_.uc_stack.ss_sp = stack_->bottom();
  context_.uc_stack.ss_size = FiberStack::kSize;
  context_.uc_link = nullptr;
  makecontext(&context_, &FiberStart::Run, 0);
#else
  // As cleanfork_sim_switch_stacks leaves a stack: control words, six registers, where to go on.
  // Above them 0, where a return address would be: there unwinders stop. A function starts with the
  // stack pointer 8 below a multiple of 16.
  constexpr uint64_t kDefaultControlWords = 0x1f80 | uint64_t{0x037f} << 32;
  constexpr int kSlots = 8;
  auto* top = reinterpret_cast<uint64_t*>(stack_->top()) - 1 - kSlots;
  std::memset(top, 0, (kSlots + 1) * sizeof(*top));
  top[0] = kDefaultControlWords;
  top[7] = reinterpret_cast<uint64_t>(&FiberStart::Run);
  stack_pointer_ = top;
#endif
}

Fiber::~Fiber() {
  if (stack_ != nullptr) FiberStack::GiveBack(stack_);
}

void Fiber::DropExceptions() {
  if (exceptions_.caught == nullptr) return;
  auto* exceptions = reinterpret_cast<char*>(abi::__cxa_get_globals());
  ExceptionState own;
  std::memcpy(&own, exceptions, sizeof(own));
  std::memcpy(exceptions, &exceptions_, sizeof(exceptions_));
  while (std::current_exception() != nullptr) abi::__cxa_end_catch();
  std::memcpy(exceptions, &own, sizeof(own));
  exceptions_ = ExceptionState();
}

#ifndef CLEANFORK_FIBER_ON_UCONTEXT
void Fiber::Save(Image* image) const {
  image->stack_pointer = stack_pointer_;
  const char* const from = static_cast<const char*>(stack_pointer_);
  image->stack.clear();
  image->stack.Append(from, static_cast<size_t>(stack_->top() - from));
}

void Fiber::Restore(const Image& image) {
  exceptions_ = ExceptionState();
  stack_pointer_ = image.stack_pointer;
  std::memcpy(stack_pointer_, image.stack.data(), image.stack.size());
}
#else
void Fiber::Save(Image*) const { std::abort(); }
void Fiber::Restore(const Image&) { std::abort(); }
#endif

void Fiber::Leave(Fiber& from, Fiber& to, bool for_ever) {
  leaving = &from;
  arriving = &to;
  OverflowReport::SetRunning(to.stack_);
  auto* exceptions = reinterpret_cast<char*>(abi::__cxa_get_globals());
  std::memcpy(&from.exceptions_, exceptions, sizeof(from.exceptions_));
  std::memcpy(exceptions, &to.exceptions_, sizeof(to.exceptions_));
#ifdef CLEANFORK_ASAN
  __sanitizer_start_switch_fiber(for_ever ? nullptr : &from.fake_stack_, to.bottom_, to.size_);
#endif
#ifdef CLEANFORK_TSAN
  if (from.tsan_fiber_ == nullptr) from.tsan_fiber_ = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(to.tsan_fiber_, 0);
#endif
  static_cast<void>(for_ever);
}

void Fiber::Arrive(Fiber& self) {
#ifdef CLEANFORK_ASAN
  // The thread's own bounds are learned when it is first left.
  __sanitizer_finish_switch_fiber(self.fake_stack_, &leaving->bottom_, &leaving->size_);
#endif
  static_cast<void>(self);
}

void Fiber::Switch(Fiber& from, Fiber& to) {
  Leave(from, to, false);
#ifdef CLEANFORK_FIBER_ON_UCONTEXT
  swapcontext(&from.context_, &to.context_);
#else
  cleanfork_sim_switch_stacks(&from.stack_pointer_, to.stack_pointer_);
#endif
  Arrive(from);
}

void Fiber::Exit(Fiber& from, Fiber& to) {
  Leave(from, to, true);
#ifdef CLEANFORK_FIBER_ON_UCONTEXT
  swapcontext(&from.context_, &to.context_);
#else
  cleanfork_sim_switch_stacks(&from.stack_pointer_, to.stack_pointer_);
#endif
  __builtin_trap();  // nobody switches to a fiber that has left
}

}  // namespace cleanfork::sim
