#include "cleanfork/spawn.h"

#include <memory>

#include "src/child_plan.h"
#include "src/launch.h"

namespace cleanfork {

absl::StatusOr<Child> Spawn(const Command& command, const ForkOptions& options, Os& os) {
  absl::StatusOr<std::unique_ptr<ChildPlan>> plan = ChildPlan::Build(options, &command, os);
  if (!plan.ok()) return plan.status();
  Launch launch(options, **plan, os);
  absl::StatusOr<pid_t> pid = launch.Run();
  if (!pid.ok()) return pid.status();
  if (options.session == Session::kDaemon) return Child::Daemon(os, *pid, launch.TakePidFd());
  return Child(os, *pid, (*plan)->TakePipes());
}

}  // namespace cleanfork
