// Between the kernel's structs and those of cleanfork/os_types.h: for real_os.cc. No system calls.
#ifndef CLEANFORK_SRC_KERNEL_VALUES_H_
#define CLEANFORK_SRC_KERNEL_VALUES_H_

#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ctime>

#include "cleanfork/os_types.h"
#include "cleanfork/sys_result.h"

namespace cleanfork {

constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;

inline timespec ToTimespec(int64_t nanoseconds) {
  timespec time = {};
  time.tv_sec = static_cast<time_t>(nanoseconds / kNanosecondsPerSecond);
  time.tv_nsec = static_cast<long>(nanoseconds % kNanosecondsPerSecond);
  return time;
}

inline int64_t ToNanoseconds(const timespec& time) {
  return int64_t{time.tv_sec} * kNanosecondsPerSecond + time.tv_nsec;
}

inline FileStatus ToFileStatus(const struct stat& from) {
  FileStatus status;
  status.device = from.st_dev;
  status.inode = from.st_ino;
  status.mode = from.st_mode;
  status.links = from.st_nlink;
  status.uid = from.st_uid;
  status.gid = from.st_gid;
  status.special_device = from.st_rdev;
  status.size = from.st_size;
  status.modified = ToNanoseconds(from.st_mtim);
  return status;
}

template <size_t kSize>
bool CopyText(char (&to)[kSize], const char* from) {
  if (from == nullptr) from = "";
  const size_t length = std::strlen(from);
  if (length >= kSize) return false;
  std::memcpy(to, from, length + 1);
  return true;
}

inline SysResult<UserRecord> ToUserRecord(const passwd& from) {
  UserRecord record;
  record.uid = from.pw_uid;
  record.gid = from.pw_gid;
  if (!CopyText(record.name, from.pw_name) || !CopyText(record.home, from.pw_dir) ||
      !CopyText(record.shell, from.pw_shell)) {
    return SysError(ERANGE);
  }
  return record;
}

// The length of `to`, or 0 if it is too small for the address or there is none.
inline socklen_t ToSockaddr(const UnixAddress& address, sockaddr_un* to) {
  static_assert(sizeof(to->sun_path) == UnixAddress::kMaxSize);
  to->sun_family = AF_UNIX;
  // With its NUL, a path is one byte longer; an abstract name has none: unix(7).
  const size_t terminator = address.bytes[0] == '\0' ? 0 : 1;
  if (address.size == 0 || address.size + terminator > sizeof(to->sun_path)) return 0;
  std::memcpy(to->sun_path, address.bytes, address.size);
  return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size + terminator);
}

}  // namespace cleanfork

#endif  // CLEANFORK_SRC_KERNEL_VALUES_H_
