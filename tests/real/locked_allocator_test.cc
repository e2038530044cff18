// A child takes no lock of the allocator between fork and exec, or body.
//
// This program's malloc stands behind one plain mutex that no fork handler looks after, as those of
// many programs do (glibc's own survives a fork, and would prove nothing). Sixteen threads allocate
// without pause; one of them holds the mutex at the moment of every fork. A child that allocates
// waits for it for ever: the last test plants that, and sees it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cleanfork/child.h"
#include "cleanfork/fork_child.h"
#include "cleanfork/os_wrapper.h"
#include "cleanfork/spawn.h"
#include "mocks/sanitizers.h"
#include "tests/real/own_process.h"
#include "tests/real/process_state.h"

#if defined(CLEANFORK_ASAN) || defined(CLEANFORK_TSAN)
#define CLEANFORK_MALLOC_IS_TAKEN 1
#endif

#ifndef CLEANFORK_MALLOC_IS_TAKEN

namespace {

pthread_mutex_t allocator_mutex = PTHREAD_MUTEX_INITIALIZER;

class AllocatorLock {
 public:
  AllocatorLock() { pthread_mutex_lock(&allocator_mutex); }
  ~AllocatorLock() { pthread_mutex_unlock(&allocator_mutex); }
};

}  // namespace

extern "C" {

void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* memory, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
void __libc_free(void* memory);

void* malloc(size_t size) {
  AllocatorLock lock;
  return __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
  AllocatorLock lock;
  return __libc_calloc(count, size);
}
void* realloc(void* memory, size_t size) {
  AllocatorLock lock;
  return __libc_realloc(memory, size);
}
void* memalign(size_t alignment, size_t size) {
  AllocatorLock lock;
  return __libc_memalign(alignment, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
  AllocatorLock lock;
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** memory, size_t alignment, size_t size) {
  AllocatorLock lock;
  *memory = __libc_memalign(alignment, size);
  return *memory == nullptr ? ENOMEM : 0;
}
void free(void* memory) {
  if (memory == nullptr) return;
  AllocatorLock lock;
  __libc_free(memory);
}

}  // extern "C"

namespace cleanfork {
namespace {

// A real hang is not waited out for longer than the test may take: its size in BUILD.bazel.
constexpr int kDeadlineSeconds = 1200;

int forks = 500;  // in all; --forks=

// Sixteen threads that allocate, and one that holds the allocator's mutex when it is told to.
class Allocators {
 public:
  Allocators() {
    sem_init(&hold_, 0, 0);
    sem_init(&held_, 0, 0);
    sem_init(&release_, 0, 0);
    pthread_create(&holder_, nullptr, &RunHolder, this);
    for (pthread_t& thread : threads_) pthread_create(&thread, nullptr, &RunAllocator, this);
  }
  ~Allocators() {
    stop_ = true;
    sem_post(&hold_);
    sem_post(&release_);
    pthread_join(holder_, nullptr);
    for (pthread_t thread : threads_) pthread_join(thread, nullptr);
  }

  // Between the two nobody can allocate, this thread included.
  void Hold() {
    sem_post(&hold_);
    while (sem_wait(&held_) != 0) {
    }
  }
  void Release() { sem_post(&release_); }

 private:
  static void* RunAllocator(void* self) {
    // Below the thread that forks, which else waits for a processor at every step; Linux has a nice
    // value for each thread, setpriority(2).
    setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), 19);
    static thread_local char scratch[64 * 1024];
    while (!static_cast<Allocators*>(self)->stop_) {
      for (size_t size = 16; size <= 4096; size *= 2) {
        void* volatile memory = malloc(size);
        free(memory);
      }
      // Then something else for a while: the mutex is not fair, and the thread that forks would not
      // get its turn.
      for (int i = 0; i < 50; ++i) {
        std::memset(scratch, i, sizeof(scratch));
        asm volatile("" : : "r"(scratch) : "memory");
      }
    }
    return nullptr;
  }
  static void* RunHolder(void* argument) {
    Allocators* self = static_cast<Allocators*>(argument);
    for (;;) {
      while (sem_wait(&self->hold_) != 0) {
      }
      if (self->stop_) return nullptr;
      pthread_mutex_lock(&allocator_mutex);
      sem_post(&self->held_);
      while (sem_wait(&self->release_) != 0) {
      }
      pthread_mutex_unlock(&allocator_mutex);
    }
  }

  std::atomic<bool> stop_{false};
  sem_t hold_, held_, release_;
  pthread_t holder_;
  pthread_t threads_[16];
};

// The kernel, with the mutex held by another thread at each fork; `plant` makes a child allocate.
class LockedOs : public OsWrapper {
 public:
  LockedOs(Allocators& allocators, bool plant)
      : OsWrapper(RealOs()), allocators_(allocators), plant_(plant) {}

  SysResult<pid_t> Fork() override {
    allocators_.Hold();
    const SysResult<pid_t> forked = OsWrapper::Fork();
    if (!forked.ok() || forked.value() != 0) allocators_.Release();
    return forked;
  }
  SysResult<pid_t> VforkCall(int (*function)(void*), void* argument,
                             int termination_signal) override {
    allocators_.Hold();
    const SysResult<pid_t> forked = OsWrapper::VforkCall(function, argument, termination_signal);
    allocators_.Release();
    return forked;
  }
  SysResult<void> ChDir(const char* path) override {
    if (plant_) {
      void* volatile memory = malloc(1);
      free(memory);
    }
    return OsWrapper::ChDir(path);
  }

 private:
  Allocators& allocators_;
  const bool plant_;
};

enum class Entry { kForkChild, kRunInChild, kSpawn };

absl::StatusOr<Child> Start(Entry entry, Os& os) {
  if (entry == Entry::kSpawn) return Spawn({"/bin/true"}, ForkOptions(), os);
  if (entry == Entry::kRunInChild) return RunInChild([] { return 0; }, ForkOptions(), os);
  absl::StatusOr<pid_t> pid = ForkChild(ForkOptions(), os);
  if (!pid.ok()) return pid.status();
  if (*pid == 0) _exit(0);
  return Child(os, *pid, {});
}

std::string StartMany(Entry entry, int count) {
  Allocators allocators;
  LockedOs os(allocators, false);
  for (int i = 0; i < count; ++i) {
    absl::StatusOr<Child> child = Start(entry, os);
    if (!child.ok()) return std::string(child.status().message());
    absl::StatusOr<ExitStatus> ended = child->Wait();
    if (!ended.ok()) return std::string(ended.status().message());
    if (!ended->success()) return ended->ToString();
  }
  return "";
}

TEST(LockedAllocator, ForkChildNeverWaitsForALockThatNobodyCanRelease) {
  EXPECT_EQ(InOwnProcess([] { return StartMany(Entry::kForkChild, forks / 3); }, kDeadlineSeconds),
            "");
}
TEST(LockedAllocator, RunInChildNeverWaitsForALockThatNobodyCanRelease) {
  EXPECT_EQ(InOwnProcess([] { return StartMany(Entry::kRunInChild, forks / 3); }, kDeadlineSeconds),
            "");
}
TEST(LockedAllocator, SpawnNeverWaitsForALockThatNobodyCanRelease) {
  EXPECT_EQ(InOwnProcess([] { return StartMany(Entry::kSpawn, forks / 3); }, kDeadlineSeconds), "");
}

// The test above can fail: a child that allocates hangs, in a wait for the mutex.
TEST(LockedAllocator, ChildThatAllocatesIsSeenToHang) {
  for (Entry entry : {Entry::kForkChild, Entry::kRunInChild, Entry::kSpawn}) {
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    const pid_t starter = fork();
    ASSERT_GE(starter, 0);
    if (starter == 0) {
      close(ends[0]);
      Allocators allocators;
      LockedOs os(allocators, true);
      absl::StatusOr<Child> child = Start(entry, os);
      _exit(child.ok() ? 0 : 1);  // and with that the pipe ends
    }
    close(ends[1]);
    pollfd descriptor = {ends[0], POLLIN, 0};
    EXPECT_EQ(poll(&descriptor, 1, 500), 0) << "it did not hang";
    const std::vector<pid_t> children = ChildrenOf(starter);
    ASSERT_EQ(children.size(), 1u);
    std::string call;
    std::ifstream("/proc/" + std::to_string(children[0]) + "/wchan") >> call;
    EXPECT_EQ(call.find("futex") == std::string::npos, false) << "it waits in " << call;
    kill(children[0], SIGKILL);
    kill(starter, SIGKILL);
    waitpid(starter, nullptr, 0);
    close(ends[0]);
  }
}

}  // namespace
}  // namespace cleanfork

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument.rfind("--forks=", 0) == 0) cleanfork::forks = std::atoi(argument.c_str() + 8);
  }
  return RUN_ALL_TESTS();
}

#else  // CLEANFORK_MALLOC_IS_TAKEN

TEST(LockedAllocator, NeverWaitsForALockThatNobodyCanRelease) {
  GTEST_SKIP() << "the sanitizer has a malloc of its own";
}

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}

#endif  // CLEANFORK_MALLOC_IS_TAKEN
