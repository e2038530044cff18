#include "tests/unit/sim_bodies.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include <memory>
#include <string>
#include <vector>

#include "cleanfork/process_local.h"
#include "cleanfork/unique_fd.h"

namespace cleanfork {
namespace {

// How the child ended: its exit status, or 1000 and the signal that killed it.
int EndOf(Os& os, pid_t child) {
  const int status = os.WaitPid(child, 0).value().status;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

// Reads a byte when it goes, and says so.
class Reader {
 public:
  Reader(Os& os, int fd, int* got) : os_(os), fd_(fd), got_(*got) {}
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() noexcept {
    char byte = 0;
    got_ = static_cast<int>(os_.Read(fd_, &byte, 1).value_or(99));
  }

 private:
  Os& os_;
  const int fd_;
  int& got_;
};

class Exiter {
 public:
  Exiter(Os& os, int status) : os_(os), status_(status) {}
  Exiter(const Exiter&) = delete;
  Exiter& operator=(const Exiter&) = delete;
  ~Exiter() noexcept { os_.Exit(status_); }

 private:
  Os& os_;
  const int status_;
};

class Forker {
 public:
  Forker(Os& os, pid_t* child) : os_(os), child_(*child) {}
  Forker(const Forker&) = delete;
  Forker& operator=(const Forker&) = delete;
  ~Forker() noexcept { child_ = os_.Fork().value(); }

 private:
  Os& os_;
  pid_t& child_;
};

void Descend(Os& os, int levels) noexcept {  // NOLINT(misc-no-recursion)
  const std::vector<std::string> words(20, std::string(40, 'w'));
  const auto number = std::make_unique<int>(levels);
  const UniqueFd null(os, os.Open("/dev/null", O_RDONLY, 0).value());
  if (levels > 0) {
    Descend(os, *number - 1);
  } else {
    os.Exit(static_cast<int>(words.size()));
  }
}

ProcessLocal<int> handled(0);
void Handle(int) { ++handled.get(); }

}  // namespace

int WaitsForADestructor(Os& os) {
  const PipeEnds ends = os.Pipe().value();
  const pid_t child = os.Fork().value();
  if (child == 0) {
    os.Close(ends.write_end).IgnoreError();
    int got = 99;
    { const Reader reader(os, ends.read_end, &got); }
    return got;
  }
  { const UniqueFd owned(os, ends.write_end); }
  return EndOf(os, child);
}

int IsKilledInADestructor(Os& os) {
  const PipeEnds ends = os.Pipe().value();
  const pid_t child = os.Fork().value();
  if (child == 0) {
    const std::string kept(100, 'k');
    int got = 0;
    { const Reader reader(os, ends.read_end, &got); }
    return 1;
  }
  os.ClockNanoSleep(CLOCK_MONOTONIC, 0, 1000).IgnoreError();  // until the child waits
  os.Kill(child, SIGKILL).IgnoreError();
  return EndOf(os, child) == 1000 + SIGKILL ? 0 : 1;
}

int ExitsDeepInTheStack(Os& os) {
  const pid_t child = os.Fork().value();
  if (child == 0) Descend(os, 30);
  return EndOf(os, child) == 20 ? 0 : 1;
}

int ExitsInADestructor(Os& os) {
  const pid_t child = os.Fork().value();
  if (child == 0) {
    const std::string kept(100, 'k');
    const Exiter exiter(os, static_cast<int>(kept.size()));
    return 1;
  }
  return EndOf(os, child) == 100 ? 0 : 1;
}

int ForksInADestructor(Os& os) {
  std::string text(50, 't');
  text += std::to_string(os.GetPid());
  pid_t child = -1;
  { const Forker forker(os, &child); }
  if (child == 0) return static_cast<int>(text.size());
  return EndOf(os, child) == 53 ? 0 : 1;
}

int HandlesASignalInADestructor(Os& os) {
  const PipeEnds ends = os.Pipe().value();
  SignalAction action;
  action.handler = &Handle;
  os.SigAction(SIGUSR1, &action).IgnoreError();
  const pid_t child = os.Fork().value();
  if (child == 0) {
    int got = 0;
    { const Reader reader(os, ends.read_end, &got); }
    const pid_t grandchild = os.Fork().value();  // finds the same by replay
    if (grandchild == 0) return got + *handled;
    return EndOf(os, grandchild) == 100 && *handled == 1 ? 0 : 1;  // 99 for EINTR
  }
  os.ClockNanoSleep(CLOCK_MONOTONIC, 0, 1000).IgnoreError();
  os.Kill(child, SIGUSR1).IgnoreError();
  return EndOf(os, child);
}

bool BodiesHaveExceptions() {
#if defined(__cpp_exceptions)
  return true;
#else
  return false;
#endif
}

}  // namespace cleanfork
