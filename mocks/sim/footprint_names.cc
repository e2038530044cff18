#include "mocks/sim/footprint_names.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>

#include "mocks/sim/descriptors.h"
#include "mocks/sim/pipes.h"
#include "mocks/sim/processes.h"
#include "mocks/sim/signals.h"

namespace cleanfork::sim {
namespace {

// Whether anybody can meet the end of what there is of descriptions, or of the disk: else nobody
// can tell how many are left.
bool FilesAreScarce(const Kernel& kernel) { return kernel.most_files < kMaxDescriptions; }
bool BlocksAreScarce(const Kernel& kernel) { return kernel.free_blocks < kMaxPages; }

bool HoldsMoreThan(const Pipe& pipe, size_t size) {
  size_t held = 0;
  for (int i = 0; i < pipe.count && held <= size; ++i) {
    held += pipe.slots[(pipe.first + i) % Pipe::kSlots].size;
  }
  return held > size;
}

// How many slots more a write takes; more than there are for one that takes more.
int SlotsFor(const Pipe& pipe, size_t size) {
  const size_t rest = size - std::min(size, FitsIntoLast(pipe, size));
  const size_t slots = (rest + kPageSize - 1) / kPageSize;
  return static_cast<int>(std::min<size_t>(slots, Pipe::kSlots + 1));
}

bool HasHandler(const Process& process) {
  bool any = false;
  for (const Action& action : process.signals.actions) any |= action.ordinal > kIgnoreAction;
  return any;
}

}  // namespace

void FootprintNames::ReadEverybody() {
  Read(SystemPart::kProcesses);
  for (int slot = 0; slot < kMaxProcesses; ++slot) Read(ProcessPart::kIdentity, slot);
}

void FootprintNames::ReadProcess(pid_t pid) {
  const int target = FindProcess(kernel_, pid);
  if (target == kNone) return ReadEverybody();  // it may come, in any slot
  Read(ProcessPart::kIdentity, target);
}

void FootprintNames::Post(int target) {
  // Who is on its way out stays so, and takes no signal.
  if (kernel_.processes[target].state != ProcessState::kRunning) return;
  Write(ProcessPart::kPending, target);
  if (target != slot_) Write(ProcessPart::kArrivals, target);
}

void FootprintNames::PostChildSignal(int parent) {
  const Process& process = kernel_.processes[parent];
  if (process.state != ProcessState::kRunning) return;
  const int ordinal = process.signals.actions[SIGCHLD].ordinal;
  const bool blocked = (process.signals.mask & SignalBit(SIGCHLD)) != 0;
  // Where it is dropped, that is what was read: the mask and the action.
  if (ordinal == kIgnoreAction || (ordinal == kDefaultAction && !blocked)) {
    return Read(ProcessPart::kPending, parent);
  }
  Write(ProcessPart::kPending, parent);
  // Who blocks it may do so in a handler only, and any step may be that one's last.
  if (!blocked || HasHandler(process)) Write(ProcessPart::kArrivals, parent);
}

// By somebody else: to become so takes a fork, which is the process's own.
bool FootprintNames::IsShared(int index) const {
  int own = 0;
  for (int fd = 0; fd < self_.descriptors_end; ++fd) {
    own += self_.descriptors[fd].description == index;
  }
  return kernel_.descriptions[index].references > own;
}

// Of what others have, too, they may close theirs before.
void FootprintNames::CloseEndOfPipe(PipePart part, const Description& description) {
  const int index = static_cast<int>(&description - kernel_.descriptions.rows);
  if (when_ == When::kNow && IsShared(index)) return;
  Commute(part, description.object);
}

void FootprintNames::ReadDescription(const Description& description) {
  const int index = static_cast<int>(&description - kernel_.descriptions.rows);
  if (IsShared(index)) footprint_.AddDescription(Footprint::Access::kRead, index);
}

void FootprintNames::WriteDescription(const Description& description) {
  const int index = static_cast<int>(&description - kernel_.descriptions.rows);
  if (IsShared(index)) footprint_.AddDescription(Footprint::Access::kWrite, index);
}

void FootprintNames::Open() {
  if (FilesAreScarce(kernel_)) Commute(SystemPart::kOpenFiles);
}

void FootprintNames::OpenLimited() {
  if (!FilesAreScarce(kernel_)) return;
  if (self_.credentials.Has(kCapSysAdmin)) return Open();
  Write(SystemPart::kOpenFiles);
}

void FootprintNames::Close(int fd) {
  const Description* description = FindDescription(kernel_, self_, fd);
  if (description == nullptr) return;
  if (FilesAreScarce(kernel_)) Commute(SystemPart::kOpenFiles);
  switch (description->kind) {
    case DescriptionKind::kPipeRead: return CloseEndOfPipe(PipePart::kReaders, *description);
    case DescriptionKind::kPipeWrite: return CloseEndOfPipe(PipePart::kWriters, *description);
    case DescriptionKind::kFile: {
      // exec and ETXTBSY look at who may write; a file without a name gives its blocks back.
      const bool writes = (description->flags & O_ACCMODE) != O_RDONLY;
      const bool regular = S_ISREG(kernel_.inodes[description->object].mode);
      if (regular && (writes || BlocksAreScarce(kernel_))) Commute(SystemPart::kFiles);
      break;
    }
    case DescriptionKind::kDirectory: break;
    case DescriptionKind::kSocket:
      // Its name goes with it.
      if (kernel_.sockets[description->object].bound != 0) Commute(SystemPart::kSockets);
      return;
    default: return;
  }
  const auto index = static_cast<int>(description - kernel_.descriptions.rows);
  if (description->lock != F_UNLCK || IsShared(index)) Commute(SystemPart::kLocks);
}

void FootprintNames::ReadPipe(int index, size_t size) {
  const Pipe& pipe = kernel_.pipes[index];
  Write(PipePart::kHead, index);
  const bool is_now = when_ == When::kNow;
  // Where there is more than it takes it makes no difference what is put behind that; where there
  // is anything, whether more can come; and where nobody can write, nobody will.
  if (!is_now || IsEmpty(pipe)) {
    if (is_now && pipe.writers == 0) return;
    Read(PipePart::kWriters, index);
  }
  if (!is_now || !HoldsMoreThan(pipe, size)) Write(PipePart::kTail, index);
  if (!is_now || !HoldsMoreThan(pipe, size) || IsFull(pipe)) Write(PipePart::kState, index);
}

void FootprintNames::WritePipe(int index, size_t size) {
  const Pipe& pipe = kernel_.pipes[index];
  Write(PipePart::kTail, index);
  Read(PipePart::kReaders, index);
  const bool is_now = when_ == When::kNow;
  // Where all of it goes in it makes no difference what is taken out before.
  const int left = Pipe::kSlots - pipe.count - SlotsFor(pipe, size);
  if (!is_now || left < 0) Write(PipePart::kHead, index);
  if (!is_now || left <= 0 || IsEmpty(pipe)) Write(PipePart::kState, index);
}

void FootprintNames::ReleaseVforkParent() {
  if (self_.vfork_parent != kNone) Write(ProcessPart::kOwn, self_.vfork_parent);
}

}  // namespace cleanfork::sim
