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
#include <memory>
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
  kSocket,    // `object` is the socket
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

inline bool HasInode(const Description& description) {
  return description.kind == DescriptionKind::kFile ||
         description.kind == DescriptionKind::kDirectory;
}

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

// kAsMade: nobody has written to it since the world was made: its number says what is in it.
enum class PageUse : uint8_t { kFree, kAsMade, kWritten };

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

// Sockets ----------------------------------------------------------------------------------------

// One that a process has opened.
struct Socket {
  int32_t used;
  int32_t type;  // SOCK_DGRAM and its like
  uint32_t uid;
  uint32_t gid;
  int32_t bound;             // one more than its receiver; 0: to none
  int32_t pass_credentials;  // SO_PASSCRED
};

// One that somebody outside the simulation has bound, or a process: to an abstract name.
struct Receiver {
  int32_t used;
  int32_t type;
  int32_t inode;  // of the file that it is bound to; kNone for an abstract name
  int32_t gone;   // its holder is, and has left the file
  int32_t reads;  // its holder does, at once; else `room` fits in
  int32_t room;
  int32_t queued;
  int32_t own;   // a process's
  int32_t next;  // of such a one: the first datagram that it may not have read
  uint32_t name_size;  // of an abstract name, with the NUL that it begins with; 0
  char name[UnixAddress::kMaxSize];
};

// What was sent to a receiver, and by whom.
struct Datagram {
  int32_t receiver;
  pid_t pid;
  uint32_t uid;
  uint32_t gid;
  uint32_t at;  // in the kernel's datagram_bytes
  uint32_t size;
};

// Processes --------------------------------------------------------------------------------------

enum class ProcessState : int32_t { kFree, kRunning, kExiting, kZombie };

// Of the time of a call that a signal has interrupted, and that is made again: restart_syscall(2).
enum class Rest : int32_t {
  kNone,  // there is no such call
  kKept,  // Process::rest_of_time
  kLost,  // a handler has run since, whose return makes the call end in EINTR
};

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
  int32_t clone_child;   // has no termination signal: clone(2), until its exec
  int32_t program;       // what its last exec was of
  int32_t executable;    // the inode of that; kNone
  int32_t nice;
  int32_t oom_score_adjust;
  Rest rest;
  int64_t rest_of_time;  // of a sleep, when it is over; of a poll, how long it still waits
  int64_t progress;  // of a call that waits: bytes that it has written, or ends it has looked at
  int64_t started;
  uint32_t umask;
  int32_t directory;
  int32_t root;
  Credentials credentials;
  ResourceLimit limits[kResources];
  Signals signals;
  int32_t descriptors_end;  // no higher descriptor than the one before this was ever open
  Descriptor descriptors[kMaxDescriptors];
};

// Whether its slot is in use: by a zombie, too.
inline bool IsLive(const Process& process) { return process.state != ProcessState::kFree; }

// An array of which only the rows below `used` have ever been in use. The others are as they were
// made: they are neither searched nor copied.
template <typename Row, int kSize>
struct alignas(8) Table {
  int32_t used;
  Row rows[kSize];

  Row& operator[](int index) { return rows[index]; }
  const Row& operator[](int index) const { return rows[index]; }
  Row* begin() { return rows; }
  Row* end() { return rows + used; }
  const Row* begin() const { return rows; }
  const Row* end() const { return rows + used; }

  // Has to be called for a row that is taken into use.
  Row& Use(int index) {
    if (index >= used) used = index + 1;
    return rows[index];
  }
};

struct Kernel {
  pid_t next_pid;
  int32_t next_birth;
  int64_t monotonic;  // nanoseconds
  int64_t realtime_offset;
  uint64_t random;
  uint32_t signalled;   // processes, by slots, that were sent a signal: for who explores
  int32_t most_files;   // open file descriptions, for who has not CAP_SYS_ADMIN
  int32_t free_blocks;  // of the disk, as large as pages
  uint32_t datagram_size;
  Table<Process, kMaxProcesses> processes;
  Table<Description, kMaxDescriptions> descriptions;
  Table<Pipe, kMaxPipes> pipes;
  Table<Inode, kMaxInodes> inodes;
  Table<Name, kMaxNames> names;
  Table<Socket, kMaxSockets> sockets;
  Table<Receiver, kMaxReceivers> receivers;
  Table<Datagram, kMaxDatagrams> datagrams;
  Table<PageUse, kMaxPages> page_use;
  uint8_t pages[kMaxPages][kPageSize];
  uint8_t datagram_bytes[kMaxDatagramBytes];
};

static_assert(std::is_trivially_copyable<Kernel>::value, "a snapshot is a copy of the bytes");

// Room for one, into which to copy, or to build a world: no row and no page of it is in use, and
// anything may stand in the rest. To clear it would be to write 2.5 MB, of which little is needed.
std::unique_ptr<Kernel> MakeRoomForKernel();

// Another one like one that was made, rows that are not in use among the rest.
std::unique_ptr<Kernel> CloneKernel(const Kernel& made);

// To a snapshot, and back. Both have become what they are from `made`, or are its room alone. Rows
// that neither has used are not copied, nor are free pages and the bytes of no datagram: they are
// nearly all there is. Those that only `to` has used become as they were made.
void CopyKernel(const Kernel& from, const Kernel& made, Kernel* to);

// A page of zeros; OutOfRoom() when there is none.
int TakePage(Kernel* kernel);

// The bytes of one that is in use, to be changed.
uint8_t* PageToWrite(Kernel* kernel, int page);
void FreePage(Kernel* kernel, int page);

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_KERNEL_H_
