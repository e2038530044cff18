// The operator new and delete of a program that has //:sim_heap. What they hand out to the code of
// a simulated process stands in that process's table until it is given back.
#include "cleanfork/sim_heap.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "cleanfork/process_local.h"
#include "mocks/sanitizers.h"
#include "mocks/sim/arena.h"
#include "mocks/sim/heap.h"

namespace cleanfork {
namespace sim {
namespace {

// A hash table of addresses: open addressing, linear probing. Its own memory is malloc's, since it
// is changed from within operator new.
class AddressTable {
 public:
  AddressTable() = default;
  AddressTable(const AddressTable&) = delete;
  AddressTable& operator=(const AddressTable&) = delete;
  ~AddressTable() { std::free(rows_); }

  void Add(void* address) {
    if (4 * (count_ + 1) > 3 * size_) Grow();
    size_t at = Home(address);
    while (rows_[at] != nullptr) at = Next(at);
    rows_[at] = address;
    ++count_;
  }

  bool Remove(void* address) {
    if (count_ == 0) return false;
    size_t at = Home(address);
    while (rows_[at] != address) {
      if (rows_[at] == nullptr) return false;
      at = Next(at);
    }
    Close(at);
    --count_;
    return true;
  }

  size_t count() const { return count_; }

  template <typename Do>
  void Empty(const Do& with_each) {
    for (size_t at = 0; count_ > 0; ++at) {
      if (rows_[at] == nullptr) continue;
      with_each(rows_[at]);
      rows_[at] = nullptr;
      --count_;
    }
  }

 private:
  size_t Home(const void* address) const {
    return (reinterpret_cast<uintptr_t>(address) >> 4) * 0x9e3779b97f4a7c15 >> shift_;
  }
  size_t Next(size_t at) const { return (at + 1) % size_; }

  // Moves up what stands behind a row that has become free, unless it would be above its home.
  void Close(size_t hole) {
    for (size_t at = Next(hole); rows_[at] != nullptr; at = Next(at)) {
      const size_t from_home = (at + size_ - Home(rows_[at])) % size_;
      const size_t from_hole = (at + size_ - hole) % size_;
      if (from_home < from_hole) continue;
      rows_[hole] = rows_[at];
      hole = at;
    }
    rows_[hole] = nullptr;
  }

  void Grow() {
    void** const old = rows_;
    const size_t old_size = size_;
    size_ = std::max<size_t>(64, 2 * size_);
    shift_ = 64 - __builtin_ctzll(size_);
    rows_ = static_cast<void**>(std::calloc(size_, sizeof(void*)));
    if (rows_ == nullptr) std::abort();
    count_ = 0;
    for (size_t at = 0; at < old_size; ++at) {
      if (old[at] != nullptr) Add(old[at]);
    }
    std::free(old);
  }

  void** rows_ = nullptr;
  size_t size_ = 0;  // a power of 2
  size_t count_ = 0;
  int shift_ = 0;
};

}  // namespace

static void* AllocateByMalloc(size_t size, size_t alignment) {
  return alignment <= alignof(std::max_align_t) ? std::malloc(size)
                                                : std::aligned_alloc(alignment, size);
}

class ProcessHeaps;

// What a process has, in an arena of its own.
class SavedHeap : public ProcessHeap {
 public:
  explicit SavedHeap(ProcessHeaps* owner) : owner_(*owner), arena_(Arena::Take()) {}

  // Of what malloc(3) might well hand out there must be some: else runs would go another way.
  void* Allocate(size_t size, size_t alignment) override {
    void* const block = arena_->Allocate(size, alignment);
    if (block == nullptr && size < kTooMuch) {
      std::fputs(
          "Explore: ExploreOptions::checkpoints: a process has more on its heap than there is room "
          "for, 256 MiB, in blocks of powers of 2 (explore without them)\n",
          stderr);
      std::abort();
    }
    return block;
  }
  int64_t NoteReturn() override;
  void End(bool returned) override;
  bool CanBeSaved() const override { return true; }
  void Save(Bytes* image) const override { arena_->Save(image); }
  void Restore(const Bytes& image) override { arena_->Restore(image); }

 private:
  static constexpr size_t kTooMuch = size_t{1} << 40;

  ProcessHeaps& owner_;
  Arena* const arena_;
};

// The heaps of all processes that have not ended; in a list, since the engine, or the child of a
// VforkCall(), may free what another one has.
class ProcessHeaps : public HeapTracker {
 public:
  // Null where blocks are not seen: then the leak checker must not ask for them either.
  ProcessHeap* MakeHeap() override;
  bool ExchangeSaved(bool saved) override { return std::exchange(saved_, saved); }

  // Whether operator new is the one below.
  static bool SeesBlocks();

  static void NoteDelete(void* block);

  explicit ProcessHeaps(bool sees_blocks) : sees_blocks_(sees_blocks) {}

  int64_t taken_back = 0;
  int64_t left_by_returns = 0;

 private:
  class Heap;
  void GiveUp(Heap* heap);

  static thread_local Heap* first_;

  std::vector<std::unique_ptr<Heap>> heaps_;
  std::vector<Heap*> unused_;
  const bool sees_blocks_;
  bool saved_ = false;
};

int64_t SavedHeap::NoteReturn() {
  owner_.left_by_returns += arena_->blocks();
  return arena_->blocks();
}

// What a body has left stays where it is, and its arena with it.
void SavedHeap::End(bool returned) {
  if (!returned) {
    owner_.taken_back += arena_->blocks();
    arena_->Clear();
  }
  Arena::GiveBack(arena_);
  delete this;
}

class ProcessHeaps::Heap : public ProcessHeap {
 public:
  explicit Heap(ProcessHeaps* owner) : owner_(*owner) {}

  void* Allocate(size_t size, size_t alignment) override {
    void* const block = AllocateByMalloc(size, alignment);
    if (block != nullptr) blocks.Add(block);
    return block;
  }
  int64_t NoteReturn() override {
    const auto left = static_cast<int64_t>(blocks.count());
    owner_.left_by_returns += left;
    blocks.Empty([](void*) {});
    return left;
  }
  void End(bool) override { owner_.GiveUp(this); }
  bool CanBeSaved() const override { return false; }
  void Save(Bytes*) const override { std::abort(); }
  void Restore(const Bytes&) override { std::abort(); }

  AddressTable blocks;
  Heap* next = nullptr;

 private:
  ProcessHeaps& owner_;
};

thread_local ProcessHeaps::Heap* ProcessHeaps::first_ = nullptr;

ProcessHeap* ProcessHeaps::MakeHeap() {
  if (!sees_blocks_) return nullptr;
  if (saved_) return new SavedHeap(this);
  if (unused_.empty()) {
    heaps_.push_back(std::make_unique<Heap>(this));
    unused_.push_back(heaps_.back().get());
  }
  Heap* const heap = unused_.back();
  unused_.pop_back();
  heap->next = std::exchange(first_, heap);
  return heap;
}

void ProcessHeaps::GiveUp(Heap* heap) {
  Heap** link = &first_;
  while (*link != heap) link = &(*link)->next;
  *link = heap->next;
  taken_back += static_cast<int64_t>(heap->blocks.count());
  heap->blocks.Empty([](void* block) { std::free(block); });
  unused_.push_back(heap);
}

void ProcessHeaps::NoteDelete(void* block) {
  for (Heap* heap = first_; heap != nullptr; heap = heap->next) {
    if (heap->blocks.Remove(block)) return;
  }
}

bool ProcessHeaps::SeesBlocks() {
  ProcessHeaps probe(true);
  ProcessHeap* const heap = probe.MakeHeap();
  void* block = nullptr;
  {
    const AllocatingFor process(heap);
    block = ::operator new(1);
  }
  heap->NoteReturn();
  ::operator delete(block);
  heap->End(true);
  return probe.left_by_returns == 1;
}

}  // namespace sim

namespace {

[[noreturn]] void AbortFor(const char* why) {
  std::fprintf(stderr, "SimHeap: %s\n", why);
  std::abort();
}

bool IsInABody() { return ProcessVariables::Current() != nullptr; }

}  // namespace

SimHeap::SimHeap() {
  if (IsInABody()) AbortFor("made within a body of a SimOs");
  if (sim::HeapTracker::Installed() != nullptr) AbortFor("this thread has one");
  heaps_ = std::make_unique<sim::ProcessHeaps>(IsInUse());
  sim::HeapTracker::Install(heaps_.get());
}

SimHeap::~SimHeap() {
  if (IsInABody()) AbortFor("destroyed within a body of a SimOs");
  sim::HeapTracker::Install(nullptr);
}

bool SimHeap::IsInUse() { return sim::ProcessHeaps::SeesBlocks(); }

int64_t SimHeap::blocks_taken_back() const { return heaps_->taken_back; }
int64_t SimHeap::blocks_left_by_returns() const { return heaps_->left_by_returns; }

OutlivesProcess::OutlivesProcess() : before_(sim::AllocatingFor::Exchange(nullptr)) {}
OutlivesProcess::~OutlivesProcess() {
  sim::AllocatingFor::Exchange(static_cast<sim::ProcessHeap*>(before_));
}

}  // namespace cleanfork

// clang links its ThreadSanitizer statically, with an operator new that no other may stand beside.
#if defined(CLEANFORK_TSAN) && defined(__clang__)
#define CLEANFORK_OPERATOR_NEW_IS_TAKEN 1
#endif

#ifndef CLEANFORK_OPERATOR_NEW_IS_TAKEN

namespace {

void* Allocate(size_t size, size_t alignment) noexcept {
  // aligned_alloc(3) wants a multiple of the alignment; nobody may get null for 0 bytes.
  const size_t rounded = std::max(alignment, (size + alignment - 1) / alignment * alignment);
  if (rounded < size) return nullptr;
  cleanfork::sim::ProcessHeap* const heap = cleanfork::sim::AllocatingFor::Current();
  return heap != nullptr ? heap->Allocate(rounded, alignment)
                         : cleanfork::sim::AllocateByMalloc(rounded, alignment);
}

void* AllocateOrThrow(size_t size, size_t alignment) {
  for (;;) {
    void* const block = Allocate(size, alignment);
    if (block != nullptr) return block;
    const std::new_handler handler = std::get_new_handler();
    if (handler == nullptr) throw std::bad_alloc();
    handler();
  }
}

void Free(void* block) noexcept {
  if (block == nullptr) return;
  if (cleanfork::sim::Arena* const arena = cleanfork::sim::Arena::Of(block)) {
    return arena->Free(block);
  }
  cleanfork::sim::ProcessHeaps::NoteDelete(block);
  std::free(block);
}

}  // namespace

// Every form of [new.delete]: a sanitizer's runtime has each of them itself.
void* operator new(size_t size) { return AllocateOrThrow(size, 1); }
void* operator new[](size_t size) { return AllocateOrThrow(size, 1); }
void* operator new(size_t size, std::align_val_t alignment) {
  return AllocateOrThrow(size, static_cast<size_t>(alignment));
}
void* operator new[](size_t size, std::align_val_t alignment) {
  return AllocateOrThrow(size, static_cast<size_t>(alignment));
}
void* operator new(size_t size, const std::nothrow_t&) noexcept { return Allocate(size, 1); }
void* operator new[](size_t size, const std::nothrow_t&) noexcept { return Allocate(size, 1); }
void* operator new(size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return Allocate(size, static_cast<size_t>(alignment));
}
void* operator new[](size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return Allocate(size, static_cast<size_t>(alignment));
}
void operator delete(void* block) noexcept { Free(block); }
void operator delete[](void* block) noexcept { Free(block); }
void operator delete(void* block, size_t) noexcept { Free(block); }
void operator delete[](void* block, size_t) noexcept { Free(block); }
void operator delete(void* block, std::align_val_t) noexcept { Free(block); }
void operator delete[](void* block, std::align_val_t) noexcept { Free(block); }
void operator delete(void* block, size_t, std::align_val_t) noexcept { Free(block); }
void operator delete[](void* block, size_t, std::align_val_t) noexcept { Free(block); }
void operator delete(void* block, const std::nothrow_t&) noexcept { Free(block); }
void operator delete[](void* block, const std::nothrow_t&) noexcept { Free(block); }
void operator delete(void* block, std::align_val_t, const std::nothrow_t&) noexcept { Free(block); }
void operator delete[](void* block, std::align_val_t, const std::nothrow_t&) noexcept {
  Free(block);
}

#endif  // CLEANFORK_OPERATOR_NEW_IS_TAKEN
