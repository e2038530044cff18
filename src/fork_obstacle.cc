#include "src/fork_obstacle.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "cleanfork/probe.h"
#include "src/proc_files.h"

namespace cleanfork {
namespace {

constexpr int kSchedDeadline = 6;  // SCHED_DEADLINE of <linux/sched.h>; older glibc lacks it

constexpr char kRemedy[] =
    "; return to a living one with setns(2), or start the program anew; the first child in a new "
    "one "
    "is its init and has to live";

bool IsGone(int error) { return error == ENOENT || error == ESRCH; }

// The PID namespace that a link of /proc names, "pid:[4026531836]". Returns an errno, or 0.
int ReadNamespace(Os& os, const std::string& path, std::string* name) {
  char text[64];
  const SysResult<size_t> size = os.ReadLink(path.c_str(), text, sizeof(text));
  if (!size.ok()) return size.error();
  name->assign(text, std::min(size.value(), sizeof(text)));
  return 0;
}

// The numbers of "NSpid" in a /proc/PID/status: the pid in the namespace that /proc is of, and in
// each one below it, up to the process's own.
std::vector<uint64_t> NamespacePids(std::string_view status) {
  std::vector<uint64_t> pids;
  for (std::string_view word : Split(StatusField(status, "NSpid"), '\t')) {
    if (const std::optional<uint64_t> pid = ParseNumber(word)) pids.push_back(*pid);
  }
  return pids;
}

// Whether /proc may hide processes of others from us: proc(5), hidepid.
bool ProcMayHide(Os& os) {
  std::string mountinfo;
  if (ReadProcFile(os, "/proc/self/mountinfo", &mountinfo) != 0) return true;
  if (mountinfo.size() >= kMaxProcFileSize) return true;  // and the rest is not known
  for (std::string_view line : Split(mountinfo, '\n')) {
    const size_t dash = line.find(" - proc ");
    if (dash == std::string_view::npos || line.substr(0, dash).find(" /proc ") == line.npos)
      continue;
    const size_t option = line.find("hidepid=", dash);
    if (option == std::string_view::npos) continue;
    const std::string_view value = line.substr(option + std::string_view("hidepid=").size());
    if (value.substr(0, 1) != "0" && value.substr(0, 3) != "off") return true;
  }
  return false;
}

// An init that has ended and has not been reaped is as good as none. The first thread of a process
// may as well have ended before the others, who go on.
bool HasEnded(std::string_view status) {
  const std::string_view state = StatusField(status, "State");
  const size_t start = state.find_first_not_of(" \t");
  if (start == std::string_view::npos || (state[start] != 'Z' && state[start] != 'X')) return false;
  return ParseNumber(StatusField(status, "Threads")).value_or(1) <= 1;
}

enum class InitState { kAlive, kEnded, kCannotTell };

// What has become of process 1 of the PID namespace `name`, which is below the caller's own.
InitState FindInit(Os& os, const std::string& name) {
  std::string status;
  if (ReadProcFile(os, "/proc/self/status", &status) != 0) return InitState::kCannotTell;
  const size_t own_depth = NamespacePids(status).size();
  if (own_depth == 0 || ProcMayHide(os)) return InitState::kCannotTell;
  const ProcessList processes = ListProcesses(os);
  if (!processes.complete) return InitState::kCannotTell;
  for (const std::string& pid : processes.pids) {
    const int error = ReadProcFile(os, "/proc/" + pid + "/status", &status);
    if (IsGone(error)) continue;
    if (error != 0) return InitState::kCannotTell;
    const std::vector<uint64_t> pids = NamespacePids(status);
    if (pids.size() <= own_depth || pids.back() != 1) continue;
    std::string its_name;
    const int link_error = ReadNamespace(os, "/proc/" + pid + "/ns/pid", &its_name);
    if (IsGone(link_error)) continue;
    // EACCES: the init of some namespace, which runs as somebody else. It may be the one.
    if (link_error != 0) return InitState::kCannotTell;
    if (its_name == name) return HasEnded(status) ? InitState::kEnded : InitState::kAlive;
  }
  return InitState::kEnded;
}

ForkObstacle FindPidNamespaceObstacle(Os& os) {
  // Of the thread, which may have called unshare(2) or setns(2) for itself.
  std::string own;
  if (ReadNamespace(os, "/proc/thread-self/ns/pid", &own) != 0) return {};
  std::string of_children;
  const int error = ReadNamespace(os, "/proc/thread-self/ns/pid_for_children", &of_children);
  // Our own namespace lives as long as we do.
  if (error == 0 && own == of_children) return {};
  if (error == ENOENT) {
    CLEANFORK_PROBE("the PID namespace for children has had no process");
    return {false,
            "the PID namespace for children has had no process yet: if the first fork into it "
            "failed, as in a full control group, no other one can succeed" +
                std::string(kRemedy)};
  }
  if (error != 0) return {};
  switch (FindInit(os, of_children)) {
    case InitState::kAlive: return {};
    case InitState::kEnded:
      CLEANFORK_PROBE("the PID namespace for children is dead");
      return {true, "the PID namespace for children is dead, since its init, process 1, has ended" +
                        std::string(kRemedy)};
    case InitState::kCannotTell:
      CLEANFORK_PROBE("whether the PID namespace for children is dead cannot be told");
      break;
  }
  return {false,
          "children go into another PID namespace, which is dead if its init has ended; /proc does "
          "not show whether it has"};
}

}  // namespace

ForkObstacle FindForkObstacle(Os& os, int error) {
  if (error == ENOMEM) return FindPidNamespaceObstacle(os);
  if (error != EAGAIN) return {};
  const SysResult<int> policy = os.SchedGetScheduler(0);
  if (!policy.ok() || policy.value() != kSchedDeadline)
    return {};  // the flag would be in there too
  CLEANFORK_PROBE("the scheduling policy forbids to fork");
  return {true,
          "the scheduling policy is SCHED_DEADLINE, under which nothing can be forked; set "
          "SCHED_FLAG_RESET_ON_FORK with sched_setattr(2), or start children from another thread"};
}

}  // namespace cleanfork
