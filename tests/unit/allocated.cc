#include "tests/unit/allocated.h"

#include <malloc.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <fstream>
#include <string>

#include "mocks/sanitizers.h"

#if defined(CLEANFORK_ASAN) || defined(CLEANFORK_TSAN)

// Of <sanitizer/allocator_interface.h>, which g++ does not come with.
extern "C" size_t __sanitizer_get_current_allocated_bytes();

namespace cleanfork {

Allocated WhatIsAllocated() {
  Allocated allocated;
  allocated.bytes = static_cast<int64_t>(__sanitizer_get_current_allocated_bytes());
  return allocated;
}

}  // namespace cleanfork

#else

namespace {

std::atomic<int64_t> blocks{0};

void* Counted(void* memory) {
  if (memory != nullptr) ++blocks;
  return memory;
}

}  // namespace

extern "C" {

void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* memory, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
void __libc_free(void* memory);

void* malloc(size_t size) { return Counted(__libc_malloc(size)); }
void* calloc(size_t count, size_t size) { return Counted(__libc_calloc(count, size)); }
void* realloc(void* memory, size_t size) {
  void* const moved = __libc_realloc(memory, size);
  if (memory == nullptr) return Counted(moved);
  if (moved == nullptr && size == 0) --blocks;  // which frees it
  return moved;
}
void* memalign(size_t alignment, size_t size) { return Counted(__libc_memalign(alignment, size)); }
void* aligned_alloc(size_t alignment, size_t size) {
  return Counted(__libc_memalign(alignment, size));
}
int posix_memalign(void** memory, size_t alignment, size_t size) {
  *memory = Counted(__libc_memalign(alignment, size));
  return *memory != nullptr ? 0 : ENOMEM;
}
void free(void* memory) {
  if (memory != nullptr) --blocks;
  __libc_free(memory);
}

}  // extern "C"

namespace cleanfork {
namespace {

// /proc/self/statm is not exact: Linux counts for each processor by itself.
int64_t ResidentKibibytes() {
  std::ifstream file("/proc/self/smaps_rollup");
  std::string word;
  int64_t resident = 0;
  while (file >> word && word != "Anonymous:") {
  }
  file >> resident;
  return resident;
}

}  // namespace

Allocated WhatIsAllocated() {
  Allocated allocated;
  allocated.resident = ResidentKibibytes();
  allocated.blocks = blocks;
  const struct mallinfo2 figures = mallinfo2();
  allocated.bytes = static_cast<int64_t>(figures.uordblks + figures.hblkhd);
  return allocated;
}

}  // namespace cleanfork

#endif
