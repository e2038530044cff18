// The exit codes of the command, from one table: what main() returns, what --help prints and what
// docs/ lists.
#ifndef CLEANFORK_SRC_CLI_EXIT_CODE_H_
#define CLEANFORK_SRC_CLI_EXIT_CODE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cleanfork/child.h"
#include "cleanfork/step.h"

namespace cleanfork::cli {

// The numbers below 128 are those of sysexits(3) and timeout(1), those from 200 on are systemd's
// for the same step: systemd.exec(5), "Process Exit Codes".
enum ExitCode : int {
  kExitOk = 0,
  kExitUsage = 64,
  kExitNoUser = 67,
  kExitAlreadyRunning = 69,
  kExitUnavailable = 69,  // of reload: it does not run
  kExitInternal = 70,
  kExitSystem = 71,
  kExitPidFile = 73,
  kExitTryAgain = 75,
  kExitNotReady = 76,
  kExitNotPermitted = 77,
  kExitCrashLoop = 79,      // of a supervisor; the first number that sysexits(3) does not have
  kExitStillRunning = 124,  // of stop
  kExitTimeout = 124,
  kExitNotExecutable = 126,  // of `run` alone
  kExitNotFound = 127,       // of `run` alone
  kExitChDir = 200,
  kExitNice = 201,
  kExitDescriptors = 202,
  kExitExec = 203,
  kExitLimits = 205,
  kExitOomScore = 206,
  kExitSignals = 207,
  kExitStdin = 208,
  kExitStdout = 209,
  kExitChRoot = 210,
  kExitGroup = 216,
  kExitUser = 217,
  kExitVerify = 218,
  kExitSetSid = 220,
  kExitStderr = 222,
  kExitNoNewPrivileges = 227,
};

// The codes of `status`, which are those of the Linux Standard Base for init scripts.
enum StatusExitCode : int {
  kStatusRunning = 0,
  kStatusDead = 1,  // and the pid file is still there
  kStatusNotRunning = 3,
  kStatusUnknown = 4,
};

// That of the program, or 128 and the number of the signal that ended it, as a shell has it.
int ExitCodeOf(const ExitStatus& ended);

// What the failure of a step comes to.
ExitCode ExitCodeOf(Step step);

// What a failure comes to: by its step where it has one, else by its code.
ExitCode ExitCodeOf(const absl::Status& status);

struct ExitCodeRow {
  int code;
  std::string meaning;  // with the steps in question at the end: "... (setgroups, setgid)"
};

// Every code of start, in ascending order. Those of the other subcommands stand in their --help.
std::vector<ExitCodeRow> ExitCodes();

}  // namespace cleanfork::cli

#endif  // CLEANFORK_SRC_CLI_EXIT_CODE_H_
