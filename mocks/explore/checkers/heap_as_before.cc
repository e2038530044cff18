#include <memory>
#include <string>

#include "cleanfork/checkers.h"
#include "mocks/explore/checkers/describe.h"

namespace cleanfork {
namespace {

class HeapChecker : public Checker {
 public:
  std::string name() const override { return "the heap is as before"; }
  bool HoldsOfRepeatedRuns() const override { return true; }

  std::string Check(const Execution& run) const override {
    const ExecutedProcess* first = explore::ReturnedFirst(run);
    if (first == nullptr || first->blocks_left <= 0) return "";
    return explore::Who(*first) + " returned with " + std::to_string(first->blocks_left) +
           (first->blocks_left == 1 ? " block" : " blocks") +
           " of the heap in use that it did not have; expected none";
  }
};

}  // namespace

std::shared_ptr<const Checker> HeapAsBefore() { return std::make_shared<HeapChecker>(); }

}  // namespace cleanfork
