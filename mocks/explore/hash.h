// Hashes that are the same in every run and on every machine: FNV-1a.
#ifndef CLEANFORK_MOCKS_EXPLORE_HASH_H_
#define CLEANFORK_MOCKS_EXPLORE_HASH_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "cleanfork/fault_plan.h"

namespace cleanfork::explore {

class Hasher {
 public:
  void Add(uint64_t number) {
    for (int i = 0; i < 8; ++i) AddByte(static_cast<uint8_t>(number >> (8 * i)));
  }
  void Add(const std::string& text) {
    for (char c : text) AddByte(static_cast<uint8_t>(c));
    AddByte(0);
  }
  uint64_t value() const { return value_; }

  // For sums: the last byte that is added changes value() by one of few differences. MurmurHash3's
  // last step.
  uint64_t Mixed() const {
    uint64_t z = (value_ ^ value_ >> 33) * 0xff51afd7ed558ccd;
    z = (z ^ z >> 33) * 0xc4ceb9fe1a85ec53;
    return z ^ z >> 33;
  }

 private:
  void AddByte(uint8_t byte) { value_ = (value_ ^ byte) * 0x100000001b3; }

  uint64_t value_ = 0xcbf29ce484222325;
};

inline uint64_t HashOf(const FaultPlan& plan) {
  Hasher hasher;
  for (const FaultEntry& entry : plan) hasher.Add(entry.ToString());
  return hasher.value();
}

}  // namespace cleanfork::explore

#endif  // CLEANFORK_MOCKS_EXPLORE_HASH_H_
