#include "mocks/sim/world.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "mocks/sim/descriptors.h"
#include "mocks/sim/files.h"
#include "mocks/sim/refuse.h"
#include "mocks/sim/sockets.h"

namespace cleanfork::sim {
namespace {

constexpr int32_t kAnyNumber = 1 << 30;  // that nothing here comes near to

// The directory's inode, made with all on the way to it.
int MakeDirectories(Kernel* kernel, const std::string& path) {
  int at = kRootInode;
  for (size_t start = 0; start < path.size();) {
    const size_t end = std::min(path.find('/', start), path.size());
    const std::string name = path.substr(start, end - start);
    start = end + 1;
    if (name.empty()) continue;
    int next = LookUp(*kernel, at, name);
    if (next == kNone) {
      next = TakeInode(kernel, S_IFDIR | 0755, 0, 0);
      AddName(kernel, at, name, next);
    }
    if (!S_ISDIR(kernel->inodes[next].mode)) AbortRun(path + ": " + name + " is not a directory");
    at = next;
  }
  return at;
}

// A new file of that path; the inode.
int MakeFile(Kernel* kernel, const std::string& path, mode_t mode, uid_t uid, gid_t gid) {
  const size_t slash = path.rfind('/');
  if (path.empty() || path[0] != '/' || slash + 1 == path.size()) {
    AbortRun("the path of a file has to be absolute: \"" + path + "\"");
  }
  const int directory = MakeDirectories(kernel, path.substr(0, slash));
  const std::string name = path.substr(slash + 1);
  if (LookUp(*kernel, directory, name) != kNone) AbortRun(path + " is there twice");
  const int inode = TakeInode(kernel, mode, uid, gid);
  AddName(kernel, directory, name, inode);
  return inode;
}

void MakeStandardFiles(Kernel* kernel) {
  TakeInode(kernel, S_IFDIR | 0755, 0, 0);  // the root
  for (const char* path : {"/bin", "/dev", "/etc", "/proc", "/tmp", "/usr/bin", "/var"}) {
    MakeDirectories(kernel, path);
  }
  kernel->inodes[MakeDirectories(kernel, "/tmp")].mode = S_IFDIR | 01777;
  Inode& proc = kernel->inodes[MakeDirectories(kernel, "/proc")];
  proc.mode = S_IFDIR | 0555;
  proc.proc = ProcKind::kRoot;
  const int null_device = MakeFile(kernel, "/dev/null", S_IFCHR | 0666, 0, 0);
  kernel->inodes[null_device].special_device = makedev(1, 3);
}

void MakeFiles(const SimOsOptions& options, Kernel* kernel) {
  for (const SimUser& user : options.users) {
    if (user.home == "/") continue;
    Inode& home = kernel->inodes[MakeDirectories(kernel, user.home)];
    home.uid = user.uid;
    home.gid = user.gid;
  }
  for (const SimFile& file : options.files) {
    if (file.type == SimFile::Type::kDirectory) {
      Inode& directory = kernel->inodes[MakeDirectories(kernel, file.path)];
      directory.mode = S_IFDIR | (file.mode & 07777);
      directory.uid = file.uid;
      directory.gid = file.gid;
      continue;
    }
    const bool link = file.type == SimFile::Type::kSymlink;
    const mode_t mode = link ? S_IFLNK | 0777 : S_IFREG | (file.mode & 07777);
    const int inode = MakeFile(kernel, file.path, mode, file.uid, file.gid);
    WriteFileAt(kernel, inode, file.content.data(), file.content.size(), 0);
  }
  int number = 0;
  for (const SimProgram& program : options.programs) {
    const int inode = MakeFile(kernel, program.path, S_IFREG | (program.mode & 07777), 0, 0);
    kernel->inodes[inode].program = number++;
  }
}

void BindSockets(const SimOsOptions& options, Kernel* kernel) {
  for (const SimSocket& socket : options.sockets) {
    if (socket.address.size() < 2 || socket.address.size() > UnixAddress::kMaxSize) {
      AbortRun("no address of a socket: \"" + socket.address + "\"");
    }
    Receiver& receiver = AddReceiver(kernel);
    receiver.type = socket.type;
    receiver.gone = socket.holder == SimSocket::Holder::kGone ? 1 : 0;
    receiver.reads = socket.holder == SimSocket::Holder::kReads ? 1 : 0;
    receiver.room = socket.room;
    if (socket.address[0] == '@') {
      receiver.name_size = static_cast<uint32_t>(socket.address.size());
      socket.address.copy(receiver.name, sizeof(receiver.name));
      receiver.name[0] = '\0';
      continue;
    }
    const mode_t mode = S_IFSOCK | (socket.mode & 07777);
    receiver.inode = MakeFile(kernel, socket.address, mode, socket.uid, socket.gid);
    ++kernel->inodes[receiver.inode].open_count;  // what is bound to it keeps it
  }
}

void SetLimits(const SimOsOptions& options, Process* process) {
  const uint64_t infinity = RLIM_INFINITY;
  for (ResourceLimit& limit : process->limits) limit = {infinity, infinity};
  process->limits[RLIMIT_STACK] = {uint64_t{8} << 20, infinity};
  process->limits[RLIMIT_CORE] = {0, infinity};
  process->limits[RLIMIT_NOFILE] = {1024, 1048576};
  process->limits[RLIMIT_NPROC] = {4096, 4096};
  process->limits[RLIMIT_NICE] = {0, 0};
  process->limits[RLIMIT_RTPRIO] = {0, 0};
  for (const auto& [resource, limit] : options.limits) {
    if (resource < 0 || resource >= kResources) AbortRun("there is no such limit");
    process->limits[resource] = limit;
  }
}

void SetIdentity(const SimOsOptions& options, Credentials* credentials) {
  const ResUid user = options.uids.value_or(ResUid{options.uid, options.uid, options.uid});
  const ResGid group = options.gids.value_or(ResGid{options.gid, options.gid, options.gid});
  credentials->user = {user.real, user.effective, user.saved, user.effective};
  credentials->group = {group.real, group.effective, group.saved, group.effective};
  std::vector<gid_t> groups = options.supplementary_groups;
  if (groups.size() > kMaxGroups) OutOfRoom("supplementary groups", kMaxGroups);
  std::sort(groups.begin(), groups.end());
  std::copy(groups.begin(), groups.end(), credentials->groups);
  credentials->group_count = static_cast<uint32_t>(groups.size());
  // What an exec of such a process has given it: capabilities(7).
  const uint64_t permitted = user.real == 0 || user.effective == 0 ? kAllCapabilities : 0;
  const uint64_t effective = user.effective == 0 ? kAllCapabilities : 0;
  const CapabilitySets sets = {effective, permitted, 0};
  credentials->capabilities = options.capabilities.value_or(sets);
}

void OpenDescriptors(const SimOsOptions& options, Kernel* kernel, Process* process) {
  for (const SimDescriptor& given : options.descriptors) {
    if (given.fd < 0 || given.fd >= kMaxDescriptors) {
      OutOfRoom("descriptors of a process", kMaxDescriptors);
    }
    const Resolved where = Resolve(*kernel, *process, given.path.c_str(), true);
    if (where.error != 0 || where.proc) AbortRun("descriptor: there is no file " + given.path);
    if (process->descriptors[given.fd].description != kNone) AbortRun("a descriptor given twice");
    InstallDescription(kernel, process, given.fd, OpenInode(kernel, where.inode, given.flags),
                       (given.flags & O_CLOEXEC) != 0);
  }
}

void CopyText(const std::string& text, char* to, size_t size) {
  if (text.size() >= size) OutOfRoom("characters in the field of a user", static_cast<long>(size));
  std::memcpy(to, text.c_str(), text.size() + 1);
}

}  // namespace

std::unique_ptr<Kernel> BuildWorld(const SimOsOptions& options) {
  std::unique_ptr<Kernel> made = MakeRoomForKernel();
  Kernel* const kernel = made.get();
  std::memset(static_cast<void*>(kernel), 0, offsetof(Kernel, pages));
  kernel->next_pid = kFirstPid + 1;
  kernel->next_birth = 1;
  kernel->monotonic = kBootTime;
  kernel->realtime_offset = options.time - kBootTime;
  kernel->random = options.seed;
  for (Name& name : kernel->names.rows) name.directory = kNone;
  kernel->free_blocks = kAnyNumber;  // what is there already is not counted
  MakeStandardFiles(kernel);
  MakeFiles(options, kernel);
  BindSockets(options, kernel);
  for (PageUse& use : kernel->page_use) use = PageUse::kAsMade;

  Process& process = kernel->processes.Use(0);
  process.state = ProcessState::kRunning;
  process.pid = kFirstPid;
  process.parent = kNone;
  process.group = options.group_leader ? kFirstPid : kShellPid;
  process.session = kShellPid;
  process.subreaper = options.subreaper ? 1 : 0;
  process.ever_execd = 1;
  process.vfork_parent = kNone;
  process.program = kNone;
  process.executable = kNone;
  process.started = kBootTime;
  process.umask = options.umask & 0777;
  process.root = kRootInode;
  process.directory = kRootInode;
  SetLimits(options, &process);
  SetIdentity(options, &process.credentials);
  process.signals.mask = options.signal_mask.bits();
  for (int signal = 1; signal <= SignalSet::kMaxSignal; ++signal) {
    if (options.ignored_signals.Contains(signal)) {
      process.signals.actions[signal].ordinal = kIgnoreAction;
    }
  }
  for (Descriptor& descriptor : process.descriptors) descriptor = {kNone, 0};
  OpenDescriptors(options, kernel, &process);
  const Resolved where = Resolve(*kernel, process, options.directory.c_str(), true);
  if (where.error != 0 || where.proc) AbortRun("there is no directory " + options.directory);
  process.directory = where.inode;
  const int64_t blocks = options.disk_space / static_cast<int64_t>(kPageSize);
  kernel->free_blocks = static_cast<int32_t>(std::min<int64_t>(blocks, kAnyNumber));
  kernel->most_files = static_cast<int32_t>(std::min<int64_t>(options.most_open_files, kAnyNumber));
  return made;
}

Directory MakeDirectory(const SimOsOptions& options) {
  Directory directory;
  for (const cleanfork::SimUser& user : options.users) {
    KnownUser known;
    CopyText(user.name, known.record.name, sizeof(known.record.name));
    CopyText(user.home, known.record.home, sizeof(known.record.home));
    CopyText(user.shell, known.record.shell, sizeof(known.record.shell));
    known.record.uid = user.uid;
    known.record.gid = user.gid;
    known.groups = user.groups;
    directory.users.push_back(known);
  }
  for (const SimGroup& group : options.groups) {
    GroupRecord record;
    CopyText(group.name, record.name, sizeof(record.name));
    record.gid = group.gid;
    directory.groups.push_back(record);
  }
  return directory;
}

std::vector<ProgramBody> MakePrograms(const SimOsOptions& options) {
  std::vector<ProgramBody> programs;
  for (const SimProgram& program : options.programs) programs.push_back(program.body);
  return programs;
}

}  // namespace cleanfork::sim
