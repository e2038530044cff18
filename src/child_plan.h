// ChildPlan: what a child will do, checked, looked up, opened and laid out in the parent, so that
// the child (src/child/) only has to read.
#ifndef CLEANFORK_SRC_CHILD_PLAN_H_
#define CLEANFORK_SRC_CHILD_PLAN_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "cleanfork/child.h"
#include "cleanfork/fork_options.h"
#include "cleanfork/os.h"
#include "cleanfork/spawn.h"
#include "src/child/frozen_plan.h"
#include "src/environment.h"
#include "src/identity.h"
#include "src/streams.h"

namespace cleanfork {

class ChildPlan {
 public:
  // `command` is null for a child that goes on in the caller's code. On success all descriptors
  // that the child needs are open, close-on-exec.
  static absl::StatusOr<std::unique_ptr<ChildPlan>> Build(const ForkOptions& options,
                                                          const Command* command, Os& os);
  ChildPlan(const ChildPlan&) = delete;
  ChildPlan& operator=(const ChildPlan&) = delete;

  const FrozenPlan& frozen() const { return frozen_; }

  // The child is to say that it is ready: FrozenPlan::awaits_ready.
  void AwaitReady() { frozen_.awaits_ready = true; }

  // The step as the call that it is, for an error's text: "setgid(65534)".
  std::string Describe(Step step) const;

  // The exec that failed with ENOENT, likewise: with a hint if the program is there, and it can
  // only be its interpreter that is not (execve(2)).
  std::string DescribeMissingProgram(Os& os) const;

  // In the parent after a fork: closes what is the child's.
  void CloseChildEnds();

  // The parent's ends of the streams' pipes. Moving them out leaves none behind.
  Child::Pipes TakePipes() { return std::move(streams_.pipes); }

  // In a child that goes on in the caller's code: the variables that are to become its
  // environment, or null to leave it as it is.
  char** environment() {
    return environment_->differs_from_callers() ? environment_->block() : nullptr;
  }

  // In such a child: the descriptors were closed, or are somebody else's.
  void ForgetDescriptors();

  // In such a child, which never frees its plan: keeps `other` from looking leaked.
  void KeepReachable(ChildPlan* other) { other_ = other; }

  // And the bytes that the reseed hook is to be given.
  const std::vector<unsigned char>& random() const { return random_; }

 private:
  ChildPlan() = default;

  absl::Status Prepare(const ForkOptions& options, const Command* command, Os& os);
  absl::Status PrepareProgram(const Command& command);
  absl::Status PrepareStreams(const ForkOptions& options, Os& os);
  absl::Status PrepareMoves(const ForkOptions& options, Os& os);
  absl::Status PrepareKeptDescriptors(const ForkOptions& options, Os& os);
  absl::Status OpenReportPipe(Os& os);
  void AddSteps(const ForkOptions& options, Os& os);
  void AddResourceSteps(const ForkOptions& options);
  void AddDescriptorSteps(const ForkOptions& options);
  void AddIdentitySteps(Os& os);
  void AddLastSteps(const ForkOptions& options, Os& os);
  PlannedStep& Add(Step step);
  void Freeze(const ForkOptions& options, Os& os);

  FrozenPlan frozen_;
  std::vector<PlannedStep> steps_;
  std::optional<ResolvedIdentity> identity_;
  std::vector<gid_t> group_scratch_;
  OpenedStreams streams_;
  OwnedPipe report_;
  std::vector<DescriptorMove> moves_;
  std::vector<int> kept_;
  std::vector<int> scratch_fds_;
  std::vector<PlannedLimit> limits_;
  std::string oom_score_;
  std::string root_;
  std::string root_itself_;
  std::string directory_;
  std::vector<PlannedHandler> handlers_;
  std::vector<unsigned char> random_;
  std::vector<int64_t> second_fork_delays_;
  std::vector<int64_t> busy_delays_;
  std::optional<EnvironmentBlock> environment_;
  Command command_;
  std::vector<std::string> exec_paths_;
  std::vector<const char*> exec_path_pointers_;
  std::vector<char*> argv_;
  volatile int exec_reached_ = 0;
  ChildPlan* other_ = nullptr;
};

}  // namespace cleanfork

#endif  // CLEANFORK_SRC_CHILD_PLAN_H_
