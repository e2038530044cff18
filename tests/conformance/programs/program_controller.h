// Runs a program: a controller process makes its processes do one step after the other.
//
// Why a program has one outcome, on every kernel, though its processes wait for each other:
//   - One process at a time is told to make a call, and the next only once all are quiet: each
//     sleeps in a call, is stopped, or has ended. On SimOs that is when a sleep of the controller
//     is over, since virtual time goes on only then. On the real kernel the state and the counts of
//     context switches of all processes are read twice, and have to be the same: then there was a
//     moment in which none of them ran, and what sleeps then is woken by nobody but the next step.
//   - A call that does not come back is no error: its process waits, others go on, and what wakes
//     it is the step of another. Those that a step wakes run at the same time, each in its own
//     call: what they report is sorted by process. Of a process that ends in a step, nothing that
//     it reports in the same step counts: whether it came to report is a race.
//   - What would be a race is left out while the program runs, for reasons that both kernels give
//     alike: a second process that waits at an end of a pipe (which of the two is served?); a
//     signal to a group that would end or stop more than one (how many SIGCHLD are that?); a second
//     stopped process, and deaths while one is stopped (orphaned process groups, which SimOs
//     refuses). Time-outs are none or for ever.
//   - Pids are told by their names, inodes and times are not told.
//
// What cannot be seen like this are races within and between calls: SimOs has none to compare.
#ifndef CLEANFORK_TESTS_CONFORMANCE_PROGRAMS_PROGRAM_CONTROLLER_H_
#define CLEANFORK_TESTS_CONFORMANCE_PROGRAMS_PROGRAM_CONTROLLER_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "cleanfork/os.h"
#include "tests/conformance/programs/program.h"

namespace cleanfork::programs {

// What is not done by the same calls on all kernels.
class Stage {
 public:
  virtual ~Stage() = default;

  // Waits until all are quiet; a letter for each: S it sleeps, T it is stopped, Z it is a zombie,
  // X there is no such process. "" when they do not come to rest.
  virtual std::string Settle(Os& os, const std::vector<pid_t>& pids) = 0;

  virtual const char* directory() const = 0;   // of the programs, where the caller is
  virtual const char* executable() const = 0;  // comes back to RunProcess()
};

struct Transcript {
  std::string text;  // a line for each step that was made
  int calls = 0;
};

// To be called in a process that has descriptors 0 to 2 and is in the stage's directory. Its
// processes have ended when it returns.
Transcript RunProgram(const Program& program, Os& os, Stage* stage);

}  // namespace cleanfork::programs

#endif  // CLEANFORK_TESTS_CONFORMANCE_PROGRAMS_PROGRAM_CONTROLLER_H_
