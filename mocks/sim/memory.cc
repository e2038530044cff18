#include "mocks/sim/memory.h"

#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

namespace cleanfork::sim {

Memory::Memory(std::shared_ptr<const std::vector<std::string>> environment)
    : start_environment_(std::move(environment)),
      heap_(HeapTracker::Installed() != nullptr ? HeapTracker::Installed()->MakeHeap() : nullptr) {}

// No destructor of a copy runs, as none does when a process ends: it might make calls.
Memory::~Memory() {
  if (heap_ == nullptr || returned_) {
    for (const Kept& kept : kept_) kept.destroy(kept.object);
  }
  if (heap_ != nullptr) heap_->End(returned_);
  FreeCopies();
}

void Memory::FreeCopies() {
  for (const Copy& copy : copies_) {
    ::operator delete (copy.value, std::align_val_t{copy.alignment});
  }
  copies_.clear();
}

// Most bodies never look at it.
Environment& Memory::environment() {
  if (environment_ == nullptr) environment_ = std::make_unique<Environment>(*start_environment_);
  return *environment_;
}

int64_t Memory::BodyReturned() {
  returned_ = true;
  return heap_ != nullptr ? heap_->NoteReturn() : -1;
}

void Memory::Save(Image* image) const {
  heap_->Save(&image->heap);
  image->returned = returned_;
  image->kept = kept_.size();
  image->has_environment = environment_ != nullptr;
  if (environment_ != nullptr) environment_->Save(&image->environment);
}

void Memory::Restore(const Image& image) {
  heap_->Restore(image.heap);
  returned_ = image.returned;
  kept_.resize(image.kept);
  if (image.has_environment) {
    environment_->Restore(image.environment);
  } else {
    environment_ = nullptr;
  }
  FreeCopies();
}

void* Memory::Find(const void* variable, size_t size, size_t alignment,
                   void (*construct)(void* copy, const void* variable)) {
  for (const Copy& copy : copies_) {
    if (copy.variable == variable) return copy.value;
  }
  void* value = nullptr;
  {
    const AllocatingFor engine(nullptr);
    value = ::operator new (size, std::align_val_t{alignment});
    copies_.push_back({variable, value, alignment});
  }
  construct(value, variable);
  return value;
}

void Memory::KeepUntilEnd(void* object, void (*destroy)(void* object)) {
  const AllocatingFor engine(nullptr);
  kept_.push_back({object, destroy});
}

void* Memory::ExchangeHeap(void* heap) {
  return AllocatingFor::Exchange(static_cast<ProcessHeap*>(heap));
}

}  // namespace cleanfork::sim
