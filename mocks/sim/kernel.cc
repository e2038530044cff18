#include "mocks/sim/kernel.h"

#include <cstddef>
#include <cstring>

#include "mocks/sim/refuse.h"

namespace cleanfork::sim {

void CopyKernel(const Kernel& from, Kernel* to) {
  std::memcpy(static_cast<void*>(to), &from, offsetof(Kernel, pages));
  for (int page = 0; page < kMaxPages; ++page) {
    if (from.page_used[page] != 0) std::memcpy(to->pages[page], from.pages[page], kPageSize);
  }
  std::memcpy(to->datagram_bytes, from.datagram_bytes, from.datagram_size);
}

int TakePage(Kernel* kernel) {
  for (int page = 0; page < kMaxPages; ++page) {
    if (kernel->page_used[page] != 0) continue;
    kernel->page_used[page] = 1;
    std::memset(kernel->pages[page], 0, kPageSize);
    return page;
  }
  OutOfRoom("pages of data in files and pipes", kMaxPages);
}

void FreePage(Kernel* kernel, int page) { kernel->page_used[page] = 0; }

}  // namespace cleanfork::sim
