#include "tests/conformance/programs/program_process.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "cleanfork/names.h"

namespace cleanfork::programs {
namespace {

constexpr size_t kMostBytes = 70'000;
constexpr int64_t kVeryLong = int64_t{1'000'000} * 1'000'000'000;
constexpr int kShownSignals[] = {SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE, SIGTERM, SIGCHLD, SIGCONT};

Os* handler_os = nullptr;

void SendHandlerReport(int signal, const siginfo_t* info) {
  Report report = {};
  report.pid = handler_os->GetPid();
  report.kind = Report::kHandler;
  if (info == nullptr) {
    std::snprintf(report.text, sizeof(report.text), "+%s", SignalName(signal));
  } else {
    const int status = signal == SIGCHLD && info->si_code > 0 ? info->si_status : 0;
    std::snprintf(report.text, sizeof(report.text), "+%s(%d <%d> %d)", SignalName(signal),
                  info->si_code, info->si_code == SI_KERNEL ? 0 : info->si_pid, status);
  }
  handler_os->Write(kReports, &report, sizeof(report)).IgnoreError();
}
void Handle(int signal) { SendHandlerReport(signal, nullptr); }
void HandleInfo(int signal, siginfo_t* info, void*) { SendHandlerReport(signal, info); }

SignalSet SetOf(int bits) { return SignalSet::FromBits(static_cast<uint32_t>(bits)); }

unsigned Hash(const char* bytes, size_t size) {
  unsigned hash = 5381;
  for (size_t i = 0; i < size; ++i) hash = hash * 33 + static_cast<unsigned char>(bytes[i]);
  return hash;
}

class Process {
 public:
  Process(Os& os, int index, const char* directory, const char* executable)
      : os_(os), index_(index), directory_(directory), executable_(executable) {}

  [[noreturn]] void Run(bool is_new) {
    if (is_new) {
      // UBSan opens a pipe of its own to check the first virtual call of a class, and dies where it
      // cannot: that first call is this.
      const SysResult<PipeEnds> first = os_.Pipe();
      if (!first.ok()) os_.Exit(122);
      os_.Close(first.value().read_end).IgnoreError();
      os_.Close(first.value().write_end).IgnoreError();
      report_ = Report();
      Say("begins ");
      Send(Report::kDone);
    }
    for (;;) {
      const SysResult<size_t> got = os_.Read(kCommands + index_, &command_, sizeof(command_));
      if (!got.ok() && got.error() == EINTR) continue;
      if (!got.ok() || got.value() != sizeof(command_)) os_.Exit(120);  // there is nobody there
      report_ = Report();
      is_new_ = false;
      Make();
      if (!is_new_) Send(Report::kDone);
    }
  }

 private:
  int At(int i) const { return command_.arguments[i]; }
  pid_t Pid(int i) const { return command_.pids[i]; }
  size_t Size(int i) const { return static_cast<size_t>(At(i)); }
  uid_t Id(int i) const { return At(i) <= 0 ? static_cast<uid_t>(At(i)) : 61230U + At(i); }

  void Send(Report::Kind kind) {
    report_.pid = os_.GetPid();
    report_.kind = kind;
    os_.Write(kReports, &report_, sizeof(report_)).IgnoreError();
  }

  __attribute__((format(printf, 2, 3))) void Say(const char* format, ...) {
    const size_t used = std::strlen(report_.text);
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(report_.text + used, sizeof(report_.text) - used, format, arguments);
    va_end(arguments);
  }

  template <typename T>
  bool Failed(const SysResult<T>& result) {
    if (result.ok()) return false;
    report_.error = result.error();
    const char* const name = ErrnoName(result.error());
    Say("%s ", name != nullptr ? name : "?");
    return true;
  }
  void Note(SysResult<void> result) {
    if (!Failed(result)) Say("ok ");
  }
  template <typename T>
  void NoteNumber(const SysResult<T>& result) {
    if (Failed(result)) return;
    report_.value = static_cast<int>(result.value());
    Say("%d ", report_.value);
  }

  // A path as it is given to the call; "@" leads to the directory of the programs.
  const char* Path(int i) {
    const char* const path = Paths()[static_cast<size_t>(At(i))].text;
    if (path[0] != '@') return path;
    std::snprintf(path_, sizeof(path_), "%s%s", directory_, path + 1);
    return path_;
  }

  // Whether this process may wait at a descriptor: where it is an end of a pipe, nobody else does.
  bool MayWaitAt(std::initializer_list<int> fds, bool reads, bool writes) {
    int count = 0;
    for (int fd : fds) {
      const SysResult<FileStatus> status = os_.FStat(fd);
      if (!status.ok() || !S_ISFIFO(status.value().mode)) continue;
      const uint64_t key = uint64_t{status.value().inode} * 2;
      if (reads) report_.keys[count++] = key;
      if (writes) report_.keys[count++] = key + 1;
    }
    for (uint64_t key : report_.keys) {
      if (key != 0 && std::count(command_.busy, command_.busy + kMostBusy, key) > 0) {
        Say("busy ");
        return false;
      }
    }
    if (count > 0) Send(Report::kWaits);
    return true;
  }

  bool IsRegular(int fd) {
    const SysResult<FileStatus> status = os_.FStat(fd);
    return status.ok() && S_ISREG(status.value().mode);
  }

  void NoteStatus(const SysResult<FileStatus>& result) {
    if (Failed(result)) return;
    const FileStatus& status = result.value();
    Say("%o ", static_cast<unsigned>(status.mode));
    if (S_ISFIFO(status.mode)) return;
    Say("%u:%u ", status.uid, status.gid);
    if (S_ISREG(status.mode)) {
      Say("%d bytes, %d links ", static_cast<int>(status.size), static_cast<int>(status.links));
    }
  }

  void NoteWaited(const SysResult<WaitIdResult>& result) {
    if (Failed(result)) return;
    const WaitIdResult& news = result.value();
    if (news.pid == 0) {
      Say("none ");
    } else {
      Say("<%d> %d %d ", news.pid, news.code, news.status);
    }
  }

  void Make();
  void MakeSignalCall();
  void MakeDescriptorCall();
  void MakeDataCall();
  void MakeFileCall();
  void MakeIdCall();
  void DescribeSelf();
  void Fork();
  void Spawn();
  void Vfork();
  bool IsExecPlain();
  void Exec();
  void WithPidFd();
  void Poll();
  void NoteDirectory();
  void NoteIds();

  Os& os_;
  int index_;
  const char* const directory_;
  const char* const executable_;
  Command command_;
  Report report_;
  bool is_new_ = false;  // of a fork: the child, which has nothing to report
  char path_[200];
};

// Processes ---------------------------------------------------------------------------------------

void Process::Make() {
  if (command_.call == kDescribeSelf) return DescribeSelf();
  switch (static_cast<Call>(command_.call)) {
    case Call::kFork: return Fork();
    case Call::kSpawn: return Spawn();
    case Call::kVfork: return Vfork();
    case Call::kExec: return Exec();
    case Call::kExit: os_.Exit(At(0)); return;
    case Call::kWaitPid: {
      const SysResult<WaitResult> ended = os_.WaitPid(Pid(0), At(1));
      if (!Failed(ended)) Say("<%d> %#x ", ended.value().pid, ended.value().status);
      return;
    }
    case Call::kWaitId: {
      const pid_t pid = Pid(0);
      const idtype_t type = pid == -1 ? P_ALL : pid <= 0 ? P_PGID : P_PID;
      return NoteWaited(os_.WaitId(type, static_cast<id_t>(pid < 0 ? -pid : pid), At(1)));
    }
    case Call::kPidFdWait:
    case Call::kPidFdPoll:
    case Call::kPidFdKill: return WithPidFd();
    case Call::kGetPpid: return Say("<%d> ", os_.GetPpid());
    case Call::kPdeathsig: return Note(os_.PrctlSetPdeathsig(At(0)));
    case Call::kNoNewPrivs: return Note(os_.PrctlSetNoNewPrivs());
    case Call::kSetSid: {
      const SysResult<pid_t> session = os_.SetSid();
      if (!Failed(session)) Say("<%d> ", session.value());
      return;
    }
    case Call::kSetPgid: return Note(os_.SetPgid(Pid(0), Pid(1)));
    default: return MakeSignalCall();
  }
}

void Process::Fork() {
  const SysResult<pid_t> child = os_.Fork();
  if (Failed(child)) return;
  if (child.value() == 0) {
    index_ = At(0);
    is_new_ = true;
    return;
  }
  report_.value = child.value();
  Say("<%d> ", child.value());
}

// With vfork: the child execs, and is then a process like others.
void Process::Spawn() {
  struct Shared {
    Os* os;
    const char* path;
    char index[8];
    char* argv[4];
    char* envp[1];
    SignalSet mask;
    int error;
  };
  if (!IsExecPlain()) return;
  const SignalSet all = SignalSet::Full();
  Shared shared = {&os_, executable_, {}, {}, {}, SignalSet(), 0};
  shared.mask = os_.SigProcMask(SIG_SETMASK, &all).value_or(SignalSet());
  std::snprintf(shared.index, sizeof(shared.index), "%d", At(0));
  shared.argv[0] = const_cast<char*>(executable_);
  shared.argv[1] = shared.index;
  shared.argv[2] = const_cast<char*>(directory_);
  const SysResult<pid_t> child = os_.VforkCall(
      [](void* argument) {
        Shared& own = *static_cast<Shared*>(argument);
        own.os->SigProcMask(SIG_SETMASK, &own.mask).IgnoreError();
        own.os->ExecVe(own.path, own.argv, own.envp).IgnoreError();
        return 7;
      },
      &shared, SIGCHLD);
  os_.SigProcMask(SIG_SETMASK, &shared.mask).IgnoreError();
  if (Failed(child)) return;
  report_.value = child.value();
  Say("<%d> ", child.value());
}

void Process::Vfork() {
  struct Shared {
    Os* os;
    int status;
    int descriptor;
    int32_t seen;
  };
  Shared shared = {&os_, At(0), -1, 0};
  const SignalSet all = SignalSet::Full();
  const SignalSet mask = os_.SigProcMask(SIG_SETMASK, &all).value_or(SignalSet());
  const SysResult<pid_t> child = os_.VforkCall(
      [](void* argument) {
        Shared& own = *static_cast<Shared*>(argument);
        own.seen = 42;
        own.os->Close(0).IgnoreError();  // its own descriptor: the parent keeps its
        return own.status;
      },
      &shared, SIGCHLD);
  if (!Failed(child)) {
    const SysResult<WaitResult> ended = os_.WaitPid(child.value(), 0);
    if (!Failed(ended)) Say("%d ", ended.value().status);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    Say("shared %d ", static_cast<int>(shared.seen));
#endif
  }
  os_.SigProcMask(SIG_SETMASK, &mask).IgnoreError();
}

// A dynamic linker wants descriptors for itself, and so does Run() of a new process; and the C
// library opens standard streams that are closed where effective ids differ from the real ones, and
// since Linux 6.16 from those of the file system: ld.so(8), "secure-execution mode".
bool Process::IsExecPlain() {
  const SysResult<PipeEnds> spare = os_.Pipe();
  if (Failed(spare)) return false;
  os_.Close(spare.value().read_end).IgnoreError();
  os_.Close(spare.value().write_end).IgnoreError();
  const uid_t uid = os_.GetEuid();
  const gid_t gid = os_.GetEgid();
  const bool plain = os_.GetUid() == uid && os_.GetGid() == gid &&
                     os_.SetFsUid(static_cast<uid_t>(-1)) == uid &&
                     os_.SetFsGid(static_cast<gid_t>(-1)) == gid;
  if (plain) return true;
  for (int fd = 0; fd < 3; ++fd) {
    if (os_.FcntlGetFd(fd).value_or(FD_CLOEXEC) == 0) continue;
    Say("not plain ");
    return false;
  }
  return true;
}

void Process::Exec() {
  if (!IsExecPlain()) return;
  char index[8];
  std::snprintf(index, sizeof(index), "%d", index_);
  char* argv[] = {const_cast<char*>(executable_), index, const_cast<char*>(directory_), nullptr};
  char* envp[] = {nullptr};
  Note(os_.ExecVe(executable_, argv, envp));
}

void Process::WithPidFd() {
  const SysResult<int> fd = os_.PidFdOpen(Pid(0), 0);
  if (Failed(fd)) return;
  switch (static_cast<Call>(command_.call)) {
    case Call::kPidFdKill: Note(os_.PidFdSendSignal(fd.value(), At(1))); break;
    case Call::kPidFdPoll: {
      struct pollfd one = {fd.value(), POLLIN, 0};
      NoteNumber(os_.Poll(&one, 1, At(1)));
      break;
    }
    default:
      NoteWaited(os_.WaitId(static_cast<idtype_t>(3), static_cast<id_t>(fd.value()), At(1)));
      break;
  }
  Note(os_.Close(fd.value()));
}

// Signals -----------------------------------------------------------------------------------------

void Process::MakeSignalCall() {
  switch (static_cast<Call>(command_.call)) {
    case Call::kKill:
      // Whatever a program says: all processes and init are not meant.
      if (Pid(0) == -1 || Pid(0) == 1) return Say("refused ");
      return Note(os_.Kill(Pid(0), At(1)));
    case Call::kSigProcMask: {
      const SignalSet set = SetOf(At(1));
      const SysResult<SignalSet> old = os_.SigProcMask(At(0), &set);
      if (!Failed(old)) Say("%#llx ", static_cast<unsigned long long>(old.value().bits()));
      return;
    }
    case Call::kSigAction: {
      SignalAction action;
      action.flags = At(2);
      action.mask = SetOf(At(3));
      if (At(1) == 1) action.handler = SIG_IGN;
      if (At(1) == 2) action.handler = &Handle;
      if (At(1) == 3) action.info_handler = &HandleInfo;
      Failed(os_.SigAction(At(0), &action)) ? void() : Say("ok ");
      return;
    }
    case Call::kSigTimedWait: {
      const SysResult<SignalInfo> taken = os_.SigTimedWait(SetOf(At(0)), At(1));
      if (Failed(taken)) return;
      const SignalInfo& info = taken.value();
      Say("%d %d <%d> ", info.signal, info.code, info.pid);
      return;
    }
    case Call::kPause: return Note(os_.ClockNanoSleep(CLOCK_MONOTONIC, 0, kVeryLong));
    default: return MakeDescriptorCall();
  }
}

// Descriptors -------------------------------------------------------------------------------------

void Process::MakeDescriptorCall() {
  switch (static_cast<Call>(command_.call)) {
    case Call::kClose: return Note(os_.Close(At(0)));
    case Call::kPipe: {
      const SysResult<PipeEnds> ends = At(0) == 0 ? os_.Pipe() : os_.Pipe2(At(0));
      if (!Failed(ends)) Say("%d %d ", ends.value().read_end, ends.value().write_end);
      return;
    }
    case Call::kDup: return NoteNumber(os_.Dup(At(0)));
    case Call::kDup2: return NoteNumber(os_.Dup2(At(0), At(1)));
    case Call::kDupFd: return NoteNumber(os_.FcntlDupFd(At(0), At(1)));
    case Call::kCloseRange: {
      const auto first = static_cast<unsigned>(std::max(0, At(0)));
      return Note(os_.CloseRange(first, static_cast<unsigned>(std::max(0, At(1))),
                                 static_cast<unsigned>(At(2))));
    }
    case Call::kGetFd: return NoteNumber(os_.FcntlGetFd(At(0)));
    case Call::kSetFd: return Note(os_.FcntlSetFd(At(0), At(1)));
    case Call::kSetLock:
    case Call::kGetLock: {
      if (!IsRegular(At(0))) return Say("no file ");
      const auto type = static_cast<short>(At(1));
      if (static_cast<Call>(command_.call) == Call::kSetLock) {
        return Note(os_.FcntlSetLock(At(0), type));
      }
      // Linux answers that since 6.5; before it was EINVAL.
      if (type == F_UNLCK) return Say("not asked ");
      return NoteNumber(os_.FcntlGetLock(At(0), type));
    }
    case Call::kFStat: return NoteStatus(os_.FStat(At(0)));
    case Call::kFTruncate: return Note(os_.FTruncate(At(0), At(1) % 5000));
    case Call::kIsATty: return Note(os_.IsATty(At(0)));
    case Call::kPoll: return Poll();
    default: return MakeDataCall();
  }
}

void Process::Poll() {
  if (!MayWaitAt({At(0), At(2)}, true, true)) return;
  const auto events = static_cast<short>(At(1));
  struct pollfd both[2] = {{At(0), events, 0}, {At(2), events, 0}};
  const SysResult<size_t> ready = os_.Poll(both, 2, At(3));
  NoteNumber(ready);
  if (ready.ok()) Say("%#x %#x ", both[0].revents, both[1].revents);
}

void Process::MakeDataCall() {
  char buffer[kMostBytes];
  const size_t size = std::min(Size(1), kMostBytes);
  switch (static_cast<Call>(command_.call)) {
    case Call::kRead:
    case Call::kPRead: {
      const bool reads = static_cast<Call>(command_.call) == Call::kRead;
      if (reads && !MayWaitAt({At(0)}, true, false)) return;
      const SysResult<size_t> got =
          reads ? os_.Read(At(0), buffer, size) : os_.PRead(At(0), buffer, size, At(2));
      NoteNumber(got);
      if (got.ok()) Say("%x ", Hash(buffer, got.value()));
      return;
    }
    case Call::kWrite:
    case Call::kPWrite: {
      // A simulated file has 64 KiB at most.
      const size_t part = IsRegular(At(0)) ? size % 500 : size;
      std::memset(buffer, 'a' + (At(0) + At(1)) % 26, part);
      const bool writes = static_cast<Call>(command_.call) == Call::kWrite;
      if (writes && !MayWaitAt({At(0)}, false, true)) return;
      return NoteNumber(writes ? os_.Write(At(0), buffer, part)
                               : os_.PWrite(At(0), buffer, part, At(2)));
    }
    default: return MakeFileCall();
  }
}

// Files, limits, ids ------------------------------------------------------------------------------

void Process::MakeFileCall() {
  switch (static_cast<Call>(command_.call)) {
    case Call::kOpen: return NoteNumber(os_.Open(Path(0), At(1), static_cast<mode_t>(At(2))));
    case Call::kStat: return NoteStatus(os_.Stat(Path(0)));
    case Call::kUnlink:
      if (Path(0)[0] == '/') return Say("refused ");
      return Note(os_.Unlink(Path(0)));
    case Call::kChDir: return Note(os_.ChDir(Path(0)));
    case Call::kChRoot: return Note(os_.ChRoot(Path(0)));
    case Call::kUmask: return Say("%o ", os_.Umask(static_cast<mode_t>(At(0))));
    case Call::kReadLink: {
      char to[100];
      const SysResult<size_t> got = os_.ReadLink(Path(0), to, std::min(Size(1), sizeof(to)));
      NoteNumber(got);
      if (got.ok()) Say("%x ", Hash(to, got.value()));
      return;
    }
    case Call::kGetDents: return NoteDirectory();
    case Call::kGetRLimit: {
      const SysResult<ResourceLimit> limit = os_.GetRLimit(At(0));
      if (Failed(limit)) return;
      return Say("%d %d ", static_cast<int>(limit.value().soft),
                 static_cast<int>(limit.value().hard));
    }
    case Call::kSetRLimit:
      return Note(os_.SetRLimit(
          At(0), {static_cast<uint64_t>(std::min(At(1), kLimit)), static_cast<uint64_t>(At(2))}));
    case Call::kScheduler: return NoteNumber(os_.SchedGetScheduler(0));
    default: return MakeIdCall();
  }
}

// The names are not in one order on all kernels.
void Process::NoteDirectory() {
  const SysResult<int> fd = os_.Open(Path(0), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (Failed(fd)) return;
  alignas(dirent64) char buffer[4096];
  unsigned sum = 0;
  int count = 0;
  for (;;) {
    const SysResult<size_t> got = os_.GetDents(fd.value(), buffer, sizeof(buffer));
    if (Failed(got) || got.value() == 0) break;
    for (size_t at = 0; at < got.value(); ++count) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer + at);
      sum += Hash(entry->d_name, std::strlen(entry->d_name));
      at += entry->d_reclen;
    }
  }
  Say("%d names %x ", count, sum);
  Note(os_.Close(fd.value()));
}

void Process::NoteIds() {
  const ResUid user = os_.GetResUid().value();
  const ResGid group = os_.GetResGid().value();
  Say("uid %d %d %d %d %d ", static_cast<int>(user.real), static_cast<int>(user.effective),
      static_cast<int>(user.saved), static_cast<int>(os_.GetUid()),
      static_cast<int>(os_.GetEuid()));
  Say("gid %d %d %d %d %d ", static_cast<int>(group.real), static_cast<int>(group.effective),
      static_cast<int>(group.saved), static_cast<int>(os_.GetGid()),
      static_cast<int>(os_.GetEgid()));
  Say("fs %d %d ", static_cast<int>(os_.SetFsUid(static_cast<uid_t>(-1))),
      static_cast<int>(os_.SetFsGid(static_cast<gid_t>(-1))));
  gid_t groups[64];
  const size_t count = os_.GetGroups(groups, 64).value_or(0);
  for (size_t i = 0; i < count && i < 4; ++i) Say("%d ", static_cast<int>(groups[i]));
  const SysResult<CapabilitySets> capabilities = os_.CapGet();
  if (Failed(capabilities)) return;
  Say("caps %d %d ", capabilities.value().effective != 0, capabilities.value().permitted != 0);
}

void Process::MakeIdCall() {
  switch (static_cast<Call>(command_.call)) {
    case Call::kSetUid: return Note(os_.SetUid(Id(0)));
    case Call::kSetEuid: return Note(os_.SetEuid(Id(0)));
    case Call::kSetReUid: return Note(os_.SetReUid(Id(0), Id(1)));
    case Call::kSetResUid: return Note(os_.SetResUid(Id(0), Id(1), Id(2)));
    case Call::kSetFsUid: return Say("%d ", static_cast<int>(os_.SetFsUid(Id(0))));
    case Call::kSetGid: return Note(os_.SetGid(Id(0)));
    case Call::kSetEgid: return Note(os_.SetEgid(Id(0)));
    case Call::kSetReGid: return Note(os_.SetReGid(Id(0), Id(1)));
    case Call::kSetResGid: return Note(os_.SetResGid(Id(0), Id(1), Id(2)));
    case Call::kSetFsGid: return Say("%d ", static_cast<int>(os_.SetFsGid(Id(0))));
    case Call::kSetGroups: {
      const gid_t groups[] = {Id(0), Id(1)};
      const size_t count = (At(0) >= 0) + (At(0) >= 0 && At(1) >= 0);
      return Note(os_.SetGroups(groups, count));
    }
    default: return NoteIds();
  }
}

void Process::DescribeSelf() {
  for (int fd = 0; fd < kLimit; ++fd) {
    const SysResult<int> flags = os_.FcntlGetFd(fd);
    if (flags.ok()) Say("%d%s", fd, flags.value() != 0 ? "c " : " ");
  }
  const SysResult<SignalSet> mask = os_.SigProcMask(SIG_BLOCK, nullptr);
  Say("mask %#llx ", static_cast<unsigned long long>(mask.value().bits()));
  for (int signal : kShownSignals) {
    const SignalAction action = os_.SigAction(signal, nullptr).value_or(SignalAction());
    const bool handled = action.handler != SIG_DFL && action.handler != SIG_IGN;
    if (action.info_handler != nullptr || handled) Say("%d handled ", signal);
    if (action.handler == SIG_IGN) Say("%d ignored ", signal);
  }
  Say("umask %o child of <%d> ", os_.Umask(0), os_.GetPpid());
}

}  // namespace

void SetHandlerOs(Os* os) { handler_os = os; }

void RunProcess(Os& os, int index, const char* directory, const char* executable, bool is_new) {
  Process(os, index, directory, executable).Run(is_new);
}

}  // namespace cleanfork::programs
