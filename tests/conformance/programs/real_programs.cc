#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/conformance/programs/fixtures.h"
#include "tests/conformance/programs/program_kernels.h"
#include "tests/conformance/programs/program_process.h"
#include "tests/real/process_state.h"

namespace cleanfork::programs {
namespace {

constexpr int kRunSeconds = 60;
constexpr int kSettleSeconds = 20;

// What is read of a process to see whether it ran in between.
struct Look {
  char state = 'X';
  std::string switches;
};

// A process, seen from outside through files of /proc that stay open.
class Watched {
 public:
  explicit Watched(pid_t pid) : status_(Open(pid, "status")), call_(Open(pid, "syscall")) {}
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;
  ~Watched() {
    close(status_);
    close(call_);
  }

  Look Now() const {
    char text[4096];
    const ssize_t size = pread(status_, text, sizeof(text) - 1, 0);
    if (size <= 0) return {};  // it is gone
    text[size] = '\0';
    Look look;
    look.state = std::strstr(text, "\nState:\t")[8];
    const char* const switches = std::strstr(text, "voluntary_ctxt_switches");
    if (switches != nullptr) look.switches = switches;
    if (look.state == 'X') look.state = 'R';  // not quite gone
    return look;
  }

  // A process that looks whether it has to sleep counts as one that sleeps, and may have lost the
  // processor in the middle of that. This file of proc_pid_syscall(5) knows better, where it may be
  // read.
  bool Runs() const {
    char text[16];
    return pread(call_, text, sizeof(text), 0) > 0 && std::strncmp(text, "running", 7) == 0;
  }

 private:
  static int Open(pid_t pid, const char* name) {
    const std::string path = "/proc/" + std::to_string(pid) + "/" + name;
    return open(path.c_str(), O_RDONLY | O_CLOEXEC);
  }

  const int status_;
  const int call_;
};

bool IsQuiet(const Look& look) { return std::string("STZX").find(look.state) != std::string::npos; }

class RealStage : public Stage {
 public:
  explicit RealStage(const OwnDirectory& directory) : directory_(directory) {}

  std::string Settle(Os&, const std::vector<pid_t>& pids) override {
    const auto start = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - start < std::chrono::seconds(kSettleSeconds)) {
      const std::string states = QuietStates(pids);
      if (!states.empty() || pids.empty()) return states;
      sched_yield();
    }
    return "";
  }
  const char* directory() const override { return directory_.files().c_str(); }
  const char* executable() const override { return directory_.executable().c_str(); }

 private:
  std::string QuietStates(const std::vector<pid_t>& pids) {
    std::vector<Look> first;
    for (pid_t pid : pids) {
      first.push_back(Watch(pid).Now());
      if (!IsQuiet(first.back())) return "";
    }
    std::string states;
    for (size_t i = 0; i < pids.size(); ++i) {
      if (first[i].state == 'S' && Watch(pids[i]).Runs()) return "";
      const Look again = Watch(pids[i]).Now();
      if (again.state != first[i].state || again.switches != first[i].switches) return "";
      states += again.state;
    }
    return states;
  }

  const Watched& Watch(pid_t pid) {
    std::unique_ptr<Watched>& watched = watched_[pid];
    if (watched == nullptr) {
      // The limit is that of the programs: here are more.
      const rlimit more = {256, 256};
      setrlimit(RLIMIT_NOFILE, &more);
      watched = std::make_unique<Watched>(pid);
    }
    return *watched;
  }

  const OwnDirectory& directory_;
  std::map<pid_t, std::unique_ptr<Watched>> watched_;
};

// Removes what programs can have made, by the names that they know, from each of their directories.
void RemoveFiles(const std::string& files) {
  for (const char* directory : {"/", "/d/", "/t/"}) {
    for (const Word& path : Paths()) {
      if (path.text[0] != '@' && path.text[0] != '/')
        unlink((files + directory + path.text).c_str());
    }
    unlink((files + directory + "nowhere").c_str());
  }
}

// The files that a program finds.
void MakeFixtures(bool privileged) {
  RemoveFiles(".");
  for (const Fixture& fixture : Fixtures()) {
    const char* const path = fixture.path.c_str();
    switch (fixture.what) {
      case Fixture::kDirectory: mkdir(path, 0700); break;
      case Fixture::kLink:
        if (symlink(fixture.content.c_str(), path) != 0) _exit(1);
        continue;
      case Fixture::kFile: std::ofstream(fixture.path) << fixture.content; break;
    }
    chmod(path, fixture.mode);
    if (fixture.theirs && privileged && chown(path, kTheirs, getgid()) != 0) _exit(1);
  }
}

// On one processor all of a program go on one after the other, which is quicker; that they do is
// not relied on.
void StayOnOneProcessor() {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  sched_setaffinity(0, sizeof(one), &one);
}

[[noreturn]] void RunInController(const OwnDirectory& directory, bool privileged,
                                  const Program& program, int to) {
  if (privileged && setgroups(0, nullptr) != 0) _exit(1);
  dup2(to, kTranscript);
  const int null_device = open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; ++fd) dup2(null_device, fd);
  syscall(SYS_close_range, 3, kTranscript - 1, 0);
  syscall(SYS_close_range, kTranscript + 1, ~0U, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  setpgid(0, 0);
  umask(022);
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  StayOnOneProcessor();
  SetHandlerOs(&RealOs());
  RealStage stage(directory);
  const Transcript transcript = RunProgram(program, RealOs(), &stage);
  const std::string text = std::to_string(transcript.calls) + " " + transcript.text;
  for (size_t at = 0; at < text.size();) {
    const ssize_t written = write(kTranscript, text.data() + at, text.size() - at);
    if (written <= 0) _exit(1);
    at += static_cast<size_t>(written);
  }
  _exit(0);
}

// Ours are gone when they end, and their numbers free. If the number is a child's after the
// descriptor was made, that is of this child, or of one that has ended.
void KillChild(pid_t child) {
  const int fd = static_cast<int>(syscall(SYS_pidfd_open, child, 0));
  if (fd == -1) return;
  const std::vector<pid_t> children = ChildrenOf(getpid());
  if (std::find(children.begin(), children.end(), child) != children.end()) {
    syscall(SYS_pidfd_send_signal, fd, SIGKILL, nullptr, 0);
  }
  close(fd);
}

// Nothing is left of a program when this returns: whatever it forked is a child of ours by now, or
// becomes one when its parent dies.
void KillAllChildren() {
  for (;;) {
    const std::vector<pid_t> children = ChildrenOf(getpid());
    if (children.empty()) return;
    for (pid_t child : children) KillChild(child);
    poll(nullptr, 0, 1);
  }
}

// Until the end, the deadline, or the end of who asked.
std::string ReadTranscript(int from, int asked) {
  std::string text;
  for (;;) {
    struct pollfd both[2] = {{from, POLLIN, 0}, {asked, 0, 0}};
    if (poll(both, 2, kRunSeconds * 1000) <= 0) return "0 the program hangs\n" + text;
    if (both[1].revents != 0) return "";
    char buffer[4096];
    const ssize_t got = read(from, buffer, sizeof(buffer));
    if (got <= 0) return text.empty() ? "0 the controller died" : text;
    text.append(buffer, static_cast<size_t>(got));
  }
}

bool WriteText(int fd, const std::string& text) {
  const size_t size = text.size();
  std::string bytes(reinterpret_cast<const char*>(&size), sizeof(size));
  bytes += text;
  for (size_t at = 0; at < bytes.size();) {
    const ssize_t written = write(fd, bytes.data() + at, bytes.size() - at);
    if (written <= 0) return false;
    at += static_cast<size_t>(written);
  }
  return true;
}

bool ReadText(int fd, std::string* text) {
  size_t size = 0;
  if (read(fd, &size, sizeof(size)) != static_cast<ssize_t>(sizeof(size))) return false;
  text->resize(size);
  for (size_t at = 0; at < size;) {
    const ssize_t got = read(fd, &(*text)[at], size - at);
    if (got <= 0) return false;
    at += static_cast<size_t>(got);
  }
  return true;
}

// The process below which all programs run.
[[noreturn]] void Keep(const OwnDirectory& directory, bool privileged, int from, int to) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  // Orphans are gone the moment that they end, as with the init of SimOs.
  signal(SIGCHLD, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  if (chdir(directory.files().c_str()) != 0) _exit(1);
  std::string text;
  while (ReadText(from, &text)) {
    Program program;
    Parse(text, &program);
    MakeFixtures(privileged);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) break;
    const pid_t controller = fork();
    if (controller == 0) RunInController(directory, privileged, program, ends[1]);
    close(ends[1]);
    const std::string transcript = ReadTranscript(ends[0], from);
    close(ends[0]);
    KillAllChildren();
    if (transcript.empty() || !WriteText(to, transcript)) break;
  }
  _exit(0);
}

}  // namespace

OwnDirectory::OwnDirectory(const std::string& executable) : owner_(getpid()) {
  char name[] = "/tmp/cleanfork-programs-XXXXXX";
  if (mkdtemp(name) == nullptr) std::abort();
  root_ = name;
  files_ = root_ + "/files";
  executable_ = root_ + "/process";
  chmod(name, 0755);
  mkdir(files_.c_str(), 0777);
  chmod(files_.c_str(), 0777);
  std::ofstream(executable_, std::ios::binary)
      << std::ifstream(executable, std::ios::binary).rdbuf();
  chmod(executable_.c_str(), 0755);
}

OwnDirectory::~OwnDirectory() {
  if (getpid() != owner_) return;
  RemoveFiles(files_);
  unlink(executable_.c_str());
  for (const char* each : {"/files/d", "/files/t", "/files", ""}) rmdir((root_ + each).c_str());
}

RealKernel::RealKernel(const OwnDirectory& directory, bool privileged) {
  int down[2];
  int up[2];
  if (pipe2(down, O_CLOEXEC) != 0 || pipe2(up, O_CLOEXEC) != 0) std::abort();
  std::fflush(nullptr);
  keeper_ = fork();
  if (keeper_ == 0) {
    close(down[1]);
    close(up[0]);
    Keep(directory, privileged, down[0], up[1]);
  }
  close(down[0]);
  close(up[1]);
  to_ = down[1];
  from_ = up[0];
}

RealKernel::~RealKernel() {
  close(to_);
  close(from_);
  waitpid(keeper_, nullptr, 0);
}

Transcript RealKernel::Run(const Program& program) {
  std::string text;
  if (!WriteText(to_, Print(program)) || !ReadText(from_, &text)) {
    return {"the keeper of programs is gone", 0};
  }
  Transcript transcript;
  transcript.calls = std::atoi(text.c_str());
  transcript.text = text.substr(text.find(' ') + 1);
  return transcript;
}

bool MayChangeIds() {
  std::ifstream map("/proc/self/uid_map");
  uint64_t inside = 1, outside = 1, count = 0;
  map >> inside >> outside >> count;
  const bool whole = inside == 0 && outside == 0 && count == 4294967295;
  // CAP_CHOWN, DAC_OVERRIDE, FOWNER, KILL, SETGID, SETUID and SYS_CHROOT.
  constexpr uint64_t kNeeded = 1 << 0 | 1 << 1 | 1 << 3 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 18;
  const CapabilitySets sets = RealOs().CapGet().value_or(CapabilitySets());
  return geteuid() == 0 && getegid() == 0 && whole && (sets.effective & kNeeded) == kNeeded;
}

}  // namespace cleanfork::programs
