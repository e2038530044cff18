#include "cleanfork/fd_io.h"

#include <ctime>

#include "cleanfork/probe.h"

namespace cleanfork {

SysResult<size_t> ReadFully(Os& os, int fd, void* buffer, size_t size) {
  char* bytes = static_cast<char*>(buffer);
  size_t done = 0;
  while (done < size) {
    SysResult<size_t> got = RetryOnEintr([&] { return os.Read(fd, bytes + done, size - done); });
    if (!got.ok()) return got;
    if (got.value() == 0) break;
    done += got.value();
    if (done < size) CLEANFORK_PROBE("a read brings a part");
  }
  return done;
}

SysResult<void> WriteFully(Os& os, int fd, const void* buffer, size_t size) {
  const char* bytes = static_cast<const char*>(buffer);
  size_t done = 0;
  while (done < size) {
    SysResult<size_t> put = RetryOnEintr([&] { return os.Write(fd, bytes + done, size - done); });
    if (!put.ok()) return SysError(put.error());
    // POSIX lets write(2) of more than 0 bytes return 0 on no file that we write to; a kernel
    // that did would hold us here for ever.
    if (put.value() == 0) return SysError(EIO);
    done += put.value();
    if (done < size) CLEANFORK_PROBE("a write takes a part");
  }
  return {};
}

SysResult<void> SleepUntil(Os& os, int64_t deadline) {
  return RetryOnEintr([&] { return os.ClockNanoSleep(CLOCK_MONOTONIC, TIMER_ABSTIME, deadline); });
}

}  // namespace cleanfork
