#include "cleanfork/fault_plan.h"

#include <algorithm>
#include <cstring>

#include "cleanfork/names.h"
#include "cleanfork/os_types.h"

namespace cleanfork {
namespace {

constexpr char kHeader[] = "cf1";
constexpr char kFits[] = "fits=";

// Larger numbers are mistakes, and none of these overflows anything.
constexpr uint64_t kLargestNumber = 1'000'000'000;

constexpr int kLargestErrno = 4095;  // the kernel's MAX_ERRNO

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsNameCharacter(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

// How many characters have to be put in, taken out, changed or swapped with the one beside them to
// make `b` of `a`.
size_t EditDistance(const std::string& a, const std::string& b) {
  std::vector<std::vector<size_t>> distance(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) {
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        distance[i][j] = i + j;
        continue;
      }
      distance[i][j] = std::min({distance[i - 1][j] + 1, distance[i][j - 1] + 1,
                                 distance[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        distance[i][j] = std::min(distance[i][j], distance[i - 2][j - 2] + 1);
      }
    }
  }
  return distance[a.size()][b.size()];
}

std::string Nearest(const std::string& wanted, const std::vector<std::string>& names) {
  return *std::min_element(names.begin(), names.end(),
                           [&wanted](const std::string& a, const std::string& b) {
                             return EditDistance(wanted, a) < EditDistance(wanted, b);
                           });
}

std::vector<std::string> CallNames() {
  std::vector<std::string> names;
  for (const OsCallInfo& info : OsCalls()) names.push_back(info.name);
  return names;
}

std::vector<std::string> ErrnoNames() {
  std::vector<std::string> names;
  for (int error = 1; error <= kLargestErrno; ++error) {
    if (ErrnoName(error) != nullptr) names.push_back(ErrnoName(error));
  }
  return names;
}

std::vector<std::string> SignalNames() {
  std::vector<std::string> names;
  for (int signal = 1; signal <= SignalSet::kMaxSignal; ++signal) {
    if (SignalName(signal) != nullptr) names.push_back(SignalName(signal));
  }
  return names;
}

// Those without a name, the real-time ones, are their numbers: "SIGRTMIN+1" would hold a '+', and
// SIGRTMIN is not the same with every C library.
std::string SignalText(int signal) {
  const char* const name = SignalName(signal);
  return name != nullptr ? name : std::to_string(signal);
}

int SignalFromText(const std::string& text) {
  const int named = SignalFromName(text.c_str());
  if (named != 0) return named;
  for (int signal = 1; signal <= SignalSet::kMaxSignal; ++signal) {
    if (SignalText(signal) == text) return signal;
  }
  return 0;
}

class Parser {
 public:
  Parser(const std::string& line, FaultPlanError* error) : line_(line), error_(error) {}

  std::optional<FaultPlan> Parse() {
    if (line_.compare(0, std::strlen(kHeader), kHeader) != 0) {
      Fail(0, "expected \"cf1\", which every plan begins with");
      return std::nullopt;
    }
    at_ = std::strlen(kHeader);
    FaultPlan plan;
    while (at_ < line_.size()) {
      if (!Take(';', "';' before the next entry")) return std::nullopt;
      FaultEntry entry;
      if (!ParseEntry(&entry)) return std::nullopt;
      plan.push_back(entry);
    }
    return plan;
  }

 private:
  bool Fail(size_t at, std::string message) {
    if (error_ != nullptr) *error_ = {at + 1, std::move(message)};
    return false;
  }

  bool FailFound(const std::string& expected) {
    return Fail(at_, "expected " + expected + ", found " +
                         (at_ < line_.size() ? "'" + line_.substr(at_, 1) + "'"
                                             : std::string("the end of the plan")));
  }

  bool FailName(size_t at, const char* expected, const std::string& found,
                const std::vector<std::string>& known) {
    return Fail(at, std::string("expected ") + expected + ", found \"" + found +
                        "\"; did you mean \"" + Nearest(found, known) + "\"?");
  }

  bool Next(char c) const { return at_ < line_.size() && line_[at_] == c; }

  bool Take(char c, const std::string& what) {
    if (!Next(c)) return FailFound(what);
    ++at_;
    return true;
  }

  std::string TakeName() {
    const size_t start = at_;
    while (at_ < line_.size() && IsNameCharacter(line_[at_])) ++at_;
    return line_.substr(start, at_ - start);
  }

  bool ParseNumber(const std::string& what, uint64_t* number) {
    const size_t start = at_;
    *number = 0;
    while (at_ < line_.size() && IsDigit(line_[at_])) {
      *number =
          std::min(kLargestNumber + 1, *number * 10 + static_cast<uint64_t>(line_[at_] - '0'));
      ++at_;
    }
    if (at_ == start) return FailFound(what);
    const std::string digits = line_.substr(start, at_ - start);
    if (digits[0] == '0') {
      return Fail(start, "expected " + what + ", which counts from 1, found \"" + digits + "\"");
    }
    if (*number > kLargestNumber) {
      return Fail(start, "expected " + what + " of at most " + std::to_string(kLargestNumber) +
                             ", found \"" + digits + "\"");
    }
    return true;
  }

  // P, then .ordinal as long as a digit follows: ".1" goes on with the path, ".fork" ends it.
  bool ParsePath(ProcessPath* path) {
    if (line_.compare(at_, std::strlen(kFits), kFits) == 0) {
      return Fail(at_,
                  "expected an entry: \"fits=\" is for Replay() (cleanfork/explore.h), which looks "
                  "whether the code is still the same; leave it out here");
    }
    if (!Next('P')) {
      return FailFound(Next(';') || at_ == line_.size() ? "an entry" : "a process, as P or P.1.2");
    }
    ++at_;
    while (Next('.') && at_ + 1 < line_.size() && IsDigit(line_[at_ + 1])) {
      if (path->depth() == ProcessPath::kMaxDepth) {
        return Fail(at_, "expected a process of at most " + std::to_string(ProcessPath::kMaxDepth) +
                             " forks from P");
      }
      ++at_;
      uint64_t ordinal = 0;
      if (!ParseNumber("the number of a child", &ordinal)) return false;
      *path = path->Child(static_cast<uint32_t>(ordinal));
    }
    return true;
  }

  bool ParseEntry(FaultEntry* entry) {
    if (!ParsePath(&entry->process)) return false;
    if (Next('!')) return ParseSignal(entry);
    if (Next('>')) return ParseSwitch(entry);
    return ParseFault(entry);
  }

  bool ParseSignal(FaultEntry* entry) {
    entry->kind = FaultEntry::Kind::kSignal;
    const size_t start = ++at_;
    const std::string name = TakeName();
    entry->signal = SignalFromText(name);
    if (name.empty()) return FailFound("a signal");
    if (entry->signal == 0) return FailName(start, "a signal", name, SignalNames());
    if (Next('+')) {
      entry->sticky = true;
      ++at_;
    }
    const size_t call_start = at_ + 1;
    if (!Take('@', entry->sticky ? "'@' and a call" : "'@' and a call, or '+'")) return false;
    if (!ParseCallAndIndex(entry)) return false;
    if (!entry->sticky || entry->call != OsCall::kExit) return true;
    return Fail(call_start, "expected a call that may wait: _exit does not");
  }

  bool ParseSwitch(FaultEntry* entry) {
    entry->kind = FaultEntry::Kind::kSwitch;
    const size_t start = ++at_;
    if (!ParsePath(&entry->next)) return false;
    if (entry->next == entry->process) {
      return Fail(start, "expected another process than " + entry->process.ToString());
    }
    return Take('@', "'@' and a call") && ParseCallAndIndex(entry);
  }

  bool ParseFault(FaultEntry* entry) {
    if (!Take('.', "'.' and a call or the number of a child, '!' or '>'")) return false;
    const size_t call_start = at_;
    if (!ParseCallAndIndex(entry)) return false;
    if (Next('+')) {
      entry->sticky = true;
      ++at_;
    }
    if (!Take('=', entry->sticky ? "'='" : "'=' or '+='")) return false;
    const OsCallInfo& call = GetOsCallInfo(entry->call);
    if (entry->call == OsCall::kExit) {
      return Fail(call_start, "expected a call that can fail: _exit does not return");
    }
    if (call.errnos.empty()) {
      return Fail(call_start,
                  std::string("expected a call that can fail: ") + call.name + " cannot");
    }
    return ParseOutcome(call, entry);
  }

  bool ParseOutcome(const OsCallInfo& call, FaultEntry* entry) {
    const size_t start = at_;
    const std::string name = TakeName();
    if (name.empty()) return FailFound("an errno, \"short:\" or \"lie\"");
    if (name == "lie") {
      entry->kind = FaultEntry::Kind::kLie;
      if (MayLie(entry->call)) return true;
      return Fail(start, std::string("expected an errno: what ") + call.name +
                             " does when it succeeds cannot be left out");
    }
    if (name == "short") {
      entry->kind = FaultEntry::Kind::kShort;
      if (!MayBeShort(entry->call)) {
        return Fail(start, std::string("expected an errno or \"lie\": ") + call.name +
                               " moves no bytes that could be fewer");
      }
      return Take(':', "':' and a number of bytes") &&
             ParseNumber("a number of bytes", &entry->bytes);
    }
    entry->error = ErrnoFromName(name.c_str());
    if (entry->error != 0) return true;
    std::vector<std::string> known = ErrnoNames();
    known.push_back("lie");
    known.push_back("short:1");
    return FailName(start, "an errno, \"short:\" or \"lie\"", name, known);
  }

  bool ParseCallAndIndex(FaultEntry* entry) {
    const size_t start = at_;
    const std::string name = TakeName();
    if (name.empty()) return FailFound("a call");
    const OsCallInfo* call = FindOsCall(name.c_str());
    if (call == nullptr) return FailName(start, "a call", name, CallNames());
    entry->call = call->call;
    if (!Take('#', "'#' and which call of that name")) return false;
    uint64_t index = 0;
    if (!ParseNumber("which call of that name", &index)) return false;
    entry->index = static_cast<uint32_t>(index);
    return true;
  }

  const std::string& line_;
  FaultPlanError* const error_;
  size_t at_ = 0;
};

}  // namespace

std::string ProcessPath::ToString() const {
  if (too_deep()) return "P...";
  std::string text = "P";
  for (int i = 0; i < depth_; ++i) {
    text += '.';
    text += std::to_string(ordinals_[static_cast<size_t>(i)]);
  }
  return text;
}

std::string FaultEntry::ToString() const {
  const std::string where = std::string(GetOsCallInfo(call).name) + "#" + std::to_string(index);
  const std::string fault = process.ToString() + "." + where + (sticky ? "+=" : "=");
  switch (kind) {
    case Kind::kErrno: {
      const char* name = ErrnoName(error);
      return fault + (name != nullptr ? std::string(name) : std::to_string(error));
    }
    case Kind::kShort: return fault + "short:" + std::to_string(bytes);
    case Kind::kLie: return fault + "lie";
    case Kind::kSignal:
      return process.ToString() + "!" + SignalText(signal) + (sticky ? "+@" : "@") + where;
    case Kind::kSwitch: return process.ToString() + ">" + next.ToString() + "@" + where;
  }
  return fault;
}

bool operator==(const FaultEntry& a, const FaultEntry& b) {
  return a.kind == b.kind && a.process == b.process && a.call == b.call && a.index == b.index &&
         a.sticky == b.sticky && a.error == b.error && a.bytes == b.bytes && a.signal == b.signal &&
         a.next == b.next;
}

std::string FaultPlanError::Caret(const std::string& line) const {
  return line + "\n" + std::string(column - 1, ' ') + "^ column " + std::to_string(column) + ": " +
         message;
}

std::optional<FaultPlan> ParseFaultPlan(const std::string& line, FaultPlanError* error) {
  return Parser(line, error).Parse();
}

std::string FaultPlanToString(const FaultPlan& plan) {
  std::string text = kHeader;
  for (const FaultEntry& entry : plan) text += ";" + entry.ToString();
  return text;
}

bool MayBeShort(OsCall call) {
  switch (call) {
    case OsCall::kRead:
    case OsCall::kWrite:
    case OsCall::kPRead:
    case OsCall::kPWrite:
    case OsCall::kGetRandom: return true;
    default: return false;
  }
}

bool MayLie(OsCall call) {
  switch (call) {
    case OsCall::kFork:
    case OsCall::kVforkCall:
    case OsCall::kExecVe:
    case OsCall::kExit: return false;
    default: return !GetOsCallInfo(call).errnos.empty();
  }
}

}  // namespace cleanfork
