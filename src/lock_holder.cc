#include "src/lock_holder.h"

#include <dirent.h>
#include <fcntl.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cleanfork/probe.h"
#include "cleanfork/unique_fd.h"
#include "src/proc_files.h"

namespace cleanfork {
namespace {

// Reads the names in a directory, without those that begin with a dot. False if not all of them
// could be read.
bool ListDirectory(Os& os, const std::string& path, std::vector<std::string>* names) {
  const SysResult<int> opened =
      os.Open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOCTTY, 0);
  if (!opened.ok()) return false;
  const UniqueFd fd(os, opened.value());
  alignas(dirent64) char buffer[4096];
  for (;;) {
    const SysResult<size_t> got = os.GetDents(fd.get(), buffer, sizeof(buffer));
    if (!got.ok()) return false;
    if (got.value() == 0) return true;
    for (size_t at = 0; at < got.value();) {
      const char* entry = buffer + at;
      unsigned short length = 0;
      std::memcpy(&length, entry + offsetof(dirent64, d_reclen), sizeof(length));
      const char* name = entry + offsetof(dirent64, d_name);
      if (name[0] != '.') names->push_back(name);
      at += length;
    }
  }
}

}  // namespace

LockHolding HoldsLock(Os& os, pid_t pid, const FileStatus& file) {
  const std::string process = absl::StrCat("/proc/", pid);
  std::vector<std::string> descriptors;
  bool seen_all = ListDirectory(os, process + "/fdinfo", &descriptors);
  for (const std::string& fd : descriptors) {
    // The locks of a descriptor are listed in its fdinfo, with an inode number that is not always
    // that of stat(2) (overlayfs). So only those that have one are followed to their file, and not
    // every one: stat(2) may hang on a dead network file system.
    std::string info;
    const int error = ReadProcFile(os, absl::StrCat(process, "/fdinfo/", fd), &info);
    if (error == ENOENT) {
      CLEANFORK_PROBE("a descriptor is closed while locks are looked for");
      continue;
    }
    if (error != 0) {
      CLEANFORK_PROBE("the locks of a descriptor cannot be read");
      seen_all = false;
      continue;
    }
    if (info.find("OFDLCK") == std::string::npos) continue;
    const SysResult<FileStatus> open = os.Stat(absl::StrCat(process, "/fd/", fd).c_str());
    if (!open.ok()) {
      if (open.error() != ENOENT) seen_all = false;
    } else if (open.value().device == file.device && open.value().inode == file.inode) {
      return LockHolding::kYes;
    }
  }
  return seen_all ? LockHolding::kNo : LockHolding::kCannotLook;
}

}  // namespace cleanfork
