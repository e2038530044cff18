// The state of a simulated kernel: flat, without pointers or addresses. A copy of its bytes is a
// snapshot. A user's function that it has to know (a signal handler) is an ordinal, in the order in
// which they were first named; a program is the number of its registration.
//
// What the nouns do stands beside this: processes.h, signals.h, descriptors.h, pipes.h, files.h.
#ifndef CLEANFORK_MOCKS_SIM_KERNEL_H_
#define CLEANFORK_MOCKS_SIM_KERNEL_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "cleanfork/os_types.h"
#include "mocks/sim/capacity.h"
#include "mocks/sim/credentials.h"

namespace cleanfork::sim {

constexpr int kNone = -1;      // of an index: there is none
constexpr pid_t kInitPid = 1;  // adopts orphans and waits for them; is not itself simulated
constexpr int kResources = 16;

// Signals ----------------------------------------------------------------------------------------

constexpr int kDefaultAction = 0;  // SIG_DFL
constexpr int kIgnoreAction = 1;   // SIG_IGN; larger ordinals are functions

struct Action {
  int32_t ordinal;
  int32_t flags;
  uint64_t mask;
};

// The si_* fields that the sender of a signal fills in.
struct Sender {
  int32_t code;
  int32_t pid;
  uint32_t uid;
  int32_t status;
};

struct Signals {
  uint64_t mask;
  uint64_t pending;      // sent to the process
  uint64_t own_pending;  // sent to its one thread, as a SIGPIPE is: it may be pending in both
  Action actions[SignalSet::kMaxSignal + 1];
  Sender senders[SignalSet::kMaxSignal + 1];  // of those that are pending
};

// Descriptors ------------------------------------------------------------------------------------

struct Descriptor {
  int16_t description;  // kNone: not open
  int16_t close_on_exec;
};

enum class DescriptionKind : int32_t {
  kFree,
  kFile,       // regular file or null device: `object` is the inode
  kDirectory,  // `object` is the inode
  kPipeRead,   // `object` is the pipe
  kPipeWrite,
  kPidFd,     // `object` is the pid
  kProcFile,  // `object` is the pid, `entry` says which
};

// An open file description: open(2).
struct Description {
  DescriptionKind kind;
  int32_t object;
  int32_t entry;
  int32_t number;  // of a file of /proc: the descriptor that it is about
  int32_t flags;   // access mode and status flags
  int32_t references;
  int32_t lock;  // F_UNLCK, F_RDLCK or F_WRLCK on the whole file
  int64_t offset;
};

// A new one of a file, a pipe or a process.
inline Description MakeDescription(DescriptionKind kind, int object, int flags) {
  Description description = {};
  description.kind = kind;
  description.object = object;
  description.flags = flags;
  return description;
}

// Pipes and pages --------------------------------------------------------------------------------

struct PipeSlot {
  int16_t page;
  uint16_t offset;
  uint16_t size;
};

// As Linux has them: 16 slots of a page each, the last of which takes further small writes.
struct Pipe {
  static constexpr int kSlots = 16;
  int32_t used;
  int32_t readers;
  int32_t writers;
  int32_t first;
  int32_t count;
  PipeSlot slots[kSlots];
};

// Files ------------------------------------------------------------------------------------------

enum class ProcKind : int32_t { kNotProc, kRoot };

struct Inode {
  int32_t used;
  uint32_t mode;  // type and permissions
  uint32_t uid;
  uint32_t gid;
  int32_t links;
  int32_t open_count;
  int32_t parent;   // of a directory
  int32_t program;  // what an exec of it runs; kNone
  uint64_t special_device;
  int64_t size;
  int64_t modified;
  ProcKind proc;
  int16_t pages[kMaxFilePages];
};

struct Name {
  int32_t directory;  // kNone: not in use
  int32_t inode;
  char text[kMaxNameSize];
};

// Processes --------------------------------------------------------------------------------------

enum class ProcessState : int32_t { kFree, kRunning, kExiting, kZombie };

struct Process {
  ProcessState state;
  pid_t pid;
  int32_t parent;  // a slot; kNone is init
  int32_t birth;   // counts up over all processes, anew when one is adopted: the order of waiting
  pid_t group;
  pid_t session;
  int32_t wait_status;
  int32_t stopped;          // the signal that stopped it, until SIGCONT; 0
  int32_t stop_report;      // the same, until its parent has waited for that
  int32_t continue_report;  // it was continued, and its parent has not waited for that
  int32_t subreaper;
  int32_t parent_death_signal;
  int32_t ever_execd;  // since its fork
  int32_t too_many_processes;
  int32_t child_ends;  // how often a child of it has ended: that wakes who waits for children
  pid_t ended_child;   // the last of these, and its group
  pid_t ended_child_group;
  int32_t vfork_parent;  // the slot that waits for this one's exec or end
  int32_t program;       // what its last exec was of
  int32_t nice;
  int32_t oom_score_adjust;
  int64_t started;
  uint32_t umask;
  int32_t directory;
  int32_t root;
  Credentials credentials;
  ResourceLimit limits[kResources];
  Signals signals;
  Descriptor descriptors[kMaxDescriptors];
};

struct Kernel {
  pid_t next_pid;
  int32_t next_birth;
  int64_t monotonic;  // nanoseconds
  int64_t realtime_offset;
  uint64_t random;
  Process processes[kMaxProcesses];
  Description descriptions[kMaxDescriptions];
  Pipe pipes[kMaxPipes];
  Inode inodes[kMaxInodes];
  Name names[kMaxNames];
  uint8_t page_used[kMaxPages];
  uint8_t pages[kMaxPages][kPageSize];
};

static_assert(std::is_trivially_copyable<Kernel>::value, "a snapshot is a copy of the bytes");

// A snapshot, or back to one. Pages that are not in use are not copied: they are most of the bytes.
void CopyKernel(const Kernel& from, Kernel* to);

// A page of zeros; OutOfRoom() when there is none.
int TakePage(Kernel* kernel);
void FreePage(Kernel* kernel, int page);

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_KERNEL_H_
