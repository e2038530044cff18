// What makes two states of a run the same: the kernel's, and what each process has seen. A process
// does what follows from what its calls return, so that it does the same from there on.
#include <cstddef>
#include <cstring>

#include "mocks/sim/engine.h"
#include "mocks/sim/state_hash.h"

namespace cleanfork::sim {
namespace {

// Rows that are not in use are not looked at: what has been in them is nobody's.
constexpr uint64_t kNotInUse = 1;

// What is taken as bytes, up to the field named, has no padding.
static_assert(offsetof(Process, rest_of_time) == 24 * sizeof(int32_t), "");
static_assert(offsetof(Inode, special_device) == 8 * sizeof(int32_t), "");
static_assert(offsetof(Description, lock) == 6 * sizeof(int32_t), "");
static_assert(offsetof(Kernel, signalled) == 2 * sizeof(int32_t) + 3 * sizeof(int64_t), "");
static_assert(offsetof(Receiver, name) == 10 * sizeof(int32_t), "");

void AddSignals(const Signals& signals, StateHash* hash) {
  hash->AddWord(signals.mask);
  hash->AddWord(signals.pending);
  hash->AddWord(signals.own_pending);
  hash->Add(signals.actions);
  const uint64_t pending = signals.pending | signals.own_pending;
  for (int signal = 1; pending != 0 && signal <= SignalSet::kMaxSignal; ++signal) {
    if ((pending >> (signal - 1) & 1) != 0) hash->Add(signals.senders[signal]);
  }
}

void AddPipe(const Kernel& kernel, const Pipe& pipe, StateHash* hash) {
  hash->Add(pipe.readers);
  hash->Add(pipe.writers);
  for (int i = 0; i < pipe.count; ++i) {
    const PipeSlot& slot = pipe.slots[(pipe.first + i) % Pipe::kSlots];
    hash->Add(slot.offset);
    hash->AddBytes(kernel.pages[slot.page] + slot.offset, slot.size);
  }
}

void AddInode(const Kernel& kernel, const Inode& inode, StateHash* hash) {
  hash->AddBytes(&inode, offsetof(Inode, special_device));
  hash->AddWord(inode.special_device);
  hash->Add(inode.size);
  hash->Add(inode.modified);
  for (size_t i = 0; i < kMaxFilePages; ++i) {
    const int page = inode.pages[i];
    if (page == kNone) continue;
    hash->AddWord(i);
    if (kernel.page_use[page] == PageUse::kAsMade) {
      hash->Add(page);
    } else {
      hash->AddBytes(kernel.pages[page], kPageSize);
    }
  }
}

}  // namespace

void StateHash::Add(const SignalAction& action) {
  AddBytes(&action.handler, sizeof(action.handler));
  AddBytes(&action.info_handler, sizeof(action.info_handler));
  AddWord(action.mask.bits());
  Add(action.flags);
}

void StateHash::Add(const FileStatus& status) {
  Add(status.device);
  Add(status.inode);
  Add(status.mode);
  Add(status.links);
  Add(status.uid);
  Add(status.gid);
  Add(status.special_device);
  Add(status.size);
  Add(status.modified);
}

void StateHash::Add(const ReceivedMessage& message) {
  Add(message.size);
  AddWord(message.cut ? 1 : 0);
  Add(message.pid);
  Add(message.uid);
  Add(message.gid);
}

void AddProcess(const Process& process, StateHash* hash) {
  hash->AddBytes(&process, offsetof(Process, rest_of_time));
  hash->Add(process.rest_of_time);
  hash->Add(process.progress);
  hash->Add(process.started);
  hash->Add(process.umask);
  hash->Add(process.directory);
  hash->Add(process.root);
  const Credentials& credentials = process.credentials;
  hash->Add(credentials.user);
  hash->Add(credentials.group);
  hash->AddBytes(credentials.groups, credentials.group_count * sizeof(credentials.groups[0]));
  hash->Add(credentials.capabilities);
  hash->Add(credentials.no_new_privs);
  hash->AddBytes(process.limits, sizeof(process.limits));
  AddSignals(process.signals, hash);
  const auto descriptors = static_cast<size_t>(process.descriptors_end);
  hash->AddBytes(process.descriptors, descriptors * sizeof(process.descriptors[0]));
}

void AddKernel(const Kernel& kernel, StateHash* hash) {
  hash->AddBytes(&kernel, offsetof(Kernel, signalled));
  hash->Add(kernel.free_blocks);
  for (const Process& process : kernel.processes) {
    if (!IsLive(process)) hash->AddWord(kNotInUse);
    if (IsLive(process)) AddProcess(process, hash);
  }
  for (const Description& description : kernel.descriptions) {
    if (description.kind == DescriptionKind::kFree) {
      hash->AddWord(kNotInUse);
      continue;
    }
    hash->AddBytes(&description, offsetof(Description, lock));
    hash->Add(description.lock);
    hash->Add(description.offset);
  }
  for (const Pipe& pipe : kernel.pipes) {
    hash->Add(pipe.used);
    if (pipe.used != 0) AddPipe(kernel, pipe, hash);
  }
  for (const Inode& inode : kernel.inodes) {
    if (inode.used == 0) hash->AddWord(kNotInUse);
    if (inode.used != 0) AddInode(kernel, inode, hash);
  }
  for (const Name& name : kernel.names) {
    hash->Add(name.directory);
    if (name.directory == kNone) continue;
    hash->Add(name.inode);
    hash->AddBytes(name.text, std::strlen(name.text));
  }
  for (const Socket& socket : kernel.sockets) hash->Add(socket);
  for (const Receiver& receiver : kernel.receivers) {
    hash->AddBytes(&receiver, offsetof(Receiver, name));
    hash->AddBytes(receiver.name, receiver.name_size);
  }
  for (const Datagram& datagram : kernel.datagrams) hash->Add(datagram);
  hash->AddBytes(kernel.datagram_bytes, kernel.datagram_size);
}

// What a process has seen ------------------------------------------------------------------------

void Engine::AddToHistory(uint64_t what) {
  if (!keeps_histories_) return;
  Task& own = task();
  StateHash hash;
  hash.AddWord(own.history);
  hash.AddWord(what);
  own.history = hash.value();
}

// At the end of the call before, or before this one: the code between the two has run, or has not.
void Engine::AddSignalToHistory(uint64_t what) {
  AddToHistory(static_cast<uint64_t>(task().call) << 32 | task().place.index);
  AddToHistory(what);
}

void Engine::AddCallToHistory(uint64_t result, const void* filled, size_t filled_size) {
  if (!keeps_histories_) return;
  Task& own = task();
  StateHash hash;
  hash.AddWord(own.history);
  hash.AddWord(static_cast<uint64_t>(own.call));
  hash.AddBytes(own.arguments.data(), own.arguments.size());
  hash.AddWord(result);
  hash.AddBytes(filled, filled_size);
  hash.AddWord(own.injected ? 1 : 0);
  own.history = hash.value();
}

// Of one that has ended nothing but what can be told of it: by its parent, and at the run's end.
void Engine::NoteEndedState() {
  const ProcessRecord& record = ended_.back();
  StateHash hash;
  hash.AddWord(task().history);
  AddProcess(record.process, &hash);
  hash.Add(record.zombies);
  hash.Add(record.children);
  hash.Add(record.parent);
  hash.Add(record.blocks_left);
  hash.AddWord(record.returned ? 1 : 0);
  ended_states_ += hash.value();
}

void Engine::AddTask(const Task& task, StateHash* hash) {
  hash->AddWord(task.history);
  hash->AddWord(static_cast<uint64_t>(task.call));
  hash->AddBytes(task.arguments.data(), task.arguments.size());
  const bool waits = task.waiting != nullptr;
  hash->AddWord(static_cast<uint64_t>((waits ? 1 : 0) | (task.parked != nullptr ? 2 : 0) |
                                      (task.passes ? 4 : 0) | (task.ended ? 8 : 0) |
                                      (task.injected ? 16 : 0) | (task.vfork_over ? 32 : 0)));
  hash->AddWord(task.place.index);
  if (waits) hash->Add(task.waiting->deadline);
  if (task.injected) AddFault(task.fault, hash);
  hash->AddWord(task.sticky.size());
  for (const auto& [call, fault] : task.sticky) {
    hash->AddWord(static_cast<uint64_t>(call));
    AddFault(fault, hash);
  }
  hash->AddWord(task.may_stay.size());
  for (const auto& [place, fault] : task.may_stay) {
    hash->AddWord(static_cast<uint64_t>(place.call));
    AddFault(fault, hash);
  }
}

void Engine::AddFault(const Fault& fault, StateHash* hash) {
  hash->AddWord(static_cast<uint64_t>(fault.kind));
  hash->AddWord(static_cast<uint64_t>(fault.error));
  hash->AddWord(fault.bytes);
}

uint64_t Engine::State() const {
  StateHash hash;
  AddKernel(kernel_, &hash);
  for (int slot = 0; slot < kernel_.processes.used; ++slot) {
    const Task* const task = tasks_[static_cast<size_t>(slot)].get();
    hash.AddWord(task == nullptr ? 0 : 1);
    if (task != nullptr) AddTask(*task, &hash);
  }
  hash.AddWord(ended_states_);
  return hash.value();
}

}  // namespace cleanfork::sim
