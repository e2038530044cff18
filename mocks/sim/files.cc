#include "mocks/sim/files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "mocks/sim/refuse.h"

namespace cleanfork::sim {
namespace {

constexpr dev_t kDevice = 0x801;
constexpr int kMostLinks = 40;  // MAXSYMLINKS of Linux
constexpr size_t kMostPath = 4096;
constexpr size_t kMostName = 255;

void Touch(Kernel* kernel, int inode) {
  kernel->inodes[inode].modified = kernel->monotonic + kernel->realtime_offset;
}

void FreeIfUnused(Kernel* kernel, int index) {
  Inode& inode = kernel->inodes[index];
  if (inode.links > 0 || inode.open_count > 0) return;
  Truncate(kernel, index, 0);
  inode.used = 0;
}

// The position of a name in a directory, or kNone.
int FindName(const Kernel& kernel, int directory, const std::string& name) {
  for (int i = 0; i < kernel.names.used; ++i) {
    const Name& entry = kernel.names[i];
    if (entry.directory == directory && name == entry.text) return i;
  }
  return kNone;
}

// One path on its way through the tree.
class Walk {
 public:
  Walk(const Kernel& kernel, const Process& process, bool creating)
      : kernel_(kernel), process_(process), creating_(creating) {}

  Resolved Go(const char* given, bool follow_last) {
    if (given == nullptr) return Failed(EFAULT);
    std::string path = given;
    if (path.empty()) return Failed(ENOENT);
    if (path.size() >= kMostPath) return Failed(ENAMETOOLONG);
    at_ = path[0] == '/' ? process_.root : process_.directory;
    result_.inode = at_;
    result_.directory = at_;
    while (true) {
      const size_t start = path.find_first_not_of('/');
      if (start == std::string::npos) break;
      const size_t end = std::min(path.find('/', start), path.size());
      const std::string part = path.substr(start, end - start);
      std::string rest = path.substr(end);
      const bool last = rest.find_first_not_of('/') == std::string::npos;
      const int error = Step(part, last, last && rest.empty() ? follow_last : true, &rest);
      if (error != 0) return Failed(error, last);
      if (result_.proc) return result_;
      path = rest;
    }
    if (trailing_slash_ && !S_ISDIR(kernel_.inodes[at_].mode)) return Failed(ENOTDIR);
    result_.inode = at_;
    return result_;
  }

 private:
  Resolved Failed(int error, bool last = false) {
    const bool creatable = error == ENOENT && last;
    result_.error = error;
    result_.inode = kNone;
    if (!creatable) result_.directory = kNone;
    return result_;
  }

  int Step(const std::string& part, bool last, bool follow, std::string* rest) {
    const Inode& directory = kernel_.inodes[at_];
    if (!S_ISDIR(directory.mode)) return ENOTDIR;
    if (directory.proc == ProcKind::kRoot && part != ".." && part != ".") {
      result_.proc = true;
      result_.inode = at_;
      result_.name = part + *rest;
      return 0;
    }
    if (!MayAccess(kernel_, process_.credentials, at_, kExecute)) return EACCES;
    if (part.size() > kMostName) return ENAMETOOLONG;
    result_.directory = at_;
    result_.name = part;
    trailing_slash_ = !rest->empty();
    if (part == ".") return 0;
    if (part == "..") {
      if (at_ != process_.root) at_ = directory.parent;
      return 0;
    }
    // What is created is no directory, whatever is there: open_last_lookups() of Linux does not
    // look.
    if (creating_ && last && !rest->empty()) return EISDIR;
    const int found = LookUp(kernel_, at_, part);
    if (found == kNone) return ENOENT;
    if (S_ISLNK(kernel_.inodes[found].mode) && (!last || follow)) {
      if (++links_ > kMostLinks) return ELOOP;
      const std::string target = Contents(kernel_, found);
      if (target.empty()) return ENOENT;
      if (target[0] == '/') at_ = process_.root;
      *rest = target + *rest;
      return 0;
    }
    at_ = found;
    return 0;
  }

  const Kernel& kernel_;
  const Process& process_;
  const bool creating_;
  Resolved result_;
  bool trailing_slash_ = false;
  int at_ = kRootInode;
  int links_ = 0;
};

}  // namespace

int TakeInode(Kernel* kernel, mode_t mode, uid_t uid, gid_t gid) {
  for (int index = 0; index < kMaxInodes; ++index) {
    Inode& inode = kernel->inodes[index];
    if (inode.used != 0) continue;
    kernel->inodes.Use(index) = Inode();
    inode.used = 1;
    inode.mode = mode;
    inode.uid = uid;
    inode.gid = gid;
    inode.program = kNone;
    inode.parent = index;
    std::fill(std::begin(inode.pages), std::end(inode.pages), int16_t{kNone});
    Touch(kernel, index);
    return index;
  }
  OutOfRoom("files", kMaxInodes);
}

int LookUp(const Kernel& kernel, int directory, const std::string& name) {
  const int found = FindName(kernel, directory, name);
  return found == kNone ? kNone : kernel.names[found].inode;
}

void AddName(Kernel* kernel, int directory, const std::string& name, int inode) {
  if (name.size() >= kMaxNameSize) OutOfRoom("characters in a file's name", kMaxNameSize - 1);
  for (int i = 0; i < kMaxNames; ++i) {
    Name& entry = kernel->names[i];
    if (entry.directory != kNone) continue;
    kernel->names.Use(i);
    entry.directory = directory;
    entry.inode = inode;
    std::memset(entry.text, 0, sizeof(entry.text));
    std::memcpy(entry.text, name.data(), name.size());
    ++kernel->inodes[inode].links;
    if (S_ISDIR(kernel->inodes[inode].mode)) kernel->inodes[inode].parent = directory;
    Touch(kernel, directory);
    return;
  }
  OutOfRoom("names in directories", kMaxNames);
}

void RemoveName(Kernel* kernel, int directory, const std::string& name) {
  Name& entry = kernel->names[FindName(*kernel, directory, name)];
  const int inode = entry.inode;
  entry = Name();
  entry.directory = kNone;
  --kernel->inodes[inode].links;
  Touch(kernel, directory);
  FreeIfUnused(kernel, inode);
}

Description OpenInode(Kernel* kernel, int index, int flags) {
  Inode& inode = kernel->inodes[index];
  ++inode.open_count;
  const auto kind = S_ISDIR(inode.mode) ? DescriptionKind::kDirectory : DescriptionKind::kFile;
  return MakeDescription(kind, index, flags & kDescriptionFlags);
}

void ReleaseInode(Kernel* kernel, int inode) {
  --kernel->inodes[inode].open_count;
  FreeIfUnused(kernel, inode);
}

size_t ReadFileAt(const Kernel& kernel, int index, void* buffer, size_t size, int64_t offset) {
  const Inode& inode = kernel.inodes[index];
  if (offset >= inode.size) return 0;
  size = std::min(size, static_cast<size_t>(inode.size - offset));
  for (size_t done = 0; done < size;) {
    const size_t at = static_cast<size_t>(offset) + done;
    const size_t part = std::min(size - done, kPageSize - at % kPageSize);
    const int page = inode.pages[at / kPageSize];
    char* to = static_cast<char*>(buffer) + done;
    if (page == kNone) {
      std::memset(to, 0, part);
    } else {
      std::memcpy(to, kernel.pages[page] + at % kPageSize, part);
    }
    done += part;
  }
  return size;
}

size_t WriteFileAt(Kernel* kernel, int index, const void* buffer, size_t size, int64_t offset) {
  Inode& inode = kernel->inodes[index];
  constexpr size_t kMost = kMaxFilePages * kPageSize;
  if (static_cast<uint64_t>(offset) > kMost || size > kMost - static_cast<size_t>(offset)) {
    OutOfRoom("bytes in a file", kMost);
  }
  size_t done = 0;
  while (done < size) {
    const size_t at = static_cast<size_t>(offset) + done;
    const size_t part = std::min(size - done, kPageSize - at % kPageSize);
    int16_t& page = inode.pages[at / kPageSize];
    if (page == kNone) {
      if (kernel->free_blocks == 0) break;
      --kernel->free_blocks;
      page = static_cast<int16_t>(TakePage(kernel));
    }
    std::memcpy(PageToWrite(kernel, page) + at % kPageSize, static_cast<const char*>(buffer) + done,
                part);
    done += part;
  }
  if (done > 0) inode.size = std::max(inode.size, offset + static_cast<int64_t>(done));
  Touch(kernel, index);
  return done;
}

void Truncate(Kernel* kernel, int index, int64_t size) {
  Inode& inode = kernel->inodes[index];
  constexpr int64_t kPage = kPageSize;
  if (size > kMaxFilePages * kPage) OutOfRoom("bytes in a file", kMaxFilePages * kPage);
  for (int i = 0; i < kMaxFilePages; ++i) {
    int16_t& page = inode.pages[i];
    if (page == kNone) continue;
    const int64_t start = i * kPage;
    if (start >= size) {
      FreePage(kernel, page);
      page = kNone;
      ++kernel->free_blocks;
    } else if (size < start + kPage) {
      const auto kept = static_cast<size_t>(size - start);
      std::memset(PageToWrite(kernel, page) + kept, 0, kPageSize - kept);
    }
  }
  inode.size = size;
  Touch(kernel, index);
}

std::string Contents(const Kernel& kernel, int inode) {
  std::string text(static_cast<size_t>(kernel.inodes[inode].size), '\0');
  ReadFileAt(kernel, inode, &text[0], text.size(), 0);
  return text;
}

FileStatus StatusOf(const Kernel& kernel, int index) {
  const Inode& inode = kernel.inodes[index];
  FileStatus status;
  status.device = kDevice;
  status.inode = static_cast<ino_t>(index + 2);  // that of a root directory is 2
  status.mode = inode.mode;
  status.links = static_cast<nlink_t>(inode.links);
  status.uid = inode.uid;
  status.gid = inode.gid;
  status.special_device = inode.special_device;
  status.size = S_ISDIR(inode.mode) ? int64_t{kPageSize} : inode.size;
  status.modified = inode.modified;
  if (S_ISDIR(inode.mode)) {
    status.links = 2;
    for (const Name& name : kernel.names) {
      const bool child = name.directory == index && S_ISDIR(kernel.inodes[name.inode].mode);
      if (child) ++status.links;
    }
  }
  return status;
}

std::string PathOf(const Kernel& kernel, int inode) {
  if (inode == kRootInode) return "/";
  for (const Name& name : kernel.names) {
    if (name.directory == kNone || name.inode != inode) continue;
    const std::string directory = PathOf(kernel, name.directory);
    return directory + (directory == "/" ? "" : "/") + name.text;
  }
  return "a file without a name";
}

bool MayAccess(const Kernel& kernel, const Credentials& credentials, int index, int how) {
  const Inode& inode = kernel.inodes[index];
  int shift = 0;
  if (credentials.user.file_system == inode.uid) {
    shift = 6;
  } else if (credentials.InGroup(inode.gid)) {
    shift = 3;
  }
  if ((static_cast<int>(inode.mode >> shift) & how) == how) return true;
  // capabilities(7): what is not a directory may be executed only if somebody may.
  const bool directory = S_ISDIR(inode.mode);
  if (credentials.Has(kCapDacOverride)) {
    return directory || (how & kExecute) == 0 || (inode.mode & 0111) != 0;
  }
  if (!credentials.Has(kCapDacReadSearch)) return false;
  return directory ? (how & kWrite) == 0 : how == kRead;
}

void TakeSetIdBits(Kernel* kernel, const Credentials& credentials, int index) {
  Inode& inode = kernel->inodes[index];
  if (!S_ISREG(inode.mode) || credentials.Has(kCapFsetId)) return;
  inode.mode &= ~static_cast<uint32_t>(S_ISUID);
  // Without the right to execute, S_ISGID once meant mandatory locks; it stays for the group.
  const bool program = (inode.mode & S_IXGRP) != 0;
  if (program || !credentials.InGroup(inode.gid)) inode.mode &= ~static_cast<uint32_t>(S_ISGID);
}

bool IsOpenForWriting(const Kernel& kernel, int inode) {
  for (const Description& description : kernel.descriptions) {
    if (description.kind != DescriptionKind::kFile || description.object != inode) continue;
    if ((description.flags & O_ACCMODE) != O_RDONLY) return true;
  }
  return false;
}

bool IsRunning(const Kernel& kernel, int inode) {
  for (const Process& process : kernel.processes) {
    if (process.state == ProcessState::kRunning && process.executable == inode) return true;
  }
  return false;
}

int FindConflictingLock(const Kernel& kernel, const Description& own, int type) {
  for (const Description& other : kernel.descriptions) {
    if (&other == &own || !HasInode(other)) continue;
    if (other.object != own.object || other.lock == F_UNLCK) continue;
    if (other.lock == F_WRLCK || type == F_WRLCK) return other.lock;
  }
  return F_UNLCK;
}

Resolved Resolve(const Kernel& kernel, const Process& process, const char* path, bool follow_last) {
  return Walk(kernel, process, false).Go(path, follow_last);
}

Resolved ResolveToCreate(const Kernel& kernel, const Process& process, const char* path,
                         bool follow_last) {
  return Walk(kernel, process, true).Go(path, follow_last);
}

}  // namespace cleanfork::sim
