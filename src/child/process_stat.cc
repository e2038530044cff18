#include "src/child/process_stat.h"

#include <fcntl.h>

#include <cerrno>

#include "cleanfork/fd_io.h"
#include "cleanfork/probe.h"

namespace cleanfork {
namespace {

// Flags of include/linux/sched.h, which the ninth field shows.
constexpr unsigned long kExiting = 0x4;
constexpr unsigned long kForkedButNoExec = 0x40;  // from the fork until the first exec

struct ProcessStat {
  char state = '?';
  unsigned long flags = 0;
};

// The number that [at, end) begins with.
bool ParseNumber(const char* at, const char* end, unsigned long* number) {
  const char* start = at;
  *number = 0;
  for (; at < end && *at >= '0' && *at <= '9'; ++at) {
    *number = *number * 10 + static_cast<unsigned long>(*at - '0');
  }
  return at > start;
}

bool Parse(const char* text, const char* end, ProcessStat* stat) {
  // The second field is the program's name in brackets and may itself contain brackets and
  // spaces: what follows the last closing one is the third.
  const char* field = end;
  while (field > text && field[-1] != ')') --field;
  if (field == text || end - field < 2) return false;
  stat->state = field[1];
  for (int spaces = 0; field < end && spaces < 7; ++field) {
    if (*field == ' ') ++spaces;
  }
  return ParseNumber(field, end, &stat->flags);
}

SysResult<ProcessStat> ReadStat(Os& os, const char* path) {
  SysResult<int> fd = RetryOnEintr([&] { return os.Open(path, O_RDONLY | O_CLOEXEC, 0); });
  if (!fd.ok()) return SysError(fd.error());
  char text[512];  // a line's first nine fields are far shorter
  SysResult<size_t> size = ReadFully(os, fd.value(), text, sizeof(text));
  os.Close(fd.value()).IgnoreError();
  if (!size.ok()) return SysError(size.error());
  ProcessStat stat;
  if (!Parse(text, text + size.value(), &stat)) return SysError(EIO);
  return stat;
}

// Writes "/proc/<pid>/stat" to `path`.
void StatPath(pid_t pid, char (&path)[32]) {
  char digits[12];
  int count = 0;
  for (unsigned rest = static_cast<unsigned>(pid); count == 0 || rest > 0; rest /= 10) {
    digits[count++] = static_cast<char>('0' + rest % 10);
  }
  char* out = path;
  for (const char* c = "/proc/"; *c != '\0'; ++c) *out++ = *c;
  while (count > 0) *out++ = digits[--count];
  for (const char* c = "/stat"; *c != '\0'; ++c) *out++ = *c;
  *out = '\0';
}

}  // namespace

ExecState GetExecState(Os& os, pid_t pid) {
  char path[32];
  StatPath(pid, path);
  SysResult<ProcessStat> stat = ReadStat(os, path);
  if (!stat.ok()) {
    CLEANFORK_PROBE("/proc does not show a child");
    return ExecState::kUnknown;
  }
  if (IsProcOurs(os) != ProcIsOurs::kYes) return ExecState::kUnknown;
  if ((stat.value().flags & kForkedButNoExec) == 0) return ExecState::kExecd;
  const char state = stat.value().state;
  const bool dying = (stat.value().flags & kExiting) != 0 || state == 'Z' || state == 'X';
  return dying ? ExecState::kDying : ExecState::kNotYet;
}

ProcIsOurs IsProcOurs(Os& os) {
  char text[16];
  const SysResult<size_t> size = os.ReadLink("/proc/self", text, sizeof(text));
  if (!size.ok()) return size.error() == ENOENT ? ProcIsOurs::kNo : ProcIsOurs::kCannotTell;
  const size_t length = size.value() < sizeof(text) ? size.value() : sizeof(text);
  unsigned long number = 0;
  if (!ParseNumber(text, text + length, &number)) return ProcIsOurs::kCannotTell;
  return number == static_cast<unsigned long>(os.GetPid()) ? ProcIsOurs::kYes : ProcIsOurs::kNo;
}

}  // namespace cleanfork
