// StateHash: a hash of 64 bits of what makes up a state, a word at a time; the same in every run.
#ifndef CLEANFORK_MOCKS_SIM_STATE_HASH_H_
#define CLEANFORK_MOCKS_SIM_STATE_HASH_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "cleanfork/os_types.h"
#include "cleanfork/sys_result.h"
#include "mocks/sim/kernel.h"

namespace cleanfork::sim {

class StateHash {
 public:
  void AddWord(uint64_t word) {
    value_ = (value_ ^ word) * kFactor;
    value_ ^= value_ >> 29;
    value_ += word;
  }

  // Of values that are other values if their bytes are others.
  template <typename T>
  void Add(const T& value) {
    static_assert(std::has_unique_object_representations_v<T>, "padding is anything");
    AddBytes(&value, sizeof(value));
  }
  void Add(const SignalAction& action);
  void Add(const FileStatus& status);
  void Add(const ReceivedMessage& message);

  // What a call returned.
  template <typename T>
  void Add(const SysResult<T>& result) {
    Add(result.error());
    if constexpr (!std::is_void_v<T>) {
      if (result.ok()) Add(result.value());
    }
  }

  void AddBytes(const void* bytes, size_t size) {
    AddWord(size);
    const char* at = static_cast<const char*>(bytes);
    uint64_t word;
    for (; size >= sizeof(word); size -= sizeof(word), at += sizeof(word)) {
      std::memcpy(&word, at, sizeof(word));
      AddWord(word);
    }
    if (size == 0) return;
    word = 0;
    std::memcpy(&word, at, size);
    AddWord(word);
  }

  // Of which sums may be made.
  uint64_t value() const {
    uint64_t mixed = (value_ ^ value_ >> 29) * kFactor;
    return mixed ^ mixed >> 32;
  }

 private:
  static constexpr uint64_t kFactor = 0x9e3779b97f4a7c15;  // 2^64 over the golden ratio

  uint64_t value_ = kFactor;
};

// All of a kernel that its processes can come to see.
void AddKernel(const Kernel& kernel, StateHash* hash);
void AddProcess(const Process& process, StateHash* hash);

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_STATE_HASH_H_
