// Launch: one fork in the parent, from blocking the signals to the child's last word.
#ifndef CLEANFORK_SRC_LAUNCH_H_
#define CLEANFORK_SRC_LAUNCH_H_

#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "cleanfork/child_error.h"
#include "cleanfork/child_report.h"
#include "cleanfork/fork_options.h"
#include "cleanfork/os.h"
#include "cleanfork/unique_fd.h"
#include "src/child_plan.h"
#include "src/retry_schedule.h"

namespace cleanfork {

class Launch {
 public:
  // All three must outlive it.
  Launch(const ForkOptions& options, ChildPlan& plan, Os& os)
      : options_(options), plan_(plan), os_(os), retry_(options.retry) {}

  // Forks as the plan says and waits for the child's report. In the parent: the pid of the process
  // that now runs, or an error after which there is no such process. In a child that does not exec:
  // 0, set up. With Session::kDaemon the pid is the second child's.
  absl::StatusOr<pid_t> Run();

  // After Session::kDaemon: a pidfd of the daemon, invalid where the kernel has none.
  UniqueFd TakePidFd() { return std::move(second_fd_); }

 private:
  absl::Status IgnoreSigchld();
  void RestoreSigchld();
  SysResult<pid_t> ForkOnce();
  absl::StatusOr<pid_t> ForkWithRetry();
  absl::Status ForkFailed(int error, int64_t started);
  absl::Status RestoreMask(SignalSet mask);
  ChildReport ReadReports(pid_t child);
  ChildReport ChildVanished(pid_t child);
  void KillSecond();
  void Reap(pid_t child);
  absl::Status Explain(const ChildReport& report, pid_t child) const;

  const ForkOptions& options_;
  ChildPlan& plan_;
  Os& os_;
  RetrySchedule retry_;
  int attempts_ = 0;
  std::optional<SignalAction> old_sigchld_;
  int mask_error_ = 0;
  pid_t second_ = 0;
  UniqueFd second_fd_;
};

}  // namespace cleanfork

#endif  // CLEANFORK_SRC_LAUNCH_H_
