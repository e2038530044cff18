#include "mocks/trace_record.h"

#include <fcntl.h>

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <vector>

#include "mocks/os_methods.h"
#include "mocks/os_text.h"

namespace cleanfork {
namespace {

// The names in "(int fd, void* buffer, size_t size)": what stands last in each part, but before
// the parameters of a pointer to a function.
std::vector<std::string> ParameterNames(const char* parameters) {
  std::vector<std::string> names;
  std::string part;
  int depth = 0;
  for (const char* at = parameters; *at != '\0'; ++at) {
    if (*at == ')') --depth;
    const bool ends = depth == 0 || (depth == 1 && *at == ',');
    if (depth >= 1 && !ends) part += *at;
    if (*at == '(') ++depth;
    if (!ends || part.empty()) continue;
    const size_t pointer = part.find("(*");
    if (pointer != std::string::npos) {
      const size_t start = pointer + 2;
      names.push_back(part.substr(start, part.find(')', start) - start));
    } else {
      names.push_back(part.substr(part.find_last_of(" *") + 1));
    }
    part.clear();
  }
  return names;
}

std::string CharactersText(const TraceRecord::Characters& text) {
  return text.null ? "NULL" : QuotedText(text.bytes, text.size, text.cut);
}

// ["sleep", "60"]
std::string ListText(const TraceRecord::Characters& list) {
  if (list.null) return "NULL";
  std::string text = "[";
  for (size_t at = 0; at < list.size;) {
    const size_t length = strnlen(list.bytes + at, list.size - at);
    if (at > 0) text += ", ";
    text += QuotedText(list.bytes + at, length, at + length == list.size && list.cut);
    at += length + 1;
  }
  return text + "]";
}

std::string GroupsText(const TraceRecord& record) {
  const size_t count = static_cast<size_t>(record.integers[1]);
  std::string text = "{";
  for (size_t i = 0; i < std::min(count, TraceOs::kMaxGroups); ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(record.groups[i]);
  }
  return text + (count > TraceOs::kMaxGroups ? ", ...}" : "}");
}

std::string FlagsText(OsCall call, int64_t value) {
  const int flags = static_cast<int>(value);
  switch (call) {
    case OsCall::kOpen: return OpenFlagsText(flags);
    case OsCall::kPipe2: return PipeFlagsText(flags);
    case OsCall::kFcntlSetFd: return DescriptorFlagsText(flags);
    case OsCall::kCloseRange: return CloseRangeFlagsText(static_cast<unsigned>(flags));
    case OsCall::kGetRandom: return GetRandomFlagsText(static_cast<unsigned>(flags));
    case OsCall::kSendTo:
    case OsCall::kRecvMsg: return MessageFlagsText(flags);
    case OsCall::kClockNanoSleep: return SleepFlagsText(flags);
    default: return std::to_string(value);
  }
}

std::string BufferText(const TraceRecord& record, bool present) {
  switch (record.call) {
    case OsCall::kRead:
    case OsCall::kPRead:
      if (record.state != TraceRecord::kReturned || record.error != 0) break;
      return QuotedText(record.data, record.data_size, record.data_cut);
    case OsCall::kWrite:
    case OsCall::kPWrite:
    case OsCall::kSendTo: return QuotedText(record.data, record.data_size, record.data_cut);
    default: break;
  }
  return present ? "buffer" : "NULL";
}

// setresuid(2) and its like take -1 for "leave it".
std::string IdText(int64_t id) { return id == 0xffffffff ? "-1" : std::to_string(id); }

// One argument, by its name in os_calls.inc: the same name always means the same kind of thing.
std::string ArgumentText(const TraceRecord& record, const std::string& name, size_t position,
                         size_t* texts) {
  const int64_t value = record.integers[position];
  const bool present = value != 0;
  if (name == "path" || name == "address" || name == "name" || name == "value" || name == "user") {
    return CharactersText(record.texts[(*texts)++]);
  }
  if (name == "argv") return ListText(record.texts[(*texts)++]);
  if (name == "flags") return FlagsText(record.call, value);
  if (name == "mode" || name == "mask") return OctalText(static_cast<uint64_t>(value));
  if (name == "signal") return present ? SignalText(static_cast<int>(value)) : "0";
  if (name == "how") return MaskHowText(static_cast<int>(value));
  if (name == "options") return WaitOptionsText(static_cast<int>(value));
  if (name == "type" && record.call == OsCall::kWaitId) return IdTypeText(static_cast<int>(value));
  if (name == "domain") return SocketDomainText(static_cast<int>(value));
  if (name == "type" && record.call == OsCall::kSocket) {
    return SocketTypeText(static_cast<int>(value));
  }
  if (name == "type") return LockTypeText(static_cast<int>(value));
  if (name == "clock") return ClockText(static_cast<int>(value));
  if (name == "resource") return ResourceText(static_cast<int>(value));
  if (name == "limit") return Text(record.limit);
  if (name == "set") return present ? Text(record.set) : "NULL";
  if (name == "action") return present ? Text(record.action) : "NULL";
  if (name == "buffer") return BufferText(record, present);
  if (name == "groups" && record.call == OsCall::kSetGroups) return GroupsText(record);
  if (name == "uid" || name == "gid" || name == "real" || name == "effective" || name == "saved") {
    return IdText(value);
  }
  if (name == "envp" || name == "groups" || name == "descriptors" || name == "block") {
    return present ? name : "NULL";
  }
  return std::to_string(value);
}

// open(2) looks at its mode only where it may make a file.
bool HasMode(int64_t flags) { return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE; }

std::string ArgumentsText(const TraceRecord& record) {
  if (record.call == OsCall::kVforkCall) return "()";  // its arguments are the seam's alone
  std::string text = "(";
  size_t position = 0;
  size_t texts = 0;
  for (const std::string& name : ParameterNames(GetOsCallInfo(record.call).parameters)) {
    if (record.call == OsCall::kOpen && name == "mode" && !HasMode(record.integers[1])) break;
    if (position > 0) text += ", ";
    text += ArgumentText(record, name, position++, &texts);
  }
  return text + ")";
}

std::string Text(const TracedUser& user) {
  return "{uid " + std::to_string(user.uid) + ", gid " + std::to_string(user.gid) + "}";
}
std::string Text(const TracedGroup& group) { return "{gid " + std::to_string(group.gid) + "}"; }

template <typename T>
T Stored(const TraceRecord& record) {
  T value{};
  std::memcpy(static_cast<void*>(&value), record.result, sizeof(value));
  return value;
}

template <typename T>
std::string ValueText(const TraceRecord& record) {
  if constexpr (std::is_void_v<T>) {
    return "0";
  } else if constexpr (std::is_same_v<T, UserRecord>) {
    return Text(Stored<TracedUser>(record));
  } else if constexpr (std::is_same_v<T, GroupRecord>) {
    return Text(Stored<TracedGroup>(record));
  } else if constexpr (std::is_same_v<T, const char*>) {
    return CharactersText(record.texts[1]);
  } else if constexpr (std::is_same_v<T, char* const*>) {
    return "environ";
  } else if constexpr (std::is_integral_v<T>) {
    return std::to_string(Stored<T>(record));
  } else {
    return Text(Stored<T>(record));
  }
}

template <typename Result>
std::string ResultText(const TraceRecord& record) {
  if constexpr (SysResultValue<Result>::kIsSysResult) {
    return ValueText<typename SysResultValue<Result>::Type>(record);
  } else {
    return ValueText<Result>(record);
  }
}

std::string SuccessText(const TraceRecord& record) {
  if (record.call == OsCall::kFcntlGetFd) return DescriptorFlagsText(Stored<int>(record));
  if (record.call == OsCall::kFcntlGetLock) return LockTypeText(Stored<short>(record));
  if (record.call == OsCall::kUmask) return OctalText(Stored<mode_t>(record));
  static constexpr std::string (*kTexts[])(const TraceRecord&) = {
#define CLEANFORK_OS_CALL(Method, name, Result, parameters, arguments, page, errnos) \
  &ResultText<Result>,
#include "cleanfork/os_calls.inc"
  };
  return kTexts[static_cast<int>(record.call)](record);
}

}  // namespace

std::string TraceLine(const TraceRecord& record) {
  std::string line = GetOsCallInfo(record.call).name + ArgumentsText(record);
  if (record.state == TraceRecord::kReturned) {
    line += record.error != 0 ? " = -1 " + ErrnoText(record.error) : " = " + SuccessText(record);
  } else if (record.call != OsCall::kExit && record.call != OsCall::kExecVe) {
    line += " = ?";
  }
  return line;
}

}  // namespace cleanfork
