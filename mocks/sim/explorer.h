// Explorer: decides where a run may go one way or another: which process goes on, and what fails.
// Without one an engine lets nothing fail, and a process go on until it waits.
#ifndef CLEANFORK_MOCKS_SIM_EXPLORER_H_
#define CLEANFORK_MOCKS_SIM_EXPLORER_H_

#include <cstdint>
#include <vector>

#include "cleanfork/fault_plan.h"
#include "cleanfork/os_call.h"
#include "mocks/sim/faults.h"
#include "mocks/sim/footprint.h"
#include "mocks/sim/function_ref.h"

namespace cleanfork::sim {

// Where a process stands: before a call, or within it, where it waits. An end has two calls of
// exit: descriptors close, then it is a zombie.
struct Place {
  ProcessPath process;
  OsCall call = OsCall::kExit;
  uint32_t index = 0;  // which of the process's calls of that name, from 1
};

// A step that may come next.
struct Candidate {
  int slot;            // kNone: time goes on, or if nothing waits for that, the run ends
  bool can_run;        // if not, only a signal makes it go on
  const Place* place;  // null of kNone
  const Footprint* footprint;
};

// Asked for the faults that may happen to a call, only where somebody chooses one: they take a
// while to find out.
using FaultSource = FunctionRef<void(FaultList*)>;

// Asked for a hash of the state that a run is in: of its kernel, and of all that its processes have
// seen, those that have ended among them.
using StateSource = FunctionRef<uint64_t()>;

// Asked for what a step touches, as long as nobody has taken it.
using FootprintSource = FunctionRef<Footprint()>;

class Explorer {
 public:
  virtual ~Explorer() = default;

  static constexpr int kAbandon = -1;

  // Which of the candidates takes a step; kAbandon ends the run. The first is what happens if
  // nobody chooses. Asked where there is one only, too. `state` may be asked only if WantsStates().
  virtual int ChooseProcess(const Candidate* candidates, int count, const StateSource& state) = 0;

  // What goes wrong with the call that a process is about to make, if anything; or waits in
  // (`within`), where something has to: it is a signal, or the run ends there.
  virtual Fault ChooseFault(const Place& place, bool within, const FaultSource& faults) = 0;

  // A call that failed by `fault` at `place` is made again by the same process, for the first time:
  // whether it fails again, and from then on. Asked unless the fault was a sticky one at once.
  virtual bool ChooseWhetherItStays(const Place& place, const Fault& fault) = 0;

  // Whether ChooseFault() may choose at all; and signals.
  virtual bool WantsFaults() const = 0;
  virtual bool WantsSignals() const = 0;

  // The same for a whole run. What processes have seen is only kept where it is wanted.
  virtual bool WantsStates() const = 0;

  // Those that may still come from outside in this run, SIGKILL among them.
  virtual const std::vector<int>& signals() const = 0;

  // Whether steps of a process that nobody else can tell from no step are to be choices, too.
  virtual bool SeesOwnSteps(const ProcessPath& process) const = 0;

  // A process has taken a step that was no choice, or begun to wait, which was none.
  virtual void NotePassed(const ProcessPath& process) = 0;

  // What a process does that was about to begin to wait is a step after all: it is interrupted.
  // `others` are those that could take one instead.
  virtual void NoteInterrupted(const Candidate* others, int count, const Footprint& step) = 0;

  // One process has sent a signal to another.
  virtual void NoteSignalled(const ProcessPath& process) = 0;
};

// Where a run may be saved: before a choice of who goes on, and before a step that is none.
class CheckpointTaker {
 public:
  virtual ~CheckpointTaker() = default;
  virtual bool WantsCheckpoint() const = 0;
  virtual void TakeCheckpoint() = 0;  // by Engine::Save()
};

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_EXPLORER_H_
