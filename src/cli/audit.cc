#include "src/cli/audit.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "cleanfork/child_error.h"
#include "cleanfork/names.h"
#include "src/proc_files.h"

namespace cleanfork::cli {
namespace {

// The C library keeps these for its threads and lets nobody change them: nptl(7).
constexpr SignalSet kLibrarys = SignalSet::Of(32, 33);

// The numbers in a line of /proc/PID/status, which tabs and blanks divide.
std::vector<uint64_t> Numbers(const std::string& text) {
  std::vector<uint64_t> numbers;
  for (const auto line : Split(text, '\t')) {
    for (const auto word : Split(line, ' ')) {
      const std::optional<uint64_t> number = ParseNumber(word);
      if (number.has_value()) numbers.push_back(*number);
    }
  }
  return numbers;
}

uint64_t InBase(const std::string& text, uint64_t base) {
  uint64_t value = 0;
  for (const char c : text) {
    const std::string digits = "0123456789abcdef";
    const size_t digit = digits.find(c);
    if (digit < base) value = value * base + digit;
  }
  return value;
}

std::string Names(SignalSet signals) {
  std::vector<std::string> names;
  for (int signal = 1; signal <= SignalSet::kMaxSignal; ++signal) {
    if (!signals.Contains(signal)) continue;
    const char* name = SignalName(signal);
    names.push_back(name != nullptr ? name : absl::StrCat(signal));
  }
  return absl::StrJoin(names, ", ");
}

struct Descriptor {
  int number = 0;
  std::string target;
  bool close_on_exec = false;
  bool locked = false;  // as a pid file's is
};

bool IsTerminal(const std::string& target) {
  return target.compare(0, 9, "/dev/pts/") == 0 || target.compare(0, 8, "/dev/tty") == 0 ||
         target == "/dev/console";
}

bool IsPipe(const std::string& target) { return target.compare(0, 5, "pipe:") == 0; }

class Audit {
 public:
  Audit(pid_t pid, Os& os) : pid_(pid), os_(os), directory_(absl::StrCat("/proc/", pid, "/")) {}

  absl::Status Read();
  std::vector<Finding> Judge();

 private:
  absl::Status ReadDescriptors();
  void JudgeStreams();
  void JudgeDescriptors();
  void JudgeSignals();
  void JudgeIdentity();
  void JudgeGroups();
  void JudgeUmask();
  void JudgeSession();
  std::vector<gid_t> GroupsOfUser(uid_t uid, gid_t gid);
  void Say(const char* about, bool is_off, std::string text) {
    findings_.push_back({about, is_off, std::move(text)});
  }
  std::string Field(const char* name) const { return std::string(StatusField(status_, name)); }

  const pid_t pid_;
  Os& os_;
  const std::string directory_;
  std::string status_;
  std::string stat_;
  std::vector<Descriptor> descriptors_;
  std::vector<Finding> findings_;
};

absl::Status Audit::ReadDescriptors() {
  const NameList list = ListDirectory(os_, directory_ + "fd");
  if (list.error != 0) return StatusFromErrno(list.error, directory_ + "fd");
  for (const std::string& name : list.names) {
    const std::optional<uint64_t> number = ParseNumber(name);
    if (!number.has_value()) continue;
    char target[PATH_MAX];
    const SysResult<size_t> size =
        os_.ReadLink((directory_ + "fd/" + name).c_str(), target, sizeof(target));
    std::string info;
    const int error = ReadProcFile(os_, directory_ + "fdinfo/" + name, &info);
    // It has been closed meanwhile.
    if ((!size.ok() && size.error() == ENOENT) || error == ENOENT) continue;
    if (!size.ok()) return StatusFromErrno(size.error(), directory_ + "fd/" + name);
    if (error != 0) return StatusFromErrno(error, directory_ + "fdinfo/" + name);
    Descriptor descriptor;
    descriptor.number = static_cast<int>(*number);
    descriptor.target.assign(target, size.value());
    descriptor.close_on_exec =
        (InBase(std::string(StatusField(info, "flags")), 8) & O_CLOEXEC) != 0;
    descriptor.locked = !StatusField(info, "lock").empty();
    descriptors_.push_back(descriptor);
  }
  std::sort(descriptors_.begin(), descriptors_.end(),
            [](const Descriptor& a, const Descriptor& b) { return a.number < b.number; });
  return absl::OkStatus();
}

absl::Status Audit::Read() {
  for (const auto& [name, text] : {std::make_pair("status", &status_), {"stat", &stat_}}) {
    const int error = ReadProcFile(os_, directory_ + name, text);
    if (error != 0) return StatusFromErrno(error, directory_ + name);
  }
  return ReadDescriptors();
}

void Audit::JudgeStreams() {
  std::vector<std::string> seen;
  bool is_off = false;
  for (int number = 0; number <= 2; ++number) {
    const auto found =
        std::find_if(descriptors_.begin(), descriptors_.end(),
                     [number](const Descriptor& one) { return one.number == number; });
    const bool is_open = found != descriptors_.end();
    const bool is_terminal = is_open && IsTerminal(found->target);
    const bool is_pipe = is_open && IsPipe(found->target);
    is_off = is_off || !is_open || is_terminal || is_pipe;
    seen.push_back(absl::StrCat(
        number, !is_open ? " is closed: the next file that is opened gets the number" : " is ",
        is_open ? found->target : "", is_terminal ? ", a terminal" : "",
        is_pipe ? ": whoever reads it waits for its end" : ""));
  }
  Say("streams", is_off, absl::StrJoin(seen, "; "));
}

void Audit::JudgeDescriptors() {
  int fine = 0;
  for (const Descriptor& one : descriptors_) {
    if (one.number <= 2) continue;
    if (IsTerminal(one.target)) {
      Say("descriptors", true, absl::StrCat(one.number, " is ", one.target, ", a terminal"));
    } else if (!one.close_on_exec && !one.locked) {
      Say("descriptors", true,
          absl::StrCat(one.number, " is ", one.target,
                       ": not close-on-exec, so inherited, or handed on to what it starts"));
    } else {
      ++fine;
    }
  }
  const bool all_fine = findings_.empty() || findings_.back().about != std::string("descriptors");
  if (all_fine) {
    Say("descriptors", false,
        absl::StrCat(fine, " from 3 up, each close-on-exec or a locked file as a pid file is"));
  }
}

void Audit::JudgeSignals() {
  for (const auto& [about, field, verb] : {std::make_tuple("signal-mask", "SigBlk", "blocked"),
                                           {"ignored-signals", "SigIgn", "ignored"}}) {
    const SignalSet all = SignalSet::FromBits(InBase(Field(field), 16));
    const SignalSet signals = SignalSet::FromBits(all.bits() & ~kLibrarys.bits());
    Say(about, !signals.empty(),
        absl::StrCat(signals.empty() ? "no signal is " : std::string(), verb,
                     signals.empty() ? "" : ": ", Names(signals)));
  }
}

void Audit::JudgeIdentity() {
  bool is_off = false;
  std::vector<std::string> texts;
  for (const auto& [field, what] : {std::make_pair("Uid", "uid "), {"Gid", "gid "}}) {
    const std::vector<uint64_t> ids = Numbers(Field(field));
    const bool differ =
        std::any_of(ids.begin(), ids.end(), [&ids](uint64_t id) { return id != ids[0]; });
    is_off = is_off || differ || ids.size() != 4;
    texts.push_back(differ ? absl::StrCat(what, absl::StrJoin(ids, ", "),
                                          ", which are not the same: real, effective, saved, "
                                          "filesystem")
                           : absl::StrCat(what, ids.empty() ? "unknown" : absl::StrCat(ids[0])));
  }
  const std::vector<uint64_t> uids = Numbers(Field("Uid"));
  const uint64_t capabilities = InBase(Field("CapEff"), 16) | InBase(Field("CapPrm"), 16);
  if (!uids.empty() && uids[0] != 0 && capabilities != 0) {
    is_off = true;
    texts.push_back(absl::StrFormat("capabilities %x, although it is not root", capabilities));
  }
  Say("identity", is_off, absl::StrJoin(texts, "; "));
}

// Those that initgroups(3) would give it; empty if that cannot be told.
std::vector<gid_t> Audit::GroupsOfUser(uid_t uid, gid_t gid) {
  const SysResult<UserRecord> user = os_.GetPwUid(uid);
  if (!user.ok()) return {};
  std::vector<gid_t> groups(NGROUPS_MAX);
  const SysResult<size_t> count =
      os_.GetGroupList(user.value().name, gid, groups.data(), groups.size());
  groups.resize(count.ok() ? std::min(count.value(), groups.size()) : 0);
  return groups;
}

void Audit::JudgeGroups() {
  const std::vector<uint64_t> uids = Numbers(Field("Uid"));
  const std::vector<uint64_t> gids = Numbers(Field("Gid"));
  const std::vector<uint64_t> has = Numbers(Field("Groups"));
  if (uids.empty() || gids.empty()) return Say("groups", true, "cannot be told");
  const std::string all = has.empty() ? "none" : absl::StrJoin(has, ", ");
  if (uids[0] == 0) return Say("groups", false, absl::StrCat(all, "; it is root"));
  const std::vector<gid_t> own =
      GroupsOfUser(static_cast<uid_t>(uids[0]), static_cast<gid_t>(gids[0]));
  std::vector<uint64_t> strange;
  for (const uint64_t gid : has) {
    const bool is_own = gid == gids[0] || std::find(own.begin(), own.end(), gid) != own.end();
    // Of a user that nobody knows only root's group is known to be strange.
    if (!is_own && (!own.empty() || gid == 0)) strange.push_back(gid);
  }
  if (gids[0] == 0) strange.push_back(0);
  Say("groups", !strange.empty(),
      strange.empty() ? all
                      : absl::StrCat(absl::StrJoin(strange, ", "),
                                     ", which its user is not in: left over from its starter"));
}

void Audit::JudgeUmask() {
  const std::string field = Field("Umask");
  if (field.empty()) return Say("umask", false, "cannot be told before Linux 4.7");
  const uint64_t umask = InBase(field, 8);
  const bool is_off = (umask & 02) == 0;
  Say("umask", is_off,
      absl::StrFormat("%03o%s", umask,
                      is_off ? ": what it makes may be written to by everybody" : ""));
}

void Audit::JudgeSession() {
  // The name, in parentheses, may hold anything: proc(5).
  const std::string fields = stat_.substr(std::min(stat_.rfind(')'), stat_.size() - 1) + 1);
  const auto words = Split(fields, ' ');
  constexpr size_t kSession = 4, kTerminal = 5;  // after an empty one
  if (words.size() <= kTerminal) return Say("terminal", true, "cannot be told");
  const uint64_t terminal = ParseNumber(words[kTerminal]).value_or(0);
  Say("terminal", terminal != 0,
      terminal == 0 ? "no controlling terminal"
                    : "has a controlling terminal, whose hang-up and keys reach it");
  const uint64_t session = ParseNumber(words[kSession]).value_or(0);
  const bool leads = session == static_cast<uint64_t>(pid_);
  Say("session-leader", leads,
      leads ? "leads its session: a terminal that it opens becomes its controlling one"
            : absl::StrCat("session ", session, ", which it does not lead"));
}

std::vector<Finding> Audit::Judge() {
  JudgeStreams();
  JudgeDescriptors();
  JudgeSignals();
  JudgeIdentity();
  JudgeGroups();
  JudgeUmask();
  JudgeSession();
  return std::move(findings_);
}

}  // namespace

absl::StatusOr<std::vector<Finding>> AuditProcess(pid_t pid, Os& os) {
  Audit audit(pid, os);
  const absl::Status read = audit.Read();
  if (!read.ok()) return read;
  return audit.Judge();
}

}  // namespace cleanfork::cli
