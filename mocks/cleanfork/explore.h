// Explore: runs a piece of fork code through all its failures, in all orders in which its processes
// can go on, and says that none of these runs breaks a rule, or shows the smallest that does.
//
//   cleanfork::Scenario scenario;
//   scenario.name = "start the worker";
//   scenario.body = [](cleanfork::Os& os) { return StartWorker(os).ok() ? 0 : 1; };
//   cleanfork::ExploreOptions options;
//   options.max_faults = 2;
//   EXPECT_THAT(cleanfork::Explore(scenario, options), cleanfork::Exhausted());
//
// A run is one execution of the body on a simulated kernel (cleanfork/sim_os.h, whose rules for
// bodies hold here too). Where a call may fail in the state that the kernel is in (docs/faults.md),
// a run may go either way; where several processes can go on, any of them may. Explore() makes all
// these choices, depth first, with no fault at first, then with one, and so on up to max_faults: so
// the first run that breaks a rule is one with the least faults. Of runs that differ only in the
// order of steps that have nothing to do with each other it makes one. Each run ends with the
// checkers of cleanfork/checkers.h, and the scenario's own.
//
// A run that breaks a rule is printed with a line such as
//
//     cf1;P.fork#1=EAGAIN;P>P.1@read#1;fits=5d1c
//
// (cleanfork/fault_plan.h), with which Replay() makes it again.
//
// What "exhausted" means, what is not explored and how long it takes: docs/explorer.md.
// Not thread-safe. Allocates: for tests.
#ifndef CLEANFORK_EXPLORE_H_
#define CLEANFORK_EXPLORE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "cleanfork/checker.h"
#include "cleanfork/fault_plan.h"
#include "cleanfork/os.h"
#include "cleanfork/sim_os.h"

namespace cleanfork {

struct Scenario {
  std::string name = "scenario";  // of the report's files: letters, digits, '_', '-' and spaces
  SimOsOptions world;
  SimOs::Body body;

  // Beside these checkers; see StandardCheckers().
  std::vector<std::shared_ptr<const Checker>> checkers = StandardCheckers();
};

// The bounds. What is not bounded here is explored.
struct ExploreOptions {
  // Of one run, from 0. A signal and a kill are counted apart.
  int max_faults = 1;

  // A fault may also stay: the call fails from then on, in that process.
  bool sticky_faults = true;

  // A read or write may pass one byte only, where Linux would do that.
  bool short_transfers = true;

  // A call may say that it succeeded, and do nothing. No kernel does: for what must not be
  // believed.
  bool lies = false;

  // Faults that this does not say no to; empty: all. Not asked of signals and kills.
  std::function<bool(const FaultEntry&)> fault_filter;

  // Signals that may come from outside, to any process, before any call and while it waits; where
  // they are blocked, before they are unblocked or waited for. What ends the process does not come
  // before a call that no other process can tell from none (umask(2), its own mask), or that only
  // begins to wait: it comes after it. At most max_signals in a run.
  // Range: numbers of signals, but for SIGKILL.
  std::vector<int> signals;
  int max_signals = 0;

  // SIGKILLs from outside, at the same places.
  int max_kills = 0;

  // How often a process that could go on makes room for another one; -1: any number. With a bound
  // no run is left out for being like another.
  int max_preemptions = -1;

  // Runs of the same outcome, but for the order of steps that have nothing to do with each other,
  // are made once. Off, all are made: to check the explorer.
  bool reduce = true;

  // A run that comes to a state in which another one has been is not gone on with: all that can
  // follow from there was tried then. A state is the kernel's, what each process has seen so far
  // and the deviations so far, as a hash of 64 bits. This leaves out far more runs than `reduce`
  // alone: all orders whose difference is gone as soon as a process has ended. For rules that do
  // not ask in which order the calls of different processes came, as those of
  // cleanfork/checkers.h do not. Takes some 11 bytes a state, and there may be a hundred million.
  // Not with max_preemptions.
  bool merge_states = false;

  // Runs begin where they differ from the one before, which is several times as fast: what the
  // body's processes have on their stacks and heaps is copied, and copied back. So a body must not
  // keep anything elsewhere: not in the test, where an EXPECT that fails keeps what it says; not
  // under OutlivesProcess; not in statics that it comes to only where something fails; nor memory
  // of malloc(3) or a library of C, as that of an exception in a std::exception_ptr or a
  // std::future is. A process may have 256 MiB, in blocks of powers of 2; the copies take up to as
  // much. There has to be a SimHeap (cleanfork/sim_heap.h), or Explore() aborts and says so. The
  // runs are the same, but for one more at the beginning. Sanitizers' builds, valgrind, and other
  // processors than x86-64 do without.
  bool checkpoints = false;

  int64_t max_calls = 10'000;  // of a run: more are a livelock
  int64_t max_runs = 100'000'000;
  double max_seconds = 0;  // of wall-clock time; 0: any

  // Beyond the bounds: so many runs with choices by chance, each with up to random_deviations
  // faults, signals and kills.
  int64_t random_runs = 0;
  int random_deviations = 8;
  uint64_t seed = 1;

  // A part of all runs, from 0: a run belongs to the shard that the hash of its first two
  // deviations says. What is common to all is run by each.
  int shard = 0;
  int shards = 1;

  // Whether ExploreResult::outcomes is filled in, which takes time.
  bool outcomes = false;

  // A line on stderr every two seconds.
  bool progress = true;

  // Under `bazel test`, whether the reports are among the test's outputs:
  // cleanfork/explore_report.h.
  bool reports = true;
};

// A process of a run that is shown.
struct ExploreProcess {
  std::string path;  // "P.1"
  pid_t pid = 0;
  int parent = -1;  // of the same list; -1 of the first
};

// A row of a run that is shown: what one of its processes did, or what happened to it.
struct ExploreRow {
  enum class Kind {
    kCall,
    kVfork,       // a vfork begins; its call comes after what the child does
    kExec,        // that succeeded
    kHandler,     // of a signal: begins
    kHandlerEnd,  // and returns
    kSwitch,      // `other` goes on in its place
    kSignal,      // one came from outside
    kExit,        // its descriptors close
    kEnd,         // its parent is told
  };
  Kind kind = Kind::kCall;
  int process = 0;     // of ExploreFailure::processes
  int other = -1;      // whom it forked, sent a signal, told of its end or made room for; or -1
  std::string text;    // "read(3, ..., 4)"
  std::string result;  // of a call: "4", or "EAGAIN"
  bool failed = false;
  std::string
      fault;  // what was injected: "EAGAIN", "short:1", "lie", "SIGTERM", with " from now on"
};

struct ExploreFailure {
  std::string rule;  // Checker::name()
  std::string what;
  std::string plan;  // "cf1;…", for Replay()
  FaultPlan deviations;
  std::vector<ExploreProcess> processes;  // in the order of their forks
  std::vector<ExploreRow> rows;
  std::string picture;  // the same as text: a column for each process, a row for each call
};

// What became of the runs in which one fault was injected at one call.
struct FaultOutcomes {
  int64_t absorbed = 0;   // the body returned what it returns without a fault
  int64_t reported = 0;   // it returned something else
  int64_t violation = 0;  // a rule was broken
};

struct ExploreResult {
  enum class Verdict { kExhausted, kTruncated, kFailed };
  Verdict verdict = Verdict::kTruncated;
  std::string scenario;      // its name
  ExploreOptions options;    // the bounds
  std::string truncated_by;  // the name of the bound in ExploreOptions; also of the runs by chance

  int64_t runs = 0;    // complete ones, each counted once
  int64_t pruned = 0;  // given up as like another
  int64_t random_runs = 0;
  std::vector<int64_t> runs_by_deviations;  // of 0, 1, …: of the bounds that were completed
  double seconds = 0;

  std::vector<ExploreFailure> failures;  // the first one found, and none else

  // By the call that failed, "P.1.setgid#1", and the name of the error, "EPERM"; a transfer of one
  // byte is "short", a lie "lie", a signal its name. A call that is made when nothing goes wrong,
  // and that may fail, is here also if nothing was injected there.
  std::map<std::string, std::map<std::string, FaultOutcomes>> coverage;

  // How many runs came to each CLEANFORK_PROBE() (cleanfork/probe.h).
  std::map<std::string, int64_t> probes;

  // How many runs ended in each way that can be told apart from outside: what the explorer's own
  // tests compare.
  std::map<uint64_t, int64_t> outcomes;

  // Some lines: what broke, with the line that replays it first; then the totals.
  std::string ToString() const;
};
std::ostream& operator<<(std::ostream& out, const ExploreResult& result);

// "exhausted", "truncated" or "failed".
std::ostream& operator<<(std::ostream& out, ExploreResult::Verdict verdict);

// Runs all executions of `scenario` within the bounds, up to the first that breaks a rule.
// Aborts with a message where the options leave nothing to explore, or the scenario has no body.
ExploreResult Explore(const Scenario& scenario, const ExploreOptions& options = ExploreOptions());

struct ReplayResult {
  std::string error;  // why `plan` could not be run, or does not fit the body any more; or empty
  std::string rule;   // that is broken; empty: none is
  std::string what;
  std::string picture;
  SimRun run;
};

// Makes one run again: that of `plan`, as a failure printed it or as written by hand. A plan whose
// calls are not made any more, or not in that place, is refused. `max_calls` is that of the
// ExploreOptions with which the failure was found.
ReplayResult Replay(const Scenario& scenario, const std::string& plan,
                    int64_t max_calls = ExploreOptions().max_calls);

}  // namespace cleanfork

#endif  // CLEANFORK_EXPLORE_H_
