#include "tests/real/system_call_faults.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

// Linux 5.19: a stopped call is not interrupted by a signal, and so not asked about twice.
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

namespace cleanfork {
namespace {

bool IsAmong(const std::vector<int>& calls, int call) {
  return std::find(calls.begin(), calls.end(), call) != calls.end();
}

sock_filter Statement(unsigned code, unsigned value) {
  return BPF_STMT(static_cast<unsigned short>(code), value);
}

// Asks about these calls and lets all others be: bpf(4), seccomp(2).
std::vector<sock_filter> FilterOf(const std::vector<int>& calls) {
  std::vector<sock_filter> filter = {
      Statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  for (int call : calls) {
    filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 1));
    filter.push_back(Statement(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF));
  }
  filter.push_back(Statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  return filter;
}

int InstallFilter(const std::vector<int>& calls) {
  std::vector<sock_filter> filter = FilterOf(calls);
  sock_fprog program = {static_cast<unsigned short>(filter.size()), filter.data()};
  // What an unprivileged process has to do first; in a container root may be one.
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
  for (unsigned long more : {SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, 0UL}) {
    const long fd = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                              SECCOMP_FILTER_FLAG_NEW_LISTENER | more, &program);
    if (fd >= 0 || errno != EINVAL) return static_cast<int>(fd);
  }
  return -1;
}

// The ancillary data of one descriptor: cmsg(3).
union Control {
  cmsghdr header;
  char space[CMSG_SPACE(sizeof(int))];
};

bool SendDescriptor(int socket, int error, int fd) {
  iovec data = {&error, sizeof(error)};
  Control control = {};
  msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (fd >= 0) {
    message.msg_control = &control;
    message.msg_controllen = sizeof(control);
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
  }
  return ::sendmsg(socket, &message, 0) == sizeof(error);
}

std::string ReadLinkOf(unsigned pid, unsigned long long fd) {
  char target[4096];
  const std::string link = "/proc/" + std::to_string(pid) + "/fd/" + std::to_string(fd);
  const ssize_t size = ::readlink(link.c_str(), target, sizeof(target));
  return size < 0 ? "" : std::string(target, static_cast<size_t>(size));
}

// As many bytes of another process's memory as are wanted, or "" if they cannot be read.
std::string ReadMemoryOf(unsigned pid, unsigned long long address, size_t size) {
  const int memory =
      ::open(("/proc/" + std::to_string(pid) + "/mem").c_str(), O_RDONLY | O_CLOEXEC);
  if (memory < 0) return "";
  std::string bytes(size, '\0');
  const ssize_t got = ::pread(memory, &bytes[0], size, static_cast<off_t>(address));
  ::close(memory);
  return got == static_cast<ssize_t>(size) ? bytes : "";
}

}  // namespace

std::vector<int> ForkCalls() {
  return {
      SYS_clone,
      SYS_clone3,
#ifdef SYS_fork
      SYS_fork,
      SYS_vfork,
#endif
  };
}

std::vector<int> SetGidCalls() { return {SYS_setgid, SYS_setregid, SYS_setresgid}; }

std::vector<int> SetUidCalls() { return {SYS_setuid, SYS_setreuid, SYS_setresuid}; }

std::vector<int> DupCalls() {
  return {
      SYS_dup3,
#ifdef SYS_dup2
      SYS_dup2,
#endif
  };
}

std::vector<int> OpenCalls() {
  return {
      SYS_openat,
#ifdef SYS_open
      SYS_open,
#endif
  };
}

std::vector<int> WriteCalls() { return {SYS_write, SYS_writev, SYS_pwrite64}; }

SystemCallFaults::SystemCallFaults(SystemCallFault fault) : fault_(std::move(fault)) {
  if (!fault_.calls.empty() &&
      ::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socket_) != 0) {
    std::perror("socketpair");
    std::abort();
  }
}

SystemCallFaults::~SystemCallFaults() {
  for (int fd : {socket_[0], socket_[1], listener_}) {
    if (fd >= 0) ::close(fd);
  }
}

void SystemCallFaults::Install() {
  if (fault_.calls.empty()) return;
  const int fd = InstallFilter(fault_.calls);
  if (!SendDescriptor(socket_[1], fd < 0 ? errno : 0, fd) || fd < 0) ::_exit(98);
  ::close(fd);  // it and the sockets are close-on-exec, but a fork without exec would keep it
}

int SystemCallFaults::Attach() {
  if (fault_.calls.empty()) return 0;
  ::close(socket_[1]);
  socket_[1] = -1;
  int error = EPIPE;  // of a child that has ended without a word
  iovec data = {&error, sizeof(error)};
  Control control = {};
  msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = &control;
  message.msg_controllen = sizeof(control);
  ssize_t got = -1;
  do {
    got = ::recvmsg(socket_[0], &message, MSG_CMSG_CLOEXEC);
  } while (got == -1 && errno == EINTR);
  if (error == 0 && CMSG_FIRSTHDR(&message) != nullptr) {
    std::memcpy(&listener_, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(listener_));
  }
  return error;
}

bool SystemCallFaults::Matters(unsigned pid, int call, const unsigned long long* arguments) const {
  if (fault_.path.empty()) return true;
  if (IsAmong(WriteCalls(), call)) return ReadLinkOf(pid, arguments[0]) == fault_.path;
  // With its end, so that no longer path is taken for it.
  const std::string wanted(fault_.path.c_str(), fault_.path.size() + 1);
  return ReadMemoryOf(pid, arguments[call == SYS_openat ? 1 : 0], wanted.size()) == wanted;
}

void SystemCallFaults::Answer() {
  seccomp_notif call = {};
  if (::ioctl(listener_, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0) return;  // it was killed meanwhile
  unsigned long long arguments[6];
  std::copy(std::begin(call.data.args), std::end(call.data.args), arguments);
  seccomp_notif_resp response = {};
  response.id = call.id;
  response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  const bool matters = Matters(call.pid, call.data.nr, arguments);
  // What was read is of the process that asks only if that has not ended and its pid is not
  // another's.
  if (::ioctl(listener_, SECCOMP_IOCTL_NOTIF_ID_VALID, &call.id) != 0) return;
  if (matters && ++seen_ >= fault_.first && seen_ <= fault_.last) {
    response.flags = 0;
    response.error = -fault_.error;
    ++fired_;
  }
  ::ioctl(listener_, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

}  // namespace cleanfork
