#include "mocks/os_text.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "cleanfork/names.h"

namespace cleanfork {
namespace {

struct Bit {
  uint64_t value;
  const char* name;
};

#define CLEANFORK_BIT(name) \
  { static_cast<uint64_t>(name), #name }

template <size_t kSize>
std::string BitsText(const Bit (&bits)[kSize], uint64_t flags, std::string text = "") {
  for (const Bit& bit : bits) {
    if (bit.value == 0 || (flags & bit.value) != bit.value) continue;
    if (!text.empty()) text += '|';
    text += bit.name;
    flags &= ~bit.value;
  }
  if (flags != 0) {
    char number[32];
    std::snprintf(number, sizeof(number), "0x%" PRIx64, flags);
    if (!text.empty()) text += '|';
    text += number;
  }
  return text.empty() ? "0" : text;
}

template <size_t kSize>
std::string NameText(const Bit (&names)[kSize], int value) {
  for (const Bit& row : names) {
    if (static_cast<int>(row.value) == value) return row.name;
  }
  return std::to_string(value);
}

std::string ListText(uint64_t bits, bool members) {
  std::string text;
  for (int signal = 1; signal <= SignalSet::kMaxSignal; ++signal) {
    if (((bits >> (signal - 1)) & 1) != (members ? 1u : 0u)) continue;
    if (!text.empty()) text += ", ";
    text += SignalText(signal);
  }
  return text;
}

std::string IdsText(uint64_t real, uint64_t effective, uint64_t saved) {
  return "{real " + std::to_string(real) + ", effective " + std::to_string(effective) + ", saved " +
         std::to_string(saved) + "}";
}

std::string LimitText(uint64_t limit) {
  return limit == RLIM_INFINITY ? "unlimited" : std::to_string(limit);
}

}  // namespace

std::string ErrnoText(int error) {
  const char* name = ErrnoName(error);
  return (name != nullptr ? std::string(name) : "errno " + std::to_string(error)) + " (" +
         std::strerror(error) + ")";
}

std::string SignalText(int signal) {
  const char* name = SignalName(signal);
  return name != nullptr ? std::string(name) : "signal " + std::to_string(signal);
}

std::string Text(SignalSet set) {
  if (set.empty()) return "{}";
  if (set == SignalSet::Full()) return "{all signals}";
  // A set that lacks a few is told by what it lacks.
  int count = 0;
  for (int signal = 1; signal <= SignalSet::kMaxSignal; ++signal) count += set.Contains(signal);
  if (count > SignalSet::kMaxSignal / 2) {
    return "{all signals but " + ListText(set.bits(), false) + "}";
  }
  return "{" + ListText(set.bits(), true) + "}";
}

std::string Text(const SignalAction& action) {
  std::string text;
  if (action.info_handler == nullptr && action.handler == SIG_DFL) {
    text = "{SIG_DFL";
  } else if (action.info_handler == nullptr && action.handler == SIG_IGN) {
    text = "{SIG_IGN";
  } else {
    char address[48];
    std::snprintf(address, sizeof(address), "{handler 0x%" PRIxPTR,
                  action.info_handler != nullptr ? reinterpret_cast<uintptr_t>(action.info_handler)
                                                 : reinterpret_cast<uintptr_t>(action.handler));
    text = address;
  }
  if (!action.mask.empty()) text += ", mask " + Text(action.mask);
  if (action.flags != 0) text += ", flags " + ActionFlagsText(action.flags);
  return text + "}";
}

std::string Text(const SignalInfo& info) {
  return "{" + SignalText(info.signal) + ", code " + std::to_string(info.code) + ", from pid " +
         std::to_string(info.pid) + "}";
}

std::string Text(const WaitResult& result) {
  if (result.pid == 0) return "{no child changed}";
  const std::string pid = "{pid " + std::to_string(result.pid) + ", ";
  if (WIFEXITED(result.status)) {
    return pid + "exited with " + std::to_string(WEXITSTATUS(result.status)) + "}";
  }
  if (WIFSIGNALED(result.status)) {
    return pid + "killed by " + SignalText(WTERMSIG(result.status)) + "}";
  }
  if (WIFSTOPPED(result.status)) {
    return pid + "stopped by " + SignalText(WSTOPSIG(result.status)) + "}";
  }
  if (WIFCONTINUED(result.status)) return pid + "continued}";
  return pid + "status " + std::to_string(result.status) + "}";
}

std::string Text(const WaitIdResult& result) {
  if (result.pid == 0) return "{no child changed}";
  const std::string pid = "{pid " + std::to_string(result.pid) + ", ";
  switch (result.code) {
    case CLD_EXITED: return pid + "exited with " + std::to_string(result.status) + "}";
    case CLD_KILLED: return pid + "killed by " + SignalText(result.status) + "}";
    case CLD_DUMPED: return pid + "killed by " + SignalText(result.status) + ", core dumped}";
    case CLD_STOPPED: return pid + "stopped by " + SignalText(result.status) + "}";
    case CLD_CONTINUED: return pid + "continued}";
    default:
      return pid + "code " + std::to_string(result.code) + ", status " +
             std::to_string(result.status) + "}";
  }
}

std::string Text(const ReceivedMessage& message) {
  std::string text = "{size " + std::to_string(message.size) + (message.cut ? ", cut" : "");
  if (message.pid != 0) {
    text += ", pid " + std::to_string(message.pid) + ", uid " + std::to_string(message.uid) +
            ", gid " + std::to_string(message.gid);
  }
  return text + "}";
}

std::string Text(const PipeEnds& ends) {
  return "{read end " + std::to_string(ends.read_end) + ", write end " +
         std::to_string(ends.write_end) + "}";
}

std::string Text(const CapabilitySets& sets) {
  char text[80];
  std::snprintf(text, sizeof(text),
                "{effective %#" PRIx64 ", permitted %#" PRIx64 ", inheritable %#" PRIx64 "}",
                sets.effective, sets.permitted, sets.inheritable);
  return text;
}
std::string Text(const ResUid& ids) { return IdsText(ids.real, ids.effective, ids.saved); }
std::string Text(const ResGid& ids) { return IdsText(ids.real, ids.effective, ids.saved); }

std::string Text(const ResourceLimit& limit) {
  return "{soft " + LimitText(limit.soft) + ", hard " + LimitText(limit.hard) + "}";
}

std::string Text(const FileStatus& status) {
  return "{mode " + OctalText(status.mode) + ", uid " + std::to_string(status.uid) + ", gid " +
         std::to_string(status.gid) + ", size " + std::to_string(status.size) + ", device " +
         std::to_string(status.device) + ", inode " + std::to_string(status.inode) + "}";
}

std::string Text(const UnixAddress& address) {
  const bool abstract = address.size > 0 && address.bytes[0] == '\0';
  std::string name(address.bytes, std::min(address.size, UnixAddress::kMaxSize));
  if (abstract) name[0] = '@';
  return QuotedText(name.data(), name.size(), false);
}

std::string Text(const UserRecord& record) {
  return "{" + std::string(record.name) + ", uid " + std::to_string(record.uid) + ", gid " +
         std::to_string(record.gid) + ", home " + record.home + ", shell " + record.shell + "}";
}

std::string Text(const GroupRecord& record) {
  return "{" + std::string(record.name) + ", gid " + std::to_string(record.gid) + "}";
}

std::string OctalText(uint64_t number) {
  char text[32];
  std::snprintf(text, sizeof(text), number == 0 ? "%" PRIo64 : "0%" PRIo64, number);
  return text;
}

std::string QuotedText(const char* bytes, size_t size, bool cut) {
  std::string text = "\"";
  for (size_t i = 0; i < size; ++i) {
    const unsigned char byte = static_cast<unsigned char>(bytes[i]);
    if (byte == '"' || byte == '\\') {
      text += '\\';
      text += bytes[i];
    } else if (byte == '\n') {
      text += "\\n";
    } else if (byte < 0x20 || byte >= 0x7f) {
      char escaped[8];
      std::snprintf(escaped, sizeof(escaped), "\\x%02x", byte);
      text += escaped;
    } else {
      text += bytes[i];
    }
  }
  return text + (cut ? "\"..." : "\"");
}

std::string OpenFlagsText(int flags) {
  static constexpr Bit kAccess[] = {CLEANFORK_BIT(O_RDONLY), CLEANFORK_BIT(O_WRONLY),
                                    CLEANFORK_BIT(O_RDWR)};
  // O_TMPFILE contains O_DIRECTORY, and O_SYNC contains O_DSYNC: the larger stand first.
  static constexpr Bit kFlags[] = {
      CLEANFORK_BIT(O_TMPFILE), CLEANFORK_BIT(O_SYNC),      CLEANFORK_BIT(O_CREAT),
      CLEANFORK_BIT(O_EXCL),    CLEANFORK_BIT(O_NOCTTY),    CLEANFORK_BIT(O_TRUNC),
      CLEANFORK_BIT(O_APPEND),  CLEANFORK_BIT(O_NONBLOCK),  CLEANFORK_BIT(O_DSYNC),
      CLEANFORK_BIT(O_DIRECT),  CLEANFORK_BIT(O_DIRECTORY), CLEANFORK_BIT(O_NOFOLLOW),
      CLEANFORK_BIT(O_NOATIME), CLEANFORK_BIT(O_PATH),      CLEANFORK_BIT(O_CLOEXEC)};
  return BitsText(kFlags, static_cast<unsigned>(flags & ~O_ACCMODE),
                  NameText(kAccess, flags & O_ACCMODE));
}

std::string PipeFlagsText(int flags) {
  static constexpr Bit kBits[] = {CLEANFORK_BIT(O_CLOEXEC), CLEANFORK_BIT(O_DIRECT),
                                  CLEANFORK_BIT(O_NONBLOCK)};
  return BitsText(kBits, static_cast<unsigned>(flags));
}

std::string WaitOptionsText(int options) {
  static constexpr Bit kBits[] = {CLEANFORK_BIT(WNOHANG), CLEANFORK_BIT(WUNTRACED),
                                  CLEANFORK_BIT(WEXITED), CLEANFORK_BIT(WCONTINUED),
                                  CLEANFORK_BIT(WNOWAIT)};
  return BitsText(kBits, static_cast<unsigned>(options));
}

std::string ActionFlagsText(int flags) {
  static constexpr Bit kBits[] = {CLEANFORK_BIT(SA_NOCLDSTOP),
                                  CLEANFORK_BIT(SA_NOCLDWAIT),
                                  CLEANFORK_BIT(SA_SIGINFO),
                                  CLEANFORK_BIT(SA_ONSTACK),
                                  CLEANFORK_BIT(SA_RESTART),
                                  CLEANFORK_BIT(SA_NODEFER),
                                  {static_cast<unsigned>(SA_RESETHAND), "SA_RESETHAND"}};
  return BitsText(kBits, static_cast<unsigned>(flags));
}

std::string MaskHowText(int how) {
  static constexpr Bit kNames[] = {CLEANFORK_BIT(SIG_BLOCK), CLEANFORK_BIT(SIG_UNBLOCK),
                                   CLEANFORK_BIT(SIG_SETMASK)};
  return NameText(kNames, how);
}

std::string IdTypeText(int type) {
  static constexpr Bit kNames[] = {
      CLEANFORK_BIT(P_ALL), CLEANFORK_BIT(P_PID), CLEANFORK_BIT(P_PGID), {3, "P_PIDFD"}};
  return NameText(kNames, type);
}

std::string LockTypeText(int type) {
  static constexpr Bit kNames[] = {CLEANFORK_BIT(F_RDLCK), CLEANFORK_BIT(F_WRLCK),
                                   CLEANFORK_BIT(F_UNLCK)};
  return NameText(kNames, type);
}

std::string DescriptorFlagsText(int flags) {
  static constexpr Bit kBits[] = {CLEANFORK_BIT(FD_CLOEXEC)};
  return BitsText(kBits, static_cast<unsigned>(flags));
}

std::string CloseRangeFlagsText(unsigned flags) {
  static constexpr Bit kBits[] = {CLEANFORK_BIT(CLOSE_RANGE_UNSHARE),
                                  CLEANFORK_BIT(CLOSE_RANGE_CLOEXEC)};
  return BitsText(kBits, flags);
}

std::string GetRandomFlagsText(unsigned flags) {
  static constexpr Bit kBits[] = {CLEANFORK_BIT(GRND_NONBLOCK), CLEANFORK_BIT(GRND_RANDOM)};
  return BitsText(kBits, flags);
}

std::string SleepFlagsText(int flags) {
  static constexpr Bit kBits[] = {CLEANFORK_BIT(TIMER_ABSTIME)};
  return BitsText(kBits, static_cast<unsigned>(flags));
}

std::string SocketDomainText(int domain) {
  static constexpr Bit kNames[] = {CLEANFORK_BIT(AF_UNIX), CLEANFORK_BIT(AF_INET),
                                   CLEANFORK_BIT(AF_INET6), CLEANFORK_BIT(AF_NETLINK)};
  return NameText(kNames, domain);
}

std::string SocketTypeText(int type) {
  static constexpr Bit kTypes[] = {CLEANFORK_BIT(SOCK_STREAM), CLEANFORK_BIT(SOCK_DGRAM),
                                   CLEANFORK_BIT(SOCK_SEQPACKET), CLEANFORK_BIT(SOCK_RAW)};
  static constexpr Bit kFlags[] = {CLEANFORK_BIT(SOCK_CLOEXEC), CLEANFORK_BIT(SOCK_NONBLOCK)};
  constexpr int kAllFlags = SOCK_CLOEXEC | SOCK_NONBLOCK;
  return BitsText(kFlags, static_cast<unsigned>(type & kAllFlags),
                  NameText(kTypes, type & ~kAllFlags));
}

std::string MessageFlagsText(int flags) {
  static constexpr Bit kBits[] = {CLEANFORK_BIT(MSG_NOSIGNAL), CLEANFORK_BIT(MSG_DONTWAIT)};
  return BitsText(kBits, static_cast<unsigned>(flags));
}

std::string ClockText(int clock) {
  static constexpr Bit kNames[] = {CLEANFORK_BIT(CLOCK_REALTIME), CLEANFORK_BIT(CLOCK_MONOTONIC),
                                   CLEANFORK_BIT(CLOCK_BOOTTIME),
                                   CLEANFORK_BIT(CLOCK_PROCESS_CPUTIME_ID)};
  return NameText(kNames, clock);
}

std::string ResourceText(int resource) {
  const char* name = ResourceName(resource);
  return name != nullptr ? name : std::to_string(resource);
}

#undef CLEANFORK_BIT

}  // namespace cleanfork
