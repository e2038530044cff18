// The calls that change where code goes on: fork(2), vfork(2), execve(2), _exit(2).
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "mocks/sim/descriptors.h"
#include "mocks/sim/engine.h"
#include "mocks/sim/files.h"
#include "mocks/sim/footprints.h"
#include "mocks/sim/processes.h"
#include "mocks/sim/refuse.h"
#include "mocks/sim/signals.h"

namespace cleanfork::sim {
namespace {

Words CopyWords(char* const* words) {
  Words copy;
  for (; words != nullptr && *words != nullptr; ++words) copy.push_back(*words);
  return copy;
}

// Whether execve(2) takes that much: each string, and all of them with the pointers to them, the
// latter by a quarter of the stack, of which there are 128 KiB in any case and 6 MiB at most.
bool ArgumentsFit(const char* path, const Words& arguments, const Words& environment,
                  uint64_t stack) {
  constexpr uint64_t kLongest = 131072;  // MAX_ARG_STRLEN of Linux, with the NUL
  constexpr uint64_t kLeast = 131072;
  constexpr uint64_t kMost = uint64_t{6} << 20;
  uint64_t bytes = std::strlen(path) + 1;
  bytes += (std::max<size_t>(arguments.size(), 1) + environment.size()) * sizeof(char*);
  for (const Words* words : {&arguments, &environment}) {
    for (const std::string& word : *words) {
      if (word.size() + 1 > kLongest) return false;
      bytes += word.size() + 1;
    }
  }
  return bytes <= std::max(kLeast, std::min(kMost, stack / 4));
}

}  // namespace

SysResult<pid_t> Engine::Fork() {
  const SysResult<int> slot = ForkProcess(&kernel_, current_);
  if (!slot.ok()) return SysError(slot.error());
  const Task& own = task();
  Task& child = *(TaskAt(slot.value()) = MakeTask(own.body, own.start_environment));
  *child.log = *own.log;
  const SysResult<pid_t> result = pid_t{0};
  LogEntry& entry = child.log->Add(LogEntry::Kind::kCall, OsCall::kFork, own.arguments);
  entry.result = sizeof(result);
  child.log->bytes.Append(&result, sizeof(result));
  child.history = own.history;
  Bear(slot.value(), false);
  return kernel_.processes[slot.value()].pid;
}

SysResult<pid_t> Engine::VforkCall(int (*function)(void*), void* argument, int termination_signal) {
  if (termination_signal != 0 && termination_signal != SIGCHLD) return SysError(EINVAL);
  const SysResult<int> slot = ForkProcess(&kernel_, current_);
  if (!slot.ok()) return SysError(slot.error());
  Task& own = task();
  const pid_t pid = kernel_.processes[slot.value()].pid;
  kernel_.processes[slot.value()].vfork_parent = current_;
  kernel_.processes[slot.value()].clone_child = termination_signal == 0;
  Task& child = *(TaskAt(slot.value()) = MakeTask(own.body, own.start_environment));
  Bear(slot.value(), true);
  child.memory = own.memory;
  child.lent = own.lent;
  child.lent.push_back(own.fiber);
  child.function = function;
  child.argument = argument;
  *child.log = *own.log;
  child.log->Add(LogEntry::Kind::kVforkEntered, OsCall::kVforkCall, own.arguments);
  child.at = child.log->entries.size();
  child.history = own.history;
  own.vfork_over = false;
  own.vfork = {child.log, child.at};
  const auto is_over = [&own] { return own.vfork_over; };
  const Wake wake = Wait({"the child has neither exec'd nor ended", kForever, is_over, true});
  if (wake == Wake::kSignal) return SysError(kRestartable);  // killed: it does not come back
  return pid;
}

// What is known of a process that has just been forked.
void Engine::Bear(int slot, bool vfork) {
  Task& parent = task();
  Task& child = *TaskAt(slot);
  child.birth = static_cast<int>(births_.size());
  const ProcessPath path = births_[static_cast<size_t>(parent.birth)].path.Child(++parent.forks);
  child.place.process = path;
  births_.push_back({path, kernel_.processes[slot].pid, parent.birth, vfork});
  if (vfork) NoteStep(TraceRecord::Kind::kVfork, current_, child.birth);
}

void Engine::RunFunction(int (*function)(void*), void* argument) {
  int status = 0;
  const bool returned = RunToEnd(
      [&] {
        const AllocatingFor process(task().memory->heap());
        status = function(argument);
      },
      &exception_);
  if (!returned) EndByException();
  EndByReturn(status);
}

void Engine::ReplayVfork(const LogEntry& entry, int (*function)(void*), void* argument, int) {
  if (entry.vfork == kNone) return;  // it failed
  struct Shadow {
    Engine* engine;
    int (*function)(void*);
    void* argument;
  };
  Task& own = task();
  const Log::Vfork& vfork = own.reading->vforks[static_cast<size_t>(entry.vfork)];
  Shadow shadow = {this, function, argument};
  const auto enter = [](void* given) {
    const Shadow& self = *static_cast<const Shadow*>(given);
    self.engine->RunFunction(self.function, self.argument);
  };
  // The task's, since a run that ends within it does not come back here.
  own.shadows.push_back(std::make_shared<Fiber>("a replayed VforkCall() of simulated process",
                                                self().pid, enter, &shadow));
  Fiber& fiber = *own.shadows.back();
  const Log* const reading = std::exchange(own.reading, vfork.log.get());
  const size_t at = std::exchange(own.at, vfork.first);
  const bool was_shadow = std::exchange(own.shadow, true);
  Fiber* const on = std::exchange(own.on, &fiber);
  Fiber* const shadow_return = std::exchange(own.shadow_return, on);
  Fiber::Switch(*on, fiber);
  own.reading = reading;
  own.at = at;
  own.shadow = was_shadow;
  own.on = on;
  own.shadow_return = shadow_return;
  own.shadows.pop_back();
}

SysResult<int> Engine::FindProgram(const char* path) {
  const Resolved where = Resolve(kernel_, self(), path, true);
  if (where.proc) Refuse("exec of a file in /proc");
  if (where.error != 0) return SysError(where.error);
  const Inode& inode = kernel_.inodes[where.inode];
  if (!S_ISREG(inode.mode)) return SysError(EACCES);
  if (!MayAccess(kernel_, self().credentials, where.inode, kExecute)) return SysError(EACCES);
  if (IsOpenForWriting(kernel_, where.inode)) return SysError(ETXTBSY);
  if ((inode.mode & (S_ISUID | S_ISGID)) != 0) Refuse("a set-user-ID or set-group-ID program");
  if (inode.program != kNone) return where.inode;
  if (Contents(kernel_, where.inode).substr(0, 2) == "#!") Refuse("a script");
  return SysError(ENOEXEC);
}

SysResult<void> Engine::ExecVe(const char* path, char* const* argv, char* const* envp) {
  Process& process = self();
  if (process.too_many_processes != 0) {
    const bool still =
        CountProcesses(kernel_, process.credentials.user.real) > process.limits[RLIMIT_NPROC].soft;
    if (still) return SysError(EAGAIN);
    process.too_many_processes = 0;
  }
  if (!HasRoomForFiles(kernel_, process, 1)) return SysError(ENFILE);
  const SysResult<int> executable = FindProgram(path);
  if (!executable.ok()) return SysError(executable.error());
  ExecRecord record = {path, CopyWords(argv), CopyWords(envp)};
  const uint64_t stack = process.limits[RLIMIT_STACK].soft;
  if (!ArgumentsFit(path, record.arguments, record.environment, stack)) return SysError(E2BIG);
  ReleaseVforkParent();
  CloseForExec(&kernel_, &process);
  ResetHandlers(&process.signals);
  const Credentials old = process.credentials;
  ChangeForExec(&process.credentials);
  // Also where exec is "secure" because effective ids are not the real ones.
  const bool secure = old.user.effective != old.user.real || old.group.effective != old.group.real;
  if (secure || IsNewIdentity(old, process.credentials)) process.parent_death_signal = 0;
  process.ever_execd = 1;
  process.clone_child = 0;
  ++kernel_.inodes[executable.value()].open_count;
  if (process.executable != kNone) ReleaseInode(&kernel_, process.executable);
  process.executable = executable.value();
  process.program = kernel_.inodes[process.executable].program;
  const ProgramBody& run = programs_[static_cast<size_t>(process.program)];
  Body body;
  if (run != nullptr) {
    body = [run, words = record.arguments](Os& os) { return run(os, words); };
  } else {
    body = [this](Os&) -> int {
      const AllocatingFor engine(nullptr);
      for (;;) {
        const auto never = [] { return false; };
        Wait({"it is not simulated", kForever, never, false});
        DeliverSignals();
      }
    };
  }
  Task& own = task();
  NoteStep(TraceRecord::Kind::kExec, current_, 0);
  replacement_ = MakeTask(std::make_shared<const Body>(std::move(body)),
                          std::make_shared<const Words>(record.environment));
  Task& program = *replacement_;
  program.birth = own.birth;
  program.forks = own.forks;
  program.place = own.place;
  program.footprint = own.footprint;
  program.counts = own.counts;
  program.sticky = own.sticky;
  program.may_stay = own.may_stay;
  execs_[process.pid] = std::move(record);
  AddCallToHistory(0, nullptr, 0);
  program.history = own.history;
  next_ = current_;
  Fiber::Exit(*own.on, host_);
}

// The parent that waits in VforkCall() goes on.
void Engine::ReleaseVforkParent() {
  Process& process = self();
  if (process.vfork_parent == kNone) return;
  TaskAt(process.vfork_parent)->vfork_over = true;
  process.vfork_parent = kNone;
}

void Engine::Exit(int status) {
  Task& own = task();
  const bool answers = own.at < own.reading->entries.size();
  if (answers) StopNondeterministic(own.reading->entries[own.at], Instead::kCall);
  if (own.shadow) LeaveShadow();
  if (explorer_ != nullptr) ParkBeforeExit();
  CloseAndEnd((status & 0xff) << 8);
}

void Engine::EndCurrent(int wait_status) {
  if (task().shadow) LeaveShadow();
  AddSignalToHistory(static_cast<uint64_t>(wait_status));
  if (explorer_ != nullptr) ParkToEnd(&FootprintOfClosingStep, false);
  CloseAndEnd(wait_status);
}

void Engine::CloseAndEnd(int wait_status) {
  AddRecord(current_, &ended_);
  ended_.back().process.wait_status = wait_status;
  ended_.back().ended = true;
  if (keeps_histories_) NoteEndedState();
  trace_.push_back({TraceRecord::Kind::kEnd, self().pid, task().birth, OsCall::kExit, 0, false,
                    trace_bytes_.size(), 0, 0, wait_status});
  ReleaseVforkParent();
  BeginExit(&kernel_, current_);
  if (explorer_ != nullptr) {
    ParkToEnd(&FootprintOfLastStep, false);
  } else {
    LetOthersRun();
  }
  NoteStep(TraceRecord::Kind::kGone, current_, wait_status);
  FinishExit(&kernel_, current_, wait_status);
  task().ended = true;
  Fiber::Exit(*task().on, host_);
}

}  // namespace cleanfork::sim
