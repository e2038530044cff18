// Fault plans: what is parsed is within its ranges, and is parsed again from what is printed of it;
// what is refused is refused at a place that there is.
#include <cstdint>
#include <optional>
#include <string>

#include "cleanfork/fault_plan.h"
#include "cleanfork/names.h"
#include "cleanfork/os_call.h"
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
      Require(SignalName(entry.signal) != nullptr, "a signal has a name", line);
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
  return 0;
}
