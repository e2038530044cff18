#include "src/lock_holder.h"

#include <dirent.h>
#include <fcntl.h>

#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cleanfork/unique_fd.h"
#include "src/read_file.h"

namespace cleanfork {
namespace {

// The names in a directory, without those that begin with a dot; as many as could be read.
std::vector<std::string> ListDirectory(Os& os, const std::string& path) {
  std::vector<std::string> names;
  const SysResult<int> opened =
      os.Open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOCTTY, 0);
  if (!opened.ok()) return names;
  const UniqueFd fd(os, opened.value());
  alignas(dirent64) char buffer[4096];
  for (;;) {
    const SysResult<size_t> got = os.GetDents(fd.get(), buffer, sizeof(buffer));
    if (!got.ok() || got.value() == 0) return names;
    for (size_t at = 0; at < got.value();) {
      const char* entry = buffer + at;
      unsigned short length = 0;
      std::memcpy(&length, entry + offsetof(dirent64, d_reclen), sizeof(length));
      const char* name = entry + offsetof(dirent64, d_name);
      if (name[0] != '.') names.push_back(name);
      at += length;
    }
  }
}

}  // namespace

bool HoldsLock(Os& os, pid_t pid, const FileStatus& file) {
  const std::string process = absl::StrCat("/proc/", pid);
  for (const std::string& fd : ListDirectory(os, process + "/fdinfo")) {
    // The locks of a descriptor are listed in its fdinfo, with an inode number that is not always
    // that of stat(2) (overlayfs). So only those that have one are followed to their file, and not
    // every one: stat(2) may hang on a dead network file system.
    std::string info;
    if (ReadSmallFile(os, absl::StrCat(process, "/fdinfo/", fd).c_str(), 4096, &info) != 0 ||
        info.find("OFDLCK") == std::string::npos) {
      continue;
    }
    const SysResult<FileStatus> open = os.Stat(absl::StrCat(process, "/fd/", fd).c_str());
    if (open.ok() && open.value().device == file.device && open.value().inode == file.inode) {
      return true;
    }
  }
  return false;
}

}  // namespace cleanfork
