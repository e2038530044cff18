// Fault plans: what is parsed is within its ranges, and is parsed again from what is printed of it,
// as is every plan that can be made; what is refused is refused at a place that there is.
#include <cstdint>
#include <optional>
#include <string>

#include "cleanfork/fault_plan.h"
#include "cleanfork/names.h"
#include "cleanfork/os_call.h"
#include "cleanfork/os_types.h"
#include "tests/fuzz/property.h"

namespace cleanfork {
namespace {

using fuzz::Require;

constexpr uint64_t kLargestNumber = 1'000'000'000;  // that fault_plan.cc lets pass

void CheckError(const std::string& line) {
  FaultPlanError error;
  error.column = 0;
  ParseFaultPlan(line, &error);
  Require(error.column >= 1 && error.column <= line.size() + 1, "a column is one of the line",
          line);
  Require(error.message.compare(0, 9, "expected ") == 0, "it says what was expected", line);
  const std::string caret = error.Caret(line);
  Require(caret.compare(0, line.size() + 1, line + "\n") == 0, "the line stands above it", line);
  Require(caret[line.size() + error.column] == '^', "the caret is below the column", line);
}

void CheckOutcome(const FaultEntry& entry, const std::string& line) {
  const OsCallInfo& call = GetOsCallInfo(entry.call);
  FaultEntry bare = entry;  // without what its kind has: the rest is as in an entry of none
  switch (entry.kind) {
    case FaultEntry::Kind::kErrno:
      Require(ErrnoName(entry.error) != nullptr, "an errno has a name", line);
      Require(!call.errnos.empty() && entry.call != OsCall::kExit, "the call can fail", line);
      bare.error = 0;
      break;
    case FaultEntry::Kind::kShort:
      Require(MayBeShort(entry.call), "the call may be short", line);
      Require(entry.bytes >= 1 && entry.bytes <= kLargestNumber, "some bytes pass", line);
      bare.bytes = 0;
      break;
    case FaultEntry::Kind::kLie: Require(MayLie(entry.call), "the call may lie", line); break;
    case FaultEntry::Kind::kSignal:
      Require(entry.signal >= 1 && entry.signal <= SignalSet::kMaxSignal, "a signal is one", line);
      Require(!entry.sticky || entry.call != OsCall::kExit, "an end does not wait", line);
      bare.signal = 0;
      break;
    case FaultEntry::Kind::kSwitch:
      Require(entry.next != entry.process, "it is another process that goes on", line);
      Require(!entry.next.too_deep() && !entry.sticky, "a switch is to a process, once", line);
      bare.next = ProcessPath();
      break;
  }
  Require(bare.error == 0 && bare.bytes == 0 && bare.signal == 0 && bare.next == ProcessPath(),
          "what is of another kind is not set", line);
}

// A number from the input, below `bound`; 0 when there is no more of it.
class Bytes {
 public:
  explicit Bytes(const std::string& bytes) : bytes_(bytes) {}
  bool empty() const { return at_ >= bytes_.size(); }
  uint64_t Below(uint64_t bound) {
    uint64_t number = 0;
    for (uint64_t rest = bound - 1; rest != 0; rest >>= 8) number = number << 8 | Next();
    return number % bound;
  }

 private:
  uint64_t Next() { return empty() ? 0 : static_cast<unsigned char>(bytes_[at_++]); }
  const std::string& bytes_;
  size_t at_ = 0;
};

ProcessPath MakePath(Bytes* bytes) {
  ProcessPath path;
  for (uint64_t depth = bytes->Below(ProcessPath::kMaxDepth + 1); depth > 0; --depth) {
    path = path.Child(static_cast<uint32_t>(1 + bytes->Below(kLargestNumber)));
  }
  return path;
}

// Any entry that the header allows; of the kind that the bytes say, if the call may have it.
FaultEntry MakeEntry(Bytes* bytes) {
  FaultEntry entry;
  entry.process = MakePath(bytes);
  entry.call = OsCalls().begin()[bytes->Below(OsCalls().size())].call;
  entry.index = static_cast<uint32_t>(1 + bytes->Below(kLargestNumber));
  const bool may_fail = !GetOsCallInfo(entry.call).errnos.empty() && entry.call != OsCall::kExit;
  const uint64_t kind = bytes->Below(5);
  if (kind == 0 && may_fail) {
    do entry.error = static_cast<int>(1 + bytes->Below(4095));
    while (ErrnoName(entry.error) == nullptr && !bytes->empty());
    if (ErrnoName(entry.error) == nullptr) entry.error = 1;
  } else if (kind == 1 && MayBeShort(entry.call)) {
    entry.kind = FaultEntry::Kind::kShort;
    entry.bytes = 1 + bytes->Below(kLargestNumber);
  } else if (kind == 2 && MayLie(entry.call)) {
    entry.kind = FaultEntry::Kind::kLie;
  } else if (kind == 3 && entry.process != ProcessPath()) {
    entry.kind = FaultEntry::Kind::kSwitch;
    return entry;  // to P, once
  } else {
    entry.kind = FaultEntry::Kind::kSignal;
    entry.signal = static_cast<int>(1 + bytes->Below(SignalSet::kMaxSignal));
    if (entry.call == OsCall::kExit) return entry;
  }
  entry.sticky = bytes->Below(2) == 1;
  return entry;
}

void CheckPlan(const FaultPlan& plan, const std::string& line) {
  for (const FaultEntry& entry : plan) {
    Require(!entry.process.too_deep(), "a process is one that can be named", line);
    Require(entry.index >= 1 && entry.index <= kLargestNumber, "calls are counted from 1", line);
    CheckOutcome(entry, line);
  }
  const std::string printed = FaultPlanToString(plan);
  const std::optional<FaultPlan> again = ParseFaultPlan(printed, nullptr);
  Require(again.has_value() && *again == plan, "what is printed is parsed again", printed);
  Require(FaultPlanToString(*again) == printed, "it is printed in one way", printed);
}

}  // namespace
}  // namespace cleanfork

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string line = cleanfork::fuzz::ToText(data, size);
  const std::optional<cleanfork::FaultPlan> plan = cleanfork::ParseFaultPlan(line, nullptr);
  if (plan.has_value()) {
    cleanfork::CheckPlan(*plan, line);
  } else {
    cleanfork::CheckError(line);
  }
  // The same bytes as a plan that nobody has parsed.
  cleanfork::Bytes bytes(line);
  cleanfork::FaultPlan made;
  while (!bytes.empty()) made.push_back(cleanfork::MakeEntry(&bytes));
  cleanfork::CheckPlan(made, cleanfork::FaultPlanToString(made));
  return 0;
}
