// Bytes: a buffer that is appended to, several times in each call: inline, which std::string's
// append() is not.
#ifndef CLEANFORK_MOCKS_SIM_BYTES_H_
#define CLEANFORK_MOCKS_SIM_BYTES_H_

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <vector>

namespace cleanfork::sim {

class Bytes {
 public:
  Bytes() = default;
  Bytes(const Bytes& other) { *this = other; }
  Bytes(Bytes&&) = default;
  Bytes& operator=(const Bytes& other) {
    if (this == &other) return *this;
    clear();
    Append(other.data(), other.size());
    return *this;
  }
  Bytes& operator=(Bytes&&) = default;

  void Append(const void* bytes, size_t size) {
    if (size == 0) return;  // of which `bytes` may be null
    if (room_.size() - size_ < size) room_.resize(std::max(2 * room_.size(), size_ + size));
    std::memcpy(room_.data() + size_, bytes, size);
    size_ += size;
  }
  void Append(const Bytes& other) { Append(other.data(), other.size()); }

  bool Equals(const void* bytes, size_t size) const {
    return size == size_ && (size == 0 || std::memcmp(room_.data(), bytes, size) == 0);
  }

  // Keeps the room.
  void clear() { size_ = 0; }
  void Shorten(size_t size) { size_ = size; }

  const char* data() const { return room_.data(); }
  size_t size() const { return size_; }

 private:
  std::vector<char> room_;
  size_t size_ = 0;
};

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_BYTES_H_
