// Reads /proc, with bounds: no answer of a kernel, however odd, keeps the caller. Allocates, so it
// is for the parent's side only.
#ifndef CLEANFORK_SRC_PROC_FILES_H_
#define CLEANFORK_SRC_PROC_FILES_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cleanfork/os.h"

namespace cleanfork {

constexpr size_t kMaxProcFileSize = 256 * 1024;

// Sets `text` to a whole small file of /proc or of a cgroup, or to about kMaxProcFileSize bytes of
// a larger one. Returns an errno, or 0.
int ReadProcFile(Os& os, const std::string& path, std::string* text);

// The decimal number that `text` begins with, after blanks; nothing for "max" and for a number
// that is too large to be one.
std::optional<uint64_t> ParseNumber(std::string_view text);

std::vector<std::string_view> Split(std::string_view text, char separator);

// What follows "name:" in a /proc/PID/status.
std::string_view StatusField(std::string_view status, std::string_view name);

// The names in a directory, without "." and "..", in the order in which the kernel has them.
struct NameList {
  std::vector<std::string> names;
  int error = 0;  // an errno if it cannot be read, or not to its end; EOVERFLOW for too many names
};

NameList ListDirectory(Os& os, const std::string& path);

struct ProcessList {
  std::vector<std::string> pids;
  bool complete = false;  // else some could not be read, or there are too many
};

// The processes that /proc shows.
ProcessList ListProcesses(Os& os);

}  // namespace cleanfork

#endif  // CLEANFORK_SRC_PROC_FILES_H_
