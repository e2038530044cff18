// Reads small files whole: those of /proc, and pid files.
#ifndef CLEANFORK_SRC_READ_FILE_H_
#define CLEANFORK_SRC_READ_FILE_H_

#include <cstddef>
#include <string>

#include "cleanfork/os.h"

namespace cleanfork {

// What is in the file at `path`: sets `content` to at most `limit` bytes of it. Returns the errno
// of open(2) or read(2), or 0.
int ReadSmallFile(Os& os, const char* path, size_t limit, std::string* content);

}  // namespace cleanfork

#endif  // CLEANFORK_SRC_READ_FILE_H_
