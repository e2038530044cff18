// Checkpoints: a run is gone on with from where it was, again and again. What is in the kernel, and
// on the stacks and heaps of its processes, is copied, and copied back to the same addresses. Logs,
// and what is told of a run afterwards, only grow: of these it is enough to know how far they were.
#include <algorithm>
#include <memory>
#include <utility>

#include "mocks/sim/engine.h"

namespace cleanfork::sim {

struct Engine::Checkpoint {
  struct OfTask {
    int slot = kNone;
    Task* at = nullptr;  // frames on its stack refer to it
    Task content;
    size_t entries = 0;  // of its log, as are the next two
    size_t bytes = 0;
    size_t vforks = 0;
  };
  struct OfFiber {
    std::shared_ptr<Fiber> fiber;
    Fiber::Image image;
  };
  struct OfMemory {
    std::shared_ptr<Memory> memory;
    Memory::Image image;
  };

  // Rows that keep their room when they are not in use.
  template <typename Row>
  struct Rows {
    std::vector<Row> rows;
    size_t used = 0;

    Row& Add() {
      if (used == rows.size()) rows.emplace_back();
      return rows[used++];
    }
    const Row* begin() const { return rows.data(); }
    const Row* end() const { return rows.data() + used; }
    Row* begin() { return rows.data(); }
    Row* end() { return rows.data() + used; }
  };

  Checkpoint() : kernel(MakeRoomForKernel()) {}
  Checkpoint(const Checkpoint&) = delete;
  Checkpoint& operator=(const Checkpoint&) = delete;
  ~Checkpoint() { Clear(); }

  // Lets go of what the processes have.
  void Clear() {
    for (OfTask& task : tasks) task.content = Task();
    for (OfFiber& of : fibers) {
      if (of.fiber.use_count() == 1) of.fiber->DropExceptions();
      of.fiber = nullptr;
    }
    for (OfMemory& of : memories) of.memory = nullptr;
    tasks.used = fibers.used = memories.used = 0;
  }

  void AddFiber(const std::shared_ptr<Fiber>& fiber) {
    if (fiber == nullptr) return;
    for (const OfFiber& of : fibers) {
      if (of.fiber == fiber) return;
    }
    OfFiber& of = fibers.Add();
    of.fiber = fiber;
    fiber->Save(&of.image);
  }

  void AddMemory(const std::shared_ptr<Memory>& memory) {
    if (memory == nullptr) return;
    for (const OfMemory& of : memories) {
      if (of.memory == memory) return;
    }
    OfMemory& of = memories.Add();
    of.memory = memory;
    memory->Save(&of.image);
  }

  void AddTask(int slot, Task* task) {
    OfTask& of = tasks.Add();
    of.slot = slot;
    of.at = task;
    of.content = *task;
    of.entries = task->log->entries.size();
    of.bytes = task->log->bytes.size();
    of.vforks = task->log->vforks.size();
    AddFiber(task->fiber);
    for (const std::shared_ptr<Fiber>& fiber : task->lent) AddFiber(fiber);
    AddMemory(task->memory);
  }

  std::unique_ptr<Kernel> kernel;
  Rows<OfTask> tasks;
  Rows<OfFiber> fibers;
  Rows<OfMemory> memories;
  int current = 0;
  int next = 0;
  int last = 0;
  int64_t call_count = 0;
  int64_t answer_count = 0;
  uint64_t ended_states = 0;
  std::string exceptions;
  size_t handlers = 0;
  size_t births = 0;
  size_t ended = 0;
  std::map<pid_t, ExecRecord> execs;
  size_t trace = 0;
  size_t trace_bytes = 0;
};

void Engine::OfferToSave() {
  if (checkpoint_taker_ == nullptr || !checkpoint_taker_->WantsCheckpoint()) return;
  checkpoint_taker_->TakeCheckpoint();
}

bool Engine::CanBeSaved(const Task& task) {
  const auto has_exceptions = [](const std::shared_ptr<Fiber>& fiber) {
    return fiber != nullptr && fiber->HasExceptions();
  };
  if (!task.shadows.empty() || has_exceptions(task.fiber)) return false;
  if (std::any_of(task.lent.begin(), task.lent.end(), has_exceptions)) return false;
  return task.memory == nullptr || task.memory->CanBeSaved();
}

size_t Engine::BytesOf(const Checkpoint& checkpoint) {
  size_t bytes = sizeof(checkpoint);
  bytes += static_cast<size_t>(checkpoint.kernel->processes.used) * sizeof(Process);
  for (const Checkpoint::OfFiber& of : checkpoint.fibers) bytes += of.image.stack.size();
  for (const Checkpoint::OfMemory& of : checkpoint.memories) bytes += of.image.heap.size();
  return bytes;
}

// Kept for the room that it has: there are no more of them than have been held at once.
void Engine::Discard(std::shared_ptr<Checkpoint> checkpoint) {
  checkpoint->Clear();
  unused_checkpoints_.push_back(std::move(checkpoint));
}

std::shared_ptr<Engine::Checkpoint> Engine::Save() {
  const int used = kernel_.processes.used;
  for (int slot = 0; slot < used; ++slot) {
    if (TaskAt(slot) != nullptr && !CanBeSaved(*TaskAt(slot))) return nullptr;
  }
  if (unused_checkpoints_.empty()) unused_checkpoints_.push_back(std::make_shared<Checkpoint>());
  std::shared_ptr<Checkpoint> saved = std::move(unused_checkpoints_.back());
  unused_checkpoints_.pop_back();
  CopyKernel(kernel_, made_, saved->kernel.get());
  for (int slot = 0; slot < used; ++slot) {
    if (TaskAt(slot) != nullptr) saved->AddTask(slot, TaskAt(slot).get());
  }
  saved->current = current_;
  saved->next = next_;
  saved->last = last_;
  saved->call_count = call_count_;
  saved->answer_count = answer_count_;
  saved->ended_states = ended_states_;
  saved->exceptions = exceptions_;
  saved->handlers = handlers_.size();
  saved->births = births_.size();
  saved->ended = ended_.size();
  saved->execs = execs_;
  saved->trace = trace_.size();
  saved->trace_bytes = trace_bytes_.size();
  return saved;
}

void Engine::Restore(const Checkpoint& from) {
  DropAllTasks();
  // What they have thrown since then.
  for (const Checkpoint::OfFiber& of : from.fibers) of.fiber->DropExceptions();
  CopyKernel(*from.kernel, made_, &kernel_);
  for (const Checkpoint::OfTask& of : from.tasks) {
    const auto unused =
        std::find_if(unused_tasks_.begin(), unused_tasks_.end(),
                     [&of](const std::unique_ptr<Task>& task) { return task.get() == of.at; });
    TaskAt(of.slot) = std::move(*unused);
    unused_tasks_.erase(unused);
    *of.at = of.content;
    of.at->log->entries.resize(of.entries);
    of.at->log->bytes.Shorten(of.bytes);
    of.at->log->vforks.resize(of.vforks);
  }
  for (const Checkpoint::OfFiber& of : from.fibers) of.fiber->Restore(of.image);
  for (const Checkpoint::OfMemory& of : from.memories) of.memory->Restore(of.image);
  current_ = from.current;
  next_ = from.next;
  last_ = from.last;
  call_count_ = from.call_count;
  answer_count_ = from.answer_count;
  ended_states_ = from.ended_states;
  exceptions_ = from.exceptions;
  handlers_.resize(from.handlers);
  births_.erase(births_.begin() + static_cast<ptrdiff_t>(from.births), births_.end());
  ended_.erase(ended_.begin() + static_cast<ptrdiff_t>(from.ended), ended_.end());
  execs_ = from.execs;
  trace_.resize(from.trace);
  trace_bytes_.Shorten(from.trace_bytes);
  left_.clear();
  message_.clear();
  stopped_ = abandoned_ = false;
  end_ = SimEnd::kAllEnded;
}

void Engine::RunFrom(const Checkpoint& checkpoint) {
  const CallDescriber* const describer = CallDescriber::Install(this);
  const AllocatingFor engine(nullptr);
  Restore(checkpoint);
  next_ = next_ == kToBePicked ? PickNext() : current_;
  GoOn();
  CallDescriber::Install(describer);
}

}  // namespace cleanfork::sim
