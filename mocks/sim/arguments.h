// The arguments of a call, as values without addresses: what a replayed call is compared with, and
// what traces and messages print.
#ifndef CLEANFORK_MOCKS_SIM_ARGUMENTS_H_
#define CLEANFORK_MOCKS_SIM_ARGUMENTS_H_

#include <poll.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>

#include "cleanfork/os_types.h"
#include "mocks/sim/bytes.h"
#include "mocks/sim/calls.h"

namespace cleanfork::sim {

// Appends values to a string of bytes, each with a letter that says what it is.
class ArgumentWriter {
 public:
  ArgumentWriter(Bytes* bytes, Runner* runner) : bytes_(*bytes), runner_(*runner) {}

  // Numbers. Of a buffer that the call fills, and of anything else that is only pointed to,
  // nothing but that it is there.
  template <typename T>
  void Add(T value) {
    if constexpr (std::is_integral<T>::value || std::is_enum<T>::value) {
      AddNumber('i', static_cast<int64_t>(value));
    } else {
      AddLetter(value == nullptr ? 'n' : 'p');
    }
  }
  void Add(const char* text);
  void Add(char* const* words);
  void Add(SignalSet set) { AddNumber('m', static_cast<int64_t>(set.bits())); }
  void Add(const SignalSet* set);
  void Add(const SignalAction* action);
  void Add(ResourceLimit limit);
  void Add(const UnixAddress* address);
  void Add(char* buffer) { Add(static_cast<void*>(buffer)); }  // not a text

  // What a call reads out of a buffer: all of it is compared, its beginning printed.
  void AddBytes(const void* bytes, size_t size);
  void AddPolled(const struct pollfd* descriptors, size_t count);

 private:
  void AddLetter(char kind) { bytes_.Append(&kind, 1); }
  void AddNumber(char kind, int64_t number) {
    char bytes[1 + sizeof(number)];
    bytes[0] = kind;
    std::memcpy(bytes + 1, &number, sizeof(number));
    bytes_.Append(bytes, sizeof(bytes));
  }

  Bytes& bytes_;
  Runner& runner_;
};

// "3, \"/x\", {SIGTERM}"
std::string ArgumentText(const char* bytes, size_t size);

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_ARGUMENTS_H_
