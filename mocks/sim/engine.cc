#include "mocks/sim/engine.h"

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "mocks/sim/arguments.h"
#include "mocks/sim/descriptors.h"
#include "mocks/sim/files.h"
#include "mocks/sim/processes.h"
#include "mocks/sim/signals.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#define CLEANFORK_LSAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/lsan_interface.h>
#define CLEANFORK_LSAN 1
#endif
#endif

namespace cleanfork::sim {
namespace {

// What a process has on the heap when it exits in the middle of a function is nobody's any more,
// as in a real process. The leak checker takes it for a leak.
class LeaksAllowed {
 public:
#ifdef CLEANFORK_LSAN
  LeaksAllowed() { __lsan_disable(); }
  ~LeaksAllowed() { __lsan_enable(); }
#else
  LeaksAllowed() {}
#endif
  LeaksAllowed(const LeaksAllowed&) = delete;
  LeaksAllowed& operator=(const LeaksAllowed&) = delete;
};

std::string CallText(OsCall call, const char* arguments, size_t size) {
  return std::string(GetOsCallInfo(call).name) + "(" + ArgumentText(arguments, size) + ")";
}

}  // namespace

Engine::Engine(Kernel* kernel, const Directory* directory, const std::vector<ProgramBody>* programs,
               Chooser* chooser, int64_t most_calls)
    : kernel_(*kernel),
      directory_(*directory),
      programs_(*programs),
      chooser_(*chooser),
      most_calls_(most_calls),
      calls_(kernel, directory, this) {}

Engine::~Engine() = default;

void Engine::Run(Os* os, const Body& body, const Words& environment) {
  const OverflowReport report;
  const CallDescriber* const describer = CallDescriber::Install(this);
  os_ = os;
  TaskAt(0) =
      MakeTask(std::make_shared<const Body>(body), std::make_shared<const Words>(environment));
  for (next_ = 0; next_ != kNone && !stopped_;) {
    current_ = next_;
    {
      const LeaksAllowed allowed;
      Resume(current_);
    }
    std::unique_ptr<Task>& last = TaskAt(current_);
    if (last->replacement != nullptr) {
      last = std::move(last->replacement);
    } else if (last->ended) {
      last.reset();
      next_ = PickNext();
    }
  }
  if (!stopped_) NoteWhoWaits();
  CallDescriber::Install(describer);
}

ProcessRecord Engine::Record(int slot) const {
  ProcessRecord record;
  record.process = kernel_.processes[slot];
  for (int fd = 0; fd < kMaxDescriptors; ++fd) {
    const int description = record.process.descriptors[fd].description;
    if (description == kNone) continue;
    record.descriptors[fd] = DescribeDescription(kernel_, kernel_.descriptions[description]);
  }
  record.directory = PathOf(kernel_, record.process.directory);
  return record;
}

// Fibers ---------------------------------------------------------------------------------------

std::unique_ptr<Engine::Task> Engine::MakeTask(std::shared_ptr<const Body> body,
                                               std::shared_ptr<const Words> environment) {
  auto task = std::make_unique<Task>();
  task->body = std::move(body);
  task->start_environment = std::move(environment);
  task->environment = std::make_shared<Environment>(*task->start_environment);
  task->log = std::make_shared<Log>();
  task->reading = task->log.get();
  return task;
}

void Engine::Resume(int slot) {
  Task& task = *tasks_[static_cast<size_t>(slot)];
  if (task.fiber == nullptr) {
    const std::string pid = std::to_string(kernel_.processes[slot].pid);
    task.fiber = std::make_unique<Fiber>("simulated process " + pid, &EnterTask, this);
    task.on = task.fiber.get();
  }
  Fiber::Switch(host_, *task.on);
}

void Engine::EnterTask(void* argument) {
  Engine& engine = *static_cast<Engine*>(argument);
  const int status = engine.RunBody();
  engine.Exit(status);
}

int Engine::RunBody() {
  Task& own = task();
  // A child of VforkCall() begins in the function and not in the body.
  const auto run = [&] {
    return own.function != nullptr ? own.function(own.argument) : (*own.body)(*os_);
  };
#if defined(__cpp_exceptions)
  try {
    return run();
  } catch (...) {
    EndCurrent(SIGABRT);  // std::terminate() would have aborted the process
  }
#else
  return run();
#endif
}

void Engine::LeaveShadow() {
  Task& own = task();
  Fiber::Exit(*own.on, *own.shadow_return);
}

// Who goes on ----------------------------------------------------------------------------------

bool Engine::CanRun(int slot) const {
  const auto& task = tasks_[static_cast<size_t>(slot)];
  if (task == nullptr || task->ended) return false;
  if (task->waiting == nullptr) return true;
  const Process& process = kernel_.processes[slot];
  if (task->waiting->ready() || kernel_.monotonic >= task->waiting->deadline) return true;
  return task->waiting->only_killed ? IsBeingKilled(process) : HasSignal(process);
}

int Engine::PickNext() {
  const bool asks = chooser_.Asks(ChoiceKind::kSchedule);
  if (!asks && CanRun(current_)) return current_;
  do {
    int alternatives[kMaxProcesses];
    int count = 0;
    for (int i = 0; i < kMaxProcesses; ++i) {
      const int slot = (current_ + i) % kMaxProcesses;
      if (CanRun(slot)) alternatives[count++] = slot;
    }
    if (count == 1 || (count > 1 && !asks)) return alternatives[0];
    if (count > 1) return alternatives[chooser_.Choose(ChoiceKind::kSchedule, count)];
  } while (AdvanceTime());
  return kNone;
}

bool Engine::AdvanceTime() {
  int64_t next = kForever;
  for (const auto& task : tasks_) {
    if (task != nullptr && task->waiting != nullptr) {
      next = std::min(next, task->waiting->deadline);
    }
  }
  if (next == kForever) return false;
  kernel_.monotonic = next;
  return true;
}

void Engine::LetOthersRun() {
  next_ = PickNext();
  if (next_ != current_) Fiber::Switch(*task().on, host_);
}

Wake Engine::Wait(const Waiting& waiting) {
  Task& own = task();
  const Process& process = self();
  own.waiting = &waiting;
  for (;;) {
    const bool signalled = waiting.only_killed ? IsBeingKilled(process) : HasSignal(process);
    Wake wake = Wake::kReady;
    if (waiting.ready()) {
      wake = Wake::kReady;
    } else if (signalled) {
      wake = Wake::kSignal;
    } else if (kernel_.monotonic >= waiting.deadline) {
      wake = Wake::kTimeout;
    } else {
      LetOthersRun();
      continue;
    }
    own.waiting = nullptr;
    return wake;
  }
}

void Engine::Stop(RunEnd end, const std::string& message) {
  end_ = end;
  message_ = message;
  stopped_ = true;
  next_ = kNone;
  Fiber::Exit(*task().on, host_);
}

// Nobody can go on any more: each has ended, or waits for ever.
void Engine::NoteWhoWaits() {
  std::string who;
  bool first_waits = false;
  for (int slot = 0; slot < kMaxProcesses; ++slot) {
    const auto& task = tasks_[static_cast<size_t>(slot)];
    if (task == nullptr) continue;
    const Process& process = kernel_.processes[slot];
    first_waits |= process.birth == 0;
    who += "\n  process " + std::to_string(process.pid) + ": ";
    if (process.program != kNone && programs_[static_cast<size_t>(process.program)] == nullptr) {
      who += "runs " + execs_.at(process.pid).path + ", which is not simulated";
      continue;
    }
    who += CallText(task->call, task->arguments.data(), task->arguments.size());
    who += std::string(": ") + task->waiting->what;
  }
  if (who.empty()) return;
  end_ = first_waits ? RunEnd::kDeadlock : RunEnd::kLeftWaiting;
  message_ = (first_waits ? "deadlock: every process waits for ever:"
                          : "the first process has ended; others wait for ever:") +
             who;
}

std::string Engine::DescribeCurrentCall() const {
  const auto& task = tasks_[static_cast<size_t>(current_)];
  if (task == nullptr) return "no process";
  return "process " + std::to_string(kernel_.processes[current_].pid) + ": " +
         CallText(task->call, task->arguments.data(), task->arguments.size());
}

// Calls and the log ----------------------------------------------------------------------------

std::string* Engine::BeginCall(OsCall call) {
  Task& own = task();
  own.call = call;
  own.arguments.clear();
  return &own.arguments;
}

bool Engine::Replaying() {
  const Task& own = task();
  return own.shadow || own.at < own.reading->entries.size();
}

const LogEntry& Engine::TakeLogged() {
  ReplaySignals();
  Task& own = task();
  // Here the child of a VforkCall() exec'd or ended.
  if (own.shadow && own.at == own.reading->entries.size()) LeaveShadow();
  return own.reading->entries[own.at++];
}

void Engine::CheckLogged(const LogEntry& entry) {
  Task& own = task();
  const bool same =
      entry.call == own.call && entry.arguments == own.arguments.size() &&
      std::memcmp(own.reading->bytes.data() + entry.at, own.arguments.data(), entry.arguments) == 0;
  if (same && entry.kind != LogEntry::Kind::kSignal &&
      entry.kind != LogEntry::Kind::kSignalReturn) {
    return;
  }
  StopNondeterministic(&entry, CallText(own.call, own.arguments.data(), own.arguments.size()));
}

const char* Engine::LoggedResult(const LogEntry& entry) {
  return task().reading->bytes.data() + entry.at + entry.arguments;
}

void Engine::StopNondeterministic(const LogEntry* logged, const std::string& instead) {
  std::string then = "nothing more";
  if (logged != nullptr && logged->kind == LogEntry::Kind::kSignalReturn) {
    then = "the return from a signal handler";
  } else if (logged != nullptr) {
    then = CallText(logged->call, task().reading->bytes.data() + logged->at, logged->arguments);
  }
  Stop(RunEnd::kNondeterminism,
       "process " + std::to_string(self().pid) +
           " was forked by replay, and what runs in it is not deterministic given what its calls "
           "return:\n  its parent made: " +
           then + "\n  it made: " + instead);
}

void Engine::BeforeCall() {
  if (++call_count_ > most_calls_) {
    Stop(RunEnd::kTooManyCalls, "more than " + std::to_string(most_calls_) + " calls were made");
  }
  LetOthersRun();
  DeliverSignals();
}

void Engine::LogRestart() {
  Task& own = task();
  own.log->Add(LogEntry::Kind::kRestart, own.call, own.arguments);
  own.at = own.log->entries.size();
}

void Engine::LogCall(const void* result, size_t size, const void* filled, size_t filled_size,
                     int error, int64_t value) {
  Task& own = task();
  LogEntry& entry = own.log->Add(LogEntry::Kind::kCall, own.call, own.arguments);
  entry.result = size;
  entry.filled = filled_size;
  own.log->bytes.append(static_cast<const char*>(result), size);
  own.log->bytes.append(static_cast<const char*>(filled), filled_size);
  if (own.call == OsCall::kVforkCall && error == 0) {
    entry.vfork = static_cast<int>(own.log->vforks.size());
    own.log->vforks.push_back(std::move(own.vfork));
  }
  own.at = own.log->entries.size();
  trace_.push_back({self().pid, own.call, trace_bytes_.size(), own.arguments.size(), error, value});
  trace_bytes_ += own.arguments;
}

// Signals --------------------------------------------------------------------------------------

int Engine::OrdinalOf(const SignalAction& action) {
  if (action.info_handler == nullptr && action.handler == SIG_DFL) return kDefaultAction;
  if (action.info_handler == nullptr && action.handler == SIG_IGN) return kIgnoreAction;
  for (size_t i = 0; i < handlers_.size(); ++i) {
    const bool same =
        action.info_handler != nullptr
            ? handlers_[i].info_handler == action.info_handler
            : handlers_[i].info_handler == nullptr && handlers_[i].handler == action.handler;
    if (same) return static_cast<int>(i) + 2;
  }
  SignalAction handler;
  handler.info_handler = action.info_handler;
  if (action.info_handler == nullptr) handler.handler = action.handler;
  handlers_.push_back(handler);
  return static_cast<int>(handlers_.size()) + 1;
}

SignalAction Engine::ActionOf(int ordinal) const {
  if (ordinal >= 2) return handlers_[static_cast<size_t>(ordinal) - 2];
  SignalAction action;
  if (ordinal == kIgnoreAction) action.handler = SIG_IGN;
  return action;
}

void Engine::TakeDefaultAction(int signal) {
  switch (DefaultActionOf(kernel_, self(), signal)) {
    case DefaultAction::kIgnore: return;
    case DefaultAction::kTerminate: EndCurrent(signal);
    case DefaultAction::kStop: break;
  }
  StopProcess(&kernel_, current_, signal);
  const Process& process = self();
  const auto is_continued = [&process] { return process.stopped == 0; };
  Wait({"it is stopped", kForever, ReadyCheck(is_continued), true});
  self().stopped = 0;  // by SIGKILL too, which ends it
}

// Whether an interrupted call is to be made again, after handlers that are to run have run.
bool Engine::Restarts(int error) {
  Process& process = self();
  while (HasSignal(process)) {
    Signals copy = process.signals;
    Sender sender;
    const int signal = TakeSignal(&process, ~copy.mask, &sender);
    const Action& action = copy.actions[signal];
    if (action.ordinal == kIgnoreAction) continue;
    if (action.ordinal == kDefaultAction) {
      TakeDefaultAction(signal);
      continue;
    }
    process.signals = copy;  // it is still to be delivered
    return error == kRestartable && (action.flags & SA_RESTART) != 0;
  }
  return true;
}

// As the kernel puts the frames of several signals on a stack: the last one runs first.
void Engine::DeliverSignals(LogEntry::Kind kind) {
  Process& process = self();
  while (HasSignal(process)) {
    Sender sender;
    const int signal = TakeSignal(&process, ~process.signals.mask, &sender);
    Action& action = process.signals.actions[signal];
    const int ordinal = action.ordinal;
    if (ordinal == kIgnoreAction) continue;
    if (ordinal == kDefaultAction) {
      TakeDefaultAction(signal);
      continue;
    }
    Task& own = task();
    LogEntry& entry = own.log->Add(kind, own.call, "");
    entry.signal = signal;
    entry.ordinal = ordinal;
    entry.sender = sender;
    entry.mask = process.signals.mask;
    own.at = own.log->entries.size();
    const uint64_t mask = process.signals.mask;
    process.signals.mask |= action.mask;
    if ((action.flags & SA_NODEFER) == 0) process.signals.mask |= SignalBit(signal);
    if ((action.flags & static_cast<int>(SA_RESETHAND)) != 0) action.ordinal = kDefaultAction;
    DeliverSignals(LogEntry::Kind::kNestedSignal);
    RunHandler(ordinal, signal, sender);
    own.log->Add(LogEntry::Kind::kSignalReturn, own.call, "");
    own.at = own.log->entries.size();
    process.signals.mask = mask;
  }
}

void Engine::RunHandler(int ordinal, int signal, const Sender& sender) {
  const SignalAction action = ActionOf(ordinal);
  if (action.info_handler == nullptr) {
    action.handler(signal);
    return;
  }
  siginfo_t info = {};
  info.si_signo = signal;
  info.si_code = sender.code;
  info.si_pid = sender.pid;
  info.si_uid = sender.uid;
  if (signal == SIGCHLD) info.si_status = sender.status;
  action.info_handler(signal, &info, nullptr);  // there is no ucontext_t to be had
}

void Engine::ReplaySignals() {
  const auto is_next = [this](LogEntry::Kind kind) {
    const Task& own = task();
    return own.at < own.reading->entries.size() && own.reading->entries[own.at].kind == kind;
  };
  while (is_next(LogEntry::Kind::kSignal)) ReplaySignal();
}

void Engine::ReplaySignal() {
  Task& own = task();
  const LogEntry entry = own.reading->entries[own.at++];
  while (own.at < own.reading->entries.size() &&
         own.reading->entries[own.at].kind == LogEntry::Kind::kNestedSignal) {
    ReplaySignal();
  }
  RunHandler(entry.ordinal, entry.signal, entry.sender);
  if (!Replaying()) {  // it was in the handler that this process was forked
    own.log->Add(LogEntry::Kind::kSignalReturn, own.call, "");
    own.at = own.log->entries.size();
    self().signals.mask = entry.mask;
    return;
  }
  if (own.shadow && own.at == own.reading->entries.size()) LeaveShadow();
  const LogEntry& next = own.reading->entries[own.at++];
  if (next.kind != LogEntry::Kind::kSignalReturn) {
    StopNondeterministic(&next, "the return from a signal handler");
  }
}

}  // namespace cleanfork::sim
