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
#include "mocks/sim/bytes.h"
#include "mocks/sim/calls.h"
#include "mocks/sim/chooser.h"
#include "mocks/sim/environment.h"
#include "mocks/sim/fiber.h"
#include "mocks/sim/kernel.h"
#include "mocks/sim/log.h"
#include "mocks/sim/memory.h"
#include "mocks/sim/refuse.h"
#include "mocks/sim/signals.h"
#include "mocks/sim/uncaught.h"

namespace cleanfork::sim {

using Body = std::function<int(Os&)>;
using Words = std::vector<std::string>;

// Null for a program that is not simulated: it runs until it is killed.
using ProgramBody = std::function<int(Os&, const Words& arguments)>;

enum class RunEnd { kAllEnded, kLeftWaiting, kDeadlock, kNondeterminism, kTooManyCalls };

struct ExecRecord {
  std::string path;
  Words arguments;
  Words environment;
};

// A process at its end, before its descriptors were closed.
struct ProcessRecord {
  Process process;
  pid_t parent;  // the slot of the same name may be another process's by now
  std::vector<std::pair<int, std::string>> descriptors;
  std::string directory;
};

struct TraceRecord {
  pid_t pid;
  OsCall call;
  size_t at;  // of the arguments, in the trace's bytes
  size_t arguments;
  int error;
  int64_t value;
};

class Engine : public Runner, public CallDescriber {
 public:
  Engine(Kernel* kernel, const Directory* directory, const std::vector<ProgramBody>* programs,
         Chooser* chooser, int64_t most_calls);
  ~Engine() override;

  // Runs `body` in the process of slot 0, and all that come of it. What is left of another run is
  // forgotten, but not the room that it took.
  void Run(Os* os, const Body& body, const Words& environment);

  RunEnd end() const { return end_; }
  const std::string& message() const { return message_; }
  const std::vector<ProcessRecord>& ended() const { return ended_; }
  const std::map<pid_t, ExecRecord>& execs() const { return execs_; }
  const std::vector<TraceRecord>& trace() const { return trace_; }
  const char* trace_bytes() const { return trace_bytes_.data(); }
  ProcessRecord Record(int slot) const;

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
  void DeliverSignals() { DeliverSignals(LogEntry::Kind::kSignal); }

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
    std::unique_ptr<Fiber> fiber;
    Fiber* on = nullptr;
    int (*function)(void*) = nullptr;  // of a VforkCall, in its child
    void* argument = nullptr;
    bool vfork_over = false;  // of the child that this one waits for
    Log::Vfork vfork;
    Fiber* shadow_return = nullptr;
    std::vector<std::unique_ptr<Fiber>> shadows;  // one within the other
    const Waiting* waiting = nullptr;
    OsCall call = OsCall::kExit;
    Bytes arguments;
    std::unique_ptr<Task> replacement;  // after an exec
    bool ended = false;
  };

  Task& task() { return *tasks_[static_cast<size_t>(current_)]; }
  Process& self() { return kernel_.processes[current_]; }

  std::unique_ptr<Task> MakeTask(std::shared_ptr<const Body> body,
                                 std::shared_ptr<const Words> environment);
  void DropTask(std::unique_ptr<Task> task);
  void DropAllTasks();
  std::unique_ptr<Task>& TaskAt(int slot) { return tasks_[static_cast<size_t>(slot)]; }
  void Clear();
  bool Replaying();
  void Resume(int slot);
  static void EnterTask(void* engine);
  [[noreturn]] void RunBody();
  [[noreturn]] void EndByReturn(int status);
  [[noreturn]] void EndByException();
  [[noreturn]] void LeaveShadow();

  bool CanRun(int slot) const;
  std::optional<Wake> WhatWakes(int slot) const;  // of those who wait
  int PickNext();
  bool AdvanceTime();
  void LetOthersRun();
  void ReleaseVforkParent();
  [[noreturn]] void EndCurrent(int wait_status);
  [[noreturn]] void Stop(RunEnd end);
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
  const std::vector<ProgramBody>& programs_;
  Chooser& chooser_;
  const int64_t most_calls_;
  Calls calls_;
  Os* os_ = nullptr;
  Fiber host_;
  std::array<std::unique_ptr<Task>, kMaxProcesses> tasks_;
  std::vector<std::unique_ptr<Task>> unused_tasks_;
  int current_ = 0;
  int next_ = 0;
  int64_t call_count_ = 0;
  int64_t answer_count_ = 0;
  bool stopped_ = false;
  RunEnd end_ = RunEnd::kAllEnded;
  LogEntry diverged_;
  Instead instead_ = Instead::kCall;
  std::string exception_;   // the last that came out of a body
  std::string exceptions_;  // a line for each process that one has ended
  std::string message_;
  std::vector<SignalAction> handlers_;  // by ordinal, from 2
  std::vector<ProcessRecord> ended_;
  std::map<pid_t, ExecRecord> execs_;
  std::vector<TraceRecord> trace_;
  Bytes trace_bytes_;
};

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_ENGINE_H_
