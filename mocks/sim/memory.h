// Memory: what a simulated process has for itself of the address space that all of them share. The
// child of a VforkCall() has its parent's.
#ifndef CLEANFORK_MOCKS_SIM_MEMORY_H_
#define CLEANFORK_MOCKS_SIM_MEMORY_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cleanfork/process_local.h"
#include "mocks/sim/bytes.h"
#include "mocks/sim/environment.h"
#include "mocks/sim/heap.h"

namespace cleanfork::sim {

class Memory : public ProcessVariables {
 public:
  // As a program finds it when it starts.
  explicit Memory(std::shared_ptr<const std::vector<std::string>> environment);
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory() override;

  Environment& environment();
  // What the process's code allocates on. When its body has returned, handlers may still run: what
  // those allocate is the test's, but where it has to be put back with their stacks.
  ProcessHeap* heap() const {
    const bool is_tests = returned_ && heap_ != nullptr && !heap_->CanBeSaved();
    return is_tests ? nullptr : heap_;
  }

  // The process's body has returned: what it left on the heap may be anybody's. How many blocks
  // that is; -1 where nobody counts them.
  int64_t BodyReturned();

  // What is in it at some moment. What it is of is kept.
  struct Image {
    Bytes heap;
    bool returned = false;
    size_t kept = 0;
    bool has_environment = false;
    Environment::Image environment;
  };

  // Not where the process has copies.
  bool CanBeSaved() const { return heap_ != nullptr && heap_->CanBeSaved() && copies_.empty(); }
  void Save(Image* image) const;
  void Restore(const Image& image);

  // ProcessVariables: the process's copies.
  void* Find(const void* variable, size_t size, size_t alignment,
             void (*construct)(void* copy, const void* variable)) override;
  void KeepUntilEnd(void* object, void (*destroy)(void* object)) override;
  void* ExchangeHeap(void* heap) override;

 private:
  struct Copy {
    const void* variable;
    void* value;
    size_t alignment;
  };

  struct Kept {
    void* object;
    void (*destroy)(void* object);
  };

  void FreeCopies();

  const std::shared_ptr<const std::vector<std::string>> start_environment_;
  std::unique_ptr<Environment> environment_;
  std::vector<Copy> copies_;
  std::vector<Kept> kept_;
  ProcessHeap* const heap_;
  bool returned_ = false;
};

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_MEMORY_H_
