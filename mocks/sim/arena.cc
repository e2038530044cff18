#include "mocks/sim/arena.h"

#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <string>
#include <vector>

namespace cleanfork::sim {
namespace {

// At most so many at once; their address space is taken at once, so that Of() is a subtraction.
constexpr size_t kMost = 1024;

std::atomic<uintptr_t> first_arena{0};

[[noreturn]] void Fail(const char* what, const char* why) {
  std::fprintf(stderr, "Explore: ExploreOptions::checkpoints: %s: %s\n", what, why);
  std::abort();
}

[[noreturn]] void CallFailed(const char* call) {
  const std::string why = std::strerror(errno);
  Fail(call, (why + " (explore without them, or with more address space: ulimit -v)").c_str());
}

// What has no owner.
struct Pool {
  std::mutex mutex;
  size_t made = 0;
  std::vector<Arena*> unused;
};

Pool& ThePool() {
  static auto* const pool = new Pool;  // arenas may be given back while statics are destroyed
  return *pool;
}

}  // namespace

Arena* Arena::Take() {
  static_assert(sizeof(Arena) % kStep == 0, "blocks stand at multiples of it");
  Pool& pool = ThePool();
  const std::lock_guard<std::mutex> lock(pool.mutex);
  void* memory = nullptr;
  size_t begin = sizeof(Arena);
  if (!pool.unused.empty()) {
    Arena* const unused = pool.unused.back();
    pool.unused.pop_back();
    begin = unused->blocks_ > 0 ? unused->used_ : unused->begin_;
    memory = unused;
  } else {
    if (pool.made == kMost) {
      Fail("the memory of 1,024 processes is in use at once", "explore without them");
    }
    if (pool.made == 0) {
      void* const all = mmap(nullptr, kMost * kSize, PROT_NONE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (all == MAP_FAILED) CallFailed("mmap of 256 GiB of address space");
      first_arena = reinterpret_cast<uintptr_t>(all);
    }
    memory = reinterpret_cast<void*>(first_arena + pool.made * kSize);
    if (mprotect(memory, kSize, PROT_READ | PROT_WRITE) == -1) CallFailed("mprotect");
    ++pool.made;
  }
  return new (memory) Arena(begin);
}

void Arena::GiveBack(Arena* arena) {
  const bool has_room = arena->used_ < kSize / 2;
  if (arena->blocks_ > 0 && !has_room) return;
  Pool& pool = ThePool();
  const std::lock_guard<std::mutex> lock(pool.mutex);
  pool.unused.push_back(arena);
}

Arena* Arena::Of(const void* block) {
  const uintptr_t first = first_arena.load(std::memory_order_relaxed);
  if (first == 0) return nullptr;
  const uintptr_t at = reinterpret_cast<uintptr_t>(block) - first;
  if (at >= kMost * kSize) return nullptr;
  return reinterpret_cast<Arena*>(first + at / kSize * kSize);
}

size_t Arena::ClassOf(size_t size) {
  if (size <= kLargestExact) return size == 0 ? 0 : (size - 1) / kStep;
  size_t size_class = kExact;
  while (SizeOf(size_class) < size) ++size_class;
  return size_class;
}

size_t Arena::SizeOf(size_t size_class) {
  if (size_class < kExact) return (size_class + 1) * kStep;
  return kLargestExact << (size_class - kExact + 1);
}

void* Arena::Allocate(size_t size, size_t alignment) {
  const size_t more = sizeof(Header) + (alignment > kStep ? alignment : 0);
  if (size >= kSize || more >= kSize) return nullptr;
  const size_t size_class = ClassOf(size + more);
  char* start = free_[size_class];
  if (start != nullptr) {
    std::memcpy(&free_[size_class], start, sizeof(char*));
  } else {
    const size_t taken = SizeOf(size_class);
    if (taken > kSize - used_) return nullptr;
    start = reinterpret_cast<char*>(this) + used_;
    used_ += taken;
  }
  auto at = reinterpret_cast<uintptr_t>(start) + sizeof(Header);
  if (alignment > kStep) at = (at + alignment - 1) / alignment * alignment;
  auto* const block = reinterpret_cast<char*>(at);
  const Header header = {static_cast<uint32_t>(size_class), static_cast<uint32_t>(block - start)};
  std::memcpy(block - sizeof(header), &header, sizeof(header));
  ++blocks_;
  return block;
}

void Arena::Free(void* block) {
  Header header;
  std::memcpy(&header, static_cast<char*>(block) - sizeof(header), sizeof(header));
  char* const start = static_cast<char*>(block) - header.from_start;
  if (start < reinterpret_cast<char*>(this) + begin_) return;
  std::memcpy(start, &free_[header.size_class], sizeof(char*));
  free_[header.size_class] = start;
  --blocks_;
}

void Arena::Save(Bytes* image) const {
  image->clear();
  image->Append(this, sizeof(*this));
  image->Append(reinterpret_cast<const char*>(this) + begin_, used_ - begin_);
}

void Arena::Restore(const Bytes& image) {
  std::memcpy(static_cast<void*>(this), image.data(), sizeof(*this));
  std::memcpy(reinterpret_cast<char*>(this) + begin_, image.data() + sizeof(*this),
              image.size() - sizeof(*this));
}

}  // namespace cleanfork::sim
