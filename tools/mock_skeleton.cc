#include "tools/mock_skeleton.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "cleanfork/names.h"
#include "cleanfork/os_call.h"

namespace cleanfork::tools {
namespace {

// Of calls before the one that fails: a skeleton with more is none.
constexpr uint32_t kMostCalls = 50;

// The first of the children that the mocked kernel forks.
constexpr int kFirstPid = 4711;

// By OsCall: "SysResult<pid_t>".
constexpr const char* kResults[] = {
#define CLEANFORK_OS_CALL(Method, name, Result, parameters, arguments, page, errnos) #Result,
#include "cleanfork/os_calls.inc"
};

constexpr char kBeginning[] =
    "\n"
    "//\n"
    "// A skeleton: put in what your code calls besides these, its parents' calls before a fork "
    "among\n"
    "// them, what that returns (what is not expected fails with ENOSYS), and what the code is to "
    "do\n"
    "// about what fails.\n"
    "#include <gmock/gmock.h>\n"
    "#include <gtest/gtest.h>\n"
    "#include <sys/types.h>\n"
    "\n"
    "#include <cerrno>\n"
    "#include <cstddef>\n"
    "#include <string>\n"
    "\n"
    "#include \"cleanfork/mock_os.h\"\n"
    "\n"
    "// Yours: 0 if all went well. A child leaves by os.Exit().\n"
    "int CodeUnderTest(cleanfork::Os& os);\n"
    "\n"
    "namespace {\n";

// An action that says that the call succeeded: "cleanfork::Ok(cleanfork::PipeEnds{})".
std::string Succeeds(OsCall call) {
  const std::string result = kResults[static_cast<size_t>(call)];
  const size_t begin = result.find('<') + 1;
  const std::string type = result.substr(begin, result.rfind('>') - begin);
  if (type == "void") return "cleanfork::Ok()";
  const bool is_own = std::isupper(static_cast<unsigned char>(type[0])) != 0;
  return "cleanfork::Ok(" + std::string(is_own ? "cleanfork::" : "") + type + "{})";
}

std::string ActionOf(const FaultEntry& entry) {
  switch (entry.kind) {
    case FaultEntry::Kind::kErrno: {
      const char* const name = ErrnoName(entry.error);
      return "cleanfork::Fails(" + (name != nullptr ? name : std::to_string(entry.error)) + ")";
    }
    case FaultEntry::Kind::kShort: {
      const std::string bytes = std::to_string(entry.bytes);
      const bool writes = entry.call == OsCall::kWrite || entry.call == OsCall::kPWrite;
      return writes ? "cleanfork::Ok(size_t{" + bytes + "})"
                    : "cleanfork::ReadsBytes(std::string(" + bytes + ", 'x'))";
    }
    default: return Succeeds(entry.call);  // a lie
  }
}

// One expectation: what a call does each time that it is made.
class Expectation {
 public:
  explicit Expectation(OsCall call) : method_(GetOsCallInfo(call).method) {}

  void Add(const std::string& action, const std::string& comment) {
    lines_.push_back(".WillOnce(" + action + ")");
    comments_.push_back(comment);
  }
  void AddForEver(const std::string& action, const std::string& comment) {
    lines_.push_back(".WillRepeatedly(" + action + ")");
    comments_.push_back(comment);
  }

  std::string Text() const {
    std::string text = "  EXPECT_CALL(os, " + std::string(method_) + ")";
    for (size_t i = 0; i < lines_.size(); ++i) {
      const bool is_last = i + 1 == lines_.size();
      text += "\n      " + lines_[i] + (is_last ? ";" : "") + "  // " + comments_[i];
    }
    return text + "\n";
  }

 private:
  const char* const method_;
  std::vector<std::string> lines_;
  std::vector<std::string> comments_;
};

class Skeleton {
 public:
  explicit Skeleton(const FaultPlan& plan) : plan_(plan) {}

  std::optional<std::string> Make(std::string* error);

 private:
  bool Fail(const std::string& why) {
    error_ = why;
    return false;
  }
  bool CheckEntries();
  const FaultEntry* FaultAt(const ProcessPath& process, OsCall call, uint32_t index) const;
  uint32_t LastIndex(const ProcessPath& process, OsCall call) const;
  bool AddForks(const std::vector<uint32_t>& ordinals, Expectation* forks);
  bool AddTest(const ProcessPath& process);

  const FaultPlan& plan_;
  std::string text_;
  std::string error_;
};

bool Skeleton::CheckEntries() {
  if (plan_.empty()) return Fail("a plan in which nothing fails: there is nothing to mock");
  for (const FaultEntry& entry : plan_) {
    const std::string where = entry.ToString() + ": ";
    if (entry.kind == FaultEntry::Kind::kSwitch) {
      return Fail(where +
                  "a mock has no other process to switch to; Replay() of "
                  "cleanfork/explore.h has");
    }
    if (entry.kind == FaultEntry::Kind::kSignal) {
      return Fail(where +
                  "a mock delivers no signals; FaultOs and Replay() of "
                  "cleanfork/explore.h do");
    }
    if (entry.index > kMostCalls) {
      return Fail(where + "a skeleton has at most " + std::to_string(kMostCalls) +
                  " calls of a name");
    }
  }
  return true;
}

const FaultEntry* Skeleton::FaultAt(const ProcessPath& process, OsCall call, uint32_t index) const {
  for (const FaultEntry& entry : plan_) {
    if (entry.process != process || entry.call != call) continue;
    if (entry.sticky ? index >= entry.index : index == entry.index) return &entry;
  }
  return nullptr;
}

uint32_t Skeleton::LastIndex(const ProcessPath& process, OsCall call) const {
  uint32_t last = 0;
  for (const FaultEntry& entry : plan_) {
    if (entry.process == process && entry.call == call) last = std::max(last, entry.index);
  }
  return last;
}

// From the first process to that of `ordinals`: each goes on as its parent's child of that number.
bool Skeleton::AddForks(const std::vector<uint32_t>& ordinals, Expectation* forks) {
  ProcessPath parent;
  for (uint32_t ordinal : ordinals) {
    uint32_t made = 0;
    for (uint32_t index = 1; made < ordinal; ++index) {
      const std::string site = parent.ToString() + ".fork#" + std::to_string(index);
      if (index > kMostCalls) return Fail(site + ": a skeleton does not go so far");
      const FaultEntry* const fault = FaultAt(parent, OsCall::kFork, index);
      if (fault != nullptr) {
        if (fault->sticky) return Fail(fault->ToString() + ": then no child comes of it");
        forks->Add(ActionOf(*fault), fault->ToString());
      } else if (++made == ordinal) {
        forks->Add("cleanfork::ForkAsChild()",
                   site + ": goes on as " + parent.Child(ordinal).ToString());
      } else {
        forks->Add("cleanfork::ForkAsParent(" + std::to_string(kFirstPid + made - 1) + ")", site);
      }
    }
    parent = parent.Child(ordinal);
  }
  return true;
}

// "P.1.2" as {1, 2}.
std::vector<uint32_t> OrdinalsOf(const ProcessPath& process) {
  std::vector<uint32_t> ordinals;
  const std::string text = process.ToString();
  for (size_t at = text.find('.'); at != std::string::npos; at = text.find('.', at + 1)) {
    ordinals.push_back(static_cast<uint32_t>(std::stoul(text.substr(at + 1))));
  }
  return ordinals;
}

bool Skeleton::AddTest(const ProcessPath& process) {
  std::string name = process.ToString();
  std::replace(name.begin(), name.end(), '.', '_');
  text_ += "\nTEST(CodeUnderTest, SurvivesWhatFailsIn" + name +
           ") {\n  testing::NiceMock<cleanfork::MockOs> os;\n";
  std::set<OsCall> calls;
  for (const FaultEntry& entry : plan_) {
    if (entry.process == process) calls.insert(entry.call);
  }
  const std::vector<uint32_t> ordinals = OrdinalsOf(process);
  if (!ordinals.empty()) calls.insert(OsCall::kFork);
  for (OsCall call : calls) {
    Expectation expectation(call);
    if (call == OsCall::kFork && !AddForks(ordinals, &expectation)) return false;
    const uint32_t last = LastIndex(process, call);
    for (uint32_t index = 1; index <= last; ++index) {
      const FaultEntry* const fault = FaultAt(process, call, index);
      const std::string site =
          process.ToString() + "." + GetOsCallInfo(call).name + "#" + std::to_string(index);
      if (fault == nullptr) {
        const bool forks = call == OsCall::kFork || call == OsCall::kVforkCall;
        expectation.Add(
            forks ? "cleanfork::Ok(pid_t{" + std::to_string(kFirstPid) + "})" : Succeeds(call),
            site);
      } else if (!fault->sticky) {
        expectation.Add(ActionOf(*fault), fault->ToString());
      } else {
        expectation.AddForEver(ActionOf(*fault), fault->ToString());
        break;
      }
    }
    text_ += expectation.Text();
  }
  text_ += ordinals.empty() ? "  EXPECT_NE(CodeUnderTest(os), 0);\n"
                            : "  EXPECT_THAT([&os] { CodeUnderTest(os); }, "
                              "cleanfork::ExitsWith(testing::Ne(0)));\n";
  text_ += "}\n";
  return true;
}

std::optional<std::string> Skeleton::Make(std::string* error) {
  bool made = CheckEntries();
  text_ = "// " + FaultPlanToString(plan_) + kBeginning;
  std::set<ProcessPath> processes;
  for (const FaultEntry& entry : plan_) processes.insert(entry.process);
  for (const ProcessPath& process : processes) made = made && AddTest(process);
  if (!made) {
    *error = error_;
    return std::nullopt;
  }
  return text_ + "\n}  // namespace\n";
}

}  // namespace

std::optional<std::string> MockSkeleton(const FaultPlan& plan, std::string* error) {
  return Skeleton(plan).Make(error);
}

}  // namespace cleanfork::tools
