// Os: every POSIX call that cleanfork makes goes through this class, and so can those of your
// own fork code. Production passes RealOs(); a test passes a double and makes the calls fail.
//
//   bool Background(cleanfork::Os& os) {
//     cleanfork::SysResult<pid_t> pid = os.Fork();
//     if (!pid.ok()) return false;           // pid.error() is EAGAIN, ENOMEM or ENOSYS
//     if (pid.value() == 0) os.Exit(os.SetSid().ok() ? 0 : 1);
//     return os.WaitPid(pid.value(), 0).ok();
//   }
//
//   Background(cleanfork::RealOs());         // in production
//
//   cleanfork::MockOs mock;                  // in a test, from "cleanfork/mock_os.h"
//   EXPECT_CALL(mock, Fork()).WillOnce(cleanfork::Fails(EAGAIN));
//   EXPECT_FALSE(Background(mock));
//
// Each function is the system call whose name it bears, and that call's manual page holds: in
// what it does, in the errnos it may return (cleanfork/os_calls.inc lists them), and in whether
// it is async-signal-safe. What is said below is only where Os differs, which is:
//   - a failure is the errno in a SysResult, not -1 and the global; RealOs leaves errno itself
//     in an unspecified state;
//   - there are no out-parameters but buffers that the caller owns, no variable arguments and
//     no default arguments; fcntl(2) and prctl(2) are one function per command;
//   - time is in nanoseconds;
//   - EINTR is returned, never retried: cleanfork/fd_io.h has the loop.
// Paths and names are NUL-terminated. A descriptor that a call returns is close-on-exec only
// where its flags or its name say so, as in POSIX.
//
// Thread safety: an Os may be used from many threads at once as far as the calls themselves
// may; most of them act on the whole process. Signal safety: RealOs is as safe as the call;
// the look-ups under "Users", SetEnv(), UnsetEnv() and, between VforkCall() and exec, nothing else
// are not.
#ifndef CLEANFORK_OS_H_
#define CLEANFORK_OS_H_

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>

#include <cstddef>
#include <cstdint>

#include "cleanfork/os_types.h"
#include "cleanfork/sys_result.h"

namespace cleanfork {

class Os {
 public:
  Os() = default;
  Os(const Os&) = delete;
  Os& operator=(const Os&) = delete;
  virtual ~Os() = default;

  // Processes ----------------------------------------------------------------------------------

  // fork(2). Returns twice: 0 in the child, the child's pid in the parent. Never retries.
  virtual SysResult<pid_t> Fork() = 0;

  // Runs function(argument) in a child that shares the caller's memory, on a stack of its own
  // of 256 KiB, while the calling thread waits until the child has left through ExecVe() or
  // Exit(), or by returning its exit status: clone(2) with CLONE_VM and CLONE_VFORK. Returns the
  // child's pid. The time it takes does not depend on how much memory the caller has.
  //
  // `termination_signal` is SIGCHLD, as after a fork, or 0: then the child is a "clone child" until
  // its exec makes it one like any other. Till then its end sends nothing, and only a wait with
  // __WALL or __WCLONE knows it, so that SIGCHLD ignored or a wait for any child does not take it
  // away: clone(2), execve(2), wait(2). EINVAL: there is no other than SIGCHLD here, as in an
  // emulator of user programs; a filter of system calls may say EPERM or ENOSYS.
  //
  // The function may make async-signal-safe calls of this Os and write to memory that it was
  // given; it must not allocate, take a lock or throw. Block all signals first: a handler would
  // run in the parent's memory. set*id and setgroups inside it change the child alone. Under
  // AddressSanitizer and ThreadSanitizer it is a plain fork(2): then what the function writes to
  // memory is lost, and there is only SIGCHLD.
  virtual SysResult<pid_t> VforkCall(int (*function)(void*), void* argument,
                                     int termination_signal) = 0;

  // _exit(2): no atexit handler runs and no stdio buffer is flushed. Doubles leave by throwing
  // ProcessExited.
  [[noreturn]] virtual void Exit(int status) = 0;

  // execve(2). Returns only on failure.
  virtual SysResult<void> ExecVe(const char* path, char* const* argv, char* const* envp) = 0;

  // waitpid(2). With WNOHANG and no child that changed, the result's pid is 0.
  virtual SysResult<WaitResult> WaitPid(pid_t pid, int options) = 0;

  // waitid(2). With WNOHANG and no child that changed, the result's pid is 0.
  virtual SysResult<WaitIdResult> WaitId(idtype_t type, id_t id, int options) = 0;

  virtual pid_t GetPid() = 0;
  virtual pid_t GetPpid() = 0;
  virtual SysResult<void> Kill(pid_t pid, int signal) = 0;

  // pidfd_open(2): a descriptor, close-on-exec, that means this process even after its pid is
  // used again. ENOSYS before Linux 5.3.
  virtual SysResult<int> PidFdOpen(pid_t pid, unsigned flags) = 0;

  // pidfd_send_signal(2), with no siginfo and no flags.
  virtual SysResult<void> PidFdSendSignal(int fd, int signal) = 0;

  // PR_SET_PDEATHSIG of prctl(2): what the kernel sends this process when the thread that forked it
  // has ended; 0 for nothing. A change of identity and a set-user-ID exec take it back.
  virtual SysResult<void> PrctlSetPdeathsig(int signal) = 0;

  // PR_SET_NO_NEW_PRIVS of prctl(2). For the calling thread; there is no way back.
  virtual SysResult<void> PrctlSetNoNewPrivs() = 0;

  // Signals ------------------------------------------------------------------------------------

  // sigprocmask(2), for the calling thread as pthread_sigmask(3) does. Returns the mask as it
  // was; with a null `set` it changes nothing.
  virtual SysResult<SignalSet> SigProcMask(int how, const SignalSet* set) = 0;

  // sigaction(2). Returns the action as it was; with a null `action` it changes nothing. EINVAL
  // for SIGKILL and SIGSTOP and for the two signals that the C library keeps (32 and 33).
  virtual SysResult<SignalAction> SigAction(int signal, const SignalAction* action) = 0;

  // sigtimedwait(2): takes a pending signal of `set`, which must be blocked. Negative
  // nanoseconds wait without end; EAGAIN when the time is over.
  virtual SysResult<SignalInfo> SigTimedWait(SignalSet set, int64_t nanoseconds) = 0;

  // Sessions -----------------------------------------------------------------------------------

  virtual SysResult<pid_t> SetSid() = 0;
  virtual SysResult<void> SetPgid(pid_t pid, pid_t pgid) = 0;

  // Credentials. Of the whole process, as glibc's functions are; within VforkCall() of the
  // child alone. --------------------------------------------------------------------------------

  virtual uid_t GetUid() = 0;
  virtual uid_t GetEuid() = 0;
  virtual gid_t GetGid() = 0;
  virtual gid_t GetEgid() = 0;
  virtual SysResult<ResUid> GetResUid() = 0;
  virtual SysResult<ResGid> GetResGid() = 0;

  // getgroups(2): the number of supplementary groups; with size 0 nothing is stored.
  virtual SysResult<size_t> GetGroups(gid_t* groups, size_t size) = 0;
  virtual SysResult<void> SetGroups(const gid_t* groups, size_t size) = 0;
  virtual SysResult<void> SetUid(uid_t uid) = 0;
  virtual SysResult<void> SetGid(gid_t gid) = 0;
  virtual SysResult<void> SetEuid(uid_t uid) = 0;
  virtual SysResult<void> SetEgid(gid_t gid) = 0;
  virtual SysResult<void> SetReUid(uid_t real, uid_t effective) = 0;
  virtual SysResult<void> SetReGid(gid_t real, gid_t effective) = 0;
  virtual SysResult<void> SetResUid(uid_t real, uid_t effective, uid_t saved) = 0;
  virtual SysResult<void> SetResGid(gid_t real, gid_t effective, gid_t saved) = 0;

  // setfsuid(2) and setfsgid(2): return the id as it was, whether or not it has changed. An id of
  // -1 changes nothing. Of the calling thread.
  virtual uid_t SetFsUid(uid_t uid) = 0;
  virtual gid_t SetFsGid(gid_t gid) = 0;

  // capget(2), of the calling thread.
  virtual SysResult<CapabilitySets> CapGet() = 0;

  // Descriptors --------------------------------------------------------------------------------

  virtual SysResult<int> Open(const char* path, int flags, mode_t mode) = 0;

  // close(2). The descriptor is gone even when this fails (Linux): never close it again.
  virtual SysResult<void> Close(int fd) = 0;
  virtual SysResult<size_t> Read(int fd, void* buffer, size_t size) = 0;
  virtual SysResult<size_t> Write(int fd, const void* buffer, size_t size) = 0;
  virtual SysResult<size_t> PRead(int fd, void* buffer, size_t size, int64_t offset) = 0;
  virtual SysResult<size_t> PWrite(int fd, const void* buffer, size_t size, int64_t offset) = 0;
  virtual SysResult<PipeEnds> Pipe() = 0;
  virtual SysResult<PipeEnds> Pipe2(int flags) = 0;
  virtual SysResult<int> Dup(int fd) = 0;
  virtual SysResult<int> Dup2(int from, int to) = 0;

  // close_range(2). ENOSYS before Linux 5.9, EPERM under some seccomp filters.
  virtual SysResult<void> CloseRange(unsigned first, unsigned last, unsigned flags) = 0;

  virtual SysResult<int> FcntlGetFd(int fd) = 0;               // F_GETFD
  virtual SysResult<void> FcntlSetFd(int fd, int flags) = 0;   // F_SETFD
  virtual SysResult<int> FcntlDupFd(int fd, int minimum) = 0;  // F_DUPFD_CLOEXEC

  // F_OFD_SETLK and F_OFD_GETLK on the whole file, type F_RDLCK, F_WRLCK or F_UNLCK. The lock
  // belongs to the open file description: a child shares it, and it falls with the last
  // descriptor. FcntlGetLock returns the type of a lock that stands in the way, or F_UNLCK.
  virtual SysResult<void> FcntlSetLock(int fd, short type) = 0;
  virtual SysResult<short> FcntlGetLock(int fd, short type) = 0;

  virtual SysResult<FileStatus> FStat(int fd) = 0;
  virtual SysResult<void> FTruncate(int fd, int64_t size) = 0;
  virtual SysResult<void> IsATty(int fd) = 0;  // ENOTTY when it is not

  // poll(2). Negative nanoseconds wait without end. Returns how many are ready, 0 when the time
  // is over.
  virtual SysResult<size_t> Poll(struct pollfd* descriptors, size_t count, int64_t nanoseconds) = 0;

  // Sockets ------------------------------------------------------------------------------------

  virtual SysResult<int> Socket(int domain, int type, int protocol) = 0;

  // sendto(2) to an address of unix(7). EINVAL when its size is 0 or more than it can hold.
  virtual SysResult<size_t> SendTo(int fd, const void* buffer, size_t size, int flags,
                                   const UnixAddress* address) = 0;

  // bind(2) to an address of unix(7), as SendTo() takes it.
  virtual SysResult<void> Bind(int fd, const UnixAddress* address) = 0;

  // setsockopt(2): SO_PASSCRED of unix(7). From then on RecvMsg() tells who has sent.
  virtual SysResult<void> SetPassCred(int fd) = 0;

  // recvmsg(2) into one buffer. Descriptors that come with a message are closed.
  virtual SysResult<ReceivedMessage> RecvMsg(int fd, void* buffer, size_t size, int flags) = 0;

  // Files --------------------------------------------------------------------------------------

  virtual SysResult<FileStatus> Stat(const char* path) = 0;
  virtual SysResult<void> Unlink(const char* path) = 0;
  virtual SysResult<void> ChDir(const char* path) = 0;
  virtual SysResult<void> ChRoot(const char* path) = 0;
  virtual mode_t Umask(mode_t mask) = 0;  // returns the mask as it was

  // readlink(2): returns how much of `buffer` was filled, without a NUL; all of it may be a part.
  virtual SysResult<size_t> ReadLink(const char* path, char* buffer, size_t size) = 0;

  // getdents(2), filling `buffer` with struct dirent64; 0 at the end of the directory.
  virtual SysResult<size_t> GetDents(int fd, void* buffer, size_t size) = 0;

  // Time and chance ----------------------------------------------------------------------------

  virtual SysResult<int64_t> ClockGetTime(clockid_t clock) = 0;

  // clock_nanosleep(2). With TIMER_ABSTIME nanoseconds are a moment on `clock`, and a sleep that
  // ended in EINTR is taken up again by the same call.
  virtual SysResult<void> ClockNanoSleep(clockid_t clock, int flags, int64_t nanoseconds) = 0;
  virtual SysResult<size_t> GetRandom(void* buffer, size_t size, unsigned flags) = 0;

  // Limits -------------------------------------------------------------------------------------

  virtual SysResult<ResourceLimit> GetRLimit(int resource) = 0;
  virtual SysResult<void> SetRLimit(int resource, ResourceLimit limit) = 0;

  // setpriority(2): PRIO_PROCESS, PRIO_PGRP or PRIO_USER. On Linux a nice value is a thread's own.
  virtual SysResult<void> SetPriority(int which, id_t who, int priority) = 0;

  // sched_getscheduler(2): the policy, with SCHED_RESET_ON_FORK where that is set. 0 means the
  // calling thread.
  virtual SysResult<int> SchedGetScheduler(pid_t pid) = 0;

  // Users. These ask the name service: never between fork and exec. ----------------------------

  // ENOENT when there is no such user; ERANGE when a field is longer than UserRecord holds.
  virtual SysResult<UserRecord> GetPwNam(const char* name) = 0;
  virtual SysResult<UserRecord> GetPwUid(uid_t uid) = 0;
  virtual SysResult<GroupRecord> GetGrNam(const char* name) = 0;

  // getgrouplist(3): the groups of `user`, `group` among them. ERANGE when there are more than
  // `size`.
  virtual SysResult<size_t> GetGroupList(const char* user, gid_t group, gid_t* groups,
                                         size_t size) = 0;

  // Environment. It belongs to the process, so a simulated process has its own. ----------------

  // Null when there is no such variable. Not to be called beside SetEnv(), UnsetEnv() or
  // SetEnviron() of another thread: getenv(3).
  virtual const char* GetEnv(const char* name) = 0;
  virtual SysResult<void> SetEnv(const char* name, const char* value) = 0;
  virtual SysResult<void> UnsetEnv(const char* name) = 0;

  // environ(7): the array of "NAME=value" itself, null-terminated. SetEnviron installs `block`,
  // which must outlive its use; it is signal-safe, so a child may install what was laid out
  // before the fork.
  virtual char* const* GetEnviron() = 0;
  virtual void SetEnviron(char** block) = 0;
};

// What a double throws out of Exit(), and nothing but a double: code between the two needs no
// more than to let it through. Not derived from std::exception, so that no handler for errors
// takes it for one.
struct ProcessExited {
  int status = 0;
};

// The kernel. One object for the whole program, never destroyed. Defined in //:cleanfork.
Os& RealOs();

}  // namespace cleanfork

#endif  // CLEANFORK_OS_H_
