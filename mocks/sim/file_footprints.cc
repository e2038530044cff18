// Footprints of what is done to descriptors, pipes, sockets and files.
//
// What is there and is neither a regular file nor a link stays where it is, for no call of Os
// makes another of its kind, moves one or changes its mode; to unlink one touches everything. So
// the way to /dev/null, or to a directory, touches nothing.
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <cstring>
#include <string>

#include "mocks/sim/descriptors.h"
#include "mocks/sim/files.h"
#include "mocks/sim/footprint_names.h"
#include "mocks/sim/footprints.h"
#include "mocks/sim/proc_files.h"
#include "mocks/sim/processes.h"

namespace cleanfork::sim {
namespace {

constexpr unsigned kCloseOnExec = 1U << 2;  // CLOSE_RANGE_CLOEXEC

// Where a path leads.
enum class Place { kDirectory, kDevice, kFile, kOwnProc, kSystemProc, kOtherProc };

Place PlaceOf(const FootprintNames& names, const Resolved& where) {
  if (where.proc) {
    const std::string who = where.name.substr(0, where.name.find('/'));
    if (who == "self" || who == "thread-self" || who == std::to_string(names.self().pid)) {
      return Place::kOwnProc;
    }
    return std::isdigit(static_cast<unsigned char>(who[0])) != 0 ? Place::kOtherProc
                                                                 : Place::kSystemProc;
  }
  if (where.error != 0) return Place::kFile;  // it may come
  const mode_t mode = names.kernel().inodes[where.inode].mode;
  if (S_ISDIR(mode)) return Place::kDirectory;
  return S_ISCHR(mode) ? Place::kDevice : Place::kFile;
}

Place PlaceOf(const FootprintNames& names, const char* path) {
  return PlaceOf(names, Resolve(names.kernel(), names.self(), path, true));
}

bool IsNullDevice(const Kernel& kernel, const Description& description) {
  return description.kind == DescriptionKind::kFile &&
         S_ISCHR(kernel.inodes[description.object].mode);
}

// To open a file of /proc/PID takes no more than that it is there; but for those of descriptors.
void AddProcWay(FootprintNames* names, const std::string& name) {
  const std::string what = name.substr(std::min(name.find('/') + 1, name.size()));
  if (what.compare(0, 2, "fd") == 0) return names->Everything();
  constexpr size_t kMost = 9;  // digits of a number that there may be
  const std::string who = name.substr(0, std::min(name.find('/'), kMost + 1));
  const bool may_be = who.size() <= kMost;
  const int target = may_be ? FindProcess(names->kernel(), std::atoi(who.c_str())) : kNone;
  if (target == kNone) return names->ReadEverybody();
  names->Read(ProcessPart::kEnd, target);
}

// The text of a file of /proc.
void AddProcText(FootprintNames* names, const Description& description) {
  const char* const name = ProcName(description.entry);
  if (description.object == 0) {
    if (std::strcmp(name, "loadavg") == 0) names->Read(SystemPart::kProcesses);
    return;
  }
  if (description.object != names->self().pid) {
    const int target = FindProcess(names->kernel(), description.object);
    if (target == kNone) return;  // it is empty for good
    if (std::strcmp(name, "stat") != 0) return names->Everything();
    names->Read(ProcessPart::kIdentity, target);
    names->Read(ProcessPart::kExit, target);
    return names->Read(ProcessPart::kEnd, target);
  }
  names->Read(ProcessPart::kIdentity, names->slot());
  names->Read(ProcessPart::kPending, names->slot());
  const Description* behind =
      std::strcmp(name, "fdinfo/") == 0
          ? FindDescription(names->kernel(), names->self(), description.number)
          : nullptr;
  if (behind == nullptr) return;
  names->ReadDescription(*behind);
  names->Read(SystemPart::kLocks);
}

// Reading or writing what is no pipe; `moves` the offset of the description, which others may have.
void AddData(FootprintNames* names, const Description& description, bool writes, bool moves) {
  const Kernel& kernel = names->kernel();
  if (description.kind == DescriptionKind::kSocket || IsNullDevice(kernel, description)) return;
  if (moves) names->WriteDescription(description);
  if (description.kind == DescriptionKind::kProcFile) {
    if (writes && description.object != names->self().pid) names->Everything();
    if (!writes) AddProcText(names, description);
    return;
  }
  if (!HasInode(description)) return;
  if (writes) {
    names->Write(SystemPart::kFiles);
  } else {
    names->Read(SystemPart::kFiles);
  }
}

void AddPolled(FootprintNames* names, const Description& description) {
  switch (description.kind) {
    case DescriptionKind::kPipeRead:
      names->Read(PipePart::kState, description.object);
      return names->Read(PipePart::kWriters, description.object);
    case DescriptionKind::kPipeWrite:
      names->Read(PipePart::kState, description.object);
      return names->Read(PipePart::kReaders, description.object);
    case DescriptionKind::kPidFd: {
      // Its last step writes that, and no pid comes back.
      const int target = FindProcess(names->kernel(), description.object);
      if (target != kNone) names->Read(ProcessPart::kEnd, target);
      return;
    }
    case DescriptionKind::kSocket: return names->Read(SystemPart::kSockets);
    default: return;  // always ready
  }
}

// A path of which the call sees where it leads, and no more.
Footprint OfWay(const Kernel& kernel, int slot, const char* path) {
  FootprintNames names(kernel, slot);
  if (PlaceOf(names, path) == Place::kFile) names.Read(SystemPart::kFiles);
  return names.footprint();
}

Footprint OfNewPipe(const Kernel& kernel, int slot) {
  FootprintNames names(kernel, slot);
  names.OpenLimited();
  return names.footprint();
}

}  // namespace

// Descriptors ------------------------------------------------------------------------------------

Footprint FootprintOf(Tag<OsCall::kOpen>, const Kernel& kernel, int slot, const char* path,
                      int flags, mode_t) {
  FootprintNames names(kernel, slot);
  names.OpenLimited();
  const Resolved where = Resolve(kernel, names.self(), path, true);
  switch (PlaceOf(names, where)) {
    case Place::kOtherProc: AddProcWay(&names, where.name); break;
    case Place::kOwnProc:
    case Place::kSystemProc:
    case Place::kDirectory:
    case Place::kDevice: break;
    case Place::kFile:
      // To be open for writing stands in the way of exec.
      if ((flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)) != 0) {
        names.Write(SystemPart::kFiles);
      } else {
        names.Read(SystemPart::kFiles);
      }
  }
  return names.footprint();
}

Footprint FootprintOf(Tag<OsCall::kClose>, const Kernel& kernel, int slot, int fd, When when) {
  FootprintNames names(kernel, slot, when);
  names.Close(fd);
  return names.footprint();
}

Footprint FootprintOf(Tag<OsCall::kRead>, const Kernel& kernel, int slot, int fd, void*,
                      size_t size, When when) {
  FootprintNames names(kernel, slot, when);
  const Description* description = FindDescription(kernel, names.self(), fd);
  if (description == nullptr) return names.footprint();
  if (description->kind == DescriptionKind::kPipeRead) {
    names.ReadPipe(description->object, size);
  } else {
    AddData(&names, *description, false, true);
  }
  return names.footprint();
}

Footprint FootprintOf(Tag<OsCall::kWrite>, const Kernel& kernel, int slot, int fd, const void*,
                      size_t size, When when) {
  FootprintNames names(kernel, slot, when);
  const Description* description = FindDescription(kernel, names.self(), fd);
  if (description == nullptr) return names.footprint();
  if (description->kind == DescriptionKind::kPipeWrite) {
    names.WritePipe(description->object, size);
  } else {
    AddData(&names, *description, true, true);
  }
  return names.footprint();
}

Footprint FootprintOf(Tag<OsCall::kPRead>, const Kernel& kernel, int slot, int fd, void*, size_t,
                      int64_t) {
  FootprintNames names(kernel, slot);
  const Description* description = FindDescription(kernel, names.self(), fd);
  if (description != nullptr) AddData(&names, *description, false, false);
  return names.footprint();
}

Footprint FootprintOf(Tag<OsCall::kPWrite>, const Kernel& kernel, int slot, int fd, const void*,
                      size_t, int64_t) {
  FootprintNames names(kernel, slot);
  const Description* description = FindDescription(kernel, names.self(), fd);
  if (description != nullptr) AddData(&names, *description, true, false);
  return names.footprint();
}

Footprint FootprintOf(Tag<OsCall::kPipe>, const Kernel& kernel, int slot) {
  return OfNewPipe(kernel, slot);
}

Footprint FootprintOf(Tag<OsCall::kPipe2>, const Kernel& kernel, int slot, int) {
  return OfNewPipe(kernel, slot);
}

Footprint FootprintOf(Tag<OsCall::kDup2>, const Kernel& kernel, int slot, int from, int to,
                      When when) {
  FootprintNames names(kernel, slot, when);
  if (from != to && FindDescription(kernel, names.self(), from) != nullptr) names.Close(to);
  return names.footprint();
}

Footprint FootprintOf(Tag<OsCall::kCloseRange>, const Kernel& kernel, int slot, unsigned first,
                      unsigned last, unsigned flags, When when) {
  FootprintNames names(kernel, slot, when);
  if ((flags & kCloseOnExec) != 0) return names.footprint();
  const auto end = static_cast<unsigned>(names.self().descriptors_end);
  for (unsigned fd = first; fd <= last && fd < end; ++fd) names.Close(static_cast<int>(fd));
  return names.footprint();
}

Footprint FootprintOf(Tag<OsCall::kFcntlSetLock>, const Kernel& kernel, int slot, int fd, short) {
  FootprintNames names(kernel, slot);
  const Description* description = FindDescription(kernel, names.self(), fd);
  if (description == nullptr) return names.footprint();
  names.WriteDescription(*description);
  names.Write(SystemPart::kLocks);
  return names.footprint();
}

Footprint FootprintOf(Tag<OsCall::kFcntlGetLock>, const Kernel& kernel, int slot, int fd, short) {
  FootprintNames names(kernel, slot);
  if (FindDescription(kernel, names.self(), fd) != nullptr) names.Read(SystemPart::kLocks);
  return names.footprint();
}

Footprint FootprintOf(Tag<OsCall::kFStat>, const Kernel& kernel, int slot, int fd) {
  FootprintNames names(kernel, slot);
  const Description* description = FindDescription(kernel, names.self(), fd);
  if (description == nullptr || !HasInode(*description)) return names.footprint();
  if (!IsNullDevice(kernel, *description)) names.Read(SystemPart::kFiles);
  return names.footprint();
}

Footprint FootprintOf(Tag<OsCall::kFTruncate>, const Kernel& kernel, int slot, int fd, int64_t) {
  FootprintNames names(kernel, slot);
  const Description* description = FindDescription(kernel, names.self(), fd);
  if (description != nullptr) AddData(&names, *description, true, false);
  return names.footprint();
}

Footprint FootprintOf(Tag<OsCall::kPoll>, const Kernel& kernel, int slot,
                      struct pollfd* descriptors, size_t count, int64_t) {
  FootprintNames names(kernel, slot);
  if (descriptors == nullptr || count > names.self().limits[RLIMIT_NOFILE].soft) {
    return names.footprint();
  }
  for (size_t i = 0; i < count; ++i) {
    const Description* description = FindDescription(kernel, names.self(), descriptors[i].fd);
    if (description != nullptr) AddPolled(&names, *description);
  }
  return names.footprint();
}

// Sockets ----------------------------------------------------------------------------------------

Footprint FootprintOf(Tag<OsCall::kSocket>, const Kernel& kernel, int slot, int, int, int) {
  FootprintNames names(kernel, slot);
  names.OpenLimited();
  return names.footprint();
}

Footprint FootprintOf(Tag<OsCall::kSendTo>, const Kernel& kernel, int slot, int, const void*,
                      size_t, int, const UnixAddress* address) {
  FootprintNames names(kernel, slot);
  names.Write(SystemPart::kSockets);
  if (address->bytes[0] != '\0') names.Read(SystemPart::kFiles);
  return names.footprint();
}

Footprint FootprintOf(Tag<OsCall::kBind>, const Kernel& kernel, int slot, int, const UnixAddress*) {
  FootprintNames names(kernel, slot);
  names.Write(SystemPart::kSockets);
  return names.footprint();
}

Footprint FootprintOf(Tag<OsCall::kSetPassCred>, const Kernel& kernel, int slot, int) {
  FootprintNames names(kernel, slot);
  names.Write(SystemPart::kSockets);
  return names.footprint();
}

Footprint FootprintOf(Tag<OsCall::kRecvMsg>, const Kernel& kernel, int slot, int, void*, size_t,
                      int) {
  FootprintNames names(kernel, slot);
  names.Write(SystemPart::kSockets);
  return names.footprint();
}

// Files ------------------------------------------------------------------------------------------

Footprint FootprintOf(Tag<OsCall::kStat>, const Kernel& kernel, int slot, const char* path) {
  FootprintNames names(kernel, slot);
  switch (PlaceOf(names, path)) {
    case Place::kOtherProc: names.Everything(); break;
    case Place::kFile:
    case Place::kDirectory: names.Read(SystemPart::kFiles); break;  // its time and its links
    case Place::kOwnProc:
    case Place::kSystemProc:
    case Place::kDevice: break;
  }
  return names.footprint();
}

Footprint FootprintOf(Tag<OsCall::kUnlink>, const Kernel& kernel, int slot, const char* path) {
  FootprintNames names(kernel, slot);
  names.Write(SystemPart::kFiles);
  const Resolved where = Resolve(kernel, names.self(), path, false);
  const bool found = where.error == 0 && !where.proc;
  if (found && !S_ISREG(kernel.inodes[where.inode].mode)) names.Everything();
  return names.footprint();
}

Footprint FootprintOf(Tag<OsCall::kChDir>, const Kernel& kernel, int slot, const char* path) {
  return OfWay(kernel, slot, path);
}

Footprint FootprintOf(Tag<OsCall::kChRoot>, const Kernel& kernel, int slot, const char* path) {
  return OfWay(kernel, slot, path);
}

Footprint FootprintOf(Tag<OsCall::kReadLink>, const Kernel& kernel, int slot, const char*, char*,
                      size_t) {
  FootprintNames names(kernel, slot);
  names.Read(SystemPart::kFiles);
  return names.footprint();
}

Footprint FootprintOf(Tag<OsCall::kGetDents>, const Kernel& kernel, int slot, int fd, void*,
                      size_t) {
  FootprintNames names(kernel, slot);
  const Description* description = FindDescription(kernel, names.self(), fd);
  if (description == nullptr) return names.footprint();
  names.WriteDescription(*description);
  const bool is_own =
      description->kind == DescriptionKind::kProcFile && description->object == names.self().pid;
  const bool lists_processes = description->kind == DescriptionKind::kDirectory &&
                               kernel.inodes[description->object].proc == ProcKind::kRoot;
  if (lists_processes || (description->kind == DescriptionKind::kProcFile && !is_own)) {
    names.Everything();
  }
  if (description->kind == DescriptionKind::kDirectory) names.Read(SystemPart::kFiles);
  return names.footprint();
}

// Chance -----------------------------------------------------------------------------------------

Footprint FootprintOf(Tag<OsCall::kGetRandom>, const Kernel& kernel, int slot, void*, size_t,
                      unsigned) {
  FootprintNames names(kernel, slot);
  names.Write(SystemPart::kRandom);
  return names.footprint();
}

}  // namespace cleanfork::sim
