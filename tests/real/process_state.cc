#include "tests/real/process_state.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iomanip>
#include <sstream>

namespace cleanfork {
namespace {

std::string ReadText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string ReadLink(const std::string& path) {
  char target[4096];
  const ssize_t size = readlink(path.c_str(), target, sizeof(target));
  return size < 0 ? "" : std::string(target, static_cast<size_t>(size));
}

std::vector<std::string> ListDirectory(const std::string& path) {
  std::vector<std::string> names;
  DIR* directory = opendir(path.c_str());
  if (directory == nullptr) return names;
  while (const dirent* entry = readdir(directory)) {
    if (entry->d_name[0] != '.') names.push_back(entry->d_name);
  }
  closedir(directory);
  return names;
}

std::vector<uint64_t> Numbers(const std::string& text, int base) {
  std::vector<uint64_t> numbers;
  std::istringstream words(text);
  std::string word;
  while (words >> word) numbers.push_back(std::strtoull(word.c_str(), nullptr, base));
  return numbers;
}

std::map<std::string, std::string> StatusFields(const std::string& text) {
  std::map<std::string, std::string> fields;
  std::istringstream lines(text);
  std::string line;
  while (std::getline(lines, line)) {
    const size_t colon = line.find(':');
    if (colon != std::string::npos) fields[line.substr(0, colon)] = line.substr(colon + 1);
  }
  return fields;
}

uint64_t Hex(const std::map<std::string, std::string>& fields, const std::string& name) {
  const auto field = fields.find(name);
  if (field == fields.end()) return 0;
  const std::vector<uint64_t> numbers = Numbers(field->second, 16);
  return numbers.empty() ? 0 : numbers[0];
}

// Field 3 of proc_pid_stat(5) and what follows: the name before it may hold anything.
std::vector<std::string> StatFields(pid_t pid) {
  const std::string stat = ReadText("/proc/" + std::to_string(pid) + "/stat");
  std::vector<std::string> fields;
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return fields;
  std::istringstream words(stat.substr(name_end + 1));
  std::string word;
  while (words >> word) fields.push_back(word);
  return fields;
}

std::map<int, DescriptorState> ReadDescriptors(const std::string& process) {
  std::map<int, DescriptorState> descriptors;
  for (const std::string& name : ListDirectory(process + "/fd")) {
    DescriptorState& state = descriptors[std::atoi(name.c_str())];
    const std::string link = process + "/fd/" + name;
    state.target = ReadLink(link);
    struct stat status = {};
    if (stat(link.c_str(), &status) == 0) state.inode = status.st_ino;
    const auto info = StatusFields(ReadText(process + "/fdinfo/" + name));
    const auto flags = info.find("flags");
    if (flags != info.end()) {
      state.close_on_exec = (std::strtoull(flags->second.c_str(), nullptr, 8) & O_CLOEXEC) != 0;
    }
  }
  return descriptors;
}

std::string DescribeDescriptors(const std::map<int, DescriptorState>& descriptors) {
  std::ostringstream text;
  for (const auto& [fd, state] : descriptors) {
    text << ' ' << fd << '=' << state.target << (state.close_on_exec ? " (close-on-exec)" : "");
  }
  return text.str();
}

// By the bare system call: the C library's hides its restorer and its own two signals.
std::string DescribeDisposition(int signal) {
  unsigned char record[64] = {};  // larger than any struct kernel_sigaction
  if (syscall(SYS_rt_sigaction, signal, nullptr, record, sizeof(uint64_t)) != 0) return "";
  std::ostringstream text;
  for (unsigned char byte : record) text << std::hex << std::setw(2) << std::setfill('0') << +byte;
  return text.str();
}

std::string DescribePrivileges() {
  const auto status = StatusFields(ReadText("/proc/self/status"));
  std::string text;
  for (const char* name :
       {"Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs"}) {
    const auto field = status.find(name);
    if (field != status.end()) text += field->first + field->second + ' ';
  }
  return text;
}

std::string DescribeAttributes() {
  int death_signal = 0, subreaper = 0;
  prctl(PR_GET_PDEATHSIG, &death_signal);
  prctl(PR_GET_CHILD_SUBREAPER, &subreaper);
  std::ostringstream text;
  text << "nice " << getpriority(PRIO_PROCESS, 0) << ", oom score "
       << std::atoi(ReadText("/proc/self/oom_score_adj").c_str()) << ", dumpable "
       << prctl(PR_GET_DUMPABLE) << ", keepcaps " << prctl(PR_GET_KEEPCAPS) << ", securebits "
       << prctl(PR_GET_SECUREBITS) << ", death signal " << death_signal << ", subreaper "
       << subreaper;
  return text.str();
}

}  // namespace

std::optional<ProcessState> ReadProcessState(pid_t pid) {
  const std::string process = "/proc/" + std::to_string(pid);
  const std::vector<std::string> stat = StatFields(pid);
  const auto status = StatusFields(ReadText(process + "/status"));
  if (stat.size() < 5 || status.empty()) return std::nullopt;
  ProcessState state;
  state.pid = pid;
  state.state = stat[0][0];
  state.parent = std::atoi(stat[1].c_str());
  state.group = std::atoi(stat[2].c_str());
  state.session = std::atoi(stat[3].c_str());
  state.terminal = std::atoi(stat[4].c_str());
  state.uids = Numbers(status.at("Uid"), 10);
  state.gids = Numbers(status.at("Gid"), 10);
  state.groups = Numbers(status.at("Groups"), 10);
  if (status.count("Umask") != 0) {
    state.umask = static_cast<mode_t>(Numbers(status.at("Umask"), 8).at(0));
  }
  state.signals_blocked = Hex(status, "SigBlk");
  state.signals_ignored = Hex(status, "SigIgn");
  state.signals_caught = Hex(status, "SigCgt");
  state.capabilities_effective = Hex(status, "CapEff");
  state.capabilities_permitted = Hex(status, "CapPrm");
  state.capabilities_inheritable = Hex(status, "CapInh");
  state.capabilities_ambient = Hex(status, "CapAmb");
  if (stat.size() > 16) state.nice = std::atoi(stat[16].c_str());
  state.oom_score_adjust = std::atoi(ReadText(process + "/oom_score_adj").c_str());
  state.limits = ReadText(process + "/limits");
  state.no_new_privs = Hex(status, "NoNewPrivs") == 1;
  state.directory = ReadLink(process + "/cwd");
  state.root = ReadLink(process + "/root");
  std::istringstream variables(ReadText(process + "/environ"));
  std::string variable;
  while (std::getline(variables, variable, '\0')) state.environment.push_back(variable);
  state.descriptors = ReadDescriptors(process);
  return state;
}

std::vector<pid_t> AllProcesses() {
  std::vector<pid_t> processes;
  for (const std::string& name : ListDirectory("/proc")) {
    const pid_t pid = std::atoi(name.c_str());
    if (pid > 0) processes.push_back(pid);
  }
  return processes;
}

std::vector<pid_t> ChildrenOf(pid_t pid) {
  std::vector<pid_t> children;
  for (pid_t other : AllProcesses()) {
    const std::vector<std::string> stat = StatFields(other);
    if (stat.size() > 1 && std::atoi(stat[1].c_str()) == pid) children.push_back(other);
  }
  return children;
}

CallerState ReadCallerState() {
  CallerState state;
  syscall(SYS_rt_sigprocmask, SIG_BLOCK, nullptr, &state.signal_mask, sizeof(state.signal_mask));
  for (int signal = 1; signal < NSIG; ++signal) {
    state.dispositions.push_back(DescribeDisposition(signal));
  }
  // Not from /proc/self/fd, since reading that takes a descriptor, which would stand among them.
  constexpr int kMostDescriptors = 1024;
  for (int fd = 0; fd < kMostDescriptors; ++fd) {
    const int flags = fcntl(fd, F_GETFD);
    if (flags < 0) continue;
    struct stat status = {};
    fstat(fd, &status);
    state.descriptors[fd] = {ReadLink("/proc/self/fd/" + std::to_string(fd)),
                             (flags & FD_CLOEXEC) != 0, status.st_ino};
    state.descriptor_details[fd] = ReadText("/proc/self/fdinfo/" + std::to_string(fd));
  }
  state.umask = umask(0);
  umask(state.umask);
  state.directory = ReadLink("/proc/self/cwd");
  uid_t uids[3];
  gid_t gids[3];
  if (getresuid(&uids[0], &uids[1], &uids[2]) == 0 &&
      getresgid(&gids[0], &gids[1], &gids[2]) == 0) {
    std::ostringstream ids;
    for (uid_t uid : uids) ids << "uid " << uid << ' ';
    for (gid_t gid : gids) ids << "gid " << gid << ' ';
    state.ids = ids.str();
  }
  state.limits = ReadText("/proc/self/limits");
  state.privileges = DescribePrivileges();
  state.attributes = DescribeAttributes();
  return state;
}

std::string Difference(const CallerState& before, const CallerState& after) {
  std::ostringstream text;
  if (before.signal_mask != after.signal_mask) {
    text << "signal mask " << std::hex << before.signal_mask << " became " << after.signal_mask
         << std::dec << "; ";
  }
  for (size_t i = 0; i < before.dispositions.size(); ++i) {
    if (before.dispositions[i] != after.dispositions[i]) {
      text << "disposition of signal " << i + 1 << ' ' << before.dispositions[i] << " became "
           << after.dispositions[i] << "; ";
    }
  }
  if (!(before.descriptors == after.descriptors)) {
    text << "descriptors" << DescribeDescriptors(before.descriptors) << " became"
         << DescribeDescriptors(after.descriptors) << "; ";
  }
  for (const auto& [fd, details] : before.descriptor_details) {
    const auto found = after.descriptor_details.find(fd);
    if (found == after.descriptor_details.end() || found->second == details) continue;
    text << "descriptor " << fd << ": " << details << " became " << found->second << "; ";
  }
  if (before.limits != after.limits) text << "the limits changed; ";
  if (before.privileges != after.privileges) {
    text << before.privileges << " became " << after.privileges << "; ";
  }
  if (before.attributes != after.attributes) {
    text << before.attributes << " became " << after.attributes << "; ";
  }
  if (before.umask != after.umask) text << "the umask changed; ";
  if (before.directory != after.directory) text << "the directory changed; ";
  if (before.ids != after.ids) text << before.ids << " became " << after.ids << "; ";
  return text.str();
}

std::string DescribeChildren() {
  std::ostringstream text;
  for (pid_t child : ChildrenOf(getpid())) {
    const std::optional<ProcessState> state = ReadProcessState(child);
    text << "child " << child << " in state " << (state.has_value() ? state->state : '?') << "; ";
  }
  return text.str();
}

}  // namespace cleanfork
