#include "tests/real/command_runner.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace cleanfork {
namespace {

// A tool of a test that fails leaves nothing to test.
void Must(bool ok, const char* what) {
  if (ok) return;
  std::perror(what);
  std::abort();
}

std::vector<std::string> List(const std::string& path) {
  std::vector<std::string> names;
  DIR* directory = ::opendir(path.c_str());
  if (directory == nullptr) return names;
  while (const dirent* entry = ::readdir(directory)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  ::closedir(directory);
  return names;
}

std::string ReadLink(const std::string& path) {
  char target[4096];
  const ssize_t size = ::readlink(path.c_str(), target, sizeof(target));
  return size < 0 ? "" : std::string(target, static_cast<size_t>(size));
}

std::string Slurp(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

}  // namespace

CommandRunner::CommandRunner() {
  // By descriptor, since another user may not get as far as where Bazel keeps the file.
  binary_ = ::open("src/cli/cleanfork", O_RDONLY | O_CLOEXEC);
  Must(binary_ >= 0, "src/cli/cleanfork");
  binary_ = ::fcntl(binary_, F_DUPFD_CLOEXEC, 100);
  Must(::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0, "PR_SET_CHILD_SUBREAPER");
}

CommandRunner::~CommandRunner() {
  ::close(binary_);
  KillChildren();
}

void CommandRunner::KillChildren() const {
  while (HasChild()) {
    std::istringstream children(
        Slurp("/proc/self/task/" + std::to_string(::getpid()) + "/children"));
    for (pid_t pid; children >> pid;) ::kill(pid, SIGKILL);
    ::waitpid(-1, nullptr, 0);
  }
}

void CommandRunner::Exec(const std::vector<std::string>& arguments) const {
  std::vector<std::string> words = arguments;
  words.insert(words.begin(), "cleanfork");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(&word[0]);
  argv.push_back(nullptr);
  const std::string path = "/proc/self/fd/" + std::to_string(binary_);
  ::execve(path.c_str(), argv.data(), environ);
  ::_exit(99);
}

int CommandRunner::RunOnTerminal(const std::vector<std::string>& arguments) const {
  const int master = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  Must(master >= 0 && ::grantpt(master) == 0 && ::unlockpt(master) == 0, "posix_openpt");
  const std::string name = ::ptsname(master);
  const pid_t pid = ::fork();
  Must(pid != -1, "fork");
  if (pid != 0) return master;
  ::setsid();
  // The first terminal that a session leader opens becomes its session's: tty_ioctl(4).
  const int terminal = ::open(name.c_str(), O_RDWR);
  for (int fd = 0; fd <= 2; ++fd) ::dup2(terminal, fd);
  if (terminal > 2) ::close(terminal);
  Exec(arguments);
}

CommandOutcome CommandRunner::Run(const std::vector<std::string>& arguments,
                                  const std::function<void()>& before_exec) const {
  int out[2], err[2];
  Must(::pipe2(out, O_CLOEXEC) == 0 && ::pipe2(err, O_CLOEXEC) == 0, "pipe2");
  const pid_t pid = ::fork();
  Must(pid != -1, "fork");
  if (pid == 0) {
    const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (::dup2(null, 0) == 0 && ::dup2(out[1], 1) == 1 && ::dup2(err[1], 2) == 2) {
      if (before_exec) before_exec();
      Exec(arguments);
    }
    ::_exit(99);
  }
  ::close(out[1]);
  ::close(err[1]);
  CommandOutcome outcome;
  pollfd waiting[2] = {{out[0], POLLIN, 0}, {err[0], POLLIN, 0}};
  std::string* texts[2] = {&outcome.out, &outcome.err};
  while (waiting[0].fd >= 0 || waiting[1].fd >= 0) {
    if (::poll(waiting, 2, -1) == -1) continue;
    for (int i = 0; i < 2; ++i) {
      if (waiting[i].fd < 0 || waiting[i].revents == 0) continue;
      char buffer[4096];
      const ssize_t got = ::read(waiting[i].fd, buffer, sizeof(buffer));
      if (got > 0) {
        texts[i]->append(buffer, static_cast<size_t>(got));
      } else {
        ::close(waiting[i].fd);
        waiting[i].fd = -1;
      }
    }
  }
  int status = 0;
  Must(::waitpid(pid, &status, 0) == pid, "waitpid");
  outcome.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return outcome;
}

bool CommandRunner::HasChild() {
  siginfo_t info;
  return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

void CommandRunner::Reap(pid_t pid) { Must(::waitpid(pid, nullptr, 0) == pid, "waitpid"); }

TestDirectory::TestDirectory() : path_("/tmp/cleanfork_test.XXXXXX") {
  Must(::mkdtemp(&path_[0]) != nullptr, "mkdtemp");
  Must(::chmod(path_.c_str(), 0755) == 0, "chmod");
}

TestDirectory::~TestDirectory() {
  for (const std::string& name : List(path_)) {
    if (::unlink(Path(name).c_str()) != 0) ::rmdir(Path(name).c_str());
  }
  ::rmdir(path_.c_str());
}

void TestDirectory::Write(const std::string& name, const std::string& content, mode_t mode) const {
  std::ofstream(Path(name)) << content;
  Must(::chmod(Path(name).c_str(), mode) == 0, "chmod");
}

std::string TestDirectory::Read(const std::string& name) const { return Slurp(Path(name)); }

std::map<std::string, std::string> TestDirectory::Snapshot() const {
  std::map<std::string, std::string> files;
  for (const std::string& name : List(path_)) {
    struct stat status;
    if (::lstat(Path(name).c_str(), &status) != 0) continue;
    files[name] = std::to_string(status.st_mode) + " " +
                  (S_ISLNK(status.st_mode)   ? ReadLink(Path(name))
                   : S_ISREG(status.st_mode) ? Read(name)
                                             : "");
  }
  return files;
}

EchoService::EchoService(const TestDirectory& directory) : directory_(directory) {
  for (const char* name : {"in", "out"}) {
    Must(::mkfifo(directory.Path(name).c_str(), 0600) == 0, "mkfifo");
  }
  // For reading and writing, so that neither side waits for the other to open it: fifo(7).
  in_ = ::open(directory.Path("in").c_str(), O_RDWR | O_CLOEXEC);
  out_ = ::open(directory.Path("out").c_str(), O_RDWR | O_CLOEXEC);
  Must(in_ >= 0 && out_ >= 0, "open of a fifo");
}

EchoService::~EchoService() {
  ::close(in_);
  ::close(out_);
}

std::vector<std::string> EchoService::Words() const {
  return {"--stdin=" + directory_.Path("in"), "--stdout=" + directory_.Path("out"), "--", "cat"};
}

void EchoService::Await() const {
  char byte = 'x';
  Must(::write(in_, &byte, 1) == 1 && ::read(out_, &byte, 1) == 1, "echo");
}

pid_t PidIn(const std::string& text) {
  const size_t at = text.find("(pid ");
  return at == std::string::npos ? 0 : std::atoi(text.c_str() + at + 5);
}

std::string StatusField(pid_t pid, const std::string& name) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(file, line);) {
    if (line.compare(0, name.size() + 1, name + ":") != 0) continue;
    std::istringstream words(line.substr(name.size() + 1));
    std::string value;
    for (std::string word; words >> word;) value += (value.empty() ? "" : " ") + word;
    return value;
  }
  return "no such field";
}

uint64_t IgnoredSignals(pid_t pid) {
  constexpr uint64_t kLibrarys = uint64_t{3} << (32 - 1);
  return std::stoull(StatusField(pid, "SigIgn"), nullptr, 16) & ~kLibrarys;
}

std::string StatField(pid_t pid, int number) {
  const std::string text = Slurp("/proc/" + std::to_string(pid) + "/stat");
  std::istringstream fields(text.substr(text.rfind(')') + 1));
  std::string field;
  for (int i = 3; i <= number; ++i) fields >> field;
  return field;
}

std::map<int, std::string> OpenDescriptors(pid_t pid) {
  const std::string directory = "/proc/" + std::to_string(pid) + "/fd";
  std::map<int, std::string> open;
  for (const std::string& name : List(directory)) {
    open[std::atoi(name.c_str())] = ReadLink(directory + "/" + name);
  }
  return open;
}

}  // namespace cleanfork
