// OsCall: the calls of Os by name, and what is known of each: what fault plans, traces and
// sweeps are made of. It is cleanfork/os_calls.inc as data.
//
//   for (const cleanfork::OsCallInfo& info : cleanfork::OsCalls()) {
//     for (int error : info.errnos) std::printf("%s %s\n", info.name, ErrnoName(error));
//   }
//
// Everything here is constant: thread-safe and signal-safe.
#ifndef CLEANFORK_OS_CALL_H_
#define CLEANFORK_OS_CALL_H_

#include <cstddef>

namespace cleanfork {

// kExit stands last: it is the one call that no table row describes, since it does not return.
enum class OsCall : int {
#define CLEANFORK_OS_CALL(Method, name, Result, parameters, arguments, page, errnos) k##Method,
#include "cleanfork/os_calls.inc"
  kExit,
};

constexpr int kOsCallCount = static_cast<int>(OsCall::kExit) + 1;

// A constant array that may be iterated: what std::span would be.
template <typename T>
class ConstantArray {
 public:
  constexpr ConstantArray() = default;
  constexpr ConstantArray(const T* data, size_t size) : data_(data), size_(size) {}
  constexpr const T* begin() const { return data_; }
  constexpr const T* end() const { return data_ + size_; }
  constexpr size_t size() const { return size_; }
  constexpr bool empty() const { return size_ == 0; }
  constexpr const T& operator[](size_t i) const { return data_[i]; }

 private:
  const T* data_ = nullptr;
  size_t size_ = 0;
};

struct OsCallInfo {
  OsCall call;
  const char* method;         // "SetUid"
  const char* name;           // "setuid": as in traces and fault plans
  const char* parameters;     // "(uid_t uid)": names and types, for printing arguments
  const char* page;           // "setuid(2)": where the errnos come from
  ConstantArray<int> errnos;  // what that page says it may fail with; empty: it cannot fail
};

// Every call once, in the order of the enum.
ConstantArray<OsCallInfo> OsCalls();

// The row of one call.
const OsCallInfo& GetOsCallInfo(OsCall call);

// The row of the call of that name ("setuid"), or null.
const OsCallInfo* FindOsCall(const char* name);

}  // namespace cleanfork

#endif  // CLEANFORK_OS_CALL_H_
