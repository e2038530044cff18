// A process of a program: takes commands from a pipe, makes the call that each is about, and
// reports what came of it. It owns no heap, so that a million of them may be killed anywhere.
#ifndef CLEANFORK_TESTS_CONFORMANCE_PROGRAMS_PROGRAM_PROCESS_H_
#define CLEANFORK_TESTS_CONFORMANCE_PROGRAMS_PROGRAM_PROCESS_H_

#include <sys/types.h>

#include <cstdint>

#include "cleanfork/os.h"
#include "tests/conformance/programs/program.h"

namespace cleanfork::programs {

// Descriptors that are out of the way of what a program does: RLIMIT_NOFILE is below them.
constexpr int kCommands = 200;      // + process, to read
constexpr int kCommandsFrom = 210;  // + process, to write: the controller's
constexpr int kReports = 220;       // to write
constexpr int kReportsFrom = 221;   // to read: the controller's
constexpr int kTranscript = 222;    // of the controller, on the real kernel
constexpr int kLimit = 16;          // RLIMIT_NOFILE

constexpr int kMostBusy = 16;
constexpr int kMostKeys = 4;
constexpr int kDescribeSelf = -1;  // a command that is no call: what is to be seen of the process

struct Command {
  int32_t call;
  int32_t arguments[kMostArguments];
  pid_t pids[kMostArguments];  // of arguments that mean a process or a group, for kill(2)
  uint64_t busy[kMostBusy];    // ends of pipes at which somebody waits already; 0 for none
};

struct Report {
  enum Kind : int32_t { kDone, kHandler, kWaits };
  pid_t pid;
  Kind kind;
  int32_t error;
  int32_t value;
  uint64_t keys[kMostKeys];  // of kWaits: the ends at which it may wait now
  char text[320];            // "<17>" in it is the process whose pid is 17
};

// What signal handlers make their calls with. One for all processes of a simulated kernel.
void SetHandlerOs(Os* os);

// Does what the commands for process `index` say, until it ends. `directory` is where "@" leads,
// `executable` what exec() runs: it comes back here, with the index and the directory as arguments.
// With `is_new` it says first that it has begun: after an exec.
[[noreturn]] void RunProcess(Os& os, int index, const char* directory, const char* executable,
                             bool is_new);

}  // namespace cleanfork::programs

#endif  // CLEANFORK_TESTS_CONFORMANCE_PROGRAMS_PROGRAM_PROCESS_H_
