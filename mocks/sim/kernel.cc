#include "mocks/sim/kernel.h"

#include <cstddef>
#include <cstring>
#include <memory>

#include "mocks/sim/refuse.h"

namespace cleanfork::sim {
namespace {

template <typename Row, int kSize>
void CopyTable(const Table<Row, kSize>& from, const Table<Row, kSize>& made,
               Table<Row, kSize>* to) {
  const auto used = static_cast<size_t>(from.used);
  std::memcpy(static_cast<void*>(to->rows), from.rows, used * sizeof(Row));
  if (to->used > from.used) {
    const auto more = static_cast<size_t>(to->used) - used;
    std::memcpy(static_cast<void*>(to->rows + used), made.rows + used, more * sizeof(Row));
  }
  to->used = from.used;
}

// What CopyKernel() copies is all that there is; a new table has a `used` to be cleared as well.
static_assert(sizeof(Kernel) == offsetof(Kernel, processes) + sizeof(Kernel::processes) +
                                    sizeof(Kernel::descriptions) + sizeof(Kernel::pipes) +
                                    sizeof(Kernel::inodes) + sizeof(Kernel::names) +
                                    sizeof(Kernel::sockets) + sizeof(Kernel::receivers) +
                                    sizeof(Kernel::datagrams) + sizeof(Kernel::page_use) +
                                    sizeof(Kernel::pages) + sizeof(Kernel::datagram_bytes),
              "CopyKernel() and MakeRoomForKernel() know all of Kernel");

}  // namespace

std::unique_ptr<Kernel> MakeRoomForKernel() {
  // Memory alone: a constructor would write to every row of a process.
  std::unique_ptr<Kernel> kernel(static_cast<Kernel*>(operator new(sizeof(Kernel))));
  kernel->processes.used = kernel->descriptions.used = kernel->pipes.used = 0;
  kernel->inodes.used = kernel->names.used = kernel->sockets.used = kernel->receivers.used = 0;
  kernel->datagrams.used = kernel->page_use.used = 0;
  std::memset(kernel->page_use.rows, 0, sizeof(kernel->page_use.rows));
  return kernel;
}

std::unique_ptr<Kernel> CloneKernel(const Kernel& made) {
  std::unique_ptr<Kernel> kernel = MakeRoomForKernel();
  CopyKernel(made, made, kernel.get());
  std::memcpy(static_cast<void*>(kernel.get()), &made, offsetof(Kernel, pages));
  return kernel;
}

void CopyKernel(const Kernel& from, const Kernel& made, Kernel* to) {
  std::memcpy(static_cast<void*>(to), &from, offsetof(Kernel, processes));
  CopyTable(from.processes, made.processes, &to->processes);
  CopyTable(from.descriptions, made.descriptions, &to->descriptions);
  CopyTable(from.pipes, made.pipes, &to->pipes);
  CopyTable(from.inodes, made.inodes, &to->inodes);
  CopyTable(from.names, made.names, &to->names);
  CopyTable(from.sockets, made.sockets, &to->sockets);
  CopyTable(from.receivers, made.receivers, &to->receivers);
  CopyTable(from.datagrams, made.datagrams, &to->datagrams);
  for (int page = 0; page < from.page_use.used; ++page) {
    const PageUse use = from.page_use[page];
    const bool is_there = use == PageUse::kAsMade && to->page_use[page] == PageUse::kAsMade;
    if (use == PageUse::kFree || is_there) continue;
    std::memcpy(to->pages[page], from.pages[page], kPageSize);
  }
  CopyTable(from.page_use, made.page_use, &to->page_use);
  std::memcpy(to->datagram_bytes, from.datagram_bytes, from.datagram_size);
}

int TakePage(Kernel* kernel) {
  for (int page = 0; page < kMaxPages; ++page) {
    if (kernel->page_use[page] != PageUse::kFree) continue;
    kernel->page_use.Use(page) = PageUse::kWritten;
    std::memset(kernel->pages[page], 0, kPageSize);
    return page;
  }
  OutOfRoom("pages of data in files and pipes", kMaxPages);
}

uint8_t* PageToWrite(Kernel* kernel, int page) {
  kernel->page_use[page] = PageUse::kWritten;
  return kernel->pages[page];
}

void FreePage(Kernel* kernel, int page) { kernel->page_use[page] = PageUse::kFree; }

}  // namespace cleanfork::sim
