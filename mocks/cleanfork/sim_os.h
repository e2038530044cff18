// SimOs: a simulated kernel in which fork returns twice. Code that takes Os& runs in it unchanged,
// parent and children in one real process, always in the same order and in microseconds; and
// then you look at what is left.
//
//   cleanfork::SimOsOptions options;
//   options.users.push_back({"www", 33, 33, "/var/www"});
//   cleanfork::SimOs sim(options);
//   const cleanfork::SimRun run = sim.Run([](cleanfork::Os& os) {
//     const cleanfork::SysResult<pid_t> child = os.Fork();
//     if (child.value() == 0) os.Exit(os.SetUid(33).ok() ? 0 : 1);
//     return os.WaitPid(child.value(), 0).value().status;
//   });
//   EXPECT_EQ(run.end, cleanfork::SimEnd::kAllEnded) << run.message;
//   EXPECT_EQ(sim.process(101)->uid.effective, 33);
//
// The body of Run() is the program: its first process, which calls itself 100. What it returns is
// its exit status. When it forks, the child is made by running the body again, with the calls up to
// the fork answered from a log. So the body
//   - must do nothing but what follows from what its calls of Os return: no clock, no random number
//     and no address of its own. Run() compares every answered call, and says which one differs;
//   - must own what it changes. A variable outside it is one variable for all its processes, and
//     is changed again when a child is made; so is what a lambda captures by reference. A global
//     that has to be each process's own is a ProcessLocal (cleanfork/process_local.h). An EXPECT
//     before a fork counts once for each process;
//   - runs code that is not async-signal-safe in a child without being told.
// A process goes on until it waits for something; then the next one that can goes on. Time stands
// still until all wait. What a call of Os does here, what it refuses and what differs from Linux is
// tabled in docs/sim_os.md. What is not modelled aborts with a message that names the call.
//
// Exit(), a signal and exec leave a process where it stands: no destructor on its stack runs, as in
// the real world; but what it had on the heap stays allocated (AddressSanitizer is told), unless
// there is a SimHeap (cleanfork/sim_heap.h).
//
// Errors: those of SimRun. Not thread-safe; one SimOs per thread may run at a time.
#ifndef CLEANFORK_SIM_OS_H_
#define CLEANFORK_SIM_OS_H_

#include <sys/socket.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cleanfork/os.h"
#include "cleanfork/os_types.h"

namespace cleanfork {

namespace sim {
class SimOsAccess;
}  // namespace sim

// A line of passwd(5) and the user's lines of group(5). The home directory is made.
struct SimUser {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::string home = "/";
  std::string shell = "/bin/sh";
  std::vector<gid_t> groups = {};  // supplementary
};

struct SimGroup {
  std::string name;
  gid_t gid = 0;
};

// A regular file, a directory or a symbolic link; directories on the way to it are made, root's and
// with mode 0755.
struct SimFile {
  enum class Type { kRegular, kDirectory, kSymlink };
  std::string path;
  std::string content;  // of a link, where it leads
  mode_t mode = 0644;
  uid_t uid = 0;
  gid_t gid = 0;
  Type type = Type::kRegular;
};

// An executable file. With a body, exec runs that; without one the process goes on until it is
// killed, and what it was started with can be looked at.
struct SimProgram {
  std::string path;
  std::function<int(Os& os, const std::vector<std::string>& arguments)> body;
  mode_t mode = 0755;
};

// A descriptor that is open when the body begins.
struct SimDescriptor {
  int fd = -1;
  std::string path;
  int flags = 0;  // of open(2); the file is there
};

// A socket of unix(7) that somebody else has bound before the body begins, as a service manager has
// what NOTIFY_SOCKET names. What was sent to it: SimOs::datagrams().
struct SimSocket {
  enum class Holder {
    kReads,       // at once
    kNeverReads,  // `room` datagrams go in, then senders wait
    kGone,        // it has ended, and left the file
  };
  std::string address;  // a path, or '@' and an abstract name
  Holder holder = Holder::kReads;
  int room = 11;  // one more than net.unix.max_dgram_qlen
  int type = SOCK_DGRAM;
  mode_t mode = 0777;  // of the file, as the owners
  uid_t uid = 0;
  gid_t gid = 0;
};

// One that was sent, with its sender as SCM_CREDENTIALS of unix(7) name it.
struct SimDatagram {
  std::string address;  // of the SimSocket
  std::string bytes;
  pid_t pid = 0;
  uid_t uid = 0;  // real
  gid_t gid = 0;
};

// The world in which the body begins, a shell's child as root unless told otherwise. Beside what is
// given there are /, /bin, /dev, /dev/null, /etc, /proc, /tmp and /var.
struct SimOsOptions {
  std::vector<SimUser> users = {{"root", 0, 0, "/root"}};
  std::vector<SimGroup> groups = {{"root", 0}};
  std::vector<SimFile> files;
  std::vector<SimProgram> programs;
  std::vector<SimSocket> sockets;
  std::vector<SimDescriptor> descriptors = {
      {0, "/dev/null", 2}, {1, "/dev/null", 2}, {2, "/dev/null", 2}};
  std::vector<std::string> environment = {"PATH=/bin:/usr/bin", "HOME=/root"};

  uid_t uid = 0;  // real, effective and saved; not root has no capabilities
  gid_t gid = 0;
  // Instead of those, where the three differ, as in a set-user-ID program; and where the
  // capabilities are others: a container's root has not all.
  std::optional<ResUid> uids;
  std::optional<ResGid> gids;
  std::optional<CapabilitySets> capabilities;
  std::vector<gid_t> supplementary_groups = {0};
  std::string directory = "/";
  mode_t umask = 022;
  SignalSet signal_mask;
  SignalSet ignored_signals;
  std::map<int, ResourceLimit> limits;  // by RLIMIT_...; others are as of Debian
  int64_t disk_space = INT64_MAX;       // bytes that files can grow by, in blocks of 4096
  int64_t most_open_files = INT64_MAX;  // in all processes; not for who has CAP_SYS_ADMIN
  bool group_leader = true;             // false: of its shell's group, and setsid(2) succeeds
  bool subreaper = false;

  int64_t time = 1'700'000'000'000'000'000;  // CLOCK_REALTIME; nanoseconds
  uint64_t seed = 1;                         // of getrandom(2)
  // Of all processes, until the run is ended. Of calls that are answered from logs there may be
  // sixteen times as many: a process that forks and waits 4,000 times is within that.
  int64_t most_calls = 1'000'000;
};

enum class SimEnd {
  kAllEnded,        // every process has
  kLeftWaiting,     // the first has; others wait for what will not come, as daemons do
  kDeadlock,        // the first one waits too
  kNondeterminism,  // a forked child did something else than its parent had done
  kTooManyCalls,    // SimOsOptions::most_calls
};

struct SimRun {
  SimEnd end = SimEnd::kAllEnded;
  // Who waits for what; both calls; empty for kAllEnded. And a line for each process that ended by
  // an exception: "process 101 ended by an exception: std::runtime_error: no such user".
  std::string message;
};

// A process as it is now, or as it was when it ended.
struct SimProcess {
  enum class State { kRunning, kZombie, kReaped };
  pid_t pid = 0;
  pid_t parent = 0;  // 1 is init, which adopts and waits
  pid_t group = 0;
  pid_t session = 0;
  State state = State::kRunning;
  int wait_status = 0;  // for WIFEXITED and its like; of one that has ended

  ResUid uid;
  ResGid gid;
  std::vector<gid_t> groups;
  CapabilitySets capabilities;
  bool no_new_privs = false;
  SignalSet mask;
  SignalSet pending;
  SignalSet ignored;
  mode_t umask = 0;
  int nice = 0;
  std::string directory;
  std::map<int, std::string> descriptors;  // "/dev/null", "pipe 0, to read"
  std::map<int, ResourceLimit> limits;

  // Of its last exec; empty without one.
  std::string program;
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
};

class SimOs {
 public:
  using Body = std::function<int(Os& os)>;

  // Aborts with a message where the options contradict themselves or do not fit.
  explicit SimOs(const SimOsOptions& options = SimOsOptions());
  SimOs(const SimOs&) = delete;
  SimOs& operator=(const SimOs&) = delete;
  ~SimOs();

  // Runs `body` from the beginning, in a fresh world, until nothing can go on.
  SimRun Run(const Body& body);

  // Of the last run: -----------------------------------------------------------------------------

  // All processes that there were, in the order of their pids.
  std::vector<SimProcess> processes() const;
  std::optional<SimProcess> process(pid_t pid) const;

  // What is in a file; nothing where there is none.
  std::optional<std::string> FileContents(const std::string& path) const;
  std::optional<FileStatus> FileStatusOf(const std::string& path) const;

  // What was sent to the sockets of the options, in its order.
  std::vector<SimDatagram> datagrams() const;

  // A line for each call, in their order: "101 setuid(33) = 0", "100 close(9) = EBADF".
  std::string TraceText() const;

  // CLOCK_MONOTONIC since the body began; nanoseconds.
  int64_t elapsed() const;

  // Calls of Os that are not modelled at all, by their C names.
  static std::vector<std::string> UnmodelledCalls();

 private:
  friend class sim::SimOsAccess;
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace cleanfork

#endif  // CLEANFORK_SIM_OS_H_
