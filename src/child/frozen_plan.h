// FrozenPlan: what a child will do, as data without an owner. ChildPlan (src/child_plan.h) builds
// and owns it in the parent; RunChildPlan() reads it in the child, where nothing may be allocated.
#ifndef CLEANFORK_SRC_CHILD_FROZEN_PLAN_H_
#define CLEANFORK_SRC_CHILD_FROZEN_PLAN_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

#include "cleanfork/os_types.h"
#include "cleanfork/step.h"

namespace cleanfork {

// The signals of a plan's handlers.
struct PlannedHandler {
  int signal;
  SignalAction action;
};

// A resource limit.
struct PlannedLimit {
  int resource;
  ResourceLimit limit;
};

// One step and what it needs; a field that a step does not name below is unused by it.
struct PlannedStep {
  Step step;
  int fd = -1;      // stdin, stdout, stderr: the source, 3 or more; keep; pidfile
  int target = -1;  // move-descriptor: fd is copied to it; fd is above all targets
  mode_t mode = 0;  // umask
  const PlannedLimit* limits = nullptr;  // limits
  size_t limit_count = 0;
  int nice = 0;                // nice
  const char* text = nullptr;  // oom-score: the number as it is written
  size_t text_size = 0;
  uid_t uid = 0;                    // setuid, verify, regain: the new one
  gid_t gid = 0;                    // setgid, verify, regain: the new one
  uid_t old_uid = 0;                // regain: the one that must not come back
  gid_t old_gid = 0;                // regain
  bool check_uid = false;           // verify, regain: the uid was to change
  bool check_gid = false;           // verify, regain: the gid was to change
  bool check_groups = false;        // verify: the groups were to change
  bool check_capabilities = false;  // verify: root's were to go
  const gid_t* groups = nullptr;    // setgroups, verify; sorted
  size_t group_count = 0;
  gid_t* scratch = nullptr;   // verify: room for group_count + 1 groups
  const int* kept = nullptr;  // close-descriptors: what stays open; all 3 or more
  size_t kept_count = 0;
  int signal = 0;                            // parent-death-signal
  pid_t parent = 0;                          // parent-death-signal: who the parent has to be
  const char* path = nullptr;                // chdir, chroot
  const PlannedHandler* handlers = nullptr;  // signal-handlers
  size_t handler_count = 0;
  SignalSet mask;                   // signal-mask
  unsigned char* random = nullptr;  // reseed: where the bytes go
  size_t random_size = 0;           // reseed: at most 256
};

// A pid in digits, and a NUL.
constexpr size_t kPidTextSize = 11;

struct FrozenPlan {
  const PlannedStep* steps = nullptr;
  size_t step_count = 0;

  // The pipe on which the parent hears of the child, both ends first_free or more and
  // close-on-exec. The child holds the write end until it has exec'd or reported.
  int report_read = -1;
  int report_write = -1;

  // What the child opens for itself and keeps has to be here or above: below, some step of the plan
  // will put a descriptor.
  int first_free = 3;

  // How long to sleep, in nanoseconds, before each further attempt at the second fork.
  const int64_t* second_fork_delays = nullptr;
  size_t second_fork_delay_count = 0;

  // The plan's own descriptors, which a child that neither execs nor closes all others still has to
  // close.
  const int* scratch_fds = nullptr;
  size_t scratch_fd_count = 0;

  // The program: files to try in turn, as a PATH search does. None: the child goes on in the
  // caller's code.
  const char* const* exec_paths = nullptr;
  size_t exec_path_count = 0;
  char* const* argv = nullptr;
  char* const* envp = nullptr;

  // The value of LISTEN_PID within `envp`, with room for kPidTextSize bytes, for the pid that the
  // process that is to run has: no other can know it. Null: there is none to be set.
  char* listen_pid = nullptr;

  // Where a program's child notes that it has come to its exec: seen by the parent where they share
  // memory.
  volatile int* exec_reached = nullptr;

  bool execs() const { return exec_path_count > 0; }
};

}  // namespace cleanfork

#endif  // CLEANFORK_SRC_CHILD_FROZEN_PLAN_H_
