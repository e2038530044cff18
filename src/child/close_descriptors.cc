#include "src/child/close_descriptors.h"

#include <dirent.h>
#include <fcntl.h>

#include "cleanfork/fd_io.h"
#include "cleanfork/probe.h"

namespace cleanfork {
namespace {

constexpr int kFirst = 3;

struct KeptDescriptors {
  const int* fds;
  size_t count;
  PipeEnds also;
};

bool IsKept(int fd, const KeptDescriptors& kept) {
  for (size_t i = 0; i < kept.count; ++i) {
    if (kept.fds[i] == fd) return true;
  }
  return fd == kept.also.read_end || fd == kept.also.write_end;
}

// The lower of two descriptors that are not below `from`; -1 is none.
int Lower(int a, int b, int from) {
  if (b < from) return a;
  return a == -1 || b < a ? b : a;
}

// The lowest kept descriptor that is not below `from`, or -1.
int NextKept(int from, const KeptDescriptors& kept) {
  int next = Lower(Lower(-1, kept.also.read_end, from), kept.also.write_end, from);
  for (size_t i = 0; i < kept.count; ++i) next = Lower(next, kept.fds[i], from);
  return next;
}

SysResult<void> CloseByRange(Os& os, const KeptDescriptors& kept) {
  int next = kFirst;
  for (int keep = NextKept(next, kept); keep != -1; keep = NextKept(next, kept)) {
    if (keep > next) {
      SysResult<void> closed =
          os.CloseRange(static_cast<unsigned>(next), static_cast<unsigned>(keep) - 1, 0);
      if (!closed.ok()) return closed;
    }
    next = keep + 1;
  }
  return os.CloseRange(static_cast<unsigned>(next), ~0u, 0);
}

// A directory entry's name as a descriptor, or -1.
int ParseDescriptor(const char* name) {
  int fd = 0;
  if (*name == '\0') return -1;
  for (; *name != '\0'; ++name) {
    if (*name < '0' || *name > '9' || fd > 200'000'000) return -1;
    fd = fd * 10 + (*name - '0');
  }
  return fd;
}

// Closes what one pass over /proc/self/fd shows; the number closed. Closing while reading may hide
// entries from the same pass: the caller repeats it until a pass closes nothing.
SysResult<int> CloseOnePass(Os& os, int directory, const KeptDescriptors& kept) {
  alignas(dirent64) char buffer[2048];
  int closed = 0;
  for (;;) {
    SysResult<size_t> size = os.GetDents(directory, buffer, sizeof(buffer));
    if (!size.ok()) return SysError(size.error());
    if (size.value() == 0) return closed;
    for (size_t at = 0; at < size.value();) {
      const dirent64* entry = reinterpret_cast<const dirent64*>(buffer + at);
      at += entry->d_reclen;
      const int fd = ParseDescriptor(entry->d_name);
      if (fd < kFirst || fd == directory || IsKept(fd, kept)) continue;
      // Its errno says nothing about whether it is closed: on Linux it is.
      os.Close(fd).IgnoreError();
      ++closed;
    }
  }
}

SysResult<void> CloseByDirectory(Os& os, const KeptDescriptors& kept) {
  for (;;) {
    SysResult<int> directory = RetryOnEintr(
        [&] { return os.Open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0); });
    if (!directory.ok()) return SysError(directory.error());
    SysResult<int> closed = CloseOnePass(os, directory.value(), kept);
    os.Close(directory.value()).IgnoreError();
    if (!closed.ok()) return SysError(closed.error());
    if (closed.value() == 0) return {};
  }
}

}  // namespace

SysResult<void> CloseDescriptors(Os& os, const int* kept, size_t kept_count, PipeEnds also_kept) {
  const KeptDescriptors all = {kept, kept_count, also_kept};
  SysResult<void> closed = CloseByRange(os, all);
  if (closed.ok() || (closed.error() != ENOSYS && closed.error() != EPERM)) return closed;
  CLEANFORK_PROBE("there is no close_range");
  return CloseByDirectory(os, all);
}

}  // namespace cleanfork
