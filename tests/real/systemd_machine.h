// A real systemd to try units with, wherever a test may make namespaces; process 1 of this machine
// need not be one.
#ifndef CLEANFORK_TESTS_REAL_SYSTEMD_MACHINE_H_
#define CLEANFORK_TESTS_REAL_SYSTEMD_MACHINE_H_

#include <cstdio>
#include <string>

#include "tests/real/command_runner.h"

namespace cleanfork {

// A systemd as process 1 of namespaces of its own, booted to its multi-user.target with the journal
// and nothing else. It has /usr of this machine, to be read, and the command in /usr/local/bin.
// With the object, or with the test, ends all that runs in it.
class SystemdMachine {
 public:
  // `worker`: the file that is to be /usr/local/bin/worker.
  explicit SystemdMachine(const std::string& worker);
  ~SystemdMachine();
  SystemdMachine(const SystemdMachine&) = delete;
  SystemdMachine& operator=(const SystemdMachine&) = delete;

  // What is not installed, with the apt line that changes this; "" if all is.
  static std::string WhatIsMissing();

  bool has_booted() const { return has_booted_; }
  // What was said and printed in the place of that.
  const std::string& complaint() const { return complaint_; }

  // The next line that somebody in there has written to /run/said; where none comes within
  // two minutes, that.
  std::string Said();
  void ForgetWhatWasSaid();

  struct Outcome {
    int status = -1;  // as the shell has it; 137 where it had to be killed after a minute
    std::string printed;
  };
  // Runs a command of the shell in there, outside of systemd's cgroups, and returns when it has
  // ended.
  Outcome Run(const std::string& command) const;
  // The same in two halves, for what ends by something that the test does.
  FILE* Begin(const std::string& command) const;
  static Outcome End(FILE* begun);

  // A file in there, as it is reached from here.
  std::string Path(const std::string& path) const {
    return "/proc/self/fd/" + std::to_string(root_) + path;
  }
  void Write(const std::string& path, const std::string& content) const;
  bool Has(const std::string& path) const;

 private:
  // Whether there was something to read.
  bool ReadWithin(int milliseconds);

  TestDirectory directory_;
  int said_ = -1;
  std::string unread_;
  FILE* keeper_ = nullptr;
  std::string process_1_;
  int root_ = -1;  // of that, by which it is known also when the pid is another's
  std::string complaint_;
  bool has_booted_ = false;
};

}  // namespace cleanfork

#endif  // CLEANFORK_TESTS_REAL_SYSTEMD_MACHINE_H_
