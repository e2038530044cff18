#include "mocks/sim/kernel.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "mocks/sim/refuse.h"

namespace cleanfork::sim {
namespace {

template <typename Row, int kSize>
void CopyTable(const Table<Row, kSize>& from, Table<Row, kSize>* to) {
  const auto rows = static_cast<size_t>(std::max(from.used, to->used));
  std::memcpy(static_cast<void*>(to->rows), from.rows, rows * sizeof(Row));
  to->used = from.used;
}

// What CopyKernel() copies is all that there is.
static_assert(sizeof(Kernel) == offsetof(Kernel, processes) + sizeof(Kernel::processes) +
                                    sizeof(Kernel::descriptions) + sizeof(Kernel::pipes) +
                                    sizeof(Kernel::inodes) + sizeof(Kernel::names) +
                                    sizeof(Kernel::sockets) + sizeof(Kernel::receivers) +
                                    sizeof(Kernel::datagrams) + sizeof(Kernel::page_used) +
                                    sizeof(Kernel::pages) + sizeof(Kernel::datagram_bytes),
              "CopyKernel() knows all of Kernel");

}  // namespace

void CopyKernel(const Kernel& from, Kernel* to) {
  std::memcpy(static_cast<void*>(to), &from, offsetof(Kernel, processes));
  CopyTable(from.processes, &to->processes);
  CopyTable(from.descriptions, &to->descriptions);
  CopyTable(from.pipes, &to->pipes);
  CopyTable(from.inodes, &to->inodes);
  CopyTable(from.names, &to->names);
  CopyTable(from.sockets, &to->sockets);
  CopyTable(from.receivers, &to->receivers);
  CopyTable(from.datagrams, &to->datagrams);
  CopyTable(from.page_used, &to->page_used);
  for (int page = 0; page < from.page_used.used; ++page) {
    if (from.page_used[page] != 0) std::memcpy(to->pages[page], from.pages[page], kPageSize);
  }
  std::memcpy(to->datagram_bytes, from.datagram_bytes, from.datagram_size);
}

int TakePage(Kernel* kernel) {
  for (int page = 0; page < kMaxPages; ++page) {
    if (kernel->page_used[page] != 0) continue;
    kernel->page_used.Use(page) = 1;
    std::memset(kernel->pages[page], 0, kPageSize);
    return page;
  }
  OutOfRoom("pages of data in files and pipes", kMaxPages);
}

void FreePage(Kernel* kernel, int page) { kernel->page_used[page] = 0; }

}  // namespace cleanfork::sim
