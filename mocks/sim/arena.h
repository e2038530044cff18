// Arena: memory of one simulated process at addresses that stay, whose bytes are all there is to
// know of it. A copy of them is a snapshot; to copy them back takes back whatever was allocated and
// freed since.
#ifndef CLEANFORK_MOCKS_SIM_ARENA_H_
#define CLEANFORK_MOCKS_SIM_ARENA_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "mocks/sim/bytes.h"

namespace cleanfork::sim {

class alignas(16) Arena {
 public:
  // Bytes of an arena, this among them. Memory that is never touched costs nothing.
  static constexpr size_t kSize = size_t{256} << 20;

  // An empty one. Aborts with a message where there is no address space, or all of it is taken.
  // Thread-safe, as is GiveBack().
  static Arena* Take();

  // Of nobody any more. What is left in it stays where it is for good, since somebody may have it:
  // the next owner allocates beyond.
  static void GiveBack(Arena* arena);

  // The one in which a block stands; null if it is in none. Async-signal-safe, thread-safe.
  static Arena* Of(const void* block);

  // Of `alignment`, a power of 2; null where there is no room. 0 bytes are some. A block of more
  // than a KiB takes a power of 2.
  void* Allocate(size_t size, size_t alignment);
  void Free(void* block);  // nothing, of what was left by an owner before

  // Frees all of this owner's.
  void Clear() { blocks_ = 0; }

  int64_t blocks() const { return blocks_; }  // that are not freed

  void Save(Bytes* image) const;
  void Restore(const Bytes& image);

 private:
  // Up to kLargestExact in steps of kStep; above that powers of 2.
  static constexpr size_t kStep = 16;
  static constexpr size_t kExact = 64;
  static constexpr size_t kLargestExact = kStep * kExact;
  static constexpr size_t kClasses = kExact + 20;

  // Stands before each block.
  struct alignas(kStep) Header {
    uint32_t size_class;
    uint32_t from_start;  // bytes from the beginning of what was taken to the block
  };

  static size_t ClassOf(size_t size);
  static size_t SizeOf(size_t size_class);

  explicit Arena(size_t begin) : begin_(begin), used_(begin) {}

  const size_t begin_;  // of what is this owner's; bytes from here
  size_t used_;         // and its end
  int64_t blocks_ = 0;
  std::array<char*, kClasses> free_ = {};  // each holds the address of the next
};

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_ARENA_H_
