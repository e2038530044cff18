// The calls of Os that take a path, and the reading of directories.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "mocks/sim/calls.h"
#include "mocks/sim/descriptors.h"
#include "mocks/sim/files.h"
#include "mocks/sim/proc_files.h"
#include "mocks/sim/refuse.h"

namespace cleanfork::sim {
namespace {

// O_NOCTTY: there is no terminal. O_SYNC and O_DSYNC: nothing is ever lost. O_LARGEFILE: always.
constexpr int kOpenFlags = O_ACCMODE | O_CREAT | O_EXCL | O_TRUNC | O_APPEND | O_NONBLOCK |
                           O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_DIRECTORY | O_SYNC | O_DSYNC |
                           O_LARGEFILE;

int WantedAccess(int flags) {
  int how = 0;
  if ((flags & O_ACCMODE) != O_WRONLY) how |= kRead;
  if ((flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC) != 0) how |= kWrite;
  return how;
}

// Creates the file whose name is not there; an errno or 0.
int Create(Kernel* kernel, const Process& process, const Resolved& where, mode_t mode,
           int* created) {
  if (!MayAccess(*kernel, process.credentials, where.directory, kWrite | kExecute)) return EACCES;
  const Inode& directory = kernel->inodes[where.directory];
  const bool inherits = (directory.mode & S_ISGID) != 0;
  const gid_t gid = inherits ? directory.gid : process.credentials.group.file_system;
  // A program with the rights of a group is not for strangers to make: inode(7).
  constexpr mode_t kGroupProgram = S_ISGID | S_IXGRP;
  const bool stranger = !process.credentials.InGroup(gid) && !process.credentials.Has(kCapFsetId);
  if (inherits && (mode & kGroupProgram) == kGroupProgram && stranger) {
    mode &= ~static_cast<mode_t>(S_ISGID);
  }
  const mode_t permissions = mode & 07777 & ~process.umask;
  *created = TakeInode(kernel, S_IFREG | permissions, process.credentials.user.file_system, gid);
  AddName(kernel, where.directory, where.name, *created);
  return 0;
}

int CheckExisting(const Kernel& kernel, const Process& process, int index, int flags) {
  const Inode& inode = kernel.inodes[index];
  if ((flags & O_CREAT) != 0 && (flags & O_EXCL) != 0) return EEXIST;
  if (S_ISLNK(inode.mode)) return (flags & O_DIRECTORY) != 0 ? ENOTDIR : ELOOP;
  if (S_ISDIR(inode.mode)) {
    if ((flags & O_CREAT) != 0 || (WantedAccess(flags) & kWrite) != 0) return EISDIR;
  } else if ((flags & O_DIRECTORY) != 0) {
    return ENOTDIR;
  }
  if (!MayAccess(kernel, process.credentials, index, WantedAccess(flags))) return EACCES;
  if (S_ISSOCK(inode.mode)) return ENXIO;
  const bool writes = (WantedAccess(flags) & kWrite) != 0;
  return writes && IsRunning(kernel, index) ? ETXTBSY : 0;
}

// The names of an open directory, with what each is.
std::vector<std::pair<std::string, unsigned char>> Entries(const Kernel& kernel,
                                                           const Description& description) {
  std::vector<std::pair<std::string, unsigned char>> entries = {{".", DT_DIR}, {"..", DT_DIR}};
  if (description.kind == DescriptionKind::kProcFile) {
    for (const std::string& name : ProcNames(kernel, description))
      entries.push_back({name, DT_LNK});
    return entries;
  }
  for (const Name& name : kernel.names) {
    if (name.directory != description.object) continue;
    const mode_t mode = kernel.inodes[name.inode].mode;
    entries.push_back({name.text, static_cast<unsigned char>(IFTODT(mode))});
  }
  if (kernel.inodes[description.object].proc == ProcKind::kRoot) {
    for (const Process& process : kernel.processes) {
      if (!IsLive(process)) continue;
      entries.push_back({std::to_string(process.pid), DT_DIR});
    }
  }
  return entries;
}

}  // namespace

SysResult<int> Calls::Open(const char* path, int flags, mode_t mode) {
  if ((flags & ~kOpenFlags) != 0) {
    Refuse("flag " + std::to_string(flags & ~kOpenFlags) + " of open");
  }
  if ((flags & O_CREAT) != 0 && (flags & O_DIRECTORY) != 0) return SysError(EINVAL);
  if (path == nullptr) return SysError(EFAULT);
  if (*path == '\0') return SysError(ENOENT);
  const int fd = FindFreeDescriptor(self(), 0);
  if (fd < 0) return SysError(EMFILE);
  if (!HasRoomForFiles(kernel_, self(), 1)) return SysError(ENFILE);
  const bool creates = (flags & O_CREAT) != 0;
  const bool follow = (flags & O_NOFOLLOW) == 0 && !(creates && (flags & O_EXCL) != 0);
  const Resolved where = creates ? ResolveToCreate(kernel_, self(), path, follow)
                                 : Resolve(kernel_, self(), path, follow);
  Description model = {};
  if (where.proc) {
    const int error = FindProc(kernel_, self(), where.name, &model);
    if (error != 0) return SysError(error);
    if (IsProcLink(model)) Refuse("to open a descriptor by its name in /proc");
    if (!IsProcDirectory(model) && (flags & O_DIRECTORY) != 0) return SysError(ENOTDIR);
    model.flags = flags & kDescriptionFlags;
  } else {
    int inode = where.inode;
    int error = where.error;
    if (error == ENOENT && where.directory != kNone && creates) {
      error = Create(&kernel_, self(), where, mode, &inode);
    } else if (error == 0) {
      error = CheckExisting(kernel_, self(), inode, flags);
      const bool truncates = (flags & O_TRUNC) != 0;
      if (error == 0 && truncates && S_ISREG(kernel_.inodes[inode].mode)) {
        TakeSetIdBits(&kernel_, self().credentials, inode);
        Truncate(&kernel_, inode, 0);
      }
    }
    if (error != 0) return SysError(error);
    model = OpenInode(&kernel_, inode, flags);
  }
  InstallDescription(&kernel_, &self(), fd, model, (flags & O_CLOEXEC) != 0);
  return fd;
}

SysResult<FileStatus> Calls::Stat(const char* path) {
  const Resolved where = Resolve(kernel_, self(), path, true);
  if (where.proc) {
    Description found;
    const int error = FindProc(kernel_, self(), where.name, &found);
    if (error != 0) return SysError(error);
    return ProcStatus(kernel_, found);
  }
  if (where.error != 0) return SysError(where.error);
  return StatusOf(kernel_, where.inode);
}

SysResult<void> Calls::Unlink(const char* path) {
  if (path == nullptr) return SysError(EFAULT);
  // A link is not followed, not even before a slash, which nothing but a directory may have.
  const std::string whole = path;
  const std::string bare = whole.substr(0, whole.find_last_not_of('/') + 1);
  const bool slashes = !bare.empty() && bare.size() < whole.size();
  const Resolved where = Resolve(kernel_, self(), slashes ? bare.c_str() : path, false);
  if (where.proc) Refuse("unlink in /proc");
  if (where.error != 0) return SysError(where.error);
  if (slashes && !S_ISDIR(kernel_.inodes[where.inode].mode)) return SysError(ENOTDIR);
  if (slashes || where.name.empty() || where.name == "." || where.name == "..")
    return SysError(EISDIR);
  const Credentials& credentials = self().credentials;
  if (!MayAccess(kernel_, credentials, where.directory, kWrite | kExecute)) {
    return SysError(EACCES);
  }
  const Inode& directory = kernel_.inodes[where.directory];
  const Inode& inode = kernel_.inodes[where.inode];
  const uid_t user = credentials.user.file_system;
  const bool sticky = (directory.mode & S_ISVTX) != 0 && user != directory.uid &&
                      user != inode.uid && !credentials.Has(kCapFowner);
  if (sticky) return SysError(EPERM);
  if (S_ISDIR(inode.mode)) return SysError(EISDIR);
  RemoveName(&kernel_, where.directory, where.name);
  return {};
}

SysResult<void> Calls::ChDir(const char* path) {
  const Resolved where = Resolve(kernel_, self(), path, true);
  if (where.proc) Refuse("a working directory in /proc");
  if (where.error != 0) return SysError(where.error);
  if (!S_ISDIR(kernel_.inodes[where.inode].mode)) return SysError(ENOTDIR);
  if (!MayAccess(kernel_, self().credentials, where.inode, kExecute)) return SysError(EACCES);
  self().directory = where.inode;
  return {};
}

SysResult<void> Calls::ChRoot(const char* path) {
  const Resolved where = Resolve(kernel_, self(), path, true);
  if (where.proc) Refuse("a root in /proc");
  if (where.error != 0) return SysError(where.error);
  if (!S_ISDIR(kernel_.inodes[where.inode].mode)) return SysError(ENOTDIR);
  if (!MayAccess(kernel_, self().credentials, where.inode, kExecute)) return SysError(EACCES);
  if (!self().credentials.Has(kCapSysChroot)) return SysError(EPERM);
  self().root = where.inode;
  return {};
}

mode_t Calls::Umask(mode_t mask) { return std::exchange(self().umask, mask & 0777); }

SysResult<size_t> Calls::ReadLink(const char* path, char* buffer, size_t size) {
  if (static_cast<int>(size) <= 0) return SysError(EINVAL);
  const Resolved where = Resolve(kernel_, self(), path, false);
  if (where.error != 0) return SysError(where.error);
  if (!where.proc && !S_ISLNK(kernel_.inodes[where.inode].mode)) return SysError(EINVAL);
  if (buffer == nullptr) return SysError(EFAULT);
  const std::string target = where.proc ? ProcTarget(kernel_, self(), where.name)
                                        : Contents(kernel_, where.inode);
  return target.copy(buffer, size);
}

SysResult<size_t> Calls::GetDents(int fd, void* buffer, size_t size) {
  Description* description = Find(fd);
  if (description == nullptr) return SysError(EBADF);
  const bool directory =
      description->kind == DescriptionKind::kDirectory ||
      (description->kind == DescriptionKind::kProcFile && IsProcDirectory(*description));
  if (!directory) return SysError(ENOTDIR);
  const auto entries = Entries(kernel_, *description);
  size_t filled = 0;
  while (static_cast<size_t>(description->offset) < entries.size()) {
    const auto& [name, type] = entries[static_cast<size_t>(description->offset)];
    const size_t header = offsetof(dirent64, d_name);
    const size_t length = (header + name.size() + 1 + 7) / 8 * 8;
    if (filled + length > size) {
      if (filled == 0) return SysError(EINVAL);
      break;
    }
    if (buffer == nullptr) return SysError(EFAULT);
    ++description->offset;
    dirent64 entry = {};
    entry.d_ino = static_cast<ino64_t>(description->offset);
    entry.d_off = description->offset;
    entry.d_reclen = static_cast<unsigned short>(length);
    entry.d_type = type;
    char* to = static_cast<char*>(buffer) + filled;
    std::memset(to, 0, length);
    std::memcpy(to, &entry, header);
    std::memcpy(to + header, name.data(), name.size());
    filled += length;
  }
  return filled;
}

}  // namespace cleanfork::sim
