// Launch: one fork in the parent, from blocking the signals to the child's last word.
#ifndef CLEANFORK_SRC_LAUNCH_H_
#define CLEANFORK_SRC_LAUNCH_H_

#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cleanfork/child_error.h"
#include "cleanfork/child_report.h"
#include "cleanfork/fork_options.h"
#include "cleanfork/os.h"
#include "cleanfork/unique_fd.h"
#include "src/await_ready.h"
#include "src/child/await_child.h"
#include "src/child_plan.h"
#include "src/retry_schedule.h"

namespace cleanfork {

class Launch {
 public:
  // All three must outlive it.
  Launch(const ForkOptions& options, ChildPlan& plan, Os& os)
      : options_(options), plan_(plan), os_(os), retry_(options.retry) {}

  // Forks as the plan says and waits for the child's report. In the parent: the process that now
  // runs, or an error after which there is no such process. In a child that does not exec: nullopt,
  // once it is set up. With Session::kDaemon the process is the second child.
  // Where the plan awaits readiness, the process has been set up and no more: AwaitReady() is to
  // follow, and `in_parent` is the caller's to call then.
  absl::StatusOr<std::optional<Child>> Run();

  // In the parent, after Run() has returned a process that has yet to say that it is ready: waits
  // until it does, or until `timeout` is over. After an error there is no such process.
  absl::Status AwaitReady(absl::Duration timeout);

  // In a child that has yet to say that it is ready: on which it releases the first child; -1 if
  // there is none.
  int supervisor() const { return supervisor_; }

 private:
  absl::Status IgnoreSigchld();
  void RestoreSigchld();
  SysResult<pid_t> ForkOnce();
  absl::StatusOr<pid_t> ForkWithRetry();
  absl::Status ForkFailed(int error, int64_t started, const std::string& cause);
  absl::Status RestoreMask(SignalSet mask);
  void KillChild();
  ChildReport AwaitOwnChild();
  ChildReport AwaitDaemon();
  ChildReport FirstChildVanished(bool may_run);
  void NoteSecond(const ChildReport& report);
  bool KillSecond();
  absl::Status Explain(const ChildReport& report) const;
  void ReapChild();
  void ReapKilledChild();
  int64_t FromNow(absl::Duration time);
  void EndDaemon(const AwaitedDaemon& daemon, const DaemonReport& heard);
  absl::Status ExplainUnready(const DaemonReport& heard, absl::Duration timeout) const;

  const ForkOptions& options_;
  ChildPlan& plan_;
  Os& os_;
  RetrySchedule retry_;
  int attempts_ = 0;
  std::optional<SignalAction> old_sigchld_;
  int mask_error_ = 0;
  AwaitedChild child_;
  UniqueFd child_fd_;  // a pidfd, where the kernel has them
  pid_t second_ = 0;
  UniqueFd second_fd_;
  int supervisor_ = -1;
};

}  // namespace cleanfork

#endif  // CLEANFORK_SRC_LAUNCH_H_
