// The command line: words, a line each, of which the first is the subcommand. What is accepted is
// within its documented ranges, what is refused is refused in one line that names the word at
// fault, and `explain` makes no call but those with which it looks.
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "cleanfork/names.h"
#include "cleanfork/stop.h"
#include "src/cli/option.h"
#include "src/cli/report.h"
#include "src/cli/respawn.h"
#include "src/cli/settings.h"
#include "src/cli/subcommand.h"
#include "tests/fuzz/json_text.h"
#include "tests/fuzz/property.h"

namespace cleanfork::cli {
namespace {

using fuzz::Require;

// Looks at users, groups, files and its own descriptors, and makes pipes that stand for what the
// program would be given.
class LookingOs : public fuzz::NoCallsOs {
 public:
  SysResult<UserRecord> GetPwNam(const char* name) override {
    UserRecord record;
    if (std::strcmp(name, "nobody") != 0) return SysError(ENOENT);
    record.uid = record.gid = 65534;
    std::strcpy(record.name, "nobody");
    std::strcpy(record.home, "/nonexistent");
    std::strcpy(record.shell, "/bin/sh");
    return record;
  }
  SysResult<UserRecord> GetPwUid(uid_t uid) override {
    return uid == 65534 ? GetPwNam("nobody") : SysResult<UserRecord>(SysError(ENOENT));
  }
  SysResult<GroupRecord> GetGrNam(const char* name) override {
    GroupRecord record;
    if (std::strcmp(name, "audio") != 0) return SysError(ENOENT);
    record.gid = 29;
    return record;
  }
  SysResult<size_t> GetGroupList(const char*, gid_t group, gid_t* groups, size_t size) override {
    if (size < 1) return SysError(ERANGE);
    groups[0] = group;
    return size_t{1};
  }
  SysResult<size_t> GetGroups(gid_t*, size_t) override { return size_t{0}; }
  uid_t GetUid() override { return 0; }
  uid_t GetEuid() override { return 0; }
  gid_t GetGid() override { return 0; }
  gid_t GetEgid() override { return 0; }
  pid_t GetPid() override { return 100; }
  const char* GetEnv(const char*) override { return nullptr; }
  char* const* GetEnviron() override { return environment_; }
  SysResult<FileStatus> Stat(const char*) override { return FileStatus(); }
  SysResult<size_t> ReadLink(const char*, char* buffer, size_t) override {
    buffer[0] = '/';
    return size_t{1};
  }
  SysResult<int> Open(const char* path, int, mode_t) override {
    Require(path == std::string("/dev/null"), "no file is opened", path);
    return descriptors_++;
  }
  SysResult<FileStatus> FStat(int) override {
    FileStatus status;
    status.mode = S_IFCHR | 0666;
    status.special_device = makedev(1, 3);
    return status;
  }
  SysResult<PipeEnds> Pipe2(int) override {
    descriptors_ += 2;
    return PipeEnds{descriptors_ - 2, descriptors_ - 1};
  }
  SysResult<int> FcntlGetFd(int fd) override {
    return fd < descriptors_ ? SysResult<int>(0) : SysResult<int>(SysError(EBADF));
  }
  SysResult<int> FcntlDupFd(int, int minimum) override { return minimum; }
  SysResult<void> Close(int) override { return SysResult<void>(); }
  SysResult<int> Socket(int, int, int) override { return descriptors_++; }
  SysResult<void> Bind(int, const UnixAddress*) override { return SysResult<void>(); }
  SysResult<void> SetPassCred(int) override { return SysResult<void>(); }
  SysResult<size_t> GetRandom(void* buffer, size_t size, unsigned) override {
    std::memset(buffer, 7, size);
    return size;
  }

 private:
  int descriptors_ = 10;
  char path_[6] = "A=abc";
  char* const environment_[2] = {path_, nullptr};
};

void CheckRanges(const Settings& settings, const std::string& input) {
  Require(!settings.umask.has_value() || *settings.umask <= 0777, "a umask is to 0777", input);
  Require(!settings.nice.has_value() || (*settings.nice >= -20 && *settings.nice <= 19),
          "a nice value is from -20 to 19", input);
  Require(!settings.oom_score_adjust.has_value() ||
              (*settings.oom_score_adjust >= -1000 && *settings.oom_score_adjust <= 1000),
          "a score is from -1000 to 1000", input);
  Require(!settings.retries.has_value() || (*settings.retries >= 0 && *settings.retries <= 1000),
          "retries are 0 to 1000", input);
  for (const int fd : settings.keep_descriptors) {
    Require(fd >= 3, "a descriptor that is kept is from 3 up", input);
  }
  for (const ChildLimit& limit : settings.limits) {
    Require(ResourceName(limit.resource) != nullptr, "a limit is one of setrlimit(2)", input);
    Require(limit.limit.soft <= limit.limit.hard, "a soft limit is not above the hard", input);
  }
  for (const auto& [name, value] : settings.environment.set) {
    Require(!name.empty() && name.find('=') == std::string::npos, "a variable has a name", input);
  }
  const WaitFor& wait_for = settings.wait_for;
  Require(wait_for.fd >= 3, "what is ready is said on a descriptor from 3 up", input);
  Require(wait_for.kind != WaitFor::Kind::kPort || (wait_for.port >= 1 && wait_for.port <= 65535),
          "a port is from 1 to 65535", input);
  Require(settings.timeout >= absl::ZeroDuration(), "no time limit is below 0", input);
  const RespawnSettings& respawn = settings.respawn;
  Require(
      respawn.first_delay >= absl::ZeroDuration() && respawn.first_delay <= respawn.longest_delay,
      "the first delay is not above the longest", input);
  Require(respawn.limit >= 1 && respawn.limit <= 1000, "a limit of respawns is 1 to 1000", input);
  Require(respawn.interval > absl::ZeroDuration(), "it is of some time, or it never ends", input);
}

// A program that ends at once, every time.
void CheckCrashLoop(const RespawnSettings& settings, const std::string& input) {
  RespawnSchedule schedule(settings);
  const int64_t longest = absl::ToInt64Nanoseconds(settings.longest_delay);
  for (size_t respawns = 0; respawns < settings.limit; ++respawns) {
    const std::optional<int64_t> delay = schedule.Next(0, static_cast<uint32_t>(respawns * 99991));
    Require(delay.has_value(), "it is started again up to the limit", input);
    Require(*delay >= 0 && *delay <= longest, "no delay is above the longest", input);
  }
  Require(!schedule.Next(0, 0).has_value(), "a crash loop ends at its limit", input);
}

void CheckSchedule(const StopSchedule& schedule, const std::string& input) {
  Require(!schedule.actions.empty(), "a schedule has an action", input);
  for (const StopSchedule::Action& action : schedule.actions) {
    Require(action.signal >= 0 && action.signal <= 64, "a signal is one", input);
    Require(action.wait >= absl::ZeroDuration(), "no wait is below 0", input);
  }
  const std::string printed = schedule.ToString();
  const absl::StatusOr<StopSchedule> again = StopSchedule::Parse(printed);
  Require(again.ok(), "a schedule that is printed is parsed again", printed);
  Require(again->ToString() == printed && again->repeat_from == schedule.repeat_from &&
              again->actions.size() == schedule.actions.size(),
          "it is the same schedule", printed);
  for (size_t i = 0; i < schedule.actions.size(); ++i) {
    Require(again->actions[i].signal == schedule.actions[i].signal &&
                again->actions[i].wait == schedule.actions[i].wait,
            "its actions are the same", printed);
  }
}

// Whether the message has a word of the command line: an option without its argument, an argument,
// or a letter as "-x".
bool NamesAWord(const std::string& message, const std::vector<std::string>& words) {
  for (size_t i = 1; i < words.size(); ++i) {
    const std::string& word = words[i];
    const std::string option = word.substr(0, 2) == "--" ? word.substr(0, word.find('=')) : word;
    if (!option.empty() && message.find(option) != std::string::npos) return true;
    if (word.size() < 2 || word[0] != '-' || word[1] == '-') continue;
    for (const char letter : word.substr(1)) {
      if (message.find(std::string("-") + letter) != std::string::npos) return true;
    }
  }
  return false;
}

void CheckParser(const std::vector<std::string>& words, const std::string& input) {
  for (const Subcommand& subcommand : Subcommands()) {
    if (words[0] != subcommand.name) continue;
    Settings settings;
    const absl::Status parsed = ParseOptions(words, subcommand.options, &settings);
    if (!parsed.ok()) {
      Require(NamesAWord(std::string(parsed.message()), words), "an error names its word", input);
      return;
    }
    CheckRanges(settings, input);
    CheckCrashLoop(settings.respawn, input);
    CheckSchedule(settings.schedule, input);
    Require(settings.command.size() < words.size(), "what is left was there", input);
    for (size_t left = 1; left <= settings.command.size(); ++left) {
      Require(settings.command[settings.command.size() - left] == words[words.size() - left],
              "the program and its arguments are the last words", input);
    }
  }
}

bool IsOneLine(const std::string& text) {
  return !text.empty() && text.find('\n') == text.size() - 1 &&
         text.find_first_of("\r\x1b\x07\t") == std::string::npos;
}

void CheckExplain(const std::vector<std::string>& words, const std::string& input) {
  std::vector<std::string> line = {"cleanfork", "explain"};
  line.insert(line.end(), words.begin() + 1, words.end());
  LookingOs os;
  std::ostringstream out, err;
  Context context = {os, out, err};
  const int code = RunCommandLine(line, context);
  Require(code == 0 || code == 64 || code == 67 || code == 71 || code == 76 || code == 202,
          "an exit status is one that --help lists", input);
  if (code == 0) {
    Require(err.str().empty() && !out.str().empty(), "what went well is on stdout", input);
  } else {
    Require(IsOneLine(err.str()), "a failure is one line of stderr", input);
    Require(err.str().compare(0, 11, "cleanfork: ") == 0, "it says who speaks", input);
  }
  if (!out.str().empty() && out.str()[0] == '{') {
    Require(IsOneLine(out.str()), "JSON is one line", input);
    Require(fuzz::IsJsonObject(out.str().substr(0, out.str().size() - 1)), "JSON is JSON", input);
  } else {
    Require(code == 0 || out.str().empty(), "a failure says nothing on stdout", input);
  }
}

}  // namespace
}  // namespace cleanfork::cli

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string input = cleanfork::fuzz::ToText(data, size);
  // No argument of a program holds a NUL.
  if (input.find('\0') != std::string::npos) return -1;
  const std::vector<std::string> words = absl::StrSplit(input, '\n');
  cleanfork::cli::CheckParser(words, input);
  cleanfork::cli::CheckExplain(words, input);
  return 0;
}
