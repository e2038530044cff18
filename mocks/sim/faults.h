// Faults: what may go wrong with a call in the state that the kernel is in, as its manual page and
// Linux have it. What cannot happen there is not offered: no EIO of a pipe, no EINTR of who blocks
// every signal. What fails by itself (a descriptor that is not open, a file that is not there) is
// the kernel's to say, and no fault.
#ifndef CLEANFORK_MOCKS_SIM_FAULTS_H_
#define CLEANFORK_MOCKS_SIM_FAULTS_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "mocks/sim/call_tag.h"
#include "mocks/sim/kernel.h"

namespace cleanfork::sim {

struct Fault {
  enum class Kind : int8_t {
    kNone,
    kErrno,       // the call fails with `error`, and does nothing
    kErrnoAfter,  // it does what it does, and then fails: close(2)
    kShort,       // at most `bytes` bytes pass
    kLie,         // it says that it succeeded, and does nothing
    kSignal,      // `signal` comes just before it
  };
  Kind kind = Kind::kNone;
  bool sticky = false;  // and so do all later calls of that name in that process
  int16_t error = 0;
  int16_t signal = 0;
  uint64_t bytes = 0;
};

class FaultList {
 public:
  static constexpr size_t kMost = 64;

  void Add(const Fault& fault);  // aborts when it is full
  void AddErrno(int error) {
    Fault fault;
    fault.kind = Fault::Kind::kErrno;
    fault.error = static_cast<int16_t>(error);
    Add(fault);
  }
  void AddShort(uint64_t bytes) {
    Fault fault;
    fault.kind = Fault::Kind::kShort;
    fault.bytes = bytes;
    Add(fault);
  }
  const Fault* begin() const { return faults_.data(); }
  const Fault* end() const { return faults_.data() + size_; }
  size_t size() const { return size_; }

 private:
  std::array<Fault, kMost> faults_;
  size_t size_ = 0;
};

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_FAULTS_H_
