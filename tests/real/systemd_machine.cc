#include "tests/real/systemd_machine.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace cleanfork {
namespace {

constexpr int kTwoMinutes = 120 * 1000;  // in milliseconds

// A tool of a test that fails leaves nothing to test.
void Must(bool ok, const std::string& what) {
  if (ok) return;
  std::perror(what.c_str());
  std::abort();
}

}  // namespace

std::string SystemdMachine::WhatIsMissing() {
  if (::access("/lib/systemd/systemd", X_OK) != 0) return "systemd: apt-get install systemd";
  for (const std::string program : {"mount", "nsenter", "pivot_root", "setpriv", "unshare"}) {
    if (std::system(("command -v " + program + " >/dev/null").c_str()) != 0) {
      return program + ": apt-get install mount util-linux";
    }
  }
  return "";
}

SystemdMachine::SystemdMachine(const std::string& worker) {
  const std::string& at = directory_.path();
  const std::string make = "mkdir " + at + "/bin " + at + "/cgroup " + at +
                           "/root && mkfifo -m 666 " + at + "/said && cp src/cli/cleanfork " + at +
                           "/bin && cp " + worker + " " + at + "/bin/worker";
  Must(std::system(make.c_str()) == 0, make);
  // For reading and writing, so that neither side waits for the other to open it: fifo(7).
  said_ = ::open((at + "/said").c_str(), O_RDWR | O_CLOEXEC);
  Must(said_ >= 0, "said");
  // In a session of its own it is left to clean up by whoever kills the test and its process group.
  const std::string keep =
      "exec setsid unshare --mount --cgroup --propagation=private"
      " sh tests/real/systemd_machine.sh keep " +
      at + " >" + at + "/log 2>&1";
  keeper_ = ::popen(keep.c_str(), "we");
  Must(keeper_ != nullptr, keep);
  const std::string made = "process 1 is ";
  std::string said = Said();
  if (said.compare(0, made.size(), made) == 0) {
    process_1_ = said.substr(made.size());
    root_ = ::open(("/proc/" + process_1_ + "/root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    said = Said();
    has_booted_ = said == "booted";
  }
  if (!has_booted_) complaint_ = said + "\n" + directory_.Read("log");
}

SystemdMachine::~SystemdMachine() {
  ::pclose(keeper_);  // The end of what the keeper reads: it kills, and ends when all is gone.
  ::close(said_);
  if (root_ >= 0) ::close(root_);
  const std::string remove = "rm -rf " + directory_.path() + "/bin";
  Must(std::system(remove.c_str()) == 0, remove);
}

bool SystemdMachine::ReadWithin(int milliseconds) {
  pollfd waiting = {said_, POLLIN, 0};
  if (::poll(&waiting, 1, milliseconds) != 1) return false;
  char text[512];
  const ssize_t got = ::read(said_, text, sizeof(text));
  if (got > 0) unread_.append(text, static_cast<size_t>(got));
  return true;
}

std::string SystemdMachine::Said() {
  while (unread_.find('\n') == std::string::npos) {
    if (!ReadWithin(kTwoMinutes)) return "nobody said anything for two minutes";
  }
  const size_t end = unread_.find('\n');
  const std::string line = unread_.substr(0, end);
  unread_.erase(0, end + 1);
  return line;
}

void SystemdMachine::ForgetWhatWasSaid() {
  while (ReadWithin(0)) continue;
  unread_.clear();
}

FILE* SystemdMachine::Begin(const std::string& command) const {
  const std::string inside =
      "exec 2>&1; timeout -s KILL 60 nsenter --all --target=" + process_1_ +
      " env -i PATH=/usr/local/bin:/usr/bin:/bin"
      " SYSTEMD_UNIT_PATH=/etc/systemd/system:/units sh <<'End of command'\n"
      // The pid may be another's by now: nothing is done but in the machine that was made.
      "grep -qx 0123456789abcdef0123456789abcdef /etc/machine-id || exit 125\n" +
      command + "\nEnd of command\n";
  FILE* const begun = ::popen(inside.c_str(), "re");
  Must(begun != nullptr, "popen");
  return begun;
}

SystemdMachine::Outcome SystemdMachine::End(FILE* begun) {
  Outcome outcome;
  for (int c = std::fgetc(begun); c != EOF; c = std::fgetc(begun)) {
    outcome.printed += static_cast<char>(c);
  }
  const int status = ::pclose(begun);
  outcome.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return outcome;
}

SystemdMachine::Outcome SystemdMachine::Run(const std::string& command) const {
  return End(Begin(command));
}

void SystemdMachine::Write(const std::string& path, const std::string& content) const {
  std::ofstream file(Path(path));
  Must(static_cast<bool>(file << content << std::flush), path);
}

bool SystemdMachine::Has(const std::string& path) const {
  return ::access(Path(path).c_str(), F_OK) == 0;
}

}  // namespace cleanfork
