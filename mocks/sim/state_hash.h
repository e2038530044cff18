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
  void AddWord(uint64_t word) { Mix(word, &value_); }

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
    if (size >= kAtOnce) AddMany(&at, &size);
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
  static constexpr uint64_t kOther = 0xd1b54a32d192ed03;   // odd, and as far from a pattern
  static constexpr size_t kAtOnce = 32;                    // bytes
  __extension__ using Wide = unsigned __int128;

  static void Mix(uint64_t word, uint64_t* value) {
    *value = (*value ^ word) * kFactor;
    *value ^= *value >> 29;
    *value += word;
  }

  // Two words at once, by the upper and the lower half of a product.
  static uint64_t Fold(uint64_t a, uint64_t b) {
    const Wide product = Wide{a} * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  }

  // All but less than kAtOnce of what is left, in two lanes, neither of which waits for the other.
  void AddMany(const char** at, size_t* size) {
    uint64_t lanes[2] = {value_, value_ ^ kFactor};
    uint64_t words[4];
    static_assert(sizeof(words) == kAtOnce, "");
    for (; *size >= kAtOnce; *size -= kAtOnce, *at += kAtOnce) {
      std::memcpy(words, *at, kAtOnce);
      lanes[0] = Fold(words[0] ^ kFactor, words[1] ^ lanes[0]);
      lanes[1] = Fold(words[2] ^ kOther, words[3] ^ lanes[1]);
    }
    AddWord(lanes[0]);
    AddWord(lanes[1]);
  }

  uint64_t value_ = kFactor;
};

// All of a kernel that its processes can come to see.
void AddKernel(const Kernel& kernel, StateHash* hash);
void AddProcess(const Process& process, StateHash* hash);

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_STATE_HASH_H_
