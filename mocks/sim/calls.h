// Calls: what each call of Os does in a simulated kernel. It has a function of the same name and
// signature for each call that is modelled, in the file of its noun; SimOs finds out which there
// are, and a call without one aborts by name. The others (fork, exec, exit, environment), which
// change where code goes on and not the kernel alone, are the engine's.
#ifndef CLEANFORK_MOCKS_SIM_CALLS_H_
#define CLEANFORK_MOCKS_SIM_CALLS_H_

#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "cleanfork/os_types.h"
#include "cleanfork/sys_result.h"
#include "mocks/sim/function_ref.h"
#include "mocks/sim/kernel.h"

namespace cleanfork::sim {

// Errors that no caller sees, as in Linux (include/linux/errno.h): the call was interrupted before
// it did anything, and is made again if the handler's action says SA_RESTART; or is made again
// only if no handler ran; and that, with the rest of its time (restart_syscall(2)).
constexpr int kRestartable = 512;
constexpr int kRestartWithoutHandler = 514;
constexpr int kRestartWithTheRest = 516;

constexpr int64_t kForever = std::numeric_limits<int64_t>::max();

enum class Wake { kReady, kTimeout, kSignal };

// Its caller keeps alive what it refers to. It must not ask who the current process is: it is asked
// by others.
using ReadyCheck = FunctionRef<bool()>;

// Why a process cannot go on. `what` says it to people, in a deadlock.
struct Waiting {
  const char* what;
  int64_t deadline;  // on the monotonic clock
  ReadyCheck ready;
  bool only_killed;  // no signal but SIGKILL ends it
};

struct KnownUser {
  UserRecord record;
  std::vector<gid_t> groups;
};

// What does not change while it runs.
struct Directory {
  std::vector<KnownUser> users;
  std::vector<GroupRecord> groups;
};

// What Calls asks of who runs the processes.
class Runner {
 public:
  virtual ~Runner() = default;

  // The slot of the process that runs.
  virtual int current() const = 0;

  // Lets others run until one of the ends of `waiting` has come.
  virtual Wake Wait(const Waiting& waiting) = 0;

  // Ordinals of handlers, and back.
  virtual int OrdinalOf(const SignalAction& action) = 0;
  virtual SignalAction ActionOf(int ordinal) const = 0;
};

class Calls {
 public:
  Calls(Kernel* kernel, const Directory* directory, Runner* runner)
      : kernel_(*kernel), directory_(*directory), runner_(*runner) {}

  // Processes: processes.cc, waiting.cc
  SysResult<WaitResult> WaitPid(pid_t pid, int options);
  SysResult<WaitIdResult> WaitId(idtype_t type, id_t id, int options);
  pid_t GetPid();
  pid_t GetPpid();
  SysResult<void> Kill(pid_t pid, int signal);
  SysResult<int> PidFdOpen(pid_t pid, unsigned flags);
  SysResult<void> PidFdSendSignal(int fd, int signal);
  SysResult<void> PrctlSetPdeathsig(int signal);
  SysResult<void> PrctlSetNoNewPrivs();

  // Signals: signals.cc
  SysResult<SignalSet> SigProcMask(int how, const SignalSet* set);
  SysResult<SignalAction> SigAction(int signal, const SignalAction* action);
  SysResult<SignalInfo> SigTimedWait(SignalSet set, int64_t nanoseconds);

  // Sessions: processes.cc
  SysResult<pid_t> SetSid();
  SysResult<void> SetPgid(pid_t pid, pid_t pgid);

  // Credentials: credentials.cc
  uid_t GetUid();
  uid_t GetEuid();
  gid_t GetGid();
  gid_t GetEgid();
  SysResult<ResUid> GetResUid();
  SysResult<ResGid> GetResGid();
  SysResult<size_t> GetGroups(gid_t* groups, size_t size);
  SysResult<void> SetGroups(const gid_t* groups, size_t size);
  SysResult<void> SetUid(uid_t uid);
  SysResult<void> SetGid(gid_t gid);
  SysResult<void> SetEuid(uid_t uid);
  SysResult<void> SetEgid(gid_t gid);
  SysResult<void> SetReUid(uid_t real, uid_t effective);
  SysResult<void> SetReGid(gid_t real, gid_t effective);
  SysResult<void> SetResUid(uid_t real, uid_t effective, uid_t saved);
  SysResult<void> SetResGid(gid_t real, gid_t effective, gid_t saved);
  uid_t SetFsUid(uid_t uid);
  gid_t SetFsGid(gid_t gid);
  SysResult<CapabilitySets> CapGet();

  // Descriptors: descriptors.cc, pipes.cc, poll.cc
  SysResult<int> Open(const char* path, int flags, mode_t mode);
  SysResult<void> Close(int fd);
  SysResult<size_t> Read(int fd, void* buffer, size_t size);
  SysResult<size_t> Write(int fd, const void* buffer, size_t size);
  SysResult<size_t> PRead(int fd, void* buffer, size_t size, int64_t offset);
  SysResult<size_t> PWrite(int fd, const void* buffer, size_t size, int64_t offset);
  SysResult<PipeEnds> Pipe();
  SysResult<PipeEnds> Pipe2(int flags);
  SysResult<int> Dup(int fd);
  SysResult<int> Dup2(int from, int to);
  SysResult<void> CloseRange(unsigned first, unsigned last, unsigned flags);
  SysResult<int> FcntlGetFd(int fd);
  SysResult<void> FcntlSetFd(int fd, int flags);
  SysResult<int> FcntlDupFd(int fd, int minimum);
  SysResult<void> FcntlSetLock(int fd, short type);
  SysResult<short> FcntlGetLock(int fd, short type);
  SysResult<FileStatus> FStat(int fd);
  SysResult<void> FTruncate(int fd, int64_t size);
  SysResult<void> IsATty(int fd);
  SysResult<size_t> Poll(struct pollfd* descriptors, size_t count, int64_t nanoseconds);

  // Sockets: sockets.cc
  SysResult<int> Socket(int domain, int type, int protocol);
  SysResult<void> Bind(int fd, const UnixAddress* address);
  SysResult<void> SetPassCred(int fd);
  SysResult<ReceivedMessage> RecvMsg(int fd, void* buffer, size_t size, int flags);
  SysResult<size_t> SendTo(int fd, const void* buffer, size_t size, int flags,
                           const UnixAddress* address);

  // Files: file_calls.cc
  SysResult<FileStatus> Stat(const char* path);
  SysResult<void> Unlink(const char* path);
  SysResult<void> ChDir(const char* path);
  SysResult<void> ChRoot(const char* path);
  mode_t Umask(mode_t mask);
  SysResult<size_t> ReadLink(const char* path, char* buffer, size_t size);
  SysResult<size_t> GetDents(int fd, void* buffer, size_t size);

  // Time, chance, limits, users: time.cc, limits.cc, users.cc
  SysResult<int64_t> ClockGetTime(clockid_t clock);
  SysResult<void> ClockNanoSleep(clockid_t clock, int flags, int64_t nanoseconds);
  SysResult<size_t> GetRandom(void* buffer, size_t size, unsigned flags);
  SysResult<ResourceLimit> GetRLimit(int resource);
  SysResult<void> SetRLimit(int resource, ResourceLimit limit);
  SysResult<int> SchedGetScheduler(pid_t pid);
  SysResult<void> SetPriority(int which, id_t who, int priority);
  SysResult<UserRecord> GetPwNam(const char* name);
  SysResult<UserRecord> GetPwUid(uid_t uid);
  SysResult<GroupRecord> GetGrNam(const char* name);
  SysResult<size_t> GetGroupList(const char* user, gid_t group, gid_t* groups, size_t size);

 private:
  int slot() const { return runner_.current(); }
  Process& self() { return kernel_.processes[runner_.current()]; }
  Description* Find(int fd);

  template <typename Ready>
  Wake Wait(const char* what, int64_t deadline, const Ready& ready) {
    return runner_.Wait({what, deadline, ready, false});
  }

  // A moment on the monotonic clock; negative nanoseconds are for ever.
  int64_t Deadline(int64_t nanoseconds) const;

  // For a call that goes on after a signal, `time` becomes what KeepRest() had kept. False: it ends
  // in EINTR.
  bool TakeRest(int64_t* time);
  SysError KeepRest(int64_t time);

  void PostSignalToSelf(int signal);

  template <typename Change>
  SysResult<void> ChangeCredentials(Change change);

  SysResult<size_t> ReadPipe(int index, void* buffer, size_t size, bool blocking);
  SysResult<size_t> WritePipe(int index, const void* buffer, size_t size, bool blocking);
  SysResult<size_t> ReadSocket(int index, size_t size, bool blocking);
  SysResult<size_t> ReadAt(Description* description, void* buffer, size_t size, int64_t* offset);
  SysResult<size_t> WriteAt(Description* description, const void* buffer, size_t size,
                            int64_t* offset);
  SysResult<WaitIdResult> WaitForChild(idtype_t type, id_t id, int options);

  Kernel& kernel_;
  const Directory& directory_;
  Runner& runner_;
};

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_CALLS_H_
