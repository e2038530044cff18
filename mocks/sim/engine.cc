#include "mocks/sim/engine.h"

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "mocks/sanitizers.h"
#include "mocks/sim/arguments.h"
#include "mocks/sim/descriptors.h"
#include "mocks/sim/files.h"
#include "mocks/sim/processes.h"
#include "mocks/sim/signals.h"

#ifdef CLEANFORK_ASAN
#include <sanitizer/lsan_interface.h>
#endif

namespace cleanfork::sim {
namespace {

// How many calls may be answered from logs in a run in which one call may be made. A process that
// forks and waits n times has n * n of them answered: a million is the default, so n may be 4000,
// which takes a second or three.
constexpr int64_t kAnswersForACall = 16;

// What a process has on the heap when it exits in the middle of a function is nobody's any more,
// as in a real process.
// The leak checker takes it for a leak, where nobody (//:sim_heap) frees it.
class LeaksAllowed {
 public:
#ifdef CLEANFORK_ASAN
  explicit LeaksAllowed(bool allowed) : allowed_(allowed) {
    if (allowed_) __lsan_disable();
  }
  ~LeaksAllowed() {
    if (allowed_) __lsan_enable();
  }
#else
  explicit LeaksAllowed(bool) {}
  ~LeaksAllowed() {}
#endif
  LeaksAllowed(const LeaksAllowed&) = delete;
  LeaksAllowed& operator=(const LeaksAllowed&) = delete;

 private:
#ifdef CLEANFORK_ASAN
  const bool allowed_;
#endif
};

bool IsOfSameObject(const Description& a, const Description& b) {
  return a.kind == b.kind && a.object == b.object && a.entry == b.entry && a.number == b.number;
}

std::string CallText(OsCall call, const char* arguments, size_t size) {
  return std::string(GetOsCallInfo(call).name) + "(" + ArgumentText(arguments, size) + ")";
}

}  // namespace

std::string Engine::CurrentCallText(const Task& task) {
  return CallText(task.call, task.arguments.data(), task.arguments.size());
}

Engine::Engine(Kernel* kernel, const Kernel* made, const Directory* directory,
               const std::vector<ProgramBody>* programs, int64_t most_calls)
    : kernel_(*kernel),
      made_(*made),
      programs_(*programs),
      most_calls_(most_calls),
      calls_(kernel, directory, this) {}

Engine::~Engine() = default;

void Engine::Run(Os* os, const Body& body, const Words& environment) {
  const CallDescriber* const describer = CallDescriber::Install(this);
  const AllocatingFor engine(nullptr);
  Clear();
  os_ = os;
  if (explores() && !has_beginning_) {  // as in all other runs
    beginning_ = kernel_.processes[0];
    has_beginning_ = true;
  }
  // No copies: nothing goes on after this returns.
  const std::shared_ptr<void> nobody;
  TaskAt(0) = MakeTask({nobody, &body}, {nobody, &environment});
  births_.push_back({ProcessPath(), kernel_.processes[0].pid, kNone, false});
  next_ = 0;
  GoOn();
  CallDescriber::Install(describer);
}

void Engine::GoOn() {
  while (next_ != kNone && !stopped_) {
    current_ = next_;
    Resume(current_);
    std::unique_ptr<Task>& last = TaskAt(current_);
    if (replacement_ != nullptr) {
      DropTask(std::exchange(last, std::move(replacement_)));
    } else if (last->ended) {
      DropTask(std::move(last));
      next_ = kToBePicked;
    }
    if (stopped_) break;
    if (next_ == kToBePicked || next_ == kToBeSaved) OfferToSave();
    if (next_ == kToBePicked) next_ = PickNext();
    if (next_ == kToBeSaved) next_ = current_;
  }
  if (!abandoned_) NoteEnd();
  for (int slot = 0; explores() && slot < kernel_.processes.used; ++slot) {
    const bool runs = kernel_.processes[slot].state == ProcessState::kRunning;
    if (runs && TaskAt(slot) != nullptr) AddRecord(slot, &left_);
  }
  DropAllTasks();
}

void Engine::Clear() {
  next_ = current_ = last_ = 0;
  call_count_ = answer_count_ = 0;
  keeps_histories_ = explores() && explorer_->WantsStates();
  ended_states_ = 0;
  stopped_ = false;
  end_ = SimEnd::kAllEnded;
  abandoned_ = false;
  message_.clear();
  exceptions_.clear();
  handlers_.clear();
  births_.clear();
  left_.clear();
  ended_.clear();
  execs_.clear();
  trace_.clear();
  trace_bytes_.clear();
}

ProcessRecord Engine::Record(int slot) const {
  ProcessRecord record(kernel_.processes[slot]);
  Complete(slot, &record);
  return record;
}

// In its place: a process is some 4 KB, and there is one at every end.
void Engine::AddRecord(int slot, std::vector<ProcessRecord>* records) const {
  Complete(slot, &records->emplace_back(kernel_.processes[slot]));
}

void Engine::Complete(int slot, ProcessRecord* record) const {
  const Process& process = kernel_.processes[slot];
  if (const Task* const task = tasks_[static_cast<size_t>(slot)].get()) {
    record->birth = task->birth;
    record->returned = task->returned;
    record->blocks_left = task->blocks_left;
  }
  record->parent = ParentPid(kernel_, process);
  for (const Process& child : kernel_.processes) {
    if (child.state == ProcessState::kFree || child.parent != slot) continue;
    ++(child.state == ProcessState::kZombie ? record->zombies : record->children);
  }
  if (!describes_) return;
  record->directory = PathOf(kernel_, process.directory);
  record->descriptors.reserve(static_cast<size_t>(process.descriptors_end));
  const Description* last = nullptr;
  for (int fd = 0; fd < process.descriptors_end; ++fd) {
    const int index = process.descriptors[fd].description;
    if (index == kNone) continue;
    const Description& description = kernel_.descriptions[index];
    // The standard streams tend to be of one file, whose path takes a walk to find.
    const bool same = last != nullptr && IsOfSameObject(*last, description);
    record->descriptors.emplace_back(
        fd, same ? record->descriptors.back().second : DescribeDescription(kernel_, description));
    last = &description;
  }
}

// Fibers ---------------------------------------------------------------------------------------

std::unique_ptr<Engine::Task> Engine::MakeTask(std::shared_ptr<const Body> body,
                                               std::shared_ptr<const Words> environment) {
  std::unique_ptr<Task> task;
  if (unused_tasks_.empty()) {
    task = std::make_unique<Task>();
    task->log = std::make_shared<Log>();
  } else {
    task = std::move(unused_tasks_.back());
    unused_tasks_.pop_back();
  }
  task->body = std::move(body);
  task->start_environment = std::move(environment);
  task->reading = task->log.get();
  return task;
}

// Keeps it for the next process: what has grown need not grow again.
void Engine::DropTask(std::unique_ptr<Task> task) {
  if (task->fiber != nullptr && task->memory->heap() != nullptr) {
    for (const auto& shadow : task->shadows) shadow->DropExceptions();
    task->lent.push_back(std::move(task->fiber));
    for (const std::shared_ptr<Fiber>& fiber : task->lent) {
      // Else somebody still runs in its memory.
      if (fiber.use_count() == 1) fiber->DropExceptions();
    }
  }
  std::shared_ptr<Log> log = std::move(task->log);
  Bytes arguments = std::move(task->arguments);
  *task = Task();
  if (log.use_count() > 1) log = std::make_shared<Log>();  // the parent of a VforkCall() has it
  log->Clear();
  task->log = std::move(log);
  task->arguments = std::move(arguments);
  unused_tasks_.push_back(std::move(task));
}

void Engine::DropAllTasks() {
  for (int slot = 0; slot < kernel_.processes.used; ++slot) {
    if (TaskAt(slot) != nullptr) DropTask(std::move(TaskAt(slot)));
  }
}

void Engine::Resume(int slot) {
  Task& task = *tasks_[static_cast<size_t>(slot)];
  if (task.fiber == nullptr) {
    const pid_t pid = kernel_.processes[slot].pid;
    task.fiber = std::make_shared<Fiber>("simulated process", pid, &EnterTask, this);
    task.on = task.fiber.get();
  }
  if (task.memory == nullptr) task.memory = std::make_shared<Memory>(task.start_environment);
  const LeaksAllowed allowed(task.memory->heap() == nullptr);
  ProcessVariables* const before = ProcessVariables::Current();
  ProcessVariables::SetCurrent(task.memory.get());
  Fiber::Switch(host_, *task.on);
  ProcessVariables::SetCurrent(before);
}

void Engine::EnterTask(void* argument) {
  Engine& engine = *static_cast<Engine*>(argument);
  const Task& own = engine.task();
  if (own.function != nullptr) engine.RunFunction(own.function, own.argument);
  engine.RunBody();
}

void Engine::RunBody() {
  Task& own = task();
  int status = 0;
  const bool returned = RunToEnd(
      [&] {
        const AllocatingFor process(own.memory->heap());
        status = (*own.body)(*os_);
      },
      &exception_);
  if (!returned) EndByException();
  own.blocks_left = own.memory->BodyReturned();
  own.returned = true;
  EndByReturn(status);
}

void Engine::EndByReturn(int status) {
  ArgumentWriter(BeginCall(OsCall::kExit), this).Add(status);
  Exit(status);
}

// As std::terminate() does.
void Engine::EndByException() {
  Task& own = task();
  const bool answers = own.at < own.reading->entries.size();
  if (answers) StopNondeterministic(own.reading->entries[own.at], Instead::kException);
  if (own.shadow) LeaveShadow();  // it has ended the child that is repeated
  own.exception = exception_;     // others may throw before this one has ended
  if (explorer_ != nullptr) ParkBeforeExit();
  exceptions_ += (exceptions_.empty() ? "process " : "\nprocess ") + std::to_string(self().pid) +
                 " ended by an exception: " + own.exception;
  EndCurrent(SIGABRT);
}

void Engine::LeaveShadow() {
  Task& own = task();
  Fiber::Exit(*own.on, *own.shadow_return);
}

// Who goes on ----------------------------------------------------------------------------------

bool Engine::CanRun(int slot) const {
  const auto& task = tasks_[static_cast<size_t>(slot)];
  if (task == nullptr || task->ended) return false;
  return task->waiting == nullptr || WhatWakes(slot).has_value();
}

std::optional<Wake> Engine::WhatWakes(int slot) const {
  const Waiting& waiting = *tasks_[static_cast<size_t>(slot)]->waiting;
  if (waiting.ready()) return Wake::kReady;
  const Process& process = kernel_.processes[slot];
  const bool signalled = waiting.only_killed ? IsBeingKilled(process) : HasSignal(process);
  if (signalled) return Wake::kSignal;
  if (kernel_.monotonic >= waiting.deadline) return Wake::kTimeout;
  return std::nullopt;
}

int Engine::PickNext() {
  if (explorer_ != nullptr) return PickExplored();
  do {
    const int used = kernel_.processes.used;
    for (int i = 0; i < used; ++i) {
      const int slot = (current_ + i) % used;
      if (CanRun(slot)) return slot;
    }
  } while (AdvanceTime());
  return kNone;
}

bool Engine::AdvanceTime() {
  int64_t next = kForever;
  for (int slot = 0; slot < kernel_.processes.used; ++slot) {
    const std::unique_ptr<Task>& task = TaskAt(slot);
    if (task != nullptr && task->waiting != nullptr) {
      next = std::min(next, task->waiting->deadline);
    }
  }
  if (next == kForever) return false;
  kernel_.monotonic = next;
  return true;
}

// Who goes on is chosen when no process runs, where the run may be saved before.
void Engine::LetOthersRun() {
  next_ = checkpoint_taker_ != nullptr ? kToBePicked : PickNext();
  if (next_ != current_) Fiber::Switch(*task().on, host_);
}

Wake Engine::Wait(const Waiting& waiting) {
  task().waiting = &waiting;
  std::optional<Wake> wake;
  while (!(wake = WhatWakes(current_)).has_value()) LetOthersRun();
  task().waiting = nullptr;
  return *wake;
}

// Whoever is left here never comes back to free a message: Run() makes it.
void Engine::Stop(SimEnd end) {
  end_ = end;
  stopped_ = true;
  next_ = kNone;
  Fiber::Exit(*task().on, host_);
}

void Engine::NoteEnd() {
  switch (end_) {
    case SimEnd::kTooManyCalls:
      message_ = call_count_ > most_calls_
                     ? "more than " + std::to_string(most_calls_) + " calls were made"
                     : "more than " + std::to_string(answer_count_ - 1) +
                           " calls were answered from logs: a loop of forks?";
      break;
    case SimEnd::kNondeterminism: message_ = DivergenceText(); break;
    default: NoteWhoWaits();
  }
  if (!message_.empty() && !exceptions_.empty()) message_ += "\n";
  message_ += exceptions_;
}

// Nobody can go on any more: each has ended, or waits for ever.
void Engine::NoteWhoWaits() {
  std::string who;
  bool waits = false, first_waits = false;
  for (int slot = 0; slot < kernel_.processes.used; ++slot) {
    const auto& task = tasks_[static_cast<size_t>(slot)];
    if (task == nullptr) continue;
    const Process& process = kernel_.processes[slot];
    first_waits |= process.birth == 0;
    waits = true;
    if (!describes_) continue;
    who += "\n  process " + std::to_string(process.pid) + ": ";
    if (process.program != kNone && programs_[static_cast<size_t>(process.program)] == nullptr) {
      who += "runs " + execs_.at(process.pid).path + ", which is not simulated";
      continue;
    }
    who += CurrentCallText(*task);
    who += std::string(": ") + task->waiting->what;
  }
  if (!waits) return;
  end_ = first_waits ? SimEnd::kDeadlock : SimEnd::kLeftWaiting;
  if (!describes_) return;
  message_ = (first_waits ? "deadlock: every process waits for ever:"
                          : "the first process has ended; others wait for ever:") +
             who;
}

std::string Engine::DescribeCurrentCall() const {
  const auto& task = tasks_[static_cast<size_t>(current_)];
  if (task == nullptr) return "no process";
  return "process " + std::to_string(kernel_.processes[current_].pid) + ": " +
         CurrentCallText(*task);
}

// Calls and the log ----------------------------------------------------------------------------

Bytes* Engine::BeginCall(OsCall call) {
  Task& own = task();
  own.call = call;
  own.arguments.clear();
  return &own.arguments;
}

bool Engine::Replaying() {
  const Task& own = task();
  return own.shadow || own.at < own.reading->entries.size();
}

bool Engine::Answers() {
  if (!Replaying()) return false;
  ReplaySignals();
  return Replaying();
}

const LogEntry& Engine::TakeLogged() {
  Task& own = task();
  if (answer_count_++ / kAnswersForACall >= most_calls_) Stop(SimEnd::kTooManyCalls);
  // Here the child of a VforkCall() exec'd or ended.
  if (own.shadow && own.at == own.reading->entries.size()) LeaveShadow();
  return own.reading->entries[own.at++];
}

void Engine::CheckLogged(const LogEntry& entry) {
  Task& own = task();
  const bool same = entry.call == own.call &&
                    own.arguments.Equals(own.reading->bytes.data() + entry.at, entry.arguments);
  if (same && entry.kind != LogEntry::Kind::kSignal &&
      entry.kind != LogEntry::Kind::kSignalReturn) {
    return;
  }
  StopNondeterministic(entry, Instead::kCall);
}

const char* Engine::LoggedResult(const LogEntry& entry) {
  return task().reading->bytes.data() + entry.at + entry.arguments;
}

void Engine::StopNondeterministic(const LogEntry& logged, Instead instead) {
  diverged_ = logged;
  instead_ = instead;
  Stop(SimEnd::kNondeterminism);
}

std::string Engine::DivergenceText() {
  const std::string handler_end = "the return from a signal handler";
  const Task& own = task();
  const std::string then =
      diverged_.kind == LogEntry::Kind::kSignalReturn
          ? handler_end
          : CallText(diverged_.call, own.reading->bytes.data() + diverged_.at, diverged_.arguments);
  std::string instead = "it made: " + CurrentCallText(own);
  if (instead_ == Instead::kHandlersEnd) instead = "it made: " + handler_end;
  if (instead_ == Instead::kException) instead = "it threw: " + exception_;
  return "process " + std::to_string(self().pid) +
         " was forked by replay, and what runs in it is not deterministic given what its calls "
         "return:\n  its parent made: " +
         then + "\n  " + instead;
}

bool Engine::BeforeCall() {
  if (++call_count_ > most_calls_) {
    Stop(SimEnd::kTooManyCalls);
  }
  if (explorer_ != nullptr) return false;  // Park() does the rest
  LetOthersRun();
  return DeliverBeforeCall();
}

bool Engine::DeliverBeforeCall() {
  const size_t logged = task().log->entries.size();
  DeliverSignals();
  return task().log->entries.size() != logged;
}

void Engine::LogRestart(int error) {
  Task& own = task();
  own.log->Add(LogEntry::Kind::kRestart, own.call, own.arguments);
  AddToHistory(static_cast<uint64_t>(error));
  self().rest = error == kRestartWithTheRest ? Rest::kKept : Rest::kNone;
  own.at = own.log->entries.size();
}

void Engine::LogCall(const void* result, size_t size, const void* filled, size_t filled_size,
                     int error, int64_t value) {
  Task& own = task();
  self().rest = Rest::kNone;
  LogEntry& entry = own.log->Add(LogEntry::Kind::kCall, own.call, own.arguments);
  entry.result = static_cast<uint32_t>(size);
  own.log->bytes.Append(result, size);
  own.log->bytes.Append(filled, filled_size);
  if (own.call == OsCall::kVforkCall && error == 0) {
    entry.vfork = static_cast<int>(own.log->vforks.size());
    own.log->vforks.push_back(std::move(own.vfork));
  }
  own.at = own.log->entries.size();
  TraceRecord& record = trace_.emplace_back();
  record.kind = TraceRecord::Kind::kCall;
  record.pid = self().pid;
  record.birth = own.birth;
  record.call = own.call;
  record.index = own.place.index;
  record.injected = own.injected;
  record.at = trace_bytes_.size();
  record.arguments = own.arguments.size();
  record.error = error;
  record.value = value;
  own.injected = false;
  trace_bytes_.Append(own.arguments);
}

}  // namespace cleanfork::sim
