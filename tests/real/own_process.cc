#include "tests/real/own_process.h"

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>

#include "tests/real/process_state.h"

namespace cleanfork {
namespace {

constexpr size_t kReportSize = 64 * 1024;
constexpr int kOrphanMilliseconds = 10'000;

// Whether the process ends within the time. A deadline, not a pause: it returns at once when the
// process does end.
bool EndsWithin(pid_t pid, int milliseconds) {
  const int pid_fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (pid_fd < 0) return false;
  pollfd descriptor = {pid_fd, POLLIN, 0};
  int ready;
  do {
    ready = poll(&descriptor, 1, milliseconds);
  } while (ready < 0 && errno == EINTR);
  close(pid_fd);
  return ready == 1;
}

void KillTree(pid_t pid) {
  kill(pid, SIGSTOP);  // it must not fork on while its children are looked for
  for (pid_t child : ChildrenOf(pid)) KillTree(child);
  kill(pid, SIGKILL);
}

}  // namespace

std::string InOwnProcess(const std::function<std::string()>& body, int deadline_seconds) {
  char* report = static_cast<char*>(
      mmap(nullptr, kReportSize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  if (report == MAP_FAILED) return "mmap failed";
  const pid_t pid = fork();
  if (pid < 0) return std::string("fork: ") + std::strerror(errno);
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that is stopped leaves nothing behind
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    const std::string text = body();
    std::memcpy(report, text.data(), std::min(text.size(), kReportSize - 1));
    _exit(0);
  }
  const bool ended = EndsWithin(pid, deadline_seconds * 1000);
  if (!ended) KillTree(pid);
  int status = 0;
  waitpid(pid, &status, 0);
  std::string text = report;
  munmap(report, kReportSize);
  if (!ended) return "the process hung, and was killed; " + text;
  if (WIFSIGNALED(status)) {
    return "the process was ended by signal " + std::to_string(WTERMSIG(status)) + "; " + text;
  }
  if (WEXITSTATUS(status) != 0) {
    return "the process left with status " + std::to_string(WEXITSTATUS(status)) + "; " + text;
  }
  return text;
}

std::string ReapOrphans() {
  std::string strays;
  // The end of one may leave us its children.
  for (;;) {
    const std::vector<pid_t> children = ChildrenOf(getpid());
    if (children.empty()) return strays;
    for (pid_t child : children) {
      if (!EndsWithin(child, kOrphanMilliseconds)) {
        strays += "stray process " + std::to_string(child) + "; ";
        KillTree(child);
      }
      waitpid(child, nullptr, 0);
    }
  }
}

bool HasPrivileges() {
  constexpr uint64_t kSetGid = 1 << 6, kSetUid = 1 << 7, kSysAdmin = 1 << 21;
  constexpr uint64_t kNeeded = kSetGid | kSetUid | kSysAdmin;
  const std::optional<ProcessState> self = ReadProcessState(getpid());
  const bool has =
      geteuid() == 0 && self.has_value() && (self->capabilities_effective & kNeeded) == kNeeded;
  // In a user namespace, as Bazel's sandbox makes one, root may not become anybody else.
  std::ifstream map("/proc/self/uid_map");
  uint64_t inside = 1, outside = 1, count = 0;
  const bool in_sandbox =
      !(map >> inside >> outside >> count) || inside != 0 || outside != 0 || count != 4294967295;
  return has && !in_sandbox;
}

}  // namespace cleanfork
