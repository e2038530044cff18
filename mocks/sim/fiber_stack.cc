#include "mocks/sim/fiber_stack.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <utility>

#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#define CLEANFORK_REGISTER_STACK(bottom, top) VALGRIND_STACK_REGISTER(bottom, top)
#define CLEANFORK_DEREGISTER_STACK(id) VALGRIND_STACK_DEREGISTER(id)
#endif
#endif
#ifndef CLEANFORK_REGISTER_STACK
#define CLEANFORK_REGISTER_STACK(bottom, top) 0
#define CLEANFORK_DEREGISTER_STACK(id) static_cast<void>(id)
#endif

#include "mocks/sanitizers.h"

#ifdef CLEANFORK_ASAN
#include <sanitizer/asan_interface.h>
#endif
#ifdef CLEANFORK_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace cleanfork::sim {
namespace {

// A frame that is larger than this would step over it. Address space is all that it takes.
constexpr size_t kGuardSize = size_t{1} << 20;
constexpr size_t kReportStackSize = size_t{64} * 1024;

std::atomic<int64_t> stacks_in_all{0};
thread_local const FiberStack* running_stack = nullptr;
thread_local int reports_of_thread = 0;
thread_local stack_t caller_stack;

std::mutex& ActionsMutex() {
  static auto* const mutex = new std::mutex;
  return *mutex;
}
int reports = 0;
struct sigaction caller_segv;
struct sigaction caller_bus;

[[noreturn]] void MemoryFailed(const char* call) {
  std::fprintf(stderr, "SimOs: %s for a fiber's stack: %s\n", call, std::strerror(errno));
  std::abort();
}

void* MapStack(size_t size) {
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) MemoryFailed("mmap");
  return memory;
}

void Print(const char* text) {
  const ssize_t ignored = write(STDERR_FILENO, text, std::strlen(text));
  static_cast<void>(ignored);
}

// By hand: printf(3) is not async-signal-safe.
void PrintNumber(int number) {
  char digits[16] = {};
  char* at = digits + sizeof(digits) - 1;
  do {
    *--at = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number > 0);
  Print(at);
}

// Of no other thread that there is or was.
uint64_t ThreadNumber() {
  static std::atomic<uint64_t> last{0};
  thread_local const uint64_t own = ++last;
  return own;
}

}  // namespace

struct FaultEntry {
  static void Handle(int signal, siginfo_t* info, void*) {
    OverflowReport::OnFault(signal, info->si_addr);
  }
};

namespace {

// The action of `before`, unless somebody has set another one since.
void Restore(int signal, const struct sigaction& before) {
  struct sigaction now = {};
  sigaction(signal, nullptr, &now);
  if (now.sa_sigaction == &FaultEntry::Handle) sigaction(signal, &before, nullptr);
}

}  // namespace

// What a thread keeps from one SimOs to the next.
class StacksOfThread {
 public:
  StacksOfThread() = default;
  StacksOfThread(const StacksOfThread&) = delete;
  StacksOfThread& operator=(const StacksOfThread&) = delete;
  ~StacksOfThread();

  FiberStack* unused = nullptr;
  void* report = nullptr;  // OverflowReport's
};

thread_local StacksOfThread stacks;
thread_local bool stacks_are_gone = false;  // the thread is about to end

namespace {

void RestoreSignalStack() {
  stack_t now = {};
  sigaltstack(nullptr, &now);
  if (now.ss_sp != nullptr && now.ss_sp == stacks.report) sigaltstack(&caller_stack, nullptr);
}

}  // namespace

FiberStack::FiberStack() {
  char* memory = static_cast<char*>(MapStack(kGuardSize + kSize));
  if (mprotect(memory, kGuardSize, PROT_NONE) == -1) MemoryFailed("mprotect");
  bottom_ = memory + kGuardSize;
  // Without it valgrind takes each switch for one huge growth of a single stack.
  valgrind_id_ = CLEANFORK_REGISTER_STACK(bottom(), top());
  ++stacks_in_all;
}

FiberStack::~FiberStack() {
#ifdef CLEANFORK_TSAN
  if (tsan_fiber != nullptr) __tsan_destroy_fiber(tsan_fiber);
#endif
#ifdef CLEANFORK_ASAN
  ASAN_UNPOISON_MEMORY_REGION(bottom(), kSize);
#endif
  CLEANFORK_DEREGISTER_STACK(valgrind_id_);
  munmap(bottom_ - kGuardSize, kGuardSize + kSize);
  --stacks_in_all;
}

FiberStack* FiberStack::Take() {
  FiberStack* stack = stacks.unused;
  if (stack == nullptr) return new FiberStack;
  stacks.unused = std::exchange(stack->next_, nullptr);
  return stack;
}

void FiberStack::GiveBack(FiberStack* stack) {
  if (stacks_are_gone) {
    delete stack;
    return;
  }
  stack->next_ = std::exchange(stacks.unused, stack);
}

int64_t FiberStack::InAll() { return stacks_in_all; }

StacksOfThread::~StacksOfThread() {
  stacks_are_gone = true;
  while (unused != nullptr) {
    FiberStack* const next = unused->next_;
    delete std::exchange(unused, next);
  }
  if (report == nullptr) return;
  RestoreSignalStack();
  munmap(std::exchange(report, nullptr), kReportStackSize);
}

OverflowReport::OverflowReport() : thread_(ThreadNumber()) {
  if (reports_of_thread++ == 0) {
    if (stacks.report == nullptr) stacks.report = MapStack(kReportStackSize);
    stack_t stack = {};
    stack.ss_sp = stacks.report;
    stack.ss_size = kReportStackSize;
    sigaltstack(&stack, &caller_stack);
  }
  const std::lock_guard<std::mutex> lock(ActionsMutex());
  if (reports++ > 0) return;
  struct sigaction action = {};
  action.sa_sigaction = &FaultEntry::Handle;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigaction(SIGSEGV, &action, &caller_segv);
  sigaction(SIGBUS, &action, &caller_bus);
}

OverflowReport::~OverflowReport() {
  if (IsOfThisThread() && --reports_of_thread == 0) RestoreSignalStack();
  const std::lock_guard<std::mutex> lock(ActionsMutex());
  if (--reports > 0) return;
  Restore(SIGSEGV, caller_segv);
  Restore(SIGBUS, caller_bus);
}

bool OverflowReport::IsOfThisThread() const { return thread_ == ThreadNumber(); }

void OverflowReport::SetRunning(const FiberStack* stack) { running_stack = stack; }

void OverflowReport::OnFault(int signal, void* address) {
  const FiberStack* stack = running_stack;
  const auto at = reinterpret_cast<uintptr_t>(address);
  if (stack != nullptr) {
    const auto bottom = reinterpret_cast<uintptr_t>(stack->bottom());
    if (at < bottom && at >= bottom - kGuardSize) {
      Print("SimOs: stack overflow in ");
      Print(stack->owner_);
      Print(" ");
      PrintNumber(stack->number_);
      Print(": it has 256 KiB\n");
    }
  }
  // The instruction runs again, and whoever was here before is told.
  sigaction(signal, signal == SIGSEGV ? &caller_segv : &caller_bus, nullptr);
}

}  // namespace cleanfork::sim
