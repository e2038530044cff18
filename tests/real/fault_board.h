// The board: a start with everything that can be asked for, in which the kernel lets one thing go
// wrong; and what the world looks like afterwards, whoever has started.
#ifndef CLEANFORK_TESTS_REAL_FAULT_BOARD_H_
#define CLEANFORK_TESTS_REAL_FAULT_BOARD_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "tests/real/command_runner.h"
#include "tests/real/daemonizers.h"
#include "tests/real/system_call_faults.h"

namespace cleanfork {

struct BoardRow {
  enum class Program {
    kDaemon,
    kMissing,
    kNoExec,
    kNoInterpreter,
    kEndsWithThree,
    kEndsWithZero,
    kNeverReady,  // it runs, and closes what it would say it by
  };

  const char* name;
  SystemCallFault fault;
  Program program = Program::kDaemon;
  bool full_disk = false;          // the pid file's, a tmpfs(5)
  bool directory_missing = false;  // that is to be entered
  bool about_pid_file = false;     // the fault is one of calls on the pid file
  // What our own command is to make of it: 0, it is retried to success.
  int exit_code = 0;
  const char* step = "";
  const char* error = "";  // "": the step fails without one
};

// All rows; the first has no fault.
std::vector<BoardRow> BoardRows();

struct BoardOutcome {
  int exit_code = -1;  // 128+N: of signal N; -1: it still ran after a long time
  std::string out;
  std::string err;
  int fired = 0;                   // how many calls were made to fail
  int install_error = 0;           // not 0: the kernel gives us no say in system calls
  pid_t daemon = 0;                // 0: none runs
  std::vector<std::string> wrong;  // about the daemon that runs, in words
  bool left_at_once = false;       // something ran when the starter had just ended
  bool left = false;               // it runs on, and is not the daemon
  bool has_pid_file = false;
};

// What one start came to. kNone: the starter makes no such call, or is asked for nothing like it.
enum class Verdict { kNone, kRuns, kRefused, kLied, kHangs };

class FaultBoard {
 public:
  // Copies `program`, announcing_daemon, to where nobody may run it.
  explicit FaultBoard(const std::string& program);
  ~FaultBoard();

  // A tmpfs(5) without room, seen by this process alone. Returns 0 or the errno.
  int MountFullDisk();

  // Has `daemonizer` start the daemon under the row's fault, looks, and kills what is there.
  BoardOutcome Run(const Daemonizer& daemonizer, const BoardRow& row);

 private:
  DaemonRequest RequestOf(const Daemonizer& daemonizer, const BoardRow& row) const;
  pid_t Fork(const std::vector<std::string>& words, SystemCallFaults* faults,
             const int (&pipes)[4]) const;
  void Watch(pid_t starter, SystemCallFaults* faults, const int (&pipes)[4],
             BoardOutcome* outcome) const;
  std::vector<std::string> WhatIsWrong(pid_t daemon, const DaemonRequest& request,
                                       const std::string (&callers)[3]) const;

  TestDirectory directory_;
  CommandRunner runner_;  // orphans fall to us, and none outlives us
  int fifo_ = -1;
  int children_ = -1;  // signalfd(2) of SIGCHLD
  bool full_disk_ = false;
};

Verdict Judge(const Daemonizer& daemonizer, const BoardRow& row, const BoardOutcome& outcome);

// "refused (p)", with a letter for what a refusal lacks: e, the errno on standard error; p, a pid
// file is left; r, something still runs.
std::string CellText(const Daemonizer& daemonizer, const BoardRow& row,
                     const BoardOutcome& outcome);

// Why `outcome` is not what was asked for, in a line.
std::string Details(const BoardOutcome& outcome);

}  // namespace cleanfork

#endif  // CLEANFORK_TESTS_REAL_FAULT_BOARD_H_
