#include "bench/parent_size.h"

#include <sys/mman.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>

namespace cleanfork {
namespace {

constexpr size_t kReserve = 1024;  // MiB

// MemAvailable of proc_meminfo(5), in MiB; 0 where it cannot be read.
size_t AvailableMebibytes() {
  std::ifstream file("/proc/meminfo");
  std::string name, unit;
  size_t kibibytes = 0;
  while (file >> name >> kibibytes) {
    if (name == "MemAvailable:") return kibibytes / 1024;
    std::getline(file, unit);
  }
  return 0;
}

}  // namespace

bool GrowTo(size_t mebibytes) {
  static size_t grown = 0;
  const size_t more = mebibytes - grown;
  const size_t available = AvailableMebibytes();
  if (available < more + kReserve) {
    std::printf("left out: a parent of %zu MiB; %zu MiB are available\n", mebibytes, available);
    return false;
  }
  const size_t size = more << 20;
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    std::printf("left out: a parent of %zu MiB; mmap refuses it\n", mebibytes);
    return false;
  }
  madvise(memory, size, MADV_NOHUGEPAGE);
  std::memset(memory, 1, size);
  grown = mebibytes;
  std::printf("from a parent of %zu MiB:\n", mebibytes);
  return true;
}

}  // namespace cleanfork
