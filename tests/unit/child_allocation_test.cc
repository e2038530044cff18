// The child of a fork must not allocate, since another thread may have held the allocator's lock
// when it was forked. So must FaultOs and TraceOs not, which run in that child: here malloc is
// trapped in it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdlib>

#include "cleanfork/fault_os.h"
#include "cleanfork/os.h"
#include "cleanfork/trace_os.h"
#include "mocks/sanitizers.h"

#if defined(CLEANFORK_ASAN) || defined(CLEANFORK_TSAN) || !defined(__GLIBC__)
#define CLEANFORK_OTHER_MALLOC 1
#endif

namespace {

constexpr int kAllocated = 99;
pid_t trapped_process = 0;

}  // namespace

#ifndef CLEANFORK_OTHER_MALLOC
static void Trap() {
  if (trapped_process != 0 && getpid() == trapped_process) _exit(kAllocated);
}

extern "C" {
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* memory, size_t size);
void __libc_free(void* memory);

void* malloc(size_t size) {
  Trap();
  return __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
  Trap();
  return __libc_calloc(count, size);
}
void* realloc(void* memory, size_t size) {
  Trap();
  return __libc_realloc(memory, size);
}
void free(void* memory) {
  if (memory != nullptr) Trap();
  __libc_free(memory);
}
}
#endif

namespace cleanfork {
namespace {

#ifdef CLEANFORK_OTHER_MALLOC
#define CLEANFORK_SKIP_WITHOUT_TRAP() GTEST_SKIP() << "malloc can be trapped in glibc's own only"
#else
#define CLEANFORK_SKIP_WITHOUT_TRAP() static_cast<void>(0)
#endif

int ExitStatus(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) == -1 && errno == EINTR) continue;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// Calls of every kind that the doubles treat apart; the first fork after `trapped_process` is set.
int UseEverything(void* argument) {
  Os& os = *static_cast<Os*>(argument);
  if (os.SetGid(0).error() != EPERM) return 1;
  if (!os.SetGroups(nullptr, 0).ok()) return 2;
  SysResult<PipeEnds> ends = os.Pipe2(O_CLOEXEC);
  if (!ends.ok()) return 3;
  if (os.Write(ends.value().write_end, "four", 4).value_or(0) != 2) return 4;
  char buffer[8];
  if (os.Read(ends.value().read_end, buffer, sizeof(buffer)).value_or(0) != 2) return 5;
  if (os.Close(ends.value().read_end).error() != EIO) return 6;
  const SignalSet all = SignalSet::Full();
  if (!os.SigProcMask(SIG_BLOCK, &all).ok()) return 7;
  char* nothing[] = {nullptr};
  if (os.ExecVe("/nonexistent", nothing, nothing).error() != ENOENT) return 8;
  os.GetEnv("HOME");
  return 0;
}

constexpr char kPlan[] =
    "cf1;P.1.setgid#1=EPERM;P.1.setgroups#1=lie;P.1.write#1=short:2;P.1.close#1=EIO;"
    "P.1!SIGCHLD@sigprocmask#1;P.1.1.getgroups#1=EINVAL";

TEST(ChildAllocation, IsSeenByTheTrap) {
  CLEANFORK_SKIP_WITHOUT_TRAP();
  const pid_t child = fork();
  ASSERT_NE(child, -1);
  if (child == 0) {
    trapped_process = getpid();
    void* volatile memory = std::malloc(1);
    std::free(memory);
    _exit(0);
  }
  EXPECT_EQ(ExitStatus(child), kAllocated);
}

TEST(ChildAllocation, IsNoneInFaultOsAndTraceOsAfterAFork) {
  CLEANFORK_SKIP_WITHOUT_TRAP();
  TraceOs inner(RealOs());
  FaultOs fault(inner, kPlan);
  TraceOs os(fault);
  SysResult<pid_t> child = os.Fork();
  ASSERT_TRUE(child.ok());
  if (child.value() == 0) {
    trapped_process = getpid();
    const int failed = UseEverything(&os);
    if (failed != 0) _exit(failed);
    SysResult<pid_t> grandchild = os.Fork();
    if (grandchild.ok() && grandchild.value() == 0) {
      trapped_process = getpid();
      os.Exit(os.GetGroups(nullptr, 0).error() == EINVAL ? 0 : 20);
    }
    os.Exit(grandchild.ok() ? ExitStatus(grandchild.value()) : 21);
  }
  EXPECT_EQ(ExitStatus(child.value()), 0);
  EXPECT_EQ(fault.fired().size(), fault.plan().size());
  EXPECT_EQ(os.dropped(), 0u);
}

int UseEverythingTrapped(void* argument) {
  trapped_process = getpid();  // in the parent's memory too, whose pid is another
  return UseEverything(argument);
}

TEST(ChildAllocation, IsNoneInFaultOsAndTraceOsInTheFunctionOfAVforkCall) {
  CLEANFORK_SKIP_WITHOUT_TRAP();
  TraceOs inner(RealOs());
  FaultOs fault(inner, kPlan);
  TraceOs os(fault);
  SysResult<pid_t> child = os.VforkCall(&UseEverythingTrapped, &os, SIGCHLD);
  ASSERT_TRUE(child.ok());
  EXPECT_EQ(ExitStatus(child.value()), 0);
  EXPECT_EQ(fault.fired().size(), fault.plan().size() - 1) << "all but the grandchild's";
}

}  // namespace
}  // namespace cleanfork
