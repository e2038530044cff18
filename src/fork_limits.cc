#include "src/fork_limits.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cleanfork/os.h"
#include "src/proc_files.h"

namespace cleanfork {
namespace {

// A bound, so that no answer of a kernel, however odd, keeps us here.
constexpr int kMaxCgroupLevels = 64;

// Capabilities that lift RLIMIT_NPROC, setrlimit(2); their numbers are those of capabilities(7).
constexpr uint64_t kCapSysAdmin = uint64_t{1} << 21;
constexpr uint64_t kCapSysResource = uint64_t{1} << 24;

// The kernel gives out no pid below this again once it has wrapped around (RESERVED_PIDS in
// kernel/pid.c).
constexpr uint64_t kReservedPids = 300;

struct Limit {
  std::string name;
  uint64_t used = 0;
  uint64_t maximum = 0;
  bool full = false;
  std::string of_what = "tasks";
};

std::string Describe(const Limit& limit) {
  return std::to_string(limit.used) + " of " + std::to_string(limit.maximum);
}

std::optional<std::string> ReadFile(Os& os, const std::string& path) {
  std::string text;
  if (ReadProcFile(os, path, &text) != 0) return std::nullopt;
  return text;
}

std::optional<uint64_t> ReadNumber(Os& os, const std::string& path) {
  std::optional<std::string> text = ReadFile(os, path);
  if (!text.has_value()) return std::nullopt;
  return ParseNumber(*text);
}

struct TaskCount {
  uint64_t all = 0;
  uint64_t of_uid = 0;  // a zombie counts as well until it is reaped
};

TaskCount CountTasks(Os& os, uid_t uid) {
  TaskCount count;
  for (const std::string& pid : ListProcesses(os).pids) {
    std::optional<std::string> status = ReadFile(os, "/proc/" + pid + "/status");
    if (!status.has_value()) continue;  // it has ended meanwhile
    const uint64_t threads = ParseNumber(StatusField(*status, "Threads")).value_or(1);
    count.all += threads;
    // "Uid:" has the real, effective, saved and file system ids; the kernel counts by the first.
    if (ParseNumber(StatusField(*status, "Uid")) == uint64_t{uid}) count.of_uid += threads;
  }
  return count;
}

// Whether RLIMIT_NPROC does not bind the caller: root does not feel it, nor does who has one of
// two capabilities, getrlimit(2). Both count in the initial user namespace alone, whose uid_map
// is the identity.
bool ExemptFromProcessLimit(Os& os, uid_t uid) {
  const std::string uid_map = ReadFile(os, "/proc/self/uid_map").value_or("0 0 4294967295");
  std::vector<std::string_view> words;
  for (std::string_view word : Split(std::string_view(uid_map).substr(0, uid_map.find('\n')), ' '))
    if (!word.empty()) words.push_back(word);
  if (words != std::vector<std::string_view>{"0", "0", "4294967295"}) return false;
  if (uid == 0) return true;
  const std::string status = ReadFile(os, "/proc/self/status").value_or("");
  const std::string effective(StatusField(status, "CapEff"));
  const uint64_t capabilities = std::strtoull(effective.c_str(), nullptr, 16);
  return (capabilities & (kCapSysAdmin | kCapSysResource)) != 0;
}

struct CgroupMount {
  std::string root;   // which directory of the hierarchy is mounted
  std::string point;  // where
};

bool HasWord(std::string_view list, std::string_view word) {
  const std::vector<std::string_view> words = Split(list, ',');
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Where the hierarchy of version 1 with the pids controller, or of version 2, is mounted:
// proc_pid_mountinfo(5), "36 35 98:0 /root /point options [optional] - type source options".
std::optional<CgroupMount> FindMount(std::string_view mountinfo, bool version_2) {
  for (std::string_view line : Split(mountinfo, '\n')) {
    const size_t dash = line.find(" - ");
    if (dash == std::string_view::npos) continue;
    const std::vector<std::string_view> left = Split(line.substr(0, dash), ' ');
    const std::vector<std::string_view> right = Split(line.substr(dash + 3), ' ');
    if (left.size() < 5 || right.size() < 3) continue;
    const bool wanted =
        version_2 ? right[0] == "cgroup2" : right[0] == "cgroup" && HasWord(right[2], "pids");
    if (!wanted) continue;
    return CgroupMount{std::string(left[3]), std::string(left[4])};
  }
  return std::nullopt;
}

// pids.max from the control group at `path` of the hierarchy up to the top of what is mounted.
// The kernel refuses a task that would make pids.current larger than pids.max at any level.
void AppendCgroupLimits(Os& os, const CgroupMount& mount, std::string path,
                        std::vector<Limit>& limits) {
  if (mount.root != "/") {
    if (path.compare(0, mount.root.size(), mount.root) != 0) return;
    path.erase(0, mount.root.size());
    if (!path.empty() && path[0] != '/') return;  // "/docker/f00" is no ancestor of "/docker/f001"
  }
  for (int level = 0; level < kMaxCgroupLevels; ++level) {
    while (!path.empty() && path.back() == '/') path.pop_back();
    const std::string directory = mount.point + path;
    const std::optional<uint64_t> maximum = ReadNumber(os, directory + "/pids.max");
    if (maximum.has_value()) {
      const std::optional<uint64_t> current = ReadNumber(os, directory + "/pids.current");
      if (current.has_value()) {
        limits.push_back({"pids.max of control group " + (path.empty() ? "/" : path), *current,
                          *maximum, *current >= *maximum});
      }
    }
    if (path.empty()) return;
    path.erase(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  }
}

void AppendCgroups(Os& os, std::vector<Limit>& limits) {
  const std::optional<std::string> own = ReadFile(os, "/proc/self/cgroup");
  const std::optional<std::string> mountinfo = ReadFile(os, "/proc/self/mountinfo");
  if (!own.has_value() || !mountinfo.has_value()) return;
  // cgroups(7): "hierarchy:controllers:path"; version 2 has hierarchy 0 and no controllers.
  for (std::string_view line : Split(*own, '\n')) {
    const size_t first = line.find(':');
    const size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const bool version_2 = line.substr(0, first) == "0" && controllers.empty();
    if (!version_2 && !HasWord(controllers, "pids")) continue;
    const std::optional<CgroupMount> mount = FindMount(*mountinfo, version_2);
    if (mount.has_value()) {
      AppendCgroupLimits(os, *mount, std::string(line.substr(second + 1)), limits);
    }
  }
}

// The tasks of the whole system, the fourth field of proc_loadavg(5): "1/163".
std::optional<uint64_t> CountSystemTasks(Os& os) {
  const std::optional<std::string> load = ReadFile(os, "/proc/loadavg");
  if (!load.has_value()) return std::nullopt;
  const size_t slash = load->find('/');
  if (slash == std::string::npos) return std::nullopt;
  return ParseNumber(std::string_view(*load).substr(slash + 1));
}

std::vector<Limit> CollectLimits(Os& os) {
  std::vector<Limit> limits;
  const uid_t uid = os.GetUid();
  std::optional<TaskCount> counted;
  const auto count_tasks = [&]() -> const TaskCount& {
    if (!counted.has_value()) counted = CountTasks(os, uid);
    return *counted;
  };

  const SysResult<ResourceLimit> processes = os.GetRLimit(RLIMIT_NPROC);
  if (processes.ok() && processes.value().soft != RLIM_INFINITY &&
      !ExemptFromProcessLimit(os, uid)) {
    const uint64_t maximum = processes.value().soft;
    const uint64_t used = count_tasks().of_uid;
    // 0 only when /proc cannot be read: we are a task of this uid ourselves.
    if (used != 0) {
      limits.push_back(
          {"RLIMIT_NPROC", used, maximum, used >= maximum, "tasks of uid " + std::to_string(uid)});
    }
  }

  AppendCgroups(os, limits);

  const std::optional<uint64_t> tasks = CountSystemTasks(os);
  const std::optional<uint64_t> threads_max = ReadNumber(os, "/proc/sys/kernel/threads-max");
  if (tasks.has_value() && threads_max.has_value()) {
    limits.push_back({"threads-max", *tasks, *threads_max, *tasks >= *threads_max});
  }
  const std::optional<uint64_t> pid_max = ReadNumber(os, "/proc/sys/kernel/pid_max");
  if (tasks.has_value() && pid_max.has_value()) {
    // A pid_max below the number of tasks is that of a PID namespace (Linux 6.14), whose tasks
    // are the ones that /proc shows.
    const uint64_t used = *tasks < *pid_max ? *tasks : count_tasks().all;
    if (used != 0) {
      limits.push_back({"pid_max", used, *pid_max, used + kReservedPids >= *pid_max,
                        "pids, of which the kernel keeps 300 back"});
    }
  }
  return limits;
}

}  // namespace

std::string DescribeForkLimits(Os& os) {
  std::string full;
  std::string others;
  for (const Limit& limit : CollectLimits(os)) {
    if (limit.full) {
      if (!full.empty()) full += "; ";
      full += limit.name + " is full: " + Describe(limit) + " " + limit.of_what;
    } else {
      if (!others.empty()) others += ", ";
      others += limit.name + " " + Describe(limit);
    }
  }
  if (!full.empty()) return full;
  if (others.empty()) return "no limit can be read";
  return "no limit that can be read is full (" + others + ")";
}

}  // namespace cleanfork
