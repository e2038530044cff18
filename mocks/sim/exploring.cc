// The engine's part in exploring: which steps there are, and how what the explorer chooses is done.
#include <signal.h>

#include <algorithm>

#include "mocks/sim/engine.h"
#include "mocks/sim/footprints.h"
#include "mocks/sim/interruption.h"
#include "mocks/sim/signals.h"

namespace cleanfork::sim {
namespace {

const auto kNeverWaits = [] { return false; };

}  // namespace

// Whether a signal that comes now makes the process run a function.
bool Engine::HasHandler() const {
  if (handlers_.empty()) return false;  // of nobody
  const Process& process = kernel_.processes[current_];
  for (int signal = 1; signal <= SignalSet::kMaxSignal; ++signal) {
    if (process.signals.actions[signal].ordinal < 2) continue;
    if ((process.signals.mask & SignalBit(signal)) == 0) return true;
  }
  return false;
}

// Whether children may end, which SIGCHLD tells, or nothing does: as the process takes it then.
bool Engine::HearsOfChildren() const {
  const Kernel& kernel = kernel_;
  if (kernel.processes[current_].subreaper != 0) return true;
  for (int child = 0; child < kernel.processes.used; ++child) {
    const Process& process = kernel.processes[child];
    if (process.state != ProcessState::kFree && process.parent == current_) return true;
  }
  return false;
}

uint32_t Engine::CountCall(bool again) {
  Task& own = task();
  if (!again) ++own.counts[static_cast<size_t>(own.call)];
  return own.counts[static_cast<size_t>(own.call)];
}

// Whether it makes a difference that a process waits in its call already when what it waits for
// comes: a signal that comes after that finds the call done. (To fail with EINTR it need not wait
// for others: that is the same as to do so before they do anything.)
bool Engine::SeesWaits(int slot) const {
  const Task& of = *tasks_[static_cast<size_t>(slot)];
  if (of.sees_how_early || explorer_->WantsSignals()) return true;
  return explorer_->SeesOwnSteps(of.place.process);
}

void Engine::Park(uint32_t index, const Footprint& footprint, const FootprintSource* now,
                  const ReadyCheck& would_wait) {
  Task& own = task();
  own.now = now;
  NoteSignalled();
  own.place.call = own.call;
  own.place.index = index;
  const bool is_own = footprint.IsWithinPendingOf(current_);
  const bool is_nothing = is_own && footprint.IsNothing();
  const bool unseen = is_own && !explorer_->SeesOwnSteps(own.place.process) && !HasHandler() &&
                      (is_nothing || !HearsOfChildren());
  own.is_own = now == nullptr && is_own;
  own.is_nothing = now == nullptr && is_nothing;
  SetFootprint(current_, footprint);
  own.passes = !unseen && would_wait() && !SeesWaits(current_);
  if (unseen || own.passes) {
    explorer_->NotePassed(own.place.process);
    if (checkpoint_taker_ != nullptr && checkpoint_taker_->WantsCheckpoint()) {
      next_ = kToBeSaved;
      Fiber::Switch(*own.on, host_);
    }
  } else {
    own.parked = &would_wait;
    LetOthersRun();
    own.parked = nullptr;
  }
  own.would_wait = explorer_->WantsSignals() && would_wait();
}

// With what all steps have.
void Engine::SetFootprint(int slot, const Footprint& footprint) {
  Footprint& whole = TaskAt(slot)->footprint;
  whole = footprint;
  whole.Add(Footprint::Access::kWrite, ProcessPart::kOwn, slot);
  whole.Add(Footprint::Access::kRead, ProcessPart::kArrivals, slot);
}

// An end has steps as calls have. What the next one touches is asked for again each time, for it
// depends on what others do until then: whether the parent has a handler for SIGCHLD.
void Engine::ParkToEnd(Footprint (*ask)(const Kernel& kernel, int slot), bool again) {
  Task& own = task();
  const int slot = current_;
  own.call = OsCall::kExit;
  const uint32_t index = CountCall(again);
  own.arguments.clear();
  own.lets_in = 0;
  const ReadyCheck never(kNeverWaits);
  const auto now = [&] { return ask(kernel_, slot); };
  const FootprintSource source(now);
  Park(index, now(), &source, never);
}

// Before it exits a process may be sent a signal as before any other call.
void Engine::ParkBeforeExit() {
  for (bool handled = false;; handled = true) {
    BeginCall(OsCall::kExit);
    ParkToEnd(&FootprintOfClosingStep, handled);
    if (DeliverBeforeCall()) continue;
    if (!explorer_->WantsSignals()) return;
    const auto none = [](FaultList*) {};
    Fault fault;
    if (!ChooseBeforeCall(task().place.index, none, &fault)) return;
  }
}

// To stop is a step: whether it does depends on its group and its parent, and its parent is told.
// Until then a SIGCONT takes the signal back, as Linux has it between dequeuing the one and
// stopping (JOBCTL_STOP_DEQUEUED); and a SIGKILL goes before it.
bool Engine::ParkToStop(int signal) {
  self().signals.pending |= SignalBit(signal);
  AddSignalToHistory(static_cast<uint64_t>(signal));
  Footprint footprint;
  footprint.AddEverything();
  const Place place = task().place;
  const ReadyCheck never(kNeverWaits);
  Park(place.index, footprint, nullptr, never);
  task().place = place;
  if (IsBeingKilled(self()) || (self().signals.pending & SignalBit(signal)) == 0) return false;
  self().signals.pending &= ~SignalBit(signal);
  return true;
}

// Steps that are nobody else's are no choices as long as nobody else sends the process a signal,
// for whether that comes before them or after them may matter, also where it is ignored after them.
// A SIGCHLD that is ignored matters to calls alone that change what is done with signals: who may
// hear of children has these as choices.
void Engine::NoteSignalled() {
  if (kernel_.signalled == 0) return;
  for (int slot = 0; slot < kernel_.processes.used; ++slot) {
    const bool is_signalled = (kernel_.signalled >> slot & 1) != 0;
    const std::unique_ptr<Task>& task = TaskAt(slot);
    if (is_signalled && slot != current_ && task != nullptr) {
      explorer_->NoteSignalled(task->place.process);
    }
  }
  kernel_.signalled = 0;
}

void Engine::AskForFootprint(int slot) {
  const FootprintSource* const now = TaskAt(slot)->now;
  if (now != nullptr) SetFootprint(slot, (*now)());
}

// Those that can take a step, but for one; the first of them is who took the last.
int Engine::FindCandidates(int but, Candidate* candidates) {
  const int used = kernel_.processes.used;
  int count = 0;
  for (int i = 0; i < used; ++i) {
    const int slot = (last_ + i) % used;
    if (slot == but || !CanRun(slot)) continue;
    AskForFootprint(slot);
    const Task& task = *TaskAt(slot);
    candidates[count++] = {slot, true, &task.place, &task.footprint};
  }
  return count;
}

int Engine::Abandon() {
  stopped_ = true;
  abandoned_ = true;
  return kNone;
}

int Engine::PickExplored() {
  NoteSignalled();
  const int used = kernel_.processes.used;
  for (int slot = 0; slot < used; ++slot) {
    const std::unique_ptr<Task>& task = TaskAt(slot);
    if (task == nullptr || task->ended || task->waiting != nullptr) continue;
    // It has not come to its first call yet; or its call would now begin to wait, which nobody
    // sees.
    if (task->parked == nullptr) return slot;
    if ((*task->parked)() && !SeesWaits(slot)) {
      task->passes = true;
      explorer_->NotePassed(task->place.process);
      return slot;
    }
  }
  for (;;) {
    const bool signals = explorer_->WantsSignals();  // one may have come that woke nobody
    Candidate candidates[kMaxProcesses + 1];
    int count = FindCandidates(kNone, candidates);
    if (count == 0) {
      if (!signals) {
        if (!AdvanceTime()) return kNone;
        continue;
      }
      candidates[count++] = {kNone, true, nullptr, nullptr};
    }
    for (int slot = 0; signals && slot < used; ++slot) {
      const std::unique_ptr<Task>& task = TaskAt(slot);
      if (task == nullptr || task->ended || CanRun(slot) || !MayBeSignalled(slot)) continue;
      AskForFootprint(slot);
      candidates[count++] = {slot, false, &task->place, &task->footprint};
    }
    const auto state = [this] { return State(); };
    const int chosen = explorer_->ChooseProcess(candidates, count, StateSource(state));
    if (chosen == Explorer::kAbandon) return Abandon();
    const Candidate& candidate = candidates[chosen];
    if (candidate.slot == kNone) {
      if (!AdvanceTime()) return kNone;
      continue;
    }
    if (chosen != 0 && candidates[0].slot != kNone) {
      NoteStep(TraceRecord::Kind::kSwitch, candidates[0].slot, TaskAt(candidate.slot)->birth);
    }
    last_ = candidate.slot;
    if (candidate.can_run) return candidate.slot;
    const auto add = [&](FaultList* faults) { AddSignals(candidate.slot, faults); };
    const int signal = explorer_->ChooseFault(*candidate.place, true, add).signal;
    if (signal == 0) return Abandon();
    PostFromOutside(candidate.slot, signal, true);
    if (CanRun(candidate.slot)) return candidate.slot;
  }
}

// Whether a signal that is to come before the next step of the current process ends it, and does so
// just as well after it: nobody else can ever tell that step from none, or it only begins to wait.
// What the child of a vfork does between two calls its parent sees; and what unblocks a signal that
// is pending may end by that one.
bool Engine::EndsAsWellLater(int signal) const {
  const Process& process = kernel_.processes[current_];
  const Task& own = *tasks_[static_cast<size_t>(current_)];
  const Signals& signals = process.signals;
  const bool kills = signal == SIGKILL;
  const bool comes = kills || (signals.mask & SignalBit(signal)) == 0;
  const bool ends =
      kills || (signals.actions[signal].ordinal == kDefaultAction &&
                DefaultActionOf(kernel_, process, signal) == DefaultAction::kTerminate);
  if (!comes || !ends) return false;
  if (own.would_wait) return true;
  if (!own.lent.empty()) return false;
  const bool none_pending = (signals.pending | signals.own_pending) == 0;
  return own.is_nothing || (kills && own.is_own && none_pending);
}

// Those that may come from outside, out of what the explorer asks for: not those that would be
// dropped, or would wait until the process does not block them any more, which is as if they came
// then. `before` the step of the current process.
void Engine::AddSignals(int slot, FaultList* faults, bool before) const {
  const Process& process = kernel_.processes[slot];
  if (process.state != ProcessState::kRunning) return;
  for (int signal : explorer_->signals()) {
    const uint64_t bit = SignalBit(signal);
    if ((process.signals.pending & bit) != 0) continue;
    const int ordinal = process.signals.actions[signal].ordinal;
    const bool dropped = ordinal == kIgnoreAction ||
                         (ordinal == kDefaultAction &&
                          DefaultActionOf(kernel_, process, signal) == DefaultAction::kIgnore);
    const bool blocked = (process.signals.mask & bit) != 0;
    const bool continues = signal == SIGCONT && process.stopped != 0;
    const bool let_in = (tasks_[static_cast<size_t>(slot)]->lets_in & bit) != 0;
    if (before && EndsAsWellLater(signal)) continue;
    if (!continues && (blocked ? !let_in : dropped)) continue;
    Fault fault;
    fault.kind = Fault::Kind::kSignal;
    fault.signal = static_cast<int16_t>(signal);
    faults->Add(fault);
  }
}

bool Engine::MayBeSignalled(int slot) const {
  FaultList signals;
  AddSignals(slot, &signals);
  return signals.begin() != signals.end();
}

void Engine::PostFromOutside(int slot, int signal, bool within) {
  NoteStep(within ? TraceRecord::Kind::kSignalWithin : TraceRecord::Kind::kSignal, slot, signal);
  PostSignal(&kernel_, slot, signal, {SI_USER, kInitPid, 0, 0});
  kernel_.signalled = 0;
}

// What a picture of a run shows beside its calls. Of an exec: its arguments, too.
void Engine::NoteStep(TraceRecord::Kind kind, int slot, int64_t value) {
  if (!describes_) return;
  const Task& of = *TaskAt(slot);
  trace_.push_back({kind, kernel_.processes[slot].pid, of.birth, of.place.call, of.place.index,
                    false, trace_bytes_.size(), 0, 0, value});
  if (kind != TraceRecord::Kind::kExec) return;
  trace_.back().arguments = of.arguments.size();
  trace_bytes_.Append(of.arguments);
}

const Fault* Engine::FindSticky() {
  const Task& own = task();
  for (const auto& [call, fault] : own.sticky) {
    if (call == own.call) return &fault;
  }
  return nullptr;
}

// Whether a fault of an earlier call of this name turns out to be one that stays. As long as no
// other such call is made, it makes no difference.
void Engine::LetFaultStay() {
  Task& own = task();
  const auto last =
      std::find_if(own.may_stay.begin(), own.may_stay.end(),
                   [&own](const auto& entry) { return entry.first.call == own.call; });
  if (last == own.may_stay.end()) return;
  const auto [place, fault] = *last;
  own.may_stay.erase(last);
  if (explorer_->ChooseWhetherItStays(place, fault)) own.sticky.emplace_back(own.call, fault);
}

Fault Engine::ChooseFault(uint32_t index, const FaultSource& faults) {
  Task& own = task();
  LetFaultStay();
  if (const Fault* sticky = FindSticky()) {
    own.injected = true;
    return *sticky;
  }
  if (!explorer_->WantsFaults() && !explorer_->WantsSignals()) return Fault();
  own.place.call = own.call;
  own.place.index = index;
  const auto add = [&](FaultList* list) {
    if (explorer_->WantsFaults()) faults(list);
    if (explorer_->WantsSignals()) AddSignals(current_, list, true);
  };
  const Fault fault = explorer_->ChooseFault(own.place, false, add);
  if (fault.kind == Fault::Kind::kSignal) PostFromOutside(current_, fault.signal, false);
  if (fault.kind == Fault::Kind::kNone || fault.kind == Fault::Kind::kSignal) return fault;
  if (own.passes) {
    Candidate others[kMaxProcesses];
    const int count = FindCandidates(current_, others);
    AskForFootprint(current_);
    explorer_->NoteInterrupted(others, count, own.footprint);
  }
  own.injected = true;
  own.fault = fault;
  if (fault.sticky) own.sticky.emplace_back(own.call, fault);
  const bool is_errno = fault.kind == Fault::Kind::kErrno;
  if (is_errno && !fault.sticky) own.may_stay.emplace_back(own.place, fault);
  return fault;
}

// A signal that stays pending, or that stops the process for a while, need not be all.
bool Engine::ChooseBeforeCall(uint32_t index, const FaultSource& faults, Fault* fault) {
  do {
    *fault = ChooseFault(index, faults);
    if (fault->kind != Fault::Kind::kSignal) return false;
  } while (!DeliverBeforeCall());
  return true;
}

}  // namespace cleanfork::sim
