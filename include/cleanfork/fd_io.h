// Free functions over Os that move bytes and take up interrupted calls again.
//
//   cleanfork::SysResult<size_t> got = cleanfork::ReadFully(os, fd, &record, sizeof(record));
//   if (got.ok() && got.value() == sizeof(record)) Use(record);
//
// Thread- and signal-safe as read(2) and write(2) are. None allocates.
#ifndef CLEANFORK_FD_IO_H_
#define CLEANFORK_FD_IO_H_

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "cleanfork/os.h"
#include "cleanfork/probe.h"

namespace cleanfork {

// Calls `call()` until it returns something other than EINTR. Not for Close(): on Linux the
// descriptor is gone all the same.
template <typename Call>
auto RetryOnEintr(Call call) -> decltype(call()) {
  for (;;) {
    auto result = call();
    if (result.ok() || result.error() != EINTR) return result;
    CLEANFORK_PROBE("an interrupted call is taken up again");
  }
}

// Reads until `size` bytes are there or the end of file is. Returns the number read, less than
// `size` only at the end of file; any errno of read(2) but EINTR.
SysResult<size_t> ReadFully(Os& os, int fd, void* buffer, size_t size);

// Writes all of `size` bytes. Any errno of write(2) but EINTR; how much was written before a
// failure is not told.
SysResult<void> WriteFully(Os& os, int fd, const void* buffer, size_t size);

// `time` and `delay` nanoseconds, neither negative; the end of time instead of an overflow.
constexpr int64_t Later(int64_t time, int64_t delay) {
  constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();
  return delay > kEnd - time ? kEnd : time + delay;
}

// Sleeps until `deadline`, nanoseconds on CLOCK_MONOTONIC, however often a signal interrupts.
SysResult<void> SleepUntil(Os& os, int64_t deadline);

}  // namespace cleanfork

#endif  // CLEANFORK_FD_IO_H_
