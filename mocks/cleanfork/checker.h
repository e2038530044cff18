// Checker: a rule that every execution of a scenario has to keep (cleanfork/explore.h). One of your
// own takes five lines:
//
//   scenario.checkers.push_back(cleanfork::MakeChecker(
//       "the lock is free again", [](const cleanfork::Execution& run) {
//         return run.FileContents("/run/worker.lock") ? "the lock is left behind" : "";
//       }));
//
// Checkers are called at the end of every run, some hundred thousand times a second: what tells
// most runs apart has to be cheap. Not thread-safe, as what calls them.
#ifndef CLEANFORK_CHECKER_H_
#define CLEANFORK_CHECKER_H_

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cleanfork/fault_plan.h"
#include "cleanfork/os_call.h"
#include "cleanfork/os_types.h"
#include "cleanfork/sim_os.h"

namespace cleanfork {

// A call that was made, in a run.
struct ExecutedCall {
  int process = 0;  // of Execution::processes()
  OsCall call = OsCall::kExit;
  uint32_t index = 1;     // which of the process's calls of that name
  int error = 0;          // 0 where it succeeded
  int64_t value = 0;      // what it returned, if that is a number
  bool injected = false;  // the error is a fault of this run
};

// A process of a run, as it ended, before its descriptors were closed; or as it is when nothing
// goes on any more.
struct ExecutedProcess {
  enum class End {
    kRuns,      // it waits for what will not come, as a daemon does
    kReturned,  // from the body
    kExited,    // Os::Exit()
    kKilled,
  };
  ProcessPath path;
  pid_t pid = 0;
  int parent = -1;       // of Execution::processes(): who forked it; -1 of the first
  bool vfork = false;    // it was made by VforkCall()
  bool program = false;  // it has exec'd
  End end = End::kRuns;
  int wait_status = 0;

  ResUid uid;
  ResGid gid;
  std::vector<gid_t> groups;
  CapabilitySets capabilities;
  SignalSet mask;
  SignalSet ignored;
  SignalSet handled;             // by functions
  std::vector<int> descriptors;  // that are open
  // Of one that returned: blocks of operator new that it has not given back, where a SimHeap
  // (cleanfork/sim_heap.h) counts them; else -1.
  int64_t blocks_left = -1;
  int zombies = 0;   // children that have ended and were not waited for
  int children = 0;  // that have not
};

struct ExecutedNote {
  int process = 0;
  std::string key;
  int64_t value = 0;
};

// One run, at its end. What it returns is valid while the checker runs.
class Execution {
 public:
  virtual ~Execution() = default;

  virtual SimEnd end() const = 0;
  virtual const std::string& message() const = 0;  // of SimRun

  // In the order of their forks; the first is the body's.
  virtual const std::vector<ExecutedProcess>& processes() const = 0;
  // As the first process was when it began.
  virtual const ExecutedProcess& beginning() const = 0;

  virtual const std::vector<ExecutedCall>& calls() const = 0;

  // Faults, signals and kills of this run, without the switches.
  virtual const FaultPlan& deviations() const = 0;

  // What the body's processes said with Note().
  virtual const std::vector<ExecutedNote>& notes() const = 0;

  // The wait status with which the first process ends when nothing goes wrong.
  virtual int fault_free_status() const = 0;

  virtual std::optional<std::string> FileContents(const std::string& path) const = 0;

  // All there is to know of the processes; takes longer than the run.
  virtual std::vector<SimProcess> Inspect() const = 0;
};

class Checker {
 public:
  virtual ~Checker() = default;

  // The rule: "no descriptor is leaked".
  virtual std::string name() const = 0;

  // How `run` breaks it; empty if it does not.
  virtual std::string Check(const Execution& run) const = 0;

  // Whether a run breaks it only if it does so once more when it is made again: for what a body
  // does once in a program.
  virtual bool HoldsOfRepeatedRuns() const { return false; }
};

std::shared_ptr<const Checker> MakeChecker(std::string name,
                                           std::function<std::string(const Execution&)> check);

// Notes something for the checkers, in a process of a scenario; does nothing elsewhere. Of what is
// run again to make a forked process nothing is noted again.
void Note(const std::string& key, int64_t value);

// Those of cleanfork/checkers.h that hold for all code that starts processes and waits for them.
std::vector<std::shared_ptr<const Checker>> StandardCheckers();

}  // namespace cleanfork

#endif  // CLEANFORK_CHECKER_H_
