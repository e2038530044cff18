#include "src/child/await_child.h"

#include <fcntl.h>

#include "cleanfork/fd_io.h"

namespace cleanfork {
namespace {

// Set on a process from its fork until its first exec: include/linux/sched.h. The ninth field of
// /proc/PID/stat, proc(5), shows it.
constexpr unsigned long kForkedButNoExec = 0x40;

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

// The kernel's flags of a process, or an errno if /proc does not show them. EIO: not understood.
SysResult<unsigned long> ProcessFlags(Os& os, pid_t pid) {
  char path[32];
  StatPath(pid, path);
  SysResult<int> fd = RetryOnEintr([&] { return os.Open(path, O_RDONLY | O_CLOEXEC, 0); });
  if (!fd.ok()) return SysError(fd.error());
  char text[512];  // a stat line's first nine fields are far shorter
  SysResult<size_t> size = ReadFully(os, fd.value(), text, sizeof(text));
  os.Close(fd.value()).IgnoreError();
  if (!size.ok()) return SysError(size.error());
  // The second field is the program's name in brackets and may itself contain brackets and
  // spaces: count from the last closing one.
  const char* end = text + size.value();
  const char* field = end;
  while (field > text && field[-1] != ')') --field;
  for (int spaces = 0; field < end && spaces < 7; ++field) {
    if (*field == ' ') ++spaces;
  }
  unsigned long flags = 0;
  bool any = false;
  for (; field < end && *field >= '0' && *field <= '9'; ++field) {
    flags = flags * 10 + static_cast<unsigned long>(*field - '0');
    any = true;
  }
  if (!any) return SysError(EIO);
  return flags;
}

ChildReport FromWait(const WaitIdResult& ended, pid_t child) {
  if (ended.code == CLD_EXITED) return ChildReport::Died(0, ended.status, child);
  return ChildReport::Died(ended.status, 0, child);
}

}  // namespace

ChildReport DecideAtEndOfFile(Os& os, pid_t child, bool execs) {
  const id_t id = static_cast<id_t>(child);
  if (execs) {
    SysResult<unsigned long> flags = ProcessFlags(os, child);
    if (flags.ok() && (flags.value() & kForkedButNoExec) == 0) return ChildReport::Started(child);
    if (!flags.ok()) {
      // Without /proc only the state tells. Alive: it runs. Ended by an exit that is not that of a
      // child whose report got lost: it ran. Ended by a signal it can be either, and is no success.
      SysResult<WaitIdResult> ended =
          RetryOnEintr([&] { return os.WaitId(P_PID, id, WEXITED | WNOHANG | WNOWAIT); });
      if (!ended.ok()) return ChildReport::Failed(Step::kStart, ended.error(), child);
      const bool exited = ended.value().pid != 0;
      const bool ran =
          ended.value().code == CLD_EXITED && ended.value().status != kChildFailedStatus;
      return exited && !ran ? FromWait(ended.value(), child) : ChildReport::Started(child);
    }
  }
  // The pipe's last end is closed and no exec closed it: death did, or is about to, since a dying
  // process closes its descriptors before it can be waited for.
  SysResult<WaitIdResult> ended =
      RetryOnEintr([&] { return os.WaitId(P_PID, id, WEXITED | WNOWAIT); });
  if (!ended.ok()) return ChildReport::Failed(Step::kStart, ended.error(), child);
  return FromWait(ended.value(), child);
}

}  // namespace cleanfork
