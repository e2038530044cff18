// What files of proc(5) say of a process.
#ifndef CLEANFORK_TESTS_CONFORMANCE_PROC_TEXT_H_
#define CLEANFORK_TESTS_CONFORMANCE_PROC_TEXT_H_

#include <fcntl.h>
#include <sys/types.h>

#include <string>

#include "cleanfork/os.h"

namespace cleanfork {

// All that comes until the end of the file or pipe.
inline std::string ReadAll(Os& os, int fd) {
  std::string text;
  char bytes[700];
  for (;;) {
    const size_t got = os.Read(fd, bytes, sizeof(bytes)).value_or(0);
    if (got == 0) return text;
    text.append(bytes, got);
  }
}

inline std::string TextOf(Os& os, const std::string& path) {
  const SysResult<int> fd = os.Open(path.c_str(), O_RDONLY, 0);
  if (!fd.ok()) return "";
  const std::string text = ReadAll(os, fd.value());
  os.Close(fd.value()).IgnoreError();
  return text;
}

// A line of /proc/PID/status: "SigBlk" is "0000000000000200".
inline std::string Field(const std::string& text, const std::string& name) {
  const size_t at = text.find("\n" + name + ":\t");
  if (at == std::string::npos) return "no " + name;
  const size_t begin = at + name.size() + 3;
  return text.substr(begin, text.find('\n', begin) - begin);
}

// The numbered field of /proc/PID/stat, from 3 on: after the name in parentheses.
inline std::string StatField(Os& os, pid_t pid, int number) {
  const std::string text = TextOf(os, "/proc/" + std::to_string(pid) + "/stat");
  size_t at = text.rfind(')');
  for (int i = 2; i < number && at != std::string::npos; ++i) at = text.find(' ', at + 1);
  if (at == std::string::npos) return "none";
  return text.substr(at + 1, text.find(' ', at + 1) - at - 1);
}

}  // namespace cleanfork

#endif  // CLEANFORK_TESTS_CONFORMANCE_PROC_TEXT_H_
