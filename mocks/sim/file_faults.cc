// What may go wrong with calls about descriptors, pipes, sockets and files. docs/faults.md tables
// it.
#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>

#include "mocks/sim/blocking.h"
#include "mocks/sim/descriptors.h"
#include "mocks/sim/faults.h"
#include "mocks/sim/files.h"
#include "mocks/sim/interruption.h"
#include "mocks/sim/pipes.h"

#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE (1U << 1)
#endif

namespace cleanfork::sim {
namespace {

// On a disk, or a server that has one: what else is there are pages of memory.
bool IsRegular(const Kernel& kernel, const Description& description) {
  return description.kind == DescriptionKind::kFile &&
         S_ISREG(kernel.inodes[description.object].mode);
}

bool MayWrite(const Description& description) {
  return (description.flags & O_ACCMODE) != O_RDONLY;
}

bool MayRead(const Description& description) { return (description.flags & O_ACCMODE) != O_WRONLY; }

void AddInterruption(const Kernel& kernel, int slot, bool waits, FaultList* faults) {
  if (waits && CanInterrupt(kernel.processes[slot])) faults->AddErrno(EINTR);
}

// open(2), pipe(2), socket(2): EMFILE as if more descriptors were open than there are; ENFILE not
// for who has CAP_SYS_ADMIN: alloc_empty_file() of fs/file_table.c.
void AddOpenFaults(const Kernel& kernel, int slot, FaultList* faults) {
  faults->AddErrno(EMFILE);
  faults->AddErrno(ENOMEM);
  if (!kernel.processes[slot].credentials.Has(kCapSysAdmin)) faults->AddErrno(ENFILE);
}

// A path, path_resolution(7): ENOMEM wherever it leads; EIO where what is there has to be read in.
Resolved AddPathFaults(const Kernel& kernel, int slot, const char* path, bool follow,
                       FaultList* faults) {
  faults->AddErrno(ENOMEM);
  return Resolve(kernel, kernel.processes[slot], path, follow);
}

void AddReadFaults(const Kernel& kernel, const Description& description, FaultList* faults) {
  if (IsRegular(kernel, description)) faults->AddErrno(EIO);
}

// write(2). What goes onto a full disk is short first, and then ENOSPC.
void AddWriteFaults(const Kernel& kernel, const Description& description, size_t size,
                    FaultList* faults) {
  if (!IsRegular(kernel, description) || size == 0) return;
  for (int error : {EDQUOT, EIO, ENOSPC}) faults->AddErrno(error);
  if (size > 1) faults->AddShort(1);
}

// Or may by the time that the read is done: what fails is decided before it waits.
bool MayHoldMoreThanAByte(const Pipe& pipe) {
  if (IsEmpty(pipe)) return pipe.writers > 0;
  return pipe.count > 1 || (pipe.count == 1 && pipe.slots[pipe.first].size > 1);
}

}  // namespace

// Descriptors ------------------------------------------------------------------------------------

// open(2). ENOSPC and EDQUOT are those of a new file.
void AddFaults(Tag<OsCall::kOpen>, const Kernel& kernel, int slot, FaultList* faults,
               const char* path, int flags, mode_t) {
  faults->AddErrno(EMFILE);
  if (!kernel.processes[slot].credentials.Has(kCapSysAdmin)) faults->AddErrno(ENFILE);
  const Resolved where = AddPathFaults(kernel, slot, path, true, faults);
  if (where.proc) return;
  const bool creates = where.error == ENOENT && where.directory != kNone && (flags & O_CREAT) != 0;
  const bool device = where.error == 0 && S_ISCHR(kernel.inodes[where.inode].mode);
  if (creates || (where.error == 0 && !device)) faults->AddErrno(EIO);
  if (!creates) return;
  faults->AddErrno(EDQUOT);
  faults->AddErrno(ENOSPC);
}

// close(2): the descriptor is gone, whatever it says; what was written may come to nothing only
// then. Only files have anything left to do: filp_close() of fs/open.c.
void AddFaults(Tag<OsCall::kClose>, const Kernel& kernel, int slot, FaultList* faults, int fd) {
  const Description* description = FindDescription(kernel, kernel.processes[slot], fd);
  if (description == nullptr || !IsRegular(kernel, *description)) return;
  const auto add = [faults](int error) {
    Fault fault;
    fault.kind = Fault::Kind::kErrnoAfter;
    fault.error = static_cast<int16_t>(error);
    faults->Add(fault);
  };
  if (CanInterrupt(kernel.processes[slot])) add(EINTR);
  add(EIO);
  if (!MayWrite(*description)) return;
  add(EDQUOT);
  add(ENOSPC);
}

void AddFaults(Tag<OsCall::kRead> call, const Kernel& kernel, int slot, FaultList* faults, int fd,
               void* buffer, size_t size) {
  const Description* description = FindDescription(kernel, kernel.processes[slot], fd);
  if (description == nullptr || !MayRead(*description)) return;
  AddReadFaults(kernel, *description, faults);
  AddInterruption(kernel, slot, WouldBlock(call, kernel, slot, fd, buffer, size), faults);
  // read(2): fewer bytes than there are is no error, of a pipe for one.
  const bool pipe = description->kind == DescriptionKind::kPipeRead;
  if (pipe && size > 1 && MayHoldMoreThanAByte(kernel.pipes[description->object])) {
    faults->AddShort(1);
  }
}

void AddFaults(Tag<OsCall::kWrite> call, const Kernel& kernel, int slot, FaultList* faults, int fd,
               const void* buffer, size_t size) {
  const Description* description = FindDescription(kernel, kernel.processes[slot], fd);
  if (description == nullptr || !MayWrite(*description)) return;
  AddWriteFaults(kernel, *description, size, faults);
  AddInterruption(kernel, slot, WouldBlock(call, kernel, slot, fd, buffer, size), faults);
  // pipe(7): up to PIPE_BUF bytes all or none, also with O_NONBLOCK. More end early where the pipe
  // is full and the writer must not wait, or is interrupted.
  if (description->kind != DescriptionKind::kPipeWrite || size <= PIPE_BUF) return;
  const bool blocks = (description->flags & O_NONBLOCK) == 0;
  if (kernel.pipes[description->object].readers == 0) return;
  if (!blocks || CanInterrupt(kernel.processes[slot])) faults->AddShort(1);
}

void AddFaults(Tag<OsCall::kPRead>, const Kernel& kernel, int slot, FaultList* faults, int fd,
               void*, size_t, int64_t) {
  const Description* description = FindDescription(kernel, kernel.processes[slot], fd);
  if (description == nullptr || !MayRead(*description)) return;
  AddReadFaults(kernel, *description, faults);
}

void AddFaults(Tag<OsCall::kPWrite>, const Kernel& kernel, int slot, FaultList* faults, int fd,
               const void*, size_t size, int64_t) {
  const Description* description = FindDescription(kernel, kernel.processes[slot], fd);
  if (description == nullptr || !MayWrite(*description)) return;
  AddWriteFaults(kernel, *description, size, faults);
}

// pipe(2). ENFILE also for root: for want of memory, create_pipe_files() of fs/pipe.c.
void AddFaults(Tag<OsCall::kPipe>, const Kernel&, int, FaultList* faults) {
  for (int error : {EMFILE, ENFILE, ENOMEM}) faults->AddErrno(error);
}

void AddFaults(Tag<OsCall::kPipe2>, const Kernel&, int, FaultList* faults, int) {
  for (int error : {EMFILE, ENFILE, ENOMEM}) faults->AddErrno(error);
}

// dup(2).
void AddFaults(Tag<OsCall::kDup>, const Kernel& kernel, int slot, FaultList* faults, int fd) {
  if (FindDescription(kernel, kernel.processes[slot], fd) != nullptr) faults->AddErrno(EMFILE);
}

// fcntl(2), F_DUPFD_CLOEXEC.
void AddFaults(Tag<OsCall::kFcntlDupFd>, const Kernel& kernel, int slot, FaultList* faults, int fd,
               int) {
  if (FindDescription(kernel, kernel.processes[slot], fd) != nullptr) faults->AddErrno(EMFILE);
}

// close_range(2). ENOSYS: before Linux 5.9, or a filter; older filters say EPERM of what they do
// not know.
void AddFaults(Tag<OsCall::kCloseRange>, const Kernel&, int, FaultList* faults, unsigned, unsigned,
               unsigned flags) {
  faults->AddErrno(ENOSYS);
  faults->AddErrno(EPERM);
  if ((flags & CLOSE_RANGE_UNSHARE) != 0) faults->AddErrno(ENOMEM);
}

// fcntl(2): the table of locks is full, or a lock server does not answer.
void AddFaults(Tag<OsCall::kFcntlSetLock>, const Kernel& kernel, int slot, FaultList* faults,
               int fd, short type) {
  const Description* description = FindDescription(kernel, kernel.processes[slot], fd);
  const bool locks = type == F_RDLCK || type == F_WRLCK;
  if (description != nullptr && HasInode(*description) && locks) faults->AddErrno(ENOLCK);
}

// ftruncate(2).
void AddFaults(Tag<OsCall::kFTruncate>, const Kernel& kernel, int slot, FaultList* faults, int fd,
               int64_t) {
  const Description* description = FindDescription(kernel, kernel.processes[slot], fd);
  if (description == nullptr || !MayWrite(*description)) return;
  if (IsRegular(kernel, *description)) faults->AddErrno(EIO);
}

// poll(2). ENOMEM only of more than do_sys_poll() of fs/select.c has room for on its stack.
void AddFaults(Tag<OsCall::kPoll> call, const Kernel& kernel, int slot, FaultList* faults,
               struct pollfd* descriptors, size_t count, int64_t nanoseconds) {
  constexpr size_t kOnStack = 30;
  if (count > kOnStack) faults->AddErrno(ENOMEM);
  const bool waits = WouldBlock(call, kernel, slot, descriptors, count, nanoseconds);
  AddInterruption(kernel, slot, waits, faults);
}

// Sockets ----------------------------------------------------------------------------------------

// socket(2).
void AddFaults(Tag<OsCall::kSocket>, const Kernel& kernel, int slot, FaultList* faults, int, int,
               int) {
  AddOpenFaults(kernel, slot, faults);
}

// send(2). The receiver is outside the simulation, where it may end, or be slow.
void AddFaults(Tag<OsCall::kSendTo> call, const Kernel& kernel, int slot, FaultList* faults, int fd,
               const void* buffer, size_t size, int flags, const UnixAddress* address) {
  const Description* description = FindDescription(kernel, kernel.processes[slot], fd);
  if (description == nullptr || description->kind != DescriptionKind::kSocket) return;
  if (kernel.sockets[description->object].type != SOCK_DGRAM) return;
  faults->AddErrno(ECONNREFUSED);
  faults->AddErrno(ENOMEM);
  const bool blocks = (flags & MSG_DONTWAIT) == 0 && (description->flags & O_NONBLOCK) == 0;
  if (!blocks) faults->AddErrno(EAGAIN);
  const bool waits = WouldBlock(call, kernel, slot, fd, buffer, size, flags, address);
  AddInterruption(kernel, slot, waits, faults);
}

// bind(2).
void AddFaults(Tag<OsCall::kBind>, const Kernel&, int, FaultList* faults, int, const UnixAddress*) {
  faults->AddErrno(ENOMEM);
}

// setsockopt(2): nothing that a kernel could be short of.
void AddFaults(Tag<OsCall::kSetPassCred>, const Kernel&, int, FaultList*, int) {}

// recv(2).
void AddFaults(Tag<OsCall::kRecvMsg> call, const Kernel& kernel, int slot, FaultList* faults,
               int fd, void* buffer, size_t size, int flags) {
  faults->AddErrno(ENOMEM);
  const bool waits = WouldBlock(call, kernel, slot, fd, buffer, size, flags);
  AddInterruption(kernel, slot, waits, faults);
}

// Files ------------------------------------------------------------------------------------------

// stat(2).
void AddFaults(Tag<OsCall::kStat>, const Kernel&, int, FaultList* faults, const char*) {
  faults->AddErrno(ENOMEM);
}

// unlink(2).
void AddFaults(Tag<OsCall::kUnlink>, const Kernel& kernel, int slot, FaultList* faults,
               const char* path) {
  const Resolved where = AddPathFaults(kernel, slot, path, false, faults);
  if (where.error == 0 && !where.proc) faults->AddErrno(EIO);
}

// chdir(2).
void AddFaults(Tag<OsCall::kChDir>, const Kernel& kernel, int slot, FaultList* faults,
               const char* path) {
  const Resolved where = AddPathFaults(kernel, slot, path, true, faults);
  if (where.error == 0 && !where.proc) faults->AddErrno(EIO);
}

// chroot(2).
void AddFaults(Tag<OsCall::kChRoot>, const Kernel& kernel, int slot, FaultList* faults,
               const char* path) {
  const Resolved where = AddPathFaults(kernel, slot, path, true, faults);
  if (where.error == 0 && !where.proc) faults->AddErrno(EIO);
}

// readlink(2).
void AddFaults(Tag<OsCall::kReadLink>, const Kernel& kernel, int slot, FaultList* faults,
               const char* path, char*, size_t) {
  const Resolved where = AddPathFaults(kernel, slot, path, false, faults);
  if (where.error == 0 && !where.proc) faults->AddErrno(EIO);
}

}  // namespace cleanfork::sim
