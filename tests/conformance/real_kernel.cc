#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "tests/conformance/kernel_under_test.h"

namespace cleanfork {
namespace {

constexpr unsigned kReport = 200;  // out of the way of what a body opens

[[noreturn]] void RunBody(const ObservedBody& body, int report) {
  dup3(report, kReport, O_CLOEXEC);
  const int null_device = open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; ++fd) dup2(null_device, fd);
  syscall(SYS_close_range, 3, kReport - 1, 0);
  syscall(SYS_close_range, kReport + 1, ~0U, 0);
  setpgid(0, 0);
  umask(022);
  if (chdir("/") == -1) _exit(1);
  // Also those that the C library keeps, which Bazel's sandbox ignores: zeros are the default
  // action.
  const unsigned long by_default[8] = {};
  for (int signal = 1; signal <= 64; ++signal) {
    syscall(SYS_rt_sigaction, signal, by_default, nullptr, sizeof(uint64_t));
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  Notes notes;
  body(RealOs(), notes);
  const std::string& text = notes.text();
  const ssize_t written = write(kReport, text.data(), text.size());
  _exit(written == static_cast<ssize_t>(text.size()) ? 0 : 1);
}

void RemoveFiles() {
  std::error_code ignored;  // they may not be there
  std::filesystem::remove_all(kTestDirectory, ignored);
}

bool MakeFile(const TestFile& file) {
  const char* const path = file.path.c_str();
  if (file.type == TestFile::Type::kSymlink) return symlink(file.content.c_str(), path) == 0;
  if (file.type == TestFile::Type::kDirectory) {
    if (mkdir(path, 0700) == -1) return false;
  } else {
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd == -1) return false;
    const ssize_t written = write(fd, file.content.data(), file.content.size());
    close(fd);
    if (written != static_cast<ssize_t>(file.content.size())) return false;
  }
  // Who may not give it away keeps it. chmod(2) comes after, since chown(2) clears S_ISGID.
  if (file.uid != 0 || file.gid != 0) (void)!chown(path, file.uid, file.gid);
  return chmod(path, file.mode) == 0;
}

}  // namespace

std::string ObserveOnRealKernel(const ObservedBody& body, const std::vector<TestFile>& files) {
  if (!files.empty()) RemoveFiles();
  for (const TestFile& file : files) {
    if (!MakeFile(file)) return "no " + file.path;
  }
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) == -1) return "no pipe";
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == -1) return "no fork";
  if (child == 0) RunBody(body, ends[1]);
  close(ends[1]);
  std::string text;
  char buffer[4096];
  for (ssize_t got = 0; (got = read(ends[0], buffer, sizeof(buffer))) > 0;) {
    text.append(buffer, static_cast<size_t>(got));
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (!files.empty()) RemoveFiles();
  if (WIFSIGNALED(status)) return "signal " + std::to_string(WTERMSIG(status));
  if (WEXITSTATUS(status) != 0) return "status " + std::to_string(WEXITSTATUS(status));
  return text;
}

}  // namespace cleanfork
