#include "tests/conformance/programs/program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <map>

namespace cleanfork::programs {
namespace {

// Bits of Kind::kSignals are numbers of signals, of which those here are below 32.
constexpr int Bit(int signal) { return 1 << (signal - 1); }

const std::vector<Word>& Signals() {
  static const std::vector<Word> words = {{"0", 0},          {"USR1", SIGUSR1}, {"USR2", SIGUSR2},
                                          {"TERM", SIGTERM}, {"PIPE", SIGPIPE}, {"CHLD", SIGCHLD},
                                          {"CONT", SIGCONT}, {"HUP", SIGHUP},   {"STOP", SIGSTOP},
                                          {"KILL", SIGKILL}, {"BAD", 65}};
  return words;
}

std::vector<Word> SignalBits() {
  std::vector<Word> words;
  for (const Word& word : Signals()) {
    if (word.value > 0 && word.value < 32) words.push_back({word.text, Bit(word.value)});
  }
  return words;
}

std::vector<Word> Targets() {
  static const char* const kProcesses[] = {"p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7"};
  static const char* const kGroups[] = {"-p0", "-p1", "-p2", "-p3", "-p4", "-p5", "-p6", "-p7"};
  std::vector<Word> words;
  for (int i = 0; i < kMostProcesses; ++i) words.push_back({kProcesses[i], i});
  words.push_back({"own", kOwnGroup});
  words.push_back({"any", kAny});
  for (int i = 0; i < kMostProcesses; ++i) words.push_back({kGroups[i], kGroupOf + i});
  return words;
}

std::vector<Word> Processes() {
  std::vector<Word> words;
  for (const Word& word : Targets()) {
    if (word.value < kMostProcesses) words.push_back(word);
  }
  return words;
}

std::map<Kind, KindInfo> MakeKinds() {
  std::map<Kind, KindInfo> kinds;
  kinds[Kind::kPath] = {Paths(), false};
  kinds[Kind::kTarget] = {Targets(), false};
  kinds[Kind::kNew] = {Processes(), false};
  kinds[Kind::kProcess] = {Processes(), false};
  kinds[Kind::kSignal] = {Signals(), false};
  kinds[Kind::kSignals] = {SignalBits(), true};
  kinds[Kind::kHow] = {
      {{"BLOCK", SIG_BLOCK}, {"UNBLOCK", SIG_UNBLOCK}, {"SET", SIG_SETMASK}, {"BAD", 7}}, false};
  kinds[Kind::kDisposition] = {{{"default", 0}, {"ignore", 1}, {"handler", 2}, {"info", 3}}, false};
  kinds[Kind::kActionFlags] = {{{"RESTART", SA_RESTART},
                                {"NODEFER", SA_NODEFER},
                                {"RESETHAND", static_cast<int>(SA_RESETHAND)},
                                {"NOCLDSTOP", SA_NOCLDSTOP},
                                {"NOCLDWAIT", SA_NOCLDWAIT}},
                               true};
  kinds[Kind::kWaitOptions] = {
      {{"NOHANG", WNOHANG}, {"UNTRACED", WUNTRACED}, {"CONTINUED", WCONTINUED}, {"BAD", 0x100}},
      true};
  kinds[Kind::kIdOptions] = {{{"NOHANG", WNOHANG},
                              {"EXITED", WEXITED},
                              {"STOPPED", WSTOPPED},
                              {"CONTINUED", WCONTINUED},
                              {"NOWAIT", WNOWAIT}},
                             true};
  kinds[Kind::kOpenFlags] = {{{"WRONLY", O_WRONLY},
                              {"RDWR", O_RDWR},
                              {"CREAT", O_CREAT},
                              {"EXCL", O_EXCL},
                              {"TRUNC", O_TRUNC},
                              {"APPEND", O_APPEND},
                              {"NONBLOCK", O_NONBLOCK},
                              {"CLOEXEC", O_CLOEXEC},
                              {"NOFOLLOW", O_NOFOLLOW},
                              {"DIRECTORY", O_DIRECTORY}},
                             true};
  kinds[Kind::kPipeFlags] = {{{"CLOEXEC", O_CLOEXEC}, {"NONBLOCK", O_NONBLOCK}}, true};
  kinds[Kind::kRangeFlags] = {{{"CLOEXEC", 4}, {"UNSHARE", 2}, {"BAD", 8}}, true};
  kinds[Kind::kDescriptorFlag] = {{{"CLOEXEC", FD_CLOEXEC}}, true};
  kinds[Kind::kLock] = {{{"READ", F_RDLCK}, {"WRITE", F_WRLCK}, {"NONE", F_UNLCK}}, false};
  kinds[Kind::kEvents] = {{{"IN", POLLIN}, {"OUT", POLLOUT}}, true};
  kinds[Kind::kPatience] = {{{"now", 0}, {"forever", -1}}, false};
  kinds[Kind::kResource] = {{{"NOFILE", RLIMIT_NOFILE}, {"MSGQUEUE", RLIMIT_MSGQUEUE}, {"BAD", 99}},
                            false};
  return kinds;
}

std::string PrintArgument(Kind kind, int value) {
  const KindInfo& info = InfoOf(kind);
  for (const Word& word : info.words) {
    if (word.value == value) return word.text;
  }
  if (!info.flags || value == 0) return std::to_string(value);
  std::string text;
  for (const Word& word : info.words) {
    if ((value & word.value) == 0) continue;
    text += (text.empty() ? "" : "|") + std::string(word.text);
    value &= ~word.value;
  }
  if (value != 0) text += (text.empty() ? "" : "|") + std::to_string(value);
  return text;
}

bool ParseNumber(const std::string& text, int* value) {
  char* end = nullptr;
  const long number = std::strtol(text.c_str(), &end, 10);
  *value = static_cast<int>(number);
  return !text.empty() && *end == '\0';
}

bool ParseWord(Kind kind, const std::string& text, int* value) {
  for (const Word& word : InfoOf(kind).words) {
    if (text != word.text) continue;
    *value = word.value;
    return true;
  }
  return ParseNumber(text, value);
}

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  size_t start = 0;
  for (size_t at = 0; at <= text.size(); ++at) {
    if (at < text.size() && text[at] != separator) continue;
    parts.push_back(text.substr(start, at - start));
    start = at + 1;
  }
  return parts;
}

bool ParseArgument(Kind kind, const std::string& text, int* value) {
  if (!InfoOf(kind).flags) return ParseWord(kind, text, value);
  *value = 0;
  for (const std::string& part : Split(text, '|')) {
    int bits = 0;
    if (!ParseWord(kind, part, &bits)) return false;
    *value |= bits;
  }
  return true;
}

bool ParseStep(const std::string& text, Step* step) {
  const size_t colon = text.find(':');
  const size_t open = text.find('(');
  if (colon == std::string::npos || open == std::string::npos || open < colon) return false;
  if (text.back() != ')') return false;
  if (!ParseWord(Kind::kNew, text.substr(0, colon), &step->process)) return false;
  if (step->process < 0 || step->process >= kMostProcesses) return false;
  const std::string name = text.substr(colon + 1, open - colon - 1);
  const auto& calls = Calls();
  const auto found = std::find_if(calls.begin(), calls.end(),
                                  [&](const CallInfo& info) { return name == info.name; });
  if (found == calls.end()) return false;
  step->call = static_cast<Call>(found - calls.begin());
  std::vector<std::string> words = Split(text.substr(open + 1, text.size() - open - 2), ',');
  if (found->kinds.empty()) return words.size() == 1 && words[0].empty();
  if (words.size() != found->kinds.size()) return false;
  for (size_t i = 0; i < words.size(); ++i) {
    if (!ParseArgument(found->kinds[i], words[i], &step->arguments[i])) return false;
  }
  return true;
}

}  // namespace

const std::vector<Word>& Paths() {
  static const std::vector<Word> words = {
      {"a", 0},    {"b", 1},       {"d", 2},         {"d/x", 3},  {"t/y", 4},  {"l", 5},
      {"m/x", 6},  {"o", 7},       {"nope/x", 8},    {"@", 9},    {"@/d", 10}, {"/dev/null", 11},
      {"d/", 12},  {".", 13},      {"r", 14},        {"a/x", 15}, {"new", 16}, {"d/../b", 17},
      {"@/t", 18}, {"secret", 19}, {"dangling", 20}, {"m", 21},   {"a/", 22},  {"t/theirs", 23}};
  return words;
}

const KindInfo& InfoOf(Kind kind) {
  static const std::vector<KindInfo> infos = [] {
    std::vector<KindInfo> all(kKinds);
    for (const auto& [each, info] : MakeKinds()) all[static_cast<size_t>(each)] = info;
    return all;
  }();
  return infos[static_cast<size_t>(kind)];
}

const std::vector<CallInfo>& Calls() {
  using K = Kind;
  constexpr K kNew = K::kNew, kStatus = K::kStatus, kTarget = K::kTarget;
  constexpr K kWaitOptions = K::kWaitOptions, kIdOptions = K::kIdOptions, kProcess = K::kProcess;
  constexpr K kPatience = K::kPatience, kSignal = K::kSignal, kHow = K::kHow;
  constexpr K kSignals = K::kSignals, kDisposition = K::kDisposition, kMode = K::kMode;
  constexpr K kActionFlags = K::kActionFlags, kPath = K::kPath, kOpenFlags = K::kOpenFlags;
  constexpr K kFd = K::kFd, kSize = K::kSize, kOffset = K::kOffset, kPipeFlags = K::kPipeFlags;
  constexpr K kRangeFlags = K::kRangeFlags, kDescriptorFlag = K::kDescriptorFlag, kLock = K::kLock;
  constexpr K kEvents = K::kEvents, kResource = K::kResource, kLimit = K::kLimit, kUser = K::kUser;
  static const std::vector<CallInfo> calls = {
#define CLEANFORK_LIST(...) {__VA_ARGS__}
#define CLEANFORK_CALL(name, text, weight, kinds) {text, weight, CLEANFORK_LIST kinds},
      CLEANFORK_PROGRAM_CALLS(CLEANFORK_CALL)
#undef CLEANFORK_CALL
#undef CLEANFORK_LIST
  };
  return calls;
}

std::string Print(const Step& step) {
  const CallInfo& info = InfoOf(step.call);
  std::string text = "p" + std::to_string(step.process) + ":" + info.name + "(";
  for (size_t i = 0; i < info.kinds.size(); ++i) {
    text += (i == 0 ? "" : ",") + PrintArgument(info.kinds[i], step.arguments[i]);
  }
  return text + ")";
}

std::string Print(const Program& program) {
  std::string text;
  for (const Step& step : program) text += (text.empty() ? "" : ";") + Print(step);
  return text;
}

std::string Parse(const std::string& text, Program* program) {
  program->clear();
  if (text.empty()) return "";
  for (const std::string& part : Split(text, ';')) {
    Step step;
    if (!ParseStep(part, &step)) return "what is this: \"" + part + "\"";
    program->push_back(step);
  }
  return "";
}

}  // namespace cleanfork::programs
