// ChildRegistry: reaps this program's own children, and nobody else's.
//
//   cleanfork::ChildRegistry registry;
//   absl::StatusOr<cleanfork::Child> worker = cleanfork::RunInChild(Work);
//   if (worker.ok()) registry.Adopt(*std::move(worker));
//   // And then, in the event loop or on a timer:
//   for (const cleanfork::ChildRegistry::Ended& ended : registry.Reap()) {
//     Log(ended.pid, ended.status.ok() ? ended.status->ToString() : "lost");
//   }
//
// It waits for each pid by itself: no SIGCHLD handler, no waitpid(-1), no change of a disposition.
// So a child that ends before it is adopted is not lost, since it stays a zombie until somebody
// asks for its pid; and system(3), popen(3) and other waits of the program go on as if this were
// not there. Where the program does wait for any child, or ignores SIGCHLD, what it took is
// reported as lost.
//
// Thread-compatible; not signal-safe. Reap() is one system call a child.
#ifndef CLEANFORK_CHILD_REGISTRY_H_
#define CLEANFORK_CHILD_REGISTRY_H_

#include <sys/types.h>

#include <vector>

#include "absl/status/statusor.h"
#include "cleanfork/child.h"
#include "cleanfork/os.h"

namespace cleanfork {

class ChildRegistry {
 public:
  struct Ended {
    pid_t pid;
    // How it ended; NotFound (ECHILD) when somebody else has reaped it, and nobody can tell.
    absl::StatusOr<ExitStatus> status;
  };

  // Os must outlive it.
  explicit ChildRegistry(Os& os = RealOs()) : os_(os) {}
  ChildRegistry(const ChildRegistry&) = delete;
  ChildRegistry& operator=(const ChildRegistry&) = delete;

  // Children that are left when it is destroyed run on, and are then nobody's to wait for.
  ~ChildRegistry() = default;

  // Answers from now on for `pid`, a child of this process that nobody else waits for. A number
  // that is no pid (0 and below, which waitpid(2) takes for any child of a group) is not adopted.
  void Adopt(pid_t pid) {
    if (pid > 0) adopted_.push_back({pid, false});
  }

  // The same for a child that `child` answers for, and for one that somebody else has reaped
  // already, which is then told as lost; a daemon, or one reaped here or given up, is not adopted.
  void Adopt(Child child) {
    if (child.lost()) adopted_.push_back({child.pid(), true});
    if (child.owned()) Adopt(child.Detach());
  }

  // Those that have ended since the last call, in the order of their adoption. Does not wait.
  std::vector<Ended> Reap() { return WaitForEach(true); }

  // Waits until every child has ended.
  std::vector<Ended> WaitForAll() { return WaitForEach(false); }

  // How many have been adopted and not yet been returned as ended.
  size_t size() const { return adopted_.size(); }

 private:
  std::vector<Ended> WaitForEach(bool only_ended);

  struct Adopted {
    pid_t pid;
    bool lost;  // its number may be another's by now: not to be waited for
  };

  Os& os_;
  std::vector<Adopted> adopted_;
};

}  // namespace cleanfork

#endif  // CLEANFORK_CHILD_REGISTRY_H_
