#include "src/read_file.h"

#include <fcntl.h>

#include <algorithm>

#include "cleanfork/fd_io.h"
#include "cleanfork/unique_fd.h"

namespace cleanfork {

int ReadSmallFile(Os& os, const char* path, size_t limit, std::string* content) {
  SysResult<int> opened =
      RetryOnEintr([&] { return os.Open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY, 0); });
  if (!opened.ok()) return opened.error();
  UniqueFd fd(os, opened.value());
  content->clear();
  while (content->size() < limit) {
    constexpr size_t kBlock = 4096;
    const size_t before = content->size();
    const size_t size = std::min(kBlock, limit - before);
    content->resize(before + size);
    SysResult<size_t> got = ReadFully(os, fd.get(), &(*content)[before], size);
    if (!got.ok()) return got.error();
    content->resize(before + got.value());
    if (got.value() < size) break;
  }
  return 0;
}

}  // namespace cleanfork
