#include "mocks/sim/proc_files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "mocks/sim/descriptors.h"
#include "mocks/sim/files.h"
#include "mocks/sim/processes.h"
#include "mocks/sim/refuse.h"
#include "mocks/sim/signals.h"

namespace cleanfork::sim {
namespace {

enum Entry {
  kStat,
  kStatus,
  kFd,
  kOomScoreAdjust,
  kUidMap,
  kCgroup,
  kMountInfo,
  kPidNamespace,
  kPidNamespaceOfChildren,
  kDescriptorInfos,
  kLoadAverage,
  kThreadsMax,
  kPidMax,
  kDescriptorInfo,  // fdinfo/3
  kDescriptorLink,  // fd/3
};

// Those of a process, in the order of Entry, and those of the system.
constexpr const char* kNames[] = {"stat",
                                  "status",
                                  "fd",
                                  "oom_score_adj",
                                  "uid_map",
                                  "cgroup",
                                  "mountinfo",
                                  "ns/pid",
                                  "ns/pid_for_children",
                                  "fdinfo",
                                  "loadavg",
                                  "sys/kernel/threads-max",
                                  "sys/kernel/pid_max",
                                  "fdinfo/",
                                  "fd/"};

constexpr ino_t kInitialPidNamespace = 4026531836;

constexpr int64_t kTick = 10'000'000;  // nanoseconds: sysconf(_SC_CLK_TCK) is 100

// Flags of include/linux/sched.h.
constexpr unsigned kExiting = 0x4;
constexpr unsigned kForkedButNoExec = 0x40;

char StateLetter(const Process& process, const Process* running) {
  if (process.state == ProcessState::kZombie) return 'Z';
  if (process.stopped != 0) return 'T';
  return &process == running ? 'R' : 'S';
}

std::string ProgramName(const Process& process) {
  return process.program == kNone ? "body" : "program" + std::to_string(process.program);
}

// The fields of proc_pid_stat(5). The others are 0.
std::string StatText(const Kernel& kernel, const Process& reader, const Process& process) {
  unsigned flags = 0;
  if (process.ever_execd == 0) flags |= kForkedButNoExec;
  if (process.state != ProcessState::kRunning) flags |= kExiting;
  char head[256];
  std::snprintf(head, sizeof(head), "%d (%s) %c %d %d %d 0 -1 %u", process.pid,
                ProgramName(process).c_str(), StateLetter(process, &reader),
                ParentPid(kernel, process), process.group, process.session, flags);
  std::string text = head;
  for (int field = 10; field <= 52; ++field) {
    if (field == 19) {
      text += " " + std::to_string(process.nice);
    } else if (field == 20) {
      text += " 1";  // threads
    } else if (field == 22) {
      text += " " + std::to_string(process.started / kTick);
    } else {
      text += " 0";
    }
  }
  return text + "\n";
}

std::string IdLine(const char* name, const Ids& ids) {
  return std::string(name) + ":\t" + std::to_string(ids.real) + "\t" +
         std::to_string(ids.effective) + "\t" + std::to_string(ids.saved) + "\t" +
         std::to_string(ids.file_system) + "\n";
}

std::string HexLine(const char* name, uint64_t bits) {
  char text[64];
  std::snprintf(text, sizeof(text), "%s:\t%016llx\n", name, static_cast<unsigned long long>(bits));
  return text;
}

std::string StatusText(const Kernel& kernel, const Process& reader, const Process& process) {
  const Credentials& credentials = process.credentials;
  std::string text = "Name:\t" + ProgramName(process) + "\n";
  text += std::string("State:\t") + StateLetter(process, &reader) + "\n";
  text += "Tgid:\t" + std::to_string(process.pid) + "\n";
  text += "Pid:\t" + std::to_string(process.pid) + "\n";
  text += "PPid:\t" + std::to_string(ParentPid(kernel, process)) + "\n";
  text += IdLine("Uid", credentials.user) + IdLine("Gid", credentials.group) + "Groups:\t";
  for (uint32_t i = 0; i < credentials.group_count; ++i) {
    text += std::to_string(credentials.groups[i]) + " ";
  }
  text += "\nThreads:\t1\n";
  text += HexLine("SigPnd", process.signals.own_pending) +
          HexLine("ShdPnd", process.signals.pending) + HexLine("SigBlk", process.signals.mask);
  uint64_t ignored = 0, caught = 0;
  for (int signal = 1; signal <= SignalSet::kMaxSignal; ++signal) {
    const int ordinal = process.signals.actions[signal].ordinal;
    if (ordinal == kIgnoreAction) ignored |= SignalBit(signal);
    if (ordinal != kIgnoreAction && ordinal != kDefaultAction) caught |= SignalBit(signal);
  }
  text += HexLine("SigIgn", ignored) + HexLine("SigCgt", caught);
  text += HexLine("CapInh", credentials.capabilities.inheritable);
  text += HexLine("CapPrm", credentials.capabilities.permitted);
  text += HexLine("CapEff", credentials.capabilities.effective);
  return text + "NoNewPrivs:\t" + std::to_string(credentials.no_new_privs) + "\n";
}

std::string LoadText(const Kernel& kernel) {
  int tasks = 1;  // init
  for (const Process& process : kernel.processes) tasks += IsLive(process);
  return "0.00 0.00 0.00 1/" + std::to_string(tasks) + " " + std::to_string(kernel.next_pid - 1) +
         "\n";
}

// What stands behind a descriptor of the process in a slot, or null.
const Description* DescriptionBehind(const Kernel& kernel, int slot, int fd) {
  return slot == kNone ? nullptr : FindDescription(kernel, kernel.processes[slot], fd);
}

// Its position, flags and inode number, and the lock, if it has one: proc_pid_fdinfo(5).
std::string InfoText(const Kernel& kernel, const Description& description, bool close_on_exec) {
  const auto inode = std::to_string(StatusBehind(kernel, description).inode);
  constexpr unsigned kLargeFile = 0100000;  // O_LARGEFILE, which open(2) of 64 bits always sets
  unsigned bits = static_cast<unsigned>(description.flags);
  if (HasInode(description)) bits |= kLargeFile;
  if (close_on_exec) bits |= static_cast<unsigned>(O_CLOEXEC);
  char flags[32];
  std::snprintf(flags, sizeof(flags), "0%o", bits);
  std::string text = "pos:\t" + std::to_string(description.offset) + "\nflags:\t" + flags +
                     "\nmnt_id:\t1\nino:\t" + inode + "\n";
  if (description.lock == F_UNLCK) return text;
  const char* const type = description.lock == F_WRLCK ? "WRITE" : "READ";
  return text + "lock:\t1: OFDLCK  ADVISORY  " + type + " -1 08:01:" + inode + " 0 EOF\n";
}

bool IsNumber(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

// One that is larger than any that there is comes out as -1, which nothing has.
int32_t ToNumber(const std::string& digits) {
  constexpr size_t kMost = 9;
  return digits.size() > kMost ? -1
                               : static_cast<int32_t>(std::strtol(digits.c_str(), nullptr, 10));
}

}  // namespace

int FindProc(const Kernel& kernel, const Process& self, const std::string& path,
             Description* found) {
  *found = Description();
  found->kind = DescriptionKind::kProcFile;
  for (int entry = kLoadAverage; entry <= kPidMax; ++entry) {
    found->entry = entry;
    if (path == kNames[entry]) return 0;
  }
  const size_t slash = path.find('/');
  const std::string who = path.substr(0, slash);
  if (who == "self" || who == "thread-self") {
    found->object = self.pid;
  } else if (IsNumber(who)) {
    const int slot = FindProcess(kernel, ToNumber(who));
    if (slot == kNone) return ENOENT;
    found->object = kernel.processes[slot].pid;
  } else {
    Refuse("/proc/" + path);
  }
  const std::string what = slash == std::string::npos ? "" : path.substr(slash + 1);
  for (int entry = kStat; entry <= kDescriptorInfos; ++entry) {
    found->entry = entry;
    if (what == kNames[entry]) return 0;
  }
  for (int entry : {kDescriptorInfo, kDescriptorLink}) {
    const std::string directory = kNames[entry];
    if (what.compare(0, directory.size(), directory) != 0) continue;
    const std::string number = what.substr(directory.size());
    if (!IsNumber(number)) return ENOENT;
    found->entry = entry;
    found->number = ToNumber(number);
    const int slot = FindProcess(kernel, found->object);
    return DescriptionBehind(kernel, slot, found->number) == nullptr ? ENOENT : 0;
  }
  Refuse("/proc/" + path);
}

const char* ProcName(int entry) { return kNames[entry]; }

bool IsProcLink(const Description& description) { return description.entry == kDescriptorLink; }

bool IsProcDirectory(const Description& description) {
  return description.entry == kFd || description.entry == kDescriptorInfos;
}

FileStatus ProcStatus(const Kernel& kernel, const Description& description) {
  FileStatus status;
  if (description.entry == kDescriptorLink) {
    const int slot = FindProcess(kernel, description.object);
    return StatusBehind(kernel, *DescriptionBehind(kernel, slot, description.number));
  }
  status.links = 1;
  if (description.entry == kPidNamespace || description.entry == kPidNamespaceOfChildren) {
    status.device = 4;
    status.inode = kInitialPidNamespace;
    status.mode = S_IFREG | 0444;
    return status;
  }
  status.device = 5;
  status.inode = static_cast<ino_t>(100'000 + description.object * 100 + description.entry);
  status.mode = IsProcDirectory(description) ? S_IFDIR | 0500 : S_IFREG | 0444;
  return status;
}

std::string ProcTarget(const Kernel& kernel, const Process& self, const std::string& path) {
  const std::string pid = std::to_string(self.pid);
  if (path == "self") return pid;
  if (path == "thread-self") return pid + "/task/" + pid;
  const size_t slash = path.find('/');
  const std::string who = path.substr(0, slash);
  if (who == "self" || who == "thread-self") {
    const std::string what = path.substr(slash + 1);
    // Within a root of one's own the path would begin there.
    if (what == "cwd" && self.root == kRootInode) return PathOf(kernel, self.directory);
    if (what == kNames[kPidNamespace] || what == kNames[kPidNamespaceOfChildren]) {
      return "pid:[" + std::to_string(kInitialPidNamespace) + "]";
    }
  }
  Refuse("readlink of /proc/" + path);
}

std::vector<std::string> ProcNames(const Kernel& kernel, const Description& description) {
  std::vector<std::string> names;
  const int slot = FindProcess(kernel, description.object);
  if (slot == kNone) return names;
  for (int fd = 0; fd < kMaxDescriptors; ++fd) {
    if (kernel.processes[slot].descriptors[fd].description != kNone) {
      names.push_back(std::to_string(fd));
    }
  }
  return names;
}

std::string ProcText(const Kernel& kernel, const Process& reader, const Description& description) {
  switch (description.entry) {
    case kLoadAverage: return LoadText(kernel);
    case kThreadsMax: return "100000\n";
    case kPidMax: return "4194304\n";
    default: break;
  }
  const int slot = FindProcess(kernel, description.object);
  if (slot == kNone) return "";
  const Process& process = kernel.processes[slot];
  switch (description.entry) {
    case kStat: return StatText(kernel, reader, process);
    case kStatus: return StatusText(kernel, reader, process);
    case kOomScoreAdjust: return std::to_string(process.oom_score_adjust) + "\n";
    case kUidMap: return "         0          0 4294967295\n";
    case kCgroup: return "0::/\n";
    case kMountInfo: return "";  // no control group is mounted
    case kDescriptorInfo: {
      const Description* behind = DescriptionBehind(kernel, slot, description.number);
      if (behind == nullptr) return "";
      return InfoText(kernel, *behind, process.descriptors[description.number].close_on_exec != 0);
    }
    default: Refuse("reading " + std::string(ProcName(description.entry)));
  }
}

int WriteProc(Kernel* kernel, const Process& self, const Description& description,
              const void* bytes, size_t size) {
  if (description.entry != kOomScoreAdjust) {
    Refuse("writing to /proc/.../" + std::string(ProcName(description.entry)));
  }
  if (bytes == nullptr && size > 0) return EFAULT;
  const int slot = FindProcess(*kernel, description.object);
  if (slot == kNone) return ESRCH;
  const std::string text(static_cast<const char*>(bytes), size);
  char* end = nullptr;
  const long score = std::strtol(text.c_str(), &end, 10);
  if (end == text.c_str() || (*end != '\0' && *end != '\n')) return EINVAL;
  if (score < -1000 || score > 1000) return EINVAL;
  Process& process = kernel->processes[slot];
  if (score < process.oom_score_adjust && !self.credentials.Has(kCapSysResource)) return EACCES;
  process.oom_score_adjust = static_cast<int32_t>(score);
  return 0;
}

}  // namespace cleanfork::sim
