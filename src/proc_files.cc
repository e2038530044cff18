#include "src/proc_files.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

#include "cleanfork/probe.h"
#include "cleanfork/unique_fd.h"

namespace cleanfork {
namespace {

constexpr size_t kMaxNames = 100'000;
constexpr int kMaxDirectoryReads = 10'000;
constexpr size_t kReadSize = 8 * 1024;

bool IsPid(const char* name) {
  if (*name == '\0') return false;
  return std::strspn(name, "0123456789") == std::strlen(name);
}

// The names in one buffer that GetDents() has filled.
void AppendNames(const char* buffer, size_t size, std::vector<std::string>& names) {
  size_t offset = 0;
  constexpr size_t kNameOffset = offsetof(struct dirent64, d_name);
  while (offset + kNameOffset < size) {
    struct dirent64 entry;
    std::memcpy(&entry, buffer + offset, std::min(sizeof(entry), size - offset));
    const size_t length = entry.d_reclen;
    if (length <= kNameOffset || length > size - offset || length > sizeof(entry)) return;
    const char* name = buffer + offset + kNameOffset;
    std::string text(name, strnlen(name, length - kNameOffset));
    if (text != "." && text != "..") names.push_back(std::move(text));
    offset += length;
  }
}

}  // namespace

int ReadProcFile(Os& os, const std::string& path, std::string* text) {
  // Calls are counted, an interrupted one too: an Os that returns EINTR without end must not hold
  // us.
  constexpr size_t kMaxCalls = 2 * kMaxProcFileSize / kReadSize;
  SysResult<int> opened = SysError(EINTR);
  for (size_t calls = 0; calls < kMaxCalls && !opened.ok() && opened.error() == EINTR; ++calls) {
    if (calls > 0) CLEANFORK_PROBE("the open of a file of /proc is made again");
    opened = os.Open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
  }
  if (!opened.ok()) return opened.error();
  const UniqueFd fd(os, opened.value());
  text->clear();
  char buffer[kReadSize];
  for (size_t calls = 0; calls < kMaxCalls; ++calls) {
    const SysResult<size_t> got = os.Read(fd.get(), buffer, sizeof(buffer));
    if (!got.ok() && got.error() == EINTR) {
      CLEANFORK_PROBE("the read of a file of /proc is made again");
      continue;
    }
    if (!got.ok()) return got.error();
    if (got.value() == 0) return 0;
    text->append(buffer, std::min(got.value(), sizeof(buffer)));
    if (text->size() >= kMaxProcFileSize) return 0;
  }
  return EINTR;
}

std::optional<uint64_t> ParseNumber(std::string_view text) {
  const size_t start = text.find_first_not_of(" \t");
  if (start == std::string_view::npos) return std::nullopt;
  uint64_t number = 0;
  size_t digits = 0;
  for (char c : text.substr(start)) {
    if (c < '0' || c > '9') break;
    if (++digits > 18) return std::nullopt;
    number = number * 10 + static_cast<uint64_t>(c - '0');
  }
  if (digits == 0) return std::nullopt;
  return number;
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string_view StatusField(std::string_view status, std::string_view name) {
  for (std::string_view line : Split(status, '\n')) {
    if (line.size() > name.size() && line.substr(0, name.size()) == name &&
        line[name.size()] == ':') {
      return line.substr(name.size() + 1);
    }
  }
  return {};
}

NameList ListDirectory(Os& os, const std::string& path) {
  NameList list;
  const SysResult<int> opened = os.Open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (!opened.ok()) {
    list.error = opened.error();
    return list;
  }
  const UniqueFd directory(os, opened.value());
  alignas(struct dirent64) char buffer[kReadSize];
  list.error = EOVERFLOW;
  for (int calls = 0; calls < kMaxDirectoryReads && list.names.size() < kMaxNames; ++calls) {
    const SysResult<size_t> got = os.GetDents(directory.get(), buffer, sizeof(buffer));
    if (!got.ok() && got.error() == EINTR) {
      CLEANFORK_PROBE("the read of a directory of /proc is made again");
      continue;
    }
    if (!got.ok() || got.value() == 0) {
      list.error = got.ok() ? 0 : got.error();
      break;
    }
    AppendNames(buffer, std::min(got.value(), sizeof(buffer)), list.names);
  }
  return list;
}

ProcessList ListProcesses(Os& os) {
  NameList all = ListDirectory(os, "/proc");
  ProcessList list;
  list.complete = all.error == 0;
  for (std::string& name : all.names) {
    if (IsPid(name.c_str())) list.pids.push_back(std::move(name));
  }
  return list;
}

}  // namespace cleanfork
