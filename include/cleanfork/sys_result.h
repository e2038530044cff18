// SysResult<T>: what a system call returned, a value or an errno, never both.
//
//   cleanfork::SysResult<int> fd = os.Open("/dev/null", O_RDWR | O_CLOEXEC, 0);
//   if (!fd.ok()) return fd.error();  // an errno value such as ENOENT
//   Use(fd.value());
//
// It carries its own errno, so nothing between the call and the check can clobber it, and it
// is [[nodiscard]], so that an unchecked setuid() is a compiler error in this project.
//
// Async-signal-safe and usable between fork and exec: trivially copyable, no heap, no lock,
// no exception, no message. On the parent's side StatusFromErrno() (cleanfork/child_error.h)
// turns it into an absl::Status.
#ifndef CLEANFORK_SYS_RESULT_H_
#define CLEANFORK_SYS_RESULT_H_

#include <type_traits>

namespace cleanfork {

// The errno of a call that failed. Range: a positive errno value; any other traps, since a
// failure without a cause cannot be reported.
class SysError {
 public:
  explicit constexpr SysError(int error) : error_(error) {
    if (error <= 0) __builtin_trap();
  }
  constexpr int error() const { return error_; }

 private:
  int error_;
};

// A value of type T, or the errno that stands in its place.
template <typename T>
class [[nodiscard]] SysResult {
 public:
  static_assert(std::is_trivially_copyable<T>::value, "a SysResult must be usable after fork");

  // Implicit on purpose, so that `return fd;` and `return SysError(errno);` read naturally.
  constexpr SysResult(T value) : value_(value) {}                 // NOLINT
  constexpr SysResult(SysError error) : error_(error.error()) {}  // NOLINT

  constexpr bool ok() const { return error_ == 0; }

  // The errno, or 0 when ok().
  constexpr int error() const { return error_; }

  // The value. Traps (SIGILL or SIGTRAP, without a message: a message is not signal-safe)
  // when !ok().
  constexpr const T& value() const {
    if (error_ != 0) __builtin_trap();
    return value_;
  }

  // The value when ok(), `fallback` otherwise.
  constexpr T value_or(T fallback) const { return error_ == 0 ? value_ : fallback; }

  // Says that the outcome does not matter here. The reason belongs in a comment beside it.
  constexpr void IgnoreError() const {}

 private:
  T value_{};
  int error_ = 0;
};

// The outcome of a call that has nothing to return but success.
template <>
class [[nodiscard]] SysResult<void> {
 public:
  constexpr SysResult() = default;
  constexpr SysResult(SysError error) : error_(error.error()) {}  // NOLINT

  constexpr bool ok() const { return error_ == 0; }

  // The errno, or 0 when ok().
  constexpr int error() const { return error_; }

  // Says that the outcome does not matter here. The reason belongs in a comment beside it.
  constexpr void IgnoreError() const {}

 private:
  int error_ = 0;
};

}  // namespace cleanfork

#endif  // CLEANFORK_SYS_RESULT_H_
