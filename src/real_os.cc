// The kernel. This is the one object file that imports system calls from the C library; a test
// in tests/tidy holds the others to it.
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <vector>

#include "cleanfork/os.h"
#include "src/kernel_values.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CLEANFORK_VFORK_IS_FORK 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CLEANFORK_VFORK_IS_FORK 1
#endif

namespace cleanfork {
namespace {

SysResult<ReceivedMessage> ReceiveMessage(int fd, void* buffer, size_t size, int flags) {
  constexpr size_t kMostDescriptors = 253;  // SCM_MAX_FD of Linux: unix(7)
  alignas(
      cmsghdr) char control[CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(kMostDescriptors * sizeof(int))];
  iovec bytes = {buffer, size};
  msghdr header = {};
  header.msg_iov = &bytes;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof(control);
  const ssize_t got = ::recvmsg(fd, &header, flags | MSG_CMSG_CLOEXEC);
  if (got == -1) return SysError(errno);
  ReceivedMessage message;
  message.size = static_cast<size_t>(got);
  message.cut = (header.msg_flags & MSG_TRUNC) != 0;
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET) continue;
    if (part->cmsg_type == SCM_CREDENTIALS) {
      ucred sender = {};
      std::memcpy(&sender, CMSG_DATA(part), sizeof(sender));
      message.pid = sender.pid;
      message.uid = sender.uid;
      message.gid = sender.gid;
    } else if (part->cmsg_type == SCM_RIGHTS) {
      const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (size_t i = 0; i < count; ++i) {
        int received = -1;
        std::memcpy(&received, CMSG_DATA(part) + i * sizeof(int), sizeof(received));
        ::close(received);
      }
    }
  }
  return message;
}

// A sigset_t begins with the 64 bits that the kernel uses, signal n at bit n-1; glibc and musl
// agree on it.
sigset_t ToSigset(SignalSet set) {
  sigset_t result;
  sigemptyset(&result);
  const uint64_t bits = set.bits();
  std::memcpy(&result, &bits, sizeof(bits));
  return result;
}

SignalSet FromSigset(const sigset_t& set) {
  uint64_t bits = 0;
  std::memcpy(&bits, &set, sizeof(bits));
  return SignalSet::FromBits(bits);
}

SysResult<void> Check(long result) {
  if (result == -1) return SysError(errno);
  return {};
}

template <typename T>
SysResult<T> CheckValue(long result) {
  if (result == -1) return SysError(errno);
  return static_cast<T>(result);
}

// Runs one of the get*_r look-ups with a buffer that grows while it answers ERANGE, up to the
// size that no line of a sane database reaches. They return 0 and a null entry when there is no
// such user: ENOENT here. (getpwnam(3) lists other codes that name services return for the same.)
template <typename Entry, typename Lookup>
SysResult<Entry*> LookUp(Entry* entry, std::vector<char>* buffer, Lookup look_up) {
  constexpr size_t kLargest = size_t{1} << 20;
  for (size_t size = 4096;; size *= 4) {
    buffer->resize(size);
    Entry* found = nullptr;
    const int error = look_up(entry, buffer->data(), buffer->size(), &found);
    if (error == ERANGE && size < kLargest) continue;
    if (found != nullptr) return found;
    if (error == 0 || error == ESRCH || error == EBADF || error == EPERM) return SysError(ENOENT);
    return SysError(error);
  }
}

// How many VforkCall()s this thread is inside of. The child of one runs on its parent's thread
// control block while that thread waits, so what the parent set before the clone the child sees,
// and nobody else runs that could.
thread_local int vfork_depth = 0;

#ifndef CLEANFORK_VFORK_IS_FORK
struct VforkStart {
  int (*function)(void*);
  void* argument;
};

int RunVforkStart(void* argument) {
  const VforkStart* start = static_cast<const VforkStart*>(argument);
  return start->function(start->argument);
}
#endif

// glibc's set*id functions make every thread of the process follow, through a signal and a list
// of threads: in the child of a VforkCall that list is the parent's. The raw call changes the
// calling task alone, which there is the whole child.
#if defined(SYS_setresuid32)
constexpr long kSetResUid = SYS_setresuid32, kSetResGid = SYS_setresgid32;
constexpr long kSetReUid = SYS_setreuid32, kSetReGid = SYS_setregid32;
constexpr long kSetUid = SYS_setuid32, kSetGid = SYS_setgid32, kSetGroups = SYS_setgroups32;
#else
constexpr long kSetResUid = SYS_setresuid, kSetResGid = SYS_setresgid;
constexpr long kSetReUid = SYS_setreuid, kSetReGid = SYS_setregid;
constexpr long kSetUid = SYS_setuid, kSetGid = SYS_setgid, kSetGroups = SYS_setgroups;
#endif

bool InVforkChild() { return vfork_depth > 0; }

class RealOsImpl final : public Os {
 public:
  // Processes
  SysResult<pid_t> Fork() override { return CheckValue<pid_t>(::fork()); }
  SysResult<pid_t> VforkCall(int (*function)(void*), void* argument,
                             int termination_signal) override;
  [[noreturn]] void Exit(int status) override { ::_exit(status); }
  SysResult<void> ExecVe(const char* path, char* const* argv, char* const* envp) override {
    return Check(::execve(path, argv, envp));
  }
  SysResult<WaitResult> WaitPid(pid_t pid, int options) override {
    WaitResult result;
    result.pid = ::waitpid(pid, &result.status, options);
    if (result.pid == -1) return SysError(errno);
    return result;
  }
  SysResult<WaitIdResult> WaitId(idtype_t type, id_t id, int options) override {
    siginfo_t info = {};
    if (::waitid(type, id, &info, options) == -1) return SysError(errno);
    WaitIdResult result;
    result.pid = info.si_pid;
    if (info.si_pid != 0) {
      result.code = info.si_code;
      result.status = info.si_status;
    }
    return result;
  }
  pid_t GetPid() override { return ::getpid(); }
  pid_t GetPpid() override { return ::getppid(); }
  SysResult<void> Kill(pid_t pid, int signal) override { return Check(::kill(pid, signal)); }
  SysResult<int> PidFdOpen(pid_t pid, unsigned flags) override {
    return CheckValue<int>(::syscall(SYS_pidfd_open, pid, flags));
  }
  SysResult<void> PidFdSendSignal(int fd, int signal) override {
    return Check(::syscall(SYS_pidfd_send_signal, fd, signal, nullptr, 0));
  }
  SysResult<void> PrctlSetPdeathsig(int signal) override {
    return Check(::prctl(PR_SET_PDEATHSIG, signal));
  }
  SysResult<void> PrctlSetNoNewPrivs() override {
    return Check(::prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L));
  }

  // Signals
  SysResult<SignalSet> SigProcMask(int how, const SignalSet* set) override {
    sigset_t new_set;
    sigset_t old_set;
    if (set != nullptr) new_set = ToSigset(*set);
    const int error = ::pthread_sigmask(how, set != nullptr ? &new_set : nullptr, &old_set);
    if (error != 0) return SysError(error);
    return FromSigset(old_set);
  }
  SysResult<SignalAction> SigAction(int signal, const SignalAction* action) override;
  SysResult<SignalInfo> SigTimedWait(SignalSet set, int64_t nanoseconds) override {
    const sigset_t signals = ToSigset(set);
    const timespec timeout = ToTimespec(nanoseconds);
    siginfo_t info = {};
    if (::sigtimedwait(&signals, &info, nanoseconds < 0 ? nullptr : &timeout) == -1) {
      return SysError(errno);
    }
    SignalInfo result;
    result.signal = info.si_signo;
    result.code = info.si_code;
    result.pid = info.si_pid;
    return result;
  }

  // Sessions
  SysResult<pid_t> SetSid() override { return CheckValue<pid_t>(::setsid()); }
  SysResult<void> SetPgid(pid_t pid, pid_t pgid) override { return Check(::setpgid(pid, pgid)); }

  // Credentials
  uid_t GetUid() override { return ::getuid(); }
  uid_t GetEuid() override { return ::geteuid(); }
  gid_t GetGid() override { return ::getgid(); }
  gid_t GetEgid() override { return ::getegid(); }
  SysResult<ResUid> GetResUid() override {
    ResUid ids;
    if (::getresuid(&ids.real, &ids.effective, &ids.saved) == -1) return SysError(errno);
    return ids;
  }
  SysResult<ResGid> GetResGid() override {
    ResGid ids;
    if (::getresgid(&ids.real, &ids.effective, &ids.saved) == -1) return SysError(errno);
    return ids;
  }
  SysResult<size_t> GetGroups(gid_t* groups, size_t size) override {
    return CheckValue<size_t>(::getgroups(static_cast<int>(size), groups));
  }
  SysResult<void> SetGroups(const gid_t* groups, size_t size) override {
    return Check(InVforkChild() ? ::syscall(kSetGroups, size, groups) : ::setgroups(size, groups));
  }
  SysResult<void> SetUid(uid_t uid) override {
    return Check(InVforkChild() ? ::syscall(kSetUid, uid) : ::setuid(uid));
  }
  SysResult<void> SetGid(gid_t gid) override {
    return Check(InVforkChild() ? ::syscall(kSetGid, gid) : ::setgid(gid));
  }
  SysResult<void> SetEuid(uid_t uid) override {
    return Check(InVforkChild() ? ::syscall(kSetResUid, -1, uid, -1) : ::seteuid(uid));
  }
  SysResult<void> SetEgid(gid_t gid) override {
    return Check(InVforkChild() ? ::syscall(kSetResGid, -1, gid, -1) : ::setegid(gid));
  }
  SysResult<void> SetReUid(uid_t real, uid_t effective) override {
    return Check(InVforkChild() ? ::syscall(kSetReUid, real, effective)
                                : ::setreuid(real, effective));
  }
  SysResult<void> SetReGid(gid_t real, gid_t effective) override {
    return Check(InVforkChild() ? ::syscall(kSetReGid, real, effective)
                                : ::setregid(real, effective));
  }
  SysResult<void> SetResUid(uid_t real, uid_t effective, uid_t saved) override {
    return Check(InVforkChild() ? ::syscall(kSetResUid, real, effective, saved)
                                : ::setresuid(real, effective, saved));
  }
  SysResult<void> SetResGid(gid_t real, gid_t effective, gid_t saved) override {
    return Check(InVforkChild() ? ::syscall(kSetResGid, real, effective, saved)
                                : ::setresgid(real, effective, saved));
  }
  uid_t SetFsUid(uid_t uid) override { return static_cast<uid_t>(::setfsuid(uid)); }
  gid_t SetFsGid(gid_t gid) override { return static_cast<gid_t>(::setfsgid(gid)); }
  SysResult<CapabilitySets> CapGet() override {
    // The C library has no function for it.
    __user_cap_header_struct header = {};
    header.version = _LINUX_CAPABILITY_VERSION_3;
    __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
    if (::syscall(SYS_capget, &header, data) == -1) return SysError(errno);
    const auto join = [](uint32_t low, uint32_t high) { return uint64_t{high} << 32 | low; };
    CapabilitySets sets;
    sets.effective = join(data[0].effective, data[1].effective);
    sets.permitted = join(data[0].permitted, data[1].permitted);
    sets.inheritable = join(data[0].inheritable, data[1].inheritable);
    return sets;
  }

  // Descriptors
  SysResult<int> Open(const char* path, int flags, mode_t mode) override {
    return CheckValue<int>(::open(path, flags, mode));
  }
  SysResult<void> Close(int fd) override { return Check(::close(fd)); }
  SysResult<size_t> Read(int fd, void* buffer, size_t size) override {
    return CheckValue<size_t>(::read(fd, buffer, size));
  }
  SysResult<size_t> Write(int fd, const void* buffer, size_t size) override {
    return CheckValue<size_t>(::write(fd, buffer, size));
  }
  SysResult<size_t> PRead(int fd, void* buffer, size_t size, int64_t offset) override {
    return CheckValue<size_t>(::pread(fd, buffer, size, offset));
  }
  SysResult<size_t> PWrite(int fd, const void* buffer, size_t size, int64_t offset) override {
    return CheckValue<size_t>(::pwrite(fd, buffer, size, offset));
  }
  SysResult<PipeEnds> Pipe() override { return Pipe2(0); }
  SysResult<PipeEnds> Pipe2(int flags) override {
    int ends[2];
    if (::pipe2(ends, flags) == -1) return SysError(errno);
    return PipeEnds{ends[0], ends[1]};
  }
  SysResult<int> Dup(int fd) override { return CheckValue<int>(::dup(fd)); }
  SysResult<int> Dup2(int from, int to) override { return CheckValue<int>(::dup2(from, to)); }
  SysResult<void> CloseRange(unsigned first, unsigned last, unsigned flags) override {
    return Check(::syscall(SYS_close_range, first, last, flags));
  }
  SysResult<int> FcntlGetFd(int fd) override { return CheckValue<int>(::fcntl(fd, F_GETFD)); }
  SysResult<void> FcntlSetFd(int fd, int flags) override {
    return Check(::fcntl(fd, F_SETFD, flags));
  }
  SysResult<int> FcntlDupFd(int fd, int minimum) override {
    return CheckValue<int>(::fcntl(fd, F_DUPFD_CLOEXEC, minimum));
  }
  SysResult<void> FcntlSetLock(int fd, short type) override {
    struct flock lock = {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    return Check(::fcntl(fd, F_OFD_SETLK, &lock));
  }
  SysResult<short> FcntlGetLock(int fd, short type) override {
    struct flock lock = {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    if (::fcntl(fd, F_OFD_GETLK, &lock) == -1) return SysError(errno);
    return static_cast<short>(lock.l_type);
  }
  SysResult<FileStatus> FStat(int fd) override {
    struct stat status;
    if (::fstat(fd, &status) == -1) return SysError(errno);
    return ToFileStatus(status);
  }
  SysResult<void> FTruncate(int fd, int64_t size) override { return Check(::ftruncate(fd, size)); }
  SysResult<void> IsATty(int fd) override {
    if (::isatty(fd) == 1) return {};
    return SysError(errno);
  }
  SysResult<size_t> Poll(struct pollfd* descriptors, size_t count, int64_t nanoseconds) override {
    const timespec timeout = ToTimespec(nanoseconds);
    return CheckValue<size_t>(
        ::ppoll(descriptors, count, nanoseconds < 0 ? nullptr : &timeout, nullptr));
  }

  // Sockets
  SysResult<int> Socket(int domain, int type, int protocol) override {
    return CheckValue<int>(::socket(domain, type, protocol));
  }
  SysResult<size_t> SendTo(int fd, const void* buffer, size_t size, int flags,
                           const UnixAddress* address) override {
    sockaddr_un to = {};
    const socklen_t length = ToSockaddr(*address, &to);
    if (length == 0) return SysError(EINVAL);
    return CheckValue<size_t>(
        ::sendto(fd, buffer, size, flags, reinterpret_cast<const sockaddr*>(&to), length));
  }
  SysResult<void> Bind(int fd, const UnixAddress* address) override {
    sockaddr_un to = {};
    const socklen_t length = ToSockaddr(*address, &to);
    if (length == 0) return SysError(EINVAL);
    return Check(::bind(fd, reinterpret_cast<const sockaddr*>(&to), length));
  }
  SysResult<void> SetPassCred(int fd) override {
    const int on = 1;
    return Check(::setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
  }
  SysResult<ReceivedMessage> RecvMsg(int fd, void* buffer, size_t size, int flags) override {
    return ReceiveMessage(fd, buffer, size, flags);
  }

  // Files
  SysResult<FileStatus> Stat(const char* path) override {
    struct stat status;
    if (::stat(path, &status) == -1) return SysError(errno);
    return ToFileStatus(status);
  }
  SysResult<void> Unlink(const char* path) override { return Check(::unlink(path)); }
  SysResult<void> ChDir(const char* path) override { return Check(::chdir(path)); }
  SysResult<void> ChRoot(const char* path) override { return Check(::chroot(path)); }
  mode_t Umask(mode_t mask) override { return ::umask(mask); }
  SysResult<size_t> ReadLink(const char* path, char* buffer, size_t size) override {
    return CheckValue<size_t>(::readlink(path, buffer, size));
  }
  SysResult<size_t> GetDents(int fd, void* buffer, size_t size) override {
    return CheckValue<size_t>(::syscall(SYS_getdents64, fd, buffer, size));
  }

  // Time and chance
  SysResult<int64_t> ClockGetTime(clockid_t clock) override {
    timespec time = {};
    if (::clock_gettime(clock, &time) == -1) return SysError(errno);
    return ToNanoseconds(time);
  }
  SysResult<void> ClockNanoSleep(clockid_t clock, int flags, int64_t nanoseconds) override {
    const timespec time = ToTimespec(nanoseconds);
    const int error = ::clock_nanosleep(clock, flags, &time, nullptr);
    if (error != 0) return SysError(error);
    return {};
  }
  SysResult<size_t> GetRandom(void* buffer, size_t size, unsigned flags) override {
    return CheckValue<size_t>(::getrandom(buffer, size, flags));
  }

  // Limits
  SysResult<ResourceLimit> GetRLimit(int resource) override {
    rlimit limit = {};
    if (::getrlimit(static_cast<__rlimit_resource_t>(resource), &limit) == -1) {
      return SysError(errno);
    }
    return ResourceLimit{limit.rlim_cur, limit.rlim_max};
  }
  SysResult<void> SetRLimit(int resource, ResourceLimit limit) override {
    rlimit new_limit = {};
    new_limit.rlim_cur = limit.soft;
    new_limit.rlim_max = limit.hard;
    return Check(::setrlimit(static_cast<__rlimit_resource_t>(resource), &new_limit));
  }
  SysResult<void> SetPriority(int which, id_t who, int priority) override {
    return Check(::setpriority(static_cast<__priority_which_t>(which), who, priority));
  }
  SysResult<int> SchedGetScheduler(pid_t pid) override {
    return CheckValue<int>(::sched_getscheduler(pid));
  }

  // Users
  SysResult<UserRecord> GetPwNam(const char* name) override;
  SysResult<UserRecord> GetPwUid(uid_t uid) override;
  SysResult<GroupRecord> GetGrNam(const char* name) override;
  SysResult<size_t> GetGroupList(const char* user, gid_t group, gid_t* groups,
                                 size_t size) override {
    int count = static_cast<int>(size);
    if (::getgrouplist(user, group, groups, &count) == -1) return SysError(ERANGE);
    return static_cast<size_t>(count);
  }

  // Environment
  const char* GetEnv(const char* name) override { return ::getenv(name); }
  SysResult<void> SetEnv(const char* name, const char* value) override {
    return Check(::setenv(name, value, 1));
  }
  SysResult<void> UnsetEnv(const char* name) override { return Check(::unsetenv(name)); }
  char* const* GetEnviron() override { return ::environ; }
  void SetEnviron(char** block) override { ::environ = block; }
};

SysResult<pid_t> RealOsImpl::VforkCall(int (*function)(void*), void* argument,
                                       int termination_signal) {
  // Nobody has asked for another one, with which a fault of the child would be another's signal.
  if (termination_signal != 0 && termination_signal != SIGCHLD) return SysError(EINVAL);
#ifdef CLEANFORK_VFORK_IS_FORK
  if (termination_signal != SIGCHLD) return SysError(EINVAL);
  const pid_t child = ::fork();
  if (child == -1) return SysError(errno);
  if (child == 0) ::_exit(function(argument));
  return child;
#else
  constexpr size_t kStackSize = size_t{256} * 1024;
  constexpr size_t kGuardSize = size_t{64} * 1024;  // a multiple of every page size in use
  void* memory = ::mmap(nullptr, kGuardSize + kStackSize, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return SysError(errno);
  char* stack = static_cast<char*>(memory) + kGuardSize;
  if (::mprotect(stack, kStackSize, PROT_READ | PROT_WRITE) == -1) {
    const int error = errno;
    ::munmap(memory, kGuardSize + kStackSize);
    return SysError(error);
  }
  VforkStart start = {function, argument};
  // The child runs on this thread's control block and in its memory. What it does to them there
  // must not outlast it, even if it is killed in a VforkCall() of its own:
  // - a cancellation of this thread that it would act upon, in its read(2) or write(2);
  // - errno and the depth;
  // - the dumpable attribute, which a change of ids in it clears for the memory: prctl(2).
  int cancel_state = 0;
  ::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
  const int dumpable = ::prctl(PR_GET_DUMPABLE);
  const int caller_errno = errno;
  const int depth = vfork_depth;
  vfork_depth = depth + 1;
  const pid_t child = ::clone(&RunVforkStart, stack + kStackSize,
                              CLONE_VM | CLONE_VFORK | termination_signal, &start);
  const int error = errno;
  vfork_depth = depth;
  if (dumpable == 1 && ::prctl(PR_GET_DUMPABLE) != 1) ::prctl(PR_SET_DUMPABLE, 1);
  errno = caller_errno;
  ::pthread_setcancelstate(cancel_state, nullptr);
  ::munmap(memory, kGuardSize + kStackSize);
  if (child == -1) return SysError(error);
  return child;
#endif
}

SysResult<SignalAction> RealOsImpl::SigAction(int signal, const SignalAction* action) {
  struct sigaction new_action = {};
  if (action != nullptr) {
    new_action.sa_flags = action->flags & ~SA_SIGINFO;
    if (action->info_handler != nullptr) {
      new_action.sa_flags |= SA_SIGINFO;
      new_action.sa_sigaction = action->info_handler;
    } else {
      new_action.sa_handler = action->handler;
    }
    new_action.sa_mask = ToSigset(action->mask);
  }
  struct sigaction old_action = {};
  if (::sigaction(signal, action != nullptr ? &new_action : nullptr, &old_action) == -1) {
    return SysError(errno);
  }
  SignalAction result;
  result.flags = old_action.sa_flags & ~SA_SIGINFO;
  if ((old_action.sa_flags & SA_SIGINFO) != 0) {
    result.info_handler = old_action.sa_sigaction;
  } else {
    result.handler = old_action.sa_handler;
  }
  result.mask = FromSigset(old_action.sa_mask);
  return result;
}

SysResult<UserRecord> RealOsImpl::GetPwNam(const char* name) {
  passwd entry;
  std::vector<char> buffer;
  SysResult<passwd*> found = LookUp(
      &entry, &buffer, [name](auto... arguments) { return ::getpwnam_r(name, arguments...); });
  if (!found.ok()) return SysError(found.error());
  return ToUserRecord(*found.value());
}

SysResult<UserRecord> RealOsImpl::GetPwUid(uid_t uid) {
  passwd entry;
  std::vector<char> buffer;
  SysResult<passwd*> found =
      LookUp(&entry, &buffer, [uid](auto... arguments) { return ::getpwuid_r(uid, arguments...); });
  if (!found.ok()) return SysError(found.error());
  return ToUserRecord(*found.value());
}

SysResult<GroupRecord> RealOsImpl::GetGrNam(const char* name) {
  group entry;
  std::vector<char> buffer;
  SysResult<group*> found = LookUp(
      &entry, &buffer, [name](auto... arguments) { return ::getgrnam_r(name, arguments...); });
  if (!found.ok()) return SysError(found.error());
  GroupRecord record;
  record.gid = found.value()->gr_gid;
  if (!CopyText(record.name, found.value()->gr_name)) return SysError(ERANGE);
  return record;
}

}  // namespace

Os& RealOs() {
  // Never destroyed: a thread may still fork while the program exits. The first use allocates
  // nothing, so that it may be in a child.
  alignas(RealOsImpl) static unsigned char storage[sizeof(RealOsImpl)];
  static Os* const os = new (storage) RealOsImpl;
  return *os;
}

}  // namespace cleanfork
