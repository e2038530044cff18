#include "mocks/sim/pipes.h"

#include <fcntl.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "mocks/sim/calls.h"
#include "mocks/sim/descriptors.h"
#include "mocks/sim/refuse.h"
#include "mocks/sim/signals.h"

namespace cleanfork::sim {
namespace {

void FreeIfUnused(Kernel* kernel, int index) {
  Pipe& pipe = kernel->pipes[index];
  if (pipe.readers > 0 || pipe.writers > 0) return;
  for (int i = 0; i < pipe.count; ++i) {
    FreePage(kernel, pipe.slots[(pipe.first + i) % Pipe::kSlots].page);
  }
  pipe = Pipe();
}

}  // namespace

int TakePipe(Kernel* kernel) {
  for (int index = 0; index < kMaxPipes; ++index) {
    if (kernel->pipes[index].used != 0) continue;
    kernel->pipes.Use(index).used = 1;
    return index;
  }
  OutOfRoom("pipes", kMaxPipes);
}

void DropReader(Kernel* kernel, int pipe) {
  --kernel->pipes[pipe].readers;
  FreeIfUnused(kernel, pipe);
}

void DropWriter(Kernel* kernel, int pipe) {
  --kernel->pipes[pipe].writers;
  FreeIfUnused(kernel, pipe);
}

size_t TakeBytes(Kernel* kernel, int index, void* buffer, size_t size) {
  Pipe& pipe = kernel->pipes[index];
  size_t taken = 0;
  while (taken < size && !IsEmpty(pipe)) {
    PipeSlot& slot = pipe.slots[pipe.first];
    const size_t part = std::min<size_t>(size - taken, slot.size);
    std::memcpy(static_cast<char*>(buffer) + taken, kernel->pages[slot.page] + slot.offset, part);
    taken += part;
    slot.offset = static_cast<uint16_t>(slot.offset + part);
    slot.size = static_cast<uint16_t>(slot.size - part);
    if (slot.size > 0) continue;
    FreePage(kernel, slot.page);
    slot = PipeSlot();
    pipe.first = (pipe.first + 1) % Pipe::kSlots;
    --pipe.count;
  }
  return taken;
}

// As pipe_write() of Linux does, what is over whole pages goes there, if all of it fits; all the
// rest begins a slot of its own.
size_t FitsIntoLast(const Pipe& pipe, size_t size) {
  const size_t over = size % kPageSize;
  if (over == 0 || IsEmpty(pipe)) return 0;
  const PipeSlot& last = pipe.slots[(pipe.first + pipe.count - 1) % Pipe::kSlots];
  return size_t{last.offset} + last.size + over <= kPageSize ? over : 0;
}

size_t PutBytes(Kernel* kernel, int index, const void* buffer, size_t size, bool first) {
  Pipe& pipe = kernel->pipes[index];
  const char* bytes = static_cast<const char*>(buffer);
  size_t put = 0;
  if (first) put = FitsIntoLast(pipe, size);
  if (put > 0) {
    PipeSlot& last = pipe.slots[(pipe.first + pipe.count - 1) % Pipe::kSlots];
    std::memcpy(PageToWrite(kernel, last.page) + last.offset + last.size, bytes, put);
    last.size = static_cast<uint16_t>(last.size + put);
  }
  while (put < size && !IsFull(pipe)) {
    const size_t part = std::min(size - put, kPageSize);
    PipeSlot& slot = pipe.slots[(pipe.first + pipe.count) % Pipe::kSlots];
    slot.page = static_cast<int16_t>(TakePage(kernel));
    slot.offset = 0;
    slot.size = static_cast<uint16_t>(part);
    std::memcpy(PageToWrite(kernel, slot.page), bytes + put, part);
    ++pipe.count;
    put += part;
  }
  return put;
}

// The calls of Os ------------------------------------------------------------------------------

SysResult<PipeEnds> Calls::Pipe() { return Pipe2(0); }

SysResult<PipeEnds> Calls::Pipe2(int flags) {
  if ((flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT)) != 0) return SysError(EINVAL);
  if ((flags & O_DIRECT) != 0) Refuse("O_DIRECT, a pipe of packets,");
  if (!HasRoomForFiles(kernel_, self(), 2)) return SysError(ENFILE);
  const int read_end = FindFreeDescriptor(self(), 0);
  const int write_end = read_end < 0 ? -1 : FindFreeDescriptor(self(), read_end + 1);
  if (write_end < 0) return SysError(EMFILE);
  const int index = TakePipe(&kernel_);
  sim::Pipe& pipe = kernel_.pipes[index];
  pipe.readers = pipe.writers = 1;
  const bool cloexec = (flags & O_CLOEXEC) != 0;
  const int status_flags = flags & O_NONBLOCK;
  InstallDescription(&kernel_, &self(), read_end,
                     MakeDescription(DescriptionKind::kPipeRead, index, O_RDONLY | status_flags),
                     cloexec);
  InstallDescription(&kernel_, &self(), write_end,
                     MakeDescription(DescriptionKind::kPipeWrite, index, O_WRONLY | status_flags),
                     cloexec);
  return PipeEnds{read_end, write_end};
}

SysResult<size_t> Calls::ReadPipe(int index, void* buffer, size_t size, bool blocking) {
  if (size == 0) return size_t{0};
  const sim::Pipe& pipe = kernel_.pipes[index];
  for (;;) {
    if (!IsEmpty(pipe) && buffer == nullptr) return SysError(EFAULT);
    if (!IsEmpty(pipe)) return TakeBytes(&kernel_, index, buffer, size);
    if (pipe.writers == 0) return size_t{0};
    if (!blocking) return SysError(EAGAIN);
    const Wake wake = Wait("the pipe is empty, and somebody may write", kForever,
                           [&] { return !IsEmpty(pipe) || pipe.writers == 0; });
    if (wake == Wake::kSignal) return SysError(kRestartable);
  }
}

SysResult<size_t> Calls::WritePipe(int index, const void* buffer, size_t size, bool blocking) {
  const sim::Pipe& pipe = kernel_.pipes[index];
  if (size == 0) return size_t{0};  // even where nobody reads
  size_t put = 0;
  for (bool first = true;; first = false) {
    if (pipe.readers == 0) {
      PostSignalToSelf(SIGPIPE);
      if (put > 0) return put;
      return SysError(EPIPE);
    }
    if (buffer == nullptr && !IsFull(pipe)) return SysError(EFAULT);
    if (buffer != nullptr) {
      put += PutBytes(&kernel_, index, static_cast<const char*>(buffer) + put, size - put, first);
    }
    if (put == size) return put;
    if (!blocking) {
      if (put > 0) return put;
      return SysError(EAGAIN);
    }
    self().progress = static_cast<int64_t>(put);
    const Wake wake = Wait("the pipe is full, and somebody may read", kForever,
                           [&] { return !IsFull(pipe) || pipe.readers == 0; });
    self().progress = 0;
    if (wake != Wake::kSignal) continue;
    if (put > 0) return put;
    return SysError(kRestartable);
  }
}

}  // namespace cleanfork::sim
