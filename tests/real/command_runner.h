// Runs the command as a user would, as a process of its own, and sees what it leaves behind.
#ifndef CLEANFORK_TESTS_REAL_COMMAND_RUNNER_H_
#define CLEANFORK_TESTS_REAL_COMMAND_RUNNER_H_

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace cleanfork {

struct CommandOutcome {
  int exit_code = -1;  // 128+N if signal N ended it
  std::string out;
  std::string err;
};

// For tests without threads. It makes the test process the one that orphans fall to
// (PR_SET_CHILD_SUBREAPER), so that whatever a start leaves behind is a child of the test.
class CommandRunner {
 public:
  CommandRunner();

  ~CommandRunner();

  // Kills and reaps every child of the test, as the end of the runner does too.
  void KillChildren() const;

  // Starts `cleanfork` with these arguments and an empty standard input, and reads what it says
  // until nobody holds its standard output and standard error any more: a daemon that kept one of
  // them would hang us. `before_exec` is called in the new process.
  CommandOutcome Run(const std::vector<std::string>& arguments,
                     const std::function<void()>& before_exec = nullptr) const;

  // Starts `cleanfork` with these arguments on a terminal of its own. Returns the terminal's other
  // end, where its user would sit; the command is a child of the test.
  int RunOnTerminal(const std::vector<std::string>& arguments) const;

  // Whether the test has any child, running or a zombie.
  static bool HasChild();

  // Reaps a child that has ended or is about to.
  static void Reap(pid_t pid);

 private:
  // Becomes the command. Only for a forked child, which it leaves with status 99 if it cannot.
  [[noreturn]] void Exec(const std::vector<std::string>& arguments) const;

  int binary_ = -1;
};

// A directory that every user may enter, removed with what is in it.
class TestDirectory {
 public:
  TestDirectory();
  ~TestDirectory();
  std::string Path(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }
  void Write(const std::string& name, const std::string& content, mode_t mode) const;
  std::string Read(const std::string& name) const;

  // What is in it: names with mode, size and content or target, to be compared.
  std::map<std::string, std::string> Snapshot() const;

 private:
  std::string path_;
};

// A program that can be known to have come as far as its main loop: cat(1) between two fifos.
class EchoService {
 public:
  explicit EchoService(const TestDirectory& directory);
  ~EchoService();

  // The options and the command to start it with.
  std::vector<std::string> Words() const;

  // Returns once the service has sent a byte back, and so has everything open that it ever opens
  // and nothing that its start had open for a while.
  void Await() const;

 private:
  const TestDirectory& directory_;
  int in_ = -1;
  int out_ = -1;
};

// The pid in "started sleep (pid 4711)"; 0 if there is none.
pid_t PidIn(const std::string& text);

// A line of /proc/PID/status without its name: "Uid" gives "65534 65534 65534 65534".
std::string StatusField(pid_t pid, const std::string& name);

// The signals that it ignores, "SigIgn" of /proc/PID/status, without 32 and 33: those two the C
// library keeps to itself and lets nobody change, so that they are inherited as they are (from
// Bazel ignored, for one).
uint64_t IgnoredSignals(pid_t pid);

// A field of /proc/PID/stat, counted from 1 as in proc(5).
std::string StatField(pid_t pid, int number);

// The numbers of its open descriptors, and where each leads.
std::map<int, std::string> OpenDescriptors(pid_t pid);

}  // namespace cleanfork

#endif  // CLEANFORK_TESTS_REAL_COMMAND_RUNNER_H_
