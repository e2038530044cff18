#include "cleanfork/trace_os.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <new>
#include <tuple>
#include <type_traits>

#include "mocks/os_methods.h"
#include "mocks/shared_block.h"
#include "mocks/trace_record.h"

namespace cleanfork {
namespace {

static_assert(std::atomic<uint64_t>::is_always_lock_free,
              "a lock would not work between processes");

void AppendText(TraceRecord::Characters* to, const char* text) {
  const size_t room = TraceOs::kMaxText - to->size;
  const size_t length = strnlen(text, room);
  std::memcpy(to->bytes + to->size, text, length);
  to->size = static_cast<uint16_t>(to->size + length);
  to->cut = text[length] != '\0';
}

void CaptureText(TraceRecord::Characters* to, const char* text) {
  to->null = text == nullptr;
  if (text != nullptr) AppendText(to, text);
}

void CaptureAddress(TraceRecord::Characters* to, const UnixAddress* address) {
  static_assert(UnixAddress::kMaxSize <= TraceOs::kMaxText);
  to->null = address == nullptr;
  if (address == nullptr) return;
  to->size = static_cast<uint16_t>(std::min(address->size, UnixAddress::kMaxSize));
  std::memcpy(to->bytes, address->bytes, to->size);
  if (to->size > 0 && to->bytes[0] == '\0') to->bytes[0] = '@';
}

// argv: each string with its NUL, which a reader needs to tell them apart.
void CaptureList(TraceRecord::Characters* to, char* const* list) {
  to->null = list == nullptr;
  for (; list != nullptr && *list != nullptr && !to->cut; ++list) {
    if (to->size == TraceOs::kMaxText) {
      to->cut = true;
      return;
    }
    AppendText(to, *list);
    if (!to->cut && to->size < TraceOs::kMaxText) to->bytes[to->size++] = '\0';
  }
}

// Writes the arguments of one call into its record, in their order.
class Capture {
 public:
  explicit Capture(TraceRecord* record) : record_(record) {}

  template <typename Integer>
  std::enable_if_t<std::is_integral_v<Integer> || std::is_enum_v<Integer>> Add(Integer value) {
    record_->integers[position_++] = static_cast<int64_t>(value);
  }
  void Add(const char* text) {
    AddPointer(text);
    CaptureText(&record_->texts[texts_++], text);
  }
  void Add(const UnixAddress* address) {  // an abstract name with '@' for its first NUL
    AddPointer(address);
    CaptureAddress(&record_->texts[texts_++], address);
  }
  void Add(char* const* list) {  // argv and envp, of which the latter has no place
    AddPointer(list);
    if (texts_ < 2) CaptureList(&record_->texts[texts_++], list);
  }
  void Add(const SignalSet* set) {
    AddPointer(set);
    if (set != nullptr) record_->set = *set;
  }
  void Add(SignalSet set) {
    record_->set = set;
    record_->integers[position_++] = 1;
  }
  void Add(const SignalAction* action) {
    AddPointer(action);
    if (action != nullptr) record_->action = *action;
  }
  void Add(ResourceLimit limit) {
    record_->limit = limit;
    ++position_;
  }
  void Add(int (*function)(void*)) { record_->integers[position_++] = function != nullptr; }
  void Add(char** block) { AddPointer(block); }
  void Add(const void* pointer) { AddPointer(pointer); }

 private:
  void AddPointer(const void* pointer) { record_->integers[position_++] = pointer != nullptr; }

  TraceRecord* const record_;
  size_t position_ = 0;
  size_t texts_ = 0;
};

void CaptureData(TraceRecord* record, const void* data, size_t size) {
  const size_t length = std::min(size, TraceOs::kMaxData);
  if (length > 0) std::memcpy(record->data, data, length);
  record->data_size = static_cast<uint16_t>(length);
  record->data_cut = size > length;
}

// What the pointers of these calls lead to, and what they return in memory.
template <OsCall kCall, typename... Arguments>
void CapturePointees(TraceRecord* record, const std::tuple<Arguments...>& arguments) {
  if constexpr (kCall == OsCall::kWrite || kCall == OsCall::kPWrite || kCall == OsCall::kSendTo) {
    CaptureData(record, std::get<1>(arguments), std::get<2>(arguments));
  } else if constexpr (kCall == OsCall::kSetGroups) {
    const size_t count = std::min(std::get<1>(arguments), TraceOs::kMaxGroups);
    std::copy_n(std::get<0>(arguments), count, record->groups);
  }
}

void Store(TraceRecord* record, const UserRecord& user) {
  new (record->result) TracedUser{user.uid, user.gid};
}
void Store(TraceRecord* record, const GroupRecord& group) {
  new (record->result) TracedGroup{group.gid};
}
// The second text: GetEnv()'s argument is the first.
void Store(TraceRecord* record, const char* text) { CaptureText(&record->texts[1], text); }
void Store(TraceRecord*, char* const*) {}
template <typename T>
void Store(TraceRecord* record, const T& value) {
  static_assert(sizeof(T) <= sizeof(record->result) && std::is_trivially_copyable_v<T>);
  std::memcpy(record->result, &value, sizeof(value));
}

template <typename T>
void StoreResult(TraceRecord* record, const SysResult<T>& result) {
  record->error = result.error();
  if constexpr (!std::is_void_v<T>) {
    if (result.ok()) Store(record, result.value());
  }
}
template <typename T>
void StoreResult(TraceRecord* record, const T& value) {
  Store(record, value);
}

void Begun(TraceRecord* record) {
  if (record != nullptr) record->state.store(TraceRecord::kBegun, std::memory_order_release);
}

template <typename Result>
void Returned(TraceRecord* record, const Result& result) {
  if (record == nullptr) return;
  StoreResult(record, result);
  record->state.store(TraceRecord::kReturned, std::memory_order_release);
}

}  // namespace

struct TraceOs::Shared {
  struct Header {
    std::atomic<uint64_t> begun{0};
    uint64_t padding = 0;
  };

  explicit Shared(size_t capacity_in)
      : capacity(capacity_in),
        block(sizeof(Header) + capacity * sizeof(TraceRecord)),
        header(new (block.data()) Header),
        records(reinterpret_cast<TraceRecord*>(header + 1)) {}

  const size_t capacity;
  SharedBlock block;
  Header* const header;
  // Zeroed memory, which the atomics and the plain fields of a record take as they are; to write to
  // it here would make the system give all of it.
  TraceRecord* const records;
};

struct TraceOs::VforkStart {
  TraceOs* os;
  int (*function)(void*);
  void* argument;
};

TraceOs::TraceOs(Os& wrapped, size_t capacity)
    : OsWrapper(wrapped), shared_(std::make_unique<Shared>(capacity)) {}

TraceOs::~TraceOs() = default;

size_t TraceOs::recorded() const {
  return std::min<size_t>(shared_->header->begun, shared_->capacity);
}

size_t TraceOs::dropped() const { return shared_->header->begun - recorded(); }

std::vector<std::string> TraceOs::Lines() const {
  std::vector<std::string> lines;
  for (size_t i = 0; i < recorded(); ++i) {
    const TraceRecord& record = shared_->records[i];
    if (record.state.load(std::memory_order_acquire) == TraceRecord::kEmpty) continue;
    lines.push_back(record.process.ToString() + " " + TraceLine(record));
  }
  return lines;
}

std::string TraceOs::Text() const {
  const std::vector<std::string> lines = Lines();
  size_t width = 0;
  for (const std::string& line : lines) width = std::max(width, line.find(' '));
  std::string text;
  for (const std::string& line : lines) {
    const size_t name = line.find(' ');
    text += line.substr(0, name) + std::string(width - name + 2, ' ') + line.substr(name + 1);
    text += '\n';
  }
  if (dropped() > 0) {
    text += "(" + std::to_string(dropped()) + " later calls were not recorded: there is room for " +
            std::to_string(shared_->capacity) + ")\n";
  }
  return text;
}

TraceRecord* TraceOs::Begin(OsCall call) {
  const uint64_t index = shared_->header->begun++;
  if (index >= shared_->capacity) return nullptr;
  TraceRecord* record = &shared_->records[index];
  record->call = call;
  record->process = process_.path;
  return record;
}

// The child's own first line: that call, with the result 0.
void TraceOs::BecomeChild(ProcessPath path, OsCall call) {
  process_ = Process();
  process_.path = path;
  Returned(Begin(call), SysResult<pid_t>(0));
}

SysResult<pid_t> TraceOs::InvokeFork(TraceRecord* record) {
  const SysResult<pid_t> pid = wrapped().Fork();
  if (pid.ok()) {
    const uint32_t ordinal = ++process_.children;
    if (pid.value() == 0) {  // the record is the parent's to end
      BecomeChild(process_.path.Child(ordinal), OsCall::kFork);
      return pid;
    }
  }
  Returned(record, pid);
  return pid;
}

int TraceOs::RunVforkStart(void* argument) {
  const VforkStart& start = *static_cast<const VforkStart*>(argument);
  TraceOs& os = *start.os;
  os.BecomeChild(os.process_.path.Child(os.process_.children + 1), OsCall::kVforkCall);
  const int status = start.function(start.argument);
  if (TraceRecord* record = os.Begin(OsCall::kExit)) {
    Capture(record).Add(status);
    Begun(record);
  }
  return status;
}

SysResult<pid_t> TraceOs::InvokeVforkCall(TraceRecord* record, int (*function)(void*),
                                          void* argument, int termination_signal) {
  VforkStart start = {this, function, argument};
  const Process parent = process_;  // the child runs in this memory
  const SysResult<pid_t> pid = wrapped().VforkCall(&RunVforkStart, &start, termination_signal);
  process_ = parent;
  if (pid.ok()) ++process_.children;
  Returned(record, pid);
  return pid;
}

template <OsCall kCall, typename Result, typename... Arguments>
Result TraceOs::Invoke(Arguments... arguments) {
  TraceRecord* record = Begin(kCall);
  if (record != nullptr) {
    [[maybe_unused]] Capture capture(record);
    (capture.Add(arguments), ...);
    CapturePointees<kCall>(record, std::make_tuple(arguments...));
    Begun(record);
  }
  if constexpr (kCall == OsCall::kFork) {
    return InvokeFork(record);
  } else if constexpr (kCall == OsCall::kVforkCall) {
    return InvokeVforkCall(record, arguments...);
  } else if constexpr (std::is_void_v<Result>) {
    (wrapped().*OsMethod<kCall>::kPointer)(arguments...);
    Returned(record, SysResult<void>());
  } else {
    const Result result = (wrapped().*OsMethod<kCall>::kPointer)(arguments...);
    if constexpr (kCall == OsCall::kRead || kCall == OsCall::kPRead) {
      const std::tuple<Arguments...> all(arguments...);
      if (record != nullptr && result.ok()) CaptureData(record, std::get<1>(all), result.value());
    }
    Returned(record, result);
    return result;
  }
}

#define CLEANFORK_OS_CALL(Method, name, Result, parameters, arguments, page, errnos) \
  Result TraceOs::Method parameters { return Invoke<OsCall::k##Method, Result> arguments; }
#include "cleanfork/os_calls.inc"

void TraceOs::Exit(int status) {
  if (TraceRecord* record = Begin(OsCall::kExit)) {
    Capture(record).Add(status);
    Begun(record);
  }
  wrapped().Exit(status);
  __builtin_unreachable();  // g++ does not see that a virtual function never returns
}

}  // namespace cleanfork
