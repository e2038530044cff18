// The engine's part in signals: handlers, default actions, interrupted calls; and handlers again,
// when a process is replayed.
#include <signal.h>

#include "mocks/sim/engine.h"
#include "mocks/sim/processes.h"
#include "mocks/sim/signals.h"

namespace cleanfork::sim {

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
  if (explorer_ != nullptr && IsStopSignal(signal) && !ParkToStop(signal)) return;
  switch (DefaultActionOf(kernel_, self(), signal)) {
    case DefaultAction::kIgnore: return;
    case DefaultAction::kTerminate: EndCurrent(signal);
    case DefaultAction::kStop: break;
  }
  StopProcess(&kernel_, current_, signal);
  const Process& process = self();
  const auto is_continued = [&process] { return process.stopped == 0; };
  Wait({"it is stopped", kForever, is_continued, true});
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
      AddToHistory(static_cast<uint64_t>(error));  // it stops within a call, not before one
      TakeDefaultAction(signal);
      continue;
    }
    process.signals = copy;  // it is still to be delivered
    return error == kRestartable && (action.flags & SA_RESTART) != 0;
  }
  return true;
}

// As the kernel puts the frames of several signals on a stack: the last one runs first.
void Engine::DeliverPending(LogEntry::Kind kind) {
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
    LogEntry& entry = own.log->Add(kind, own.call, {});
    entry.signal = signal;
    entry.ordinal = ordinal;
    entry.sender = sender;
    entry.mask = process.signals.mask;
    own.at = own.log->entries.size();
    AddSignalToHistory(static_cast<uint64_t>(signal));
    AddToHistory(static_cast<uint64_t>(sender.pid));
    AddToHistory(static_cast<uint64_t>(sender.uid));
    AddToHistory(static_cast<uint64_t>(sender.code));
    AddToHistory(static_cast<uint64_t>(sender.status));
    const Rest rest = process.rest == Rest::kNone ? Rest::kNone : Rest::kLost;
    entry.rest = rest;
    process.rest = Rest::kNone;
    NoteStep(TraceRecord::Kind::kHandler, current_, signal);
    const uint64_t mask = process.signals.mask;
    process.signals.mask |= action.mask;
    if ((action.flags & SA_NODEFER) == 0) process.signals.mask |= SignalBit(signal);
    if ((action.flags & static_cast<int>(SA_RESETHAND)) != 0) action.ordinal = kDefaultAction;
    DeliverSignals(LogEntry::Kind::kNestedSignal);
    RunHandler(ordinal, signal, sender);
    own.log->Add(LogEntry::Kind::kSignalReturn, own.call, {});
    own.at = own.log->entries.size();
    AddToHistory(0);
    process.signals.mask = mask;
    process.rest = rest;
    NoteStep(TraceRecord::Kind::kHandlerEnd, current_, signal);
  }
}

void Engine::RunHandler(int ordinal, int signal, const Sender& sender) {
  const SignalAction action = ActionOf(ordinal);
  const AllocatingFor process(task().memory->heap());
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
    own.log->Add(LogEntry::Kind::kSignalReturn, own.call, {});
    own.at = own.log->entries.size();
    AddToHistory(0);
    self().signals.mask = entry.mask;
    self().rest = entry.rest;
    return;
  }
  if (own.shadow && own.at == own.reading->entries.size()) LeaveShadow();
  const LogEntry& next = own.reading->entries[own.at++];
  if (next.kind != LogEntry::Kind::kSignalReturn) {
    StopNondeterministic(next, Instead::kHandlersEnd);
  }
}

}  // namespace cleanfork::sim
