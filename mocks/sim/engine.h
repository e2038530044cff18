// Engine: runs simulated processes. Each is a fiber in the user's code; what its calls do to the
// kernel stands in Calls. The engine forks by replay, runs handlers, decides who goes on, and says
// why nobody can.
#ifndef CLEANFORK_MOCKS_SIM_ENGINE_H_
#define CLEANFORK_MOCKS_SIM_ENGINE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cleanfork/os.h"
#include "cleanfork/os_call.h"
#include "cleanfork/sim_os.h"
#include "mocks/sim/bytes.h"
#include "mocks/sim/calls.h"
#include "mocks/sim/environment.h"
#include "mocks/sim/explorer.h"
#include "mocks/sim/fiber.h"
#include "mocks/sim/kernel.h"
#include "mocks/sim/log.h"
#include "mocks/sim/memory.h"
#include "mocks/sim/refuse.h"
#include "mocks/sim/signals.h"
#include "mocks/sim/state_hash.h"
#include "mocks/sim/uncaught.h"

namespace cleanfork::sim {

using Body = std::function<int(Os&)>;
using Words = std::vector<std::string>;

// Null for a program that is not simulated: it runs until it is killed.
using ProgramBody = std::function<int(Os&, const Words& arguments)>;

struct ExecRecord {
  std::string path;
  Words arguments;
  Words environment;
};

// Where a process came from.
struct Birth {
  ProcessPath path;
  pid_t pid;
  int parent;  // a number of another birth; kNone of the first
  bool vfork;
};

// A process at its end, before its descriptors were closed.
struct ProcessRecord {
  explicit ProcessRecord(const Process& of) : process(of) {}

  Process process;
  int birth = kNone;         // the number of it
  bool returned = false;     // from its body
  int64_t blocks_left = -1;  // on its heap, by then; -1: not known
  bool ended = false;
  int zombies = 0;   // children that nobody has waited for
  int children = 0;  // that have not ended
  pid_t parent = 0;  // the slot of the same name may be another process's by now
  std::vector<std::pair<int, std::string>> descriptors;
  std::string directory;
};

struct TraceRecord {
  enum class Kind {
    kCall,
    kEnd,  // of the process: the value is its wait status
    // Only where texts are made.
    kVfork,         // a VforkCall() begins: the value is the number of the child's birth
    kExec,          // an execve() that succeeded
    kGone,          // after kEnd: descriptors are closed, the parent is told; the same value
    kHandler,       // a handler begins: the value is the signal
    kHandlerEnd,    // and returns
    kSwitch,        // another process goes on instead: the value is the number of its birth
    kSignal,        // one comes from outside, before the call: the value is the signal
    kSignalWithin,  // while the process waits in the call
  };
  Kind kind;
  pid_t pid;
  int birth;
  OsCall call;
  uint32_t index;  // of the process's calls of that name, where somebody explores
  bool injected;
  size_t at;  // of the arguments, in the trace's bytes
  size_t arguments;
  int error;
  int64_t value;
};

class Engine : public Runner, public CallDescriber {
 public:
  // `made`: what the kernel is at the beginning of each run.
  Engine(Kernel* kernel, const Kernel* made, const Directory* directory,
         const std::vector<ProgramBody>* programs, int64_t most_calls);
  ~Engine() override;

  // Null for none.
  void SetExplorer(Explorer* explorer) { explorer_ = explorer; }
  void SetCheckpointTaker(CheckpointTaker* taker) { checkpoint_taker_ = taker; }

  // Without it records have no texts, and a run no message unless it went wrong.
  void SetDescribes(bool describes) { describes_ = describes; }

  // Runs `body` in the process of slot 0, and all that come of it. What is left of another run is
  // forgotten, but not the room that it took.
  void Run(Os* os, const Body& body, const Words& environment);

  // Where a run is; null where it cannot be saved: an exception is in flight, or a process has
  // variables of its own. Only while CheckpointTaker::TakeCheckpoint() runs.
  struct Checkpoint;
  std::shared_ptr<Checkpoint> Save();
  static size_t BytesOf(const Checkpoint& checkpoint);  // that it takes, more or less
  void Discard(std::shared_ptr<Checkpoint> checkpoint);

  // As Run() from there on. What was told of the run until then still has to be that of the last
  // one: checkpoints that were taken since are of no use any more.
  void RunFrom(const Checkpoint& checkpoint);

  SimEnd end() const { return end_; }
  bool abandoned() const { return abandoned_; }  // by the explorer
  const std::string& message() const { return message_; }
  const std::vector<ProcessRecord>& ended() const { return ended_; }
  // Those that go on waiting when the run ends; and the first one as it began: where somebody
  // explores.
  const std::vector<ProcessRecord>& left() const { return left_; }
  const Process& beginning() const { return beginning_; }
  const std::map<pid_t, ExecRecord>& execs() const { return execs_; }
  const std::vector<Birth>& births() const { return births_; }
  const std::vector<TraceRecord>& trace() const { return trace_; }
  const char* trace_bytes() const { return trace_bytes_.data(); }
  ProcessRecord Record(int slot) const;

  // The process that runs, by the number of its birth.
  int birth() { return task().birth; }

  // Whether it only repeats what another process has done.
  bool Replaying();

  // What SimOs's calls are made of ---------------------------------------------------------------

  Calls& calls() { return calls_; }
  Environment& environment() { return task().memory->environment(); }

  // A call begins: its arguments go where this points.
  Bytes* BeginCall(OsCall call);

  // Whether the log answers, once the handlers that ran before the call have run: it may have been
  // in one of them that this process was forked. Then TakeLogged() is what it says. CheckLogged()
  // ends the run if that is another call than the one that began.
  bool Answers();
  const LogEntry& TakeLogged();
  void CheckLogged(const LogEntry& entry);
  const char* LoggedResult(const LogEntry& entry);
  void ReplaySignals();

  // Otherwise: what may happen before, the call itself, what happens after. BeforeCall() returns
  // whether handlers have run, which make calls of their own.
  bool BeforeCall();
  bool Restarts(int error);
  void LogRestart(int error);
  void LogCall(const void* result, size_t size, const void* filled, size_t filled_size, int error,
               int64_t value);

  // Before LogCall(), where somebody asks for states: what the call returned, as a hash.
  bool keeps_histories() const { return keeps_histories_; }
  void AddCallToHistory(uint64_t result, const void* filled, size_t filled_size);

  void DeliverSignals() { DeliverSignals(LogEntry::Kind::kSignal); }

  // Where somebody explores ---------------------------------------------------------------------

  bool explores() const { return explorer_ != nullptr; }
  const Kernel& kernel() const { return kernel_; }

  // The number of the call that begins; `again`: it is made again after an interruption.
  uint32_t CountCall(bool again);

  // Of the call that begins: see SeesHowEarlyItWaits().
  void NoteHowItWaits(bool sees) { task().sees_how_early = sees; }
  void NoteWhatItLetsIn(uint64_t signals) { task().lets_in = signals; }

  // The process is about to make a call: others may go on first. Not where the call would only
  // begin to wait, or nobody else can tell, unless the explorer wants to see that. `footprint` is
  // that of the call whatever others do until then; `now`, null for none, is asked for that of the
  // moment, also while the process waits in the call.
  void Park(uint32_t index, const Footprint& footprint, const FootprintSource* now,
            const ReadyCheck& would_wait);
  bool DeliverBeforeCall();  // whether handlers have run

  // What goes wrong with the call: what does so from now on, or what the explorer chooses. Signals
  // that it chooses are sent. True: a handler has run, and the call begins anew.
  const Fault* FindSticky();  // null for none
  bool ChooseBeforeCall(uint32_t index, const FaultSource& faults, Fault* fault);

  SysResult<pid_t> Fork();
  SysResult<pid_t> VforkCall(int (*function)(void*), void* argument, int termination_signal);
  // The function of a VforkCall(), in its child.
  [[noreturn]] void RunFunction(int (*function)(void*), void* argument);
  void ReplayVfork(const LogEntry& entry, int (*function)(void*), void* argument, int);
  SysResult<void> ExecVe(const char* path, char* const* argv, char* const* envp);
  [[noreturn]] void Exit(int status);

  // Runner and CallDescriber ----------------------------------------------------------------------

  int current() const override { return current_; }
  Wake Wait(const Waiting& waiting) override;
  int OrdinalOf(const SignalAction& action) override;
  SignalAction ActionOf(int ordinal) const override;
  std::string DescribeCurrentCall() const override;

 private:
  struct Task {
    std::shared_ptr<const Body> body;
    std::shared_ptr<const Words> start_environment;
    std::shared_ptr<Memory> memory;
    std::shared_ptr<Log> log;
    const Log* reading = nullptr;  // *log, or in a shadow that of a VforkCall's child
    size_t at = 0;
    bool shadow = false;
    std::shared_ptr<Fiber> fiber;
    // Of those whose memory a VforkCall's child runs in: it stays, also when they are killed.
    std::vector<std::shared_ptr<Fiber>> lent;
    Fiber* on = nullptr;
    int (*function)(void*) = nullptr;  // of a VforkCall, in its child
    void* argument = nullptr;
    bool vfork_over = false;  // of the child that this one waits for
    Log::Vfork vfork;
    Fiber* shadow_return = nullptr;
    std::vector<std::shared_ptr<Fiber>> shadows;  // one within the other
    const Waiting* waiting = nullptr;
    OsCall call = OsCall::kExit;
    Bytes arguments;
    int birth = 0;
    uint32_t forks = 0;
    bool returned = false;
    int64_t blocks_left = -1;
    const ReadyCheck* parked = nullptr;  // before a call: whether it would wait
    bool injected = false;               // the call's error
    Fault fault;                         // if it is
    uint64_t history = 0;                // a hash of what it has seen: keeps_histories()
    bool sees_how_early = false;         // as SeesHowEarlyItWaits() has it, of the call
    uint64_t lets_in = 0;                // as BlockedThatItLetsIn() has it
    Place place;
    Footprint footprint;
    bool is_own = false;      // its step never touches anything but what it does with signals
    bool is_nothing = false;  // nor that
    bool would_wait = false;  // the call that comes next
    bool passes = false;      // it was about to begin to wait, which was no choice
    const FootprintSource* now = nullptr;  // that of the step, if it is not the same for good
    std::array<uint32_t, kOsCallCount> counts = {};
    std::vector<std::pair<OsCall, Fault>> sticky;
    std::vector<std::pair<Place, Fault>> may_stay;  // until the next call of the same name
    std::string exception;                          // that ends it
    bool ended = false;
  };

  Task& task() { return *tasks_[static_cast<size_t>(current_)]; }
  Process& self() { return kernel_.processes[current_]; }

  std::unique_ptr<Task> MakeTask(std::shared_ptr<const Body> body,
                                 std::shared_ptr<const Words> environment);
  void DropTask(std::unique_ptr<Task> task);
  void DropAllTasks();
  void GoOn();
  void OfferToSave();
  static bool CanBeSaved(const Task& task);
  void Restore(const Checkpoint& checkpoint);
  std::unique_ptr<Task>& TaskAt(int slot) { return tasks_[static_cast<size_t>(slot)]; }
  void Clear();
  void AddRecord(int slot, std::vector<ProcessRecord>* records) const;
  void Complete(int slot, ProcessRecord* record) const;
  void Resume(int slot);
  static void EnterTask(void* engine);
  [[noreturn]] void RunBody();
  [[noreturn]] void EndByReturn(int status);
  [[noreturn]] void EndByException();
  [[noreturn]] void LeaveShadow();

  bool HasHandler() const;
  bool HearsOfChildren() const;
  bool CanRun(int slot) const;
  std::optional<Wake> WhatWakes(int slot) const;  // of those who wait
  int PickNext();
  int PickExplored();
  int Abandon();
  int FindCandidates(int but, Candidate* candidates);
  void AskForFootprint(int slot);
  bool SeesWaits(int slot) const;
  void NoteSignalled();
  void ParkToEnd(Footprint (*ask)(const Kernel& kernel, int slot), bool again);
  void ParkBeforeExit();
  void SetFootprint(int slot, const Footprint& footprint);
  bool ParkToStop(int signal);  // whether it is still to be done
  Fault ChooseFault(uint32_t index, const FaultSource& faults);
  void LetFaultStay();
  void AddSignals(int slot, FaultList* faults, bool before = false) const;
  bool EndsAsWellLater(int signal) const;
  bool MayBeSignalled(int slot) const;
  void PostFromOutside(int slot, int signal, bool within);
  void Bear(int slot, bool vfork);
  void NoteStep(TraceRecord::Kind kind, int slot, int64_t value);
  bool AdvanceTime();
  void LetOthersRun();
  void AddToHistory(uint64_t what);
  void AddSignalToHistory(uint64_t what);
  void NoteEndedState();
  static void AddTask(const Task& task, StateHash* hash);
  static void AddFault(const Fault& fault, StateHash* hash);
  uint64_t State() const;
  void ReleaseVforkParent();
  [[noreturn]] void EndCurrent(int wait_status);
  [[noreturn]] void CloseAndEnd(int wait_status);
  [[noreturn]] void Stop(SimEnd end);
  // The process does not do what `logged` says, but this.
  enum class Instead { kCall, kHandlersEnd, kException };
  [[noreturn]] void StopNondeterministic(const LogEntry& logged, Instead instead);
  static std::string CurrentCallText(const Task& task);
  std::string DivergenceText();
  void NoteEnd();
  void NoteWhoWaits();

  void DeliverSignals(LogEntry::Kind kind) {
    if (HasSignal(self())) DeliverPending(kind);
  }
  void DeliverPending(LogEntry::Kind kind);
  void TakeDefaultAction(int signal);
  void RunHandler(int ordinal, int signal, const Sender& sender);
  void ReplaySignal();
  SysResult<int> FindProgram(const char* path);  // its inode

  Kernel& kernel_;
  const Kernel& made_;
  const std::vector<ProgramBody>& programs_;
  Explorer* explorer_ = nullptr;
  CheckpointTaker* checkpoint_taker_ = nullptr;
  bool describes_ = true;
  bool keeps_histories_ = false;
  uint64_t ended_states_ = 0;  // a sum: in which order they have ended is nothing
  const int64_t most_calls_;
  Calls calls_;
  Os* os_ = nullptr;
  Fiber host_;
  std::array<std::unique_ptr<Task>, kMaxProcesses> tasks_;
  std::unique_ptr<Task> replacement_;  // of the current one, after an exec
  std::vector<std::unique_ptr<Task>> unused_tasks_;
  std::vector<std::shared_ptr<Checkpoint>> unused_checkpoints_;
  int current_ = 0;
  // Of next_: it is still to be chosen; or it is the current one, when the run has been saved.
  static constexpr int kToBePicked = -2;
  static constexpr int kToBeSaved = -3;
  int next_ = 0;
  int64_t call_count_ = 0;
  int64_t answer_count_ = 0;
  bool stopped_ = false;
  SimEnd end_ = SimEnd::kAllEnded;
  bool abandoned_ = false;
  LogEntry diverged_;
  Instead instead_ = Instead::kCall;
  std::string exception_;   // the last that came out of a body
  std::string exceptions_;  // a line for each process that one has ended
  std::string message_;
  std::vector<SignalAction> handlers_;  // by ordinal, from 2
  int last_ = 0;                        // who took the last step that was a choice
  std::vector<Birth> births_;
  std::vector<ProcessRecord> ended_;
  std::vector<ProcessRecord> left_;
  Process beginning_ = {};
  bool has_beginning_ = false;
  std::map<pid_t, ExecRecord> execs_;
  std::vector<TraceRecord> trace_;
  Bytes trace_bytes_;
};

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_ENGINE_H_
