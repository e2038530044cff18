// What a process is, read from outside: from /proc, by code that shares nothing with the library
// that it judges. See proc_pid_status(5) and proc_pid_fdinfo(5).
#ifndef CLEANFORK_TESTS_REAL_PROCESS_STATE_H_
#define CLEANFORK_TESTS_REAL_PROCESS_STATE_H_

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cleanfork {

// The two signals that glibc keeps for its own threads: nobody but glibc can set or block them.
constexpr uint64_t kLibcSignals = uint64_t{3} << 31;  // 32 and 33

struct DescriptorState {
  std::string target;  // as readlink(2) of /proc/PID/fd/N says
  bool close_on_exec = false;
  uint64_t inode = 0;

  friend bool operator==(const DescriptorState& a, const DescriptorState& b) {
    return a.target == b.target && a.close_on_exec == b.close_on_exec && a.inode == b.inode;
  }
};

struct ProcessState {
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t group = 0;
  pid_t session = 0;
  int terminal = 0;  // 0: none
  char state = '?';  // 'S', 'Z', ...
  mode_t umask = 0;
  std::vector<uint64_t> uids;  // real, effective, saved, file system
  std::vector<uint64_t> gids;
  std::vector<uint64_t> groups;
  uint64_t signals_blocked = 0;
  uint64_t signals_ignored = 0;
  uint64_t signals_caught = 0;
  uint64_t capabilities_effective = 0;
  uint64_t capabilities_permitted = 0;
  uint64_t capabilities_inheritable = 0;
  uint64_t capabilities_ambient = 0;
  bool no_new_privs = false;
  int nice = 0;
  int oom_score_adjust = 0;
  std::string limits;  // /proc/PID/limits
  std::string directory;
  std::string root;
  std::vector<std::string> environment;
  std::map<int, DescriptorState> descriptors;
};

// Nothing when there is no such process. What the caller may not read stays empty.
std::optional<ProcessState> ReadProcessState(pid_t pid);

// Every process that /proc shows.
std::vector<pid_t> AllProcesses();

// The pids whose parent is `pid`, zombies among them.
std::vector<pid_t> ChildrenOf(pid_t pid);

// The calling process as it has to be again after a call of the library.
struct CallerState {
  uint64_t signal_mask = 0;
  std::vector<std::string> dispositions;  // the kernel's own record of each, byte for byte
  std::map<int, DescriptorState> descriptors;
  // The same by what /proc/self/fdinfo says: offset, status flags, mount, inode, locks.
  std::map<int, std::string> descriptor_details;
  mode_t umask = 0;
  std::string directory;
  std::string ids;
  std::string limits;
  std::string privileges;  // groups, capabilities and no_new_privs, of /proc/self/status
  std::string attributes;  // nice value, OOM score and those of prctl(2)
};

CallerState ReadCallerState();

// What differs, in words; "" when nothing does.
std::string Difference(const CallerState& before, const CallerState& after);

// The calling process's children, dead or alive, in words; "" when there are none.
std::string DescribeChildren();

}  // namespace cleanfork

#endif  // CLEANFORK_TESTS_REAL_PROCESS_STATE_H_
