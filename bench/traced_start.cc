#include "bench/traced_start.h"

#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>

namespace cleanfork {
namespace {

constexpr long kOptions = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                          PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT |
                          PTRACE_O_EXITKILL;

long PeakKibibytes(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  for (std::string word; file >> word;) {
    long kibibytes = 0;
    if (word == "VmHWM:" && file >> kibibytes) return kibibytes;
  }
  return 0;
}

bool Executes(pid_t pid, const std::string& program) {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/" + std::to_string(pid) + "/exe", error) == program;
}

pid_t ForkTraced(const std::vector<std::string>& words) {
  std::vector<std::string> copies = words;
  std::vector<char*> argv;
  for (std::string& word : copies) argv.push_back(&word[0]);
  argv.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  BeSilent();
  ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
  ::raise(SIGSTOP);  // until the tracer has set its options
  ::execv(argv[0], argv.data());
  ::_exit(99);
}

}  // namespace

void BeSilent() {
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd <= 2; ++fd) ::dup2(null, fd);
}

TracedStart TraceStart(const std::vector<std::string>& words, const std::string& daemon) {
  TracedStart traced;
  const pid_t starter = ForkTraced(words);
  int status = 0;
  if (starter == -1 || ::waitpid(starter, &status, 0) != starter) return traced;
  ::ptrace(PTRACE_SETOPTIONS, starter, nullptr, kOptions);
  ::ptrace(PTRACE_SYSCALL, starter, nullptr, nullptr);
  std::set<pid_t> inside;  // of a call, whose end stops the process too
  pid_t pid = 0, running = 0;
  while ((pid = ::waitpid(-1, &status, __WALL)) > 0) {
    if (!WIFSTOPPED(status)) {
      if (pid != starter) continue;
      traced.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      if (running != 0) ::kill(running, SIGKILL);
      continue;
    }
    const int event = status >> 16;
    int signal = WSTOPSIG(status);
    if (signal == (SIGTRAP | 0x80)) {
      if (inside.erase(pid) == 0) {
        inside.insert(pid);
        ++traced.calls;
      }
      signal = 0;
    } else if (event == PTRACE_EVENT_EXEC && Executes(pid, daemon)) {
      ::ptrace(PTRACE_DETACH, pid, nullptr, nullptr);
      running = pid;
      if (traced.exit_code != -1) ::kill(running, SIGKILL);
      continue;
    } else if (event == PTRACE_EVENT_EXIT) {
      const long peak = PeakKibibytes(pid);
      if (pid == starter) traced.starter_kibibytes = peak;
      traced.largest_kibibytes = std::max(traced.largest_kibibytes, peak);
      signal = 0;
    } else if (event != 0 || signal == SIGSTOP) {
      signal = 0;  // of a fork, or a new process's first stop
    }
    ::ptrace(PTRACE_SYSCALL, pid, nullptr, static_cast<long>(signal));
  }
  return traced;
}

}  // namespace cleanfork
