#include "mocks/sim/descriptors.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <string>

#include "mocks/sim/calls.h"
#include "mocks/sim/files.h"
#include "mocks/sim/pipes.h"
#include "mocks/sim/proc_files.h"
#include "mocks/sim/processes.h"
#include "mocks/sim/refuse.h"
#include "mocks/sim/sockets.h"

#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE (1U << 1)
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

namespace cleanfork::sim {
namespace {

void DropReference(Kernel* kernel, Description* description) {
  if (--description->references > 0) return;
  switch (description->kind) {
    case DescriptionKind::kPipeRead: DropReader(kernel, description->object); break;
    case DescriptionKind::kPipeWrite: DropWriter(kernel, description->object); break;
    case DescriptionKind::kFile:
    case DescriptionKind::kDirectory: ReleaseInode(kernel, description->object); break;
    case DescriptionKind::kSocket: FreeSocket(kernel, description->object); break;
    case DescriptionKind::kPidFd:
    case DescriptionKind::kProcFile:
    case DescriptionKind::kFree: break;
  }
  *description = Description();
}

// A number that this process may have, though RLIMIT_NOFILE would allow it only here.
bool IsBelowLimit(const Process& process, int64_t fd) {
  return fd >= 0 && static_cast<uint64_t>(fd) < process.limits[RLIMIT_NOFILE].soft;
}

bool IsStream(const Description& description) {
  return description.kind == DescriptionKind::kPipeRead ||
         description.kind == DescriptionKind::kPipeWrite ||
         description.kind == DescriptionKind::kSocket;
}

bool MayRead(const Description& description) { return (description.flags & O_ACCMODE) != O_WRONLY; }
bool MayWrite(const Description& description) {
  return (description.flags & O_ACCMODE) != O_RDONLY;
}

void ShareDescription(Kernel* kernel, Process* process, int from, int to, bool close_on_exec) {
  const int16_t description = process->descriptors[from].description;
  ++kernel->descriptions[description].references;
  process->descriptors[to] = {description, static_cast<int16_t>(close_on_exec)};
  process->descriptors_end = std::max(process->descriptors_end, to + 1);
}

}  // namespace

const Description* FindDescription(const Kernel& kernel, const Process& process, int fd) {
  if (fd < 0 || fd >= kMaxDescriptors) return nullptr;
  const int description = process.descriptors[fd].description;
  return description == kNone ? nullptr : &kernel.descriptions[description];
}

Description* FindDescription(Kernel* kernel, const Process& process, int fd) {
  return const_cast<Description*>(FindDescription(*kernel, process, fd));
}

int FindFreeDescriptor(const Process& process, int minimum) {
  for (int fd = minimum; IsBelowLimit(process, fd); ++fd) {
    if (fd >= kMaxDescriptors) OutOfRoom("descriptors of a process", kMaxDescriptors);
    if (process.descriptors[fd].description == kNone) return fd;
  }
  return -1;
}

void InstallDescription(Kernel* kernel, Process* process, int fd, const Description& model,
                        bool close_on_exec) {
  for (int index = 0; index < kMaxDescriptions; ++index) {
    Description& description = kernel->descriptions[index];
    if (description.kind != DescriptionKind::kFree) continue;
    kernel->descriptions.Use(index) = model;
    description.references = 1;
    description.lock = F_UNLCK;
    process->descriptors[fd] = {static_cast<int16_t>(index), static_cast<int16_t>(close_on_exec)};
    process->descriptors_end = std::max(process->descriptors_end, fd + 1);
    return;
  }
  OutOfRoom("open file descriptions", kMaxDescriptions);
}

bool HasRoomForFiles(const Kernel& kernel, const Process& process, int count) {
  if (process.credentials.Has(kCapSysAdmin)) return true;
  for (const Description& description : kernel.descriptions) {
    if (description.kind != DescriptionKind::kFree) ++count;
  }
  return count <= kernel.most_files;
}

void CloseDescriptor(Kernel* kernel, Process* process, int fd) {
  Description& description = kernel->descriptions[process->descriptors[fd].description];
  process->descriptors[fd] = {kNone, 0};
  DropReference(kernel, &description);
}

void CloseAllDescriptors(Kernel* kernel, Process* process) {
  for (int fd = 0; fd < process->descriptors_end; ++fd) {
    if (process->descriptors[fd].description != kNone) CloseDescriptor(kernel, process, fd);
  }
}

void CloseForExec(Kernel* kernel, Process* process) {
  for (int fd = 0; fd < process->descriptors_end; ++fd) {
    const Descriptor& descriptor = process->descriptors[fd];
    if (descriptor.description != kNone && descriptor.close_on_exec != 0) {
      CloseDescriptor(kernel, process, fd);
    }
  }
}

void ShareDescriptors(Kernel* kernel, const Process& process) {
  for (int fd = 0; fd < process.descriptors_end; ++fd) {
    const int description = process.descriptors[fd].description;
    if (description != kNone) ++kernel->descriptions[description].references;
  }
}

std::string DescribeDescription(const Kernel& kernel, const Description& description) {
  const std::string number = std::to_string(description.object);
  switch (description.kind) {
    case DescriptionKind::kFree: return "nothing";
    case DescriptionKind::kFile:
    case DescriptionKind::kDirectory: return PathOf(kernel, description.object);
    case DescriptionKind::kPipeRead: return "pipe " + number + ", to read";
    case DescriptionKind::kPipeWrite: return "pipe " + number + ", to write";
    case DescriptionKind::kPidFd: return "process " + number;
    case DescriptionKind::kSocket: return "socket " + number;
    case DescriptionKind::kProcFile: return "/proc/" + number + "/" + ProcName(description.entry);
  }
  return "nothing";
}

FileStatus StatusBehind(const Kernel& kernel, const Description& description) {
  FileStatus status;
  switch (description.kind) {
    case DescriptionKind::kFile:
    case DescriptionKind::kDirectory: return StatusOf(kernel, description.object);
    case DescriptionKind::kProcFile: return ProcStatus(kernel, description);
    case DescriptionKind::kSocket: return StatusOfSocket(kernel, description.object);
    case DescriptionKind::kPipeRead:
    case DescriptionKind::kPipeWrite:
      status.device = 13;
      status.inode = static_cast<ino_t>(10'000 + description.object);
      status.mode = S_IFIFO | 0600;
      status.links = 1;
      return status;
    default: Refuse("fstat of " + DescribeDescription(kernel, description));
  }
}

// The calls of Os ------------------------------------------------------------------------------

Description* Calls::Find(int fd) { return FindDescription(&kernel_, self(), fd); }

SysResult<void> Calls::Close(int fd) {
  if (Find(fd) == nullptr) return SysError(EBADF);
  CloseDescriptor(&kernel_, &self(), fd);
  return {};
}

SysResult<size_t> Calls::Read(int fd, void* buffer, size_t size) {
  Description* description = Find(fd);
  if (description == nullptr || !MayRead(*description)) return SysError(EBADF);
  switch (description->kind) {
    case DescriptionKind::kPipeRead:
      return ReadPipe(description->object, buffer, size, (description->flags & O_NONBLOCK) == 0);
    case DescriptionKind::kDirectory: return SysError(EISDIR);
    case DescriptionKind::kPidFd: return SysError(EINVAL);
    case DescriptionKind::kSocket:
      return ReadSocket(description->object, size, (description->flags & O_NONBLOCK) == 0);
    default: return ReadAt(description, buffer, size, &description->offset);
  }
}

SysResult<size_t> Calls::Write(int fd, const void* buffer, size_t size) {
  Description* description = Find(fd);
  if (description == nullptr || !MayWrite(*description)) return SysError(EBADF);
  switch (description->kind) {
    case DescriptionKind::kPipeWrite:
      return WritePipe(description->object, buffer, size, (description->flags & O_NONBLOCK) == 0);
    case DescriptionKind::kPidFd: return SysError(EINVAL);
    case DescriptionKind::kSocket: return SysError(ENOTCONN);
    default: return WriteAt(description, buffer, size, &description->offset);
  }
}

SysResult<size_t> Calls::PRead(int fd, void* buffer, size_t size, int64_t offset) {
  if (offset < 0) return SysError(EINVAL);
  Description* description = Find(fd);
  if (description == nullptr) return SysError(EBADF);
  if (IsStream(*description) || description->kind == DescriptionKind::kPidFd) {
    return SysError(ESPIPE);
  }
  if (!MayRead(*description)) return SysError(EBADF);
  // Linux asks whether the end of what is wanted can be an offset.
  if (size > static_cast<uint64_t>(std::numeric_limits<int64_t>::max() - offset)) {
    return SysError(EINVAL);
  }
  if (description->kind == DescriptionKind::kDirectory) return SysError(EISDIR);
  return ReadAt(description, buffer, size, &offset);
}

SysResult<size_t> Calls::PWrite(int fd, const void* buffer, size_t size, int64_t offset) {
  if (offset < 0) return SysError(EINVAL);
  Description* description = Find(fd);
  if (description == nullptr) return SysError(EBADF);
  if (IsStream(*description) || description->kind == DescriptionKind::kPidFd) {
    return SysError(ESPIPE);
  }
  if (!MayWrite(*description)) return SysError(EBADF);
  if (size > static_cast<uint64_t>(std::numeric_limits<int64_t>::max() - offset)) {
    return SysError(EINVAL);
  }
  return WriteAt(description, buffer, size, &offset);
}

SysResult<int> Calls::Dup(int fd) {
  if (Find(fd) == nullptr) return SysError(EBADF);
  const int to = FindFreeDescriptor(self(), 0);
  if (to < 0) return SysError(EMFILE);
  ShareDescription(&kernel_, &self(), fd, to, false);
  return to;
}

SysResult<int> Calls::Dup2(int from, int to) {
  if (from == to) {
    if (Find(from) == nullptr) return SysError(EBADF);
    return to;
  }
  // A target that cannot be is found before a source that is not open.
  if (!IsBelowLimit(self(), to) || Find(from) == nullptr) return SysError(EBADF);
  if (to >= kMaxDescriptors) OutOfRoom("descriptors of a process", kMaxDescriptors);
  if (Find(to) != nullptr) CloseDescriptor(&kernel_, &self(), to);
  ShareDescription(&kernel_, &self(), from, to, false);
  return to;
}

SysResult<void> Calls::CloseRange(unsigned first, unsigned last, unsigned flags) {
  if ((flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)) != 0) return SysError(EINVAL);
  if (first > last) return SysError(EINVAL);
  // UNSHARE changes nothing for a process whose table is its own.
  for (unsigned fd = first; fd <= last && fd < kMaxDescriptors; ++fd) {
    Descriptor& descriptor = self().descriptors[fd];
    if (descriptor.description == kNone) continue;
    if ((flags & CLOSE_RANGE_CLOEXEC) != 0) {
      descriptor.close_on_exec = 1;
    } else {
      CloseDescriptor(&kernel_, &self(), static_cast<int>(fd));
    }
  }
  return {};
}

SysResult<int> Calls::FcntlGetFd(int fd) {
  if (Find(fd) == nullptr) return SysError(EBADF);
  return self().descriptors[fd].close_on_exec != 0 ? FD_CLOEXEC : 0;
}

SysResult<void> Calls::FcntlSetFd(int fd, int flags) {
  if (Find(fd) == nullptr) return SysError(EBADF);
  self().descriptors[fd].close_on_exec = static_cast<int16_t>((flags & FD_CLOEXEC) != 0);
  return {};
}

SysResult<int> Calls::FcntlDupFd(int fd, int minimum) {
  if (Find(fd) == nullptr) return SysError(EBADF);
  if (!IsBelowLimit(self(), minimum)) return SysError(EINVAL);
  const int to = FindFreeDescriptor(self(), minimum);
  if (to < 0) return SysError(EMFILE);
  ShareDescription(&kernel_, &self(), fd, to, true);
  return to;
}

SysResult<void> Calls::FcntlSetLock(int fd, short type) {
  Description* own = Find(fd);
  if (own == nullptr) return SysError(EBADF);
  if (!HasInode(*own)) Refuse("a lock on " + DescribeDescription(kernel_, *own));
  if (type != F_RDLCK && type != F_WRLCK && type != F_UNLCK) return SysError(EINVAL);
  if (type == F_RDLCK && !MayRead(*own)) return SysError(EBADF);
  if (type == F_WRLCK && !MayWrite(*own)) return SysError(EBADF);
  if (type != F_UNLCK && FindConflictingLock(kernel_, *own, type) != F_UNLCK) {
    return SysError(EAGAIN);
  }
  own->lock = type;
  return {};
}

SysResult<short> Calls::FcntlGetLock(int fd, short type) {
  Description* own = Find(fd);
  if (own == nullptr) return SysError(EBADF);
  if (!HasInode(*own)) Refuse("a lock on " + DescribeDescription(kernel_, *own));
  if (type != F_RDLCK && type != F_WRLCK) return SysError(EINVAL);
  return static_cast<short>(FindConflictingLock(kernel_, *own, type));
}

SysResult<FileStatus> Calls::FStat(int fd) {
  Description* description = Find(fd);
  if (description == nullptr) return SysError(EBADF);
  return StatusBehind(kernel_, *description);
}

SysResult<void> Calls::FTruncate(int fd, int64_t size) {
  if (size < 0) return SysError(EINVAL);
  Description* description = Find(fd);
  if (description == nullptr) return SysError(EBADF);
  const bool regular = description->kind == DescriptionKind::kFile &&
                       S_ISREG(kernel_.inodes[description->object].mode);
  if (!regular || !MayWrite(*description)) return SysError(EINVAL);
  const bool grows = size > kernel_.inodes[description->object].size;
  if (grows && static_cast<uint64_t>(size) > self().limits[RLIMIT_FSIZE].soft) {
    PostSignalToSelf(SIGXFSZ);
    return SysError(EFBIG);
  }
  TakeSetIdBits(&kernel_, self().credentials, description->object);
  Truncate(&kernel_, description->object, size);
  return {};
}

SysResult<void> Calls::IsATty(int fd) {
  return SysError(Find(fd) == nullptr ? EBADF : ENOTTY);  // there is no terminal
}

SysResult<size_t> Calls::ReadAt(Description* description, void* buffer, size_t size,
                                int64_t* offset) {
  if (description->kind == DescriptionKind::kProcFile) {
    const bool gone =
        description->object != 0 && FindProcess(kernel_, description->object) == kNone;
    if (gone) return SysError(ESRCH);
    const std::string text = ProcText(kernel_, self(), *description);
    const auto at = std::min(static_cast<size_t>(*offset), text.size());
    if (buffer == nullptr && size > 0 && at < text.size()) return SysError(EFAULT);
    const size_t got = text.copy(static_cast<char*>(buffer), size, at);
    *offset += static_cast<int64_t>(got);
    return got;
  }
  if (S_ISCHR(kernel_.inodes[description->object].mode)) return size_t{0};  // the null device
  const bool at_end = *offset >= kernel_.inodes[description->object].size;
  if (buffer == nullptr && size > 0 && !at_end) return SysError(EFAULT);
  const size_t got = ReadFileAt(kernel_, description->object, buffer, size, *offset);
  *offset += static_cast<int64_t>(got);
  return got;
}

SysResult<size_t> Calls::WriteAt(Description* description, const void* buffer, size_t size,
                                 int64_t* offset) {
  if (description->kind == DescriptionKind::kProcFile) {
    const int error = WriteProc(&kernel_, self(), *description, buffer, size);
    if (error != 0) return SysError(error);
    return size;
  }
  const Inode& inode = kernel_.inodes[description->object];
  if (S_ISCHR(inode.mode)) return size;  // the null device
  if (size == 0) return size;
  // Also with pwrite(2), on Linux: its page calls that a bug.
  if ((description->flags & O_APPEND) != 0) *offset = inode.size;
  const uint64_t most = self().limits[RLIMIT_FSIZE].soft;
  if (static_cast<uint64_t>(*offset) >= most) {
    PostSignalToSelf(SIGXFSZ);
    return SysError(EFBIG);
  }
  size = std::min<uint64_t>(size, most - static_cast<uint64_t>(*offset));
  TakeSetIdBits(&kernel_, self().credentials, description->object);
  if (buffer == nullptr) return SysError(EFAULT);
  const size_t written = WriteFileAt(&kernel_, description->object, buffer, size, *offset);
  if (written == 0 && size > 0) return SysError(ENOSPC);
  *offset += static_cast<int64_t>(written);
  return written;
}

}  // namespace cleanfork::sim
