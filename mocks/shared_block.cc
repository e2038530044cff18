#include "mocks/shared_block.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace cleanfork {
namespace {

void* MapShared(size_t size) {
  void* data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) {
    std::fprintf(stderr, "mmap of %zu shared bytes: %s\n", size, std::strerror(errno));
    std::abort();
  }
  return data;
}

}  // namespace

SharedBlock::SharedBlock(size_t size) : data_(MapShared(size)), size_(size) {}

SharedBlock::~SharedBlock() { munmap(data_, size_); }

}  // namespace cleanfork
