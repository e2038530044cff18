// What processes can tell of a simulated kernel, as text.
#include <fcntl.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "mocks/sim/files.h"
#include "mocks/sim/processes.h"
#include "tests/unit/sim_call_cases.h"

namespace cleanfork::sim {
namespace {

class Writer {
 public:
  explicit Writer(const Kernel& kernel) : kernel_(kernel) {}

  std::string Write() {
    Numbers("kernel",
            {kernel_.next_pid, kernel_.monotonic, kernel_.realtime_offset,
             static_cast<int64_t>(kernel_.random), kernel_.most_files, kernel_.free_blocks});
    std::map<pid_t, int> by_pid;
    for (int slot = 0; slot < kernel_.processes.used; ++slot) {
      if (kernel_.processes[slot].state != ProcessState::kFree) {
        by_pid[kernel_.processes[slot].pid] = slot;
      }
    }
    for (const auto& [pid, slot] : by_pid) AddProcess(kernel_.processes[slot]);
    AddDescriptions();
    AddPipes();
    AddFiles();
    for (const Datagram& datagram : kernel_.datagrams) {
      Numbers("datagram",
              {datagram.receiver, datagram.pid, datagram.uid, datagram.gid, datagram.size});
    }
    for (const Receiver& receiver : kernel_.receivers) Numbers("receiver", {receiver.queued});
    return text_;
  }

 private:
  void Numbers(const std::string& what, const std::vector<int64_t>& numbers) {
    text_ += what;
    for (int64_t number : numbers) text_ += " " + std::to_string(number);
    text_ += "\n";
  }

  pid_t PidOf(int slot) const { return slot == kNone ? 0 : kernel_.processes[slot].pid; }

  // The place of a row in the order in which they are come by.
  static int Find(std::vector<int>* rows, int row) {
    const auto found = std::find(rows->begin(), rows->end(), row);
    if (found != rows->end()) return static_cast<int>(found - rows->begin());
    rows->push_back(row);
    return static_cast<int>(rows->size()) - 1;
  }

  void AddProcess(const Process& process) {
    int elder = 0;
    for (const Process& other : kernel_.processes) {
      elder += other.state != ProcessState::kFree && other.parent == process.parent &&
               other.birth < process.birth;
    }
    Numbers("process", {process.pid,
                        static_cast<int>(process.state),
                        PidOf(process.parent),
                        elder,
                        process.group,
                        process.session,
                        process.wait_status,
                        process.stopped,
                        process.stop_report,
                        process.continue_report,
                        process.subreaper,
                        process.parent_death_signal,
                        process.ever_execd,
                        process.too_many_processes,
                        process.child_ends,
                        process.ended_child,
                        process.ended_child_group,
                        PidOf(process.vfork_parent),
                        process.clone_child,
                        process.program,
                        process.executable,
                        static_cast<int>(process.rest),
                        process.rest_of_time,
                        process.nice,
                        process.oom_score_adjust,
                        process.started,
                        process.umask,
                        process.directory,
                        process.root});
    const Credentials& own = process.credentials;
    for (const Ids& ids : {own.user, own.group}) {
      Numbers(" ids", {ids.real, ids.effective, ids.saved, ids.file_system});
    }
    Numbers(" groups", std::vector<int64_t>(own.groups, own.groups + own.group_count));
    Numbers(" rights", {static_cast<int64_t>(own.capabilities.effective),
                        static_cast<int64_t>(own.capabilities.permitted), own.no_new_privs});
    for (const ResourceLimit& limit : process.limits) {
      Numbers(" limit", {static_cast<int64_t>(limit.soft), static_cast<int64_t>(limit.hard)});
    }
    AddSignals(process.signals);
    for (int fd = 0; fd < process.descriptors_end; ++fd) {
      const Descriptor& descriptor = process.descriptors[fd];
      if (descriptor.description == kNone) continue;
      Numbers(" fd", {fd, Find(&descriptions_, descriptor.description), descriptor.close_on_exec});
    }
  }

  void AddSignals(const Signals& signals) {
    Numbers(" signals", {static_cast<int64_t>(signals.mask), static_cast<int64_t>(signals.pending),
                         static_cast<int64_t>(signals.own_pending)});
    for (int signal = 1; signal <= SignalSet::kMaxSignal; ++signal) {
      const Action& action = signals.actions[signal];
      if (action.ordinal != kDefaultAction || action.flags != 0) {
        Numbers(" action",
                {signal, action.ordinal, action.flags, static_cast<int64_t>(action.mask)});
      }
      const Sender& sender = signals.senders[signal];
      if ((signals.pending >> (signal - 1) & 1) != 0) {
        Numbers(" sender", {signal, sender.code, sender.pid, sender.uid, sender.status});
      }
    }
  }

  void AddDescriptions() {
    for (const int index : descriptions_) {
      const Description& description = kernel_.descriptions[index];
      const bool pipe = description.kind == DescriptionKind::kPipeRead ||
                        description.kind == DescriptionKind::kPipeWrite;
      int object = description.object;
      if (pipe) object = Find(&pipes_, object);
      if (description.kind == DescriptionKind::kSocket) object = Find(&sockets_, object);
      Numbers("description",
              {static_cast<int>(description.kind), object, description.entry, description.number,
               description.flags, description.references, description.lock, description.offset});
    }
    for (const int index : sockets_) {
      const Socket& socket = kernel_.sockets[index];
      Numbers("socket", {socket.type, socket.uid, socket.gid});
    }
  }

  void AddPipes() {
    for (const int index : pipes_) {
      const Pipe& pipe = kernel_.pipes[index];
      Numbers("pipe", {pipe.readers, pipe.writers, pipe.count});
      for (int i = 0; i < pipe.count; ++i) {
        const PipeSlot& slot = pipe.slots[(pipe.first + i) % Pipe::kSlots];
        const auto* bytes = reinterpret_cast<const char*>(kernel_.pages[slot.page]);
        text_ += " " + std::string(bytes + slot.offset, slot.size) + "\n";
      }
    }
  }

  void AddFiles() {
    std::vector<std::string> names;
    for (const Name& name : kernel_.names) {
      if (name.directory == kNone) continue;
      names.push_back(std::to_string(name.directory) + "/" + name.text + " " +
                      std::to_string(name.inode) + "\n");
    }
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) text_ += "name " + name;
    for (int index = 0; index < kernel_.inodes.used; ++index) {
      const Inode& inode = kernel_.inodes[index];
      if (inode.used == 0) continue;
      Numbers("inode", {index, inode.mode, inode.uid, inode.gid, inode.links, inode.open_count,
                        inode.size, inode.modified});
      text_ += " " + Contents(kernel_, index) + "\n";
    }
  }

  const Kernel& kernel_;
  std::string text_;
  std::vector<int> descriptions_;
  std::vector<int> pipes_;
  std::vector<int> sockets_;
};

}  // namespace

std::string KernelText(const Kernel& kernel) { return Writer(kernel).Write(); }

}  // namespace cleanfork::sim
