#include "src/enter_child.h"

namespace cleanfork {
namespace {

// The plan that this process was set up by, if it is such a child. Reachable, so that a leak
// checker does not complain of it; it links to that of the child which forked this one, if any.
ChildPlan* plan_of_this_process = nullptr;

}  // namespace

void EnterChild(const ForkOptions& options, std::unique_ptr<ChildPlan> plan, Os& os) {
  ChildPlan& kept = *plan.release();
  kept.KeepReachable(plan_of_this_process);
  plan_of_this_process = &kept;
  if (kept.environment() != nullptr) os.SetEnviron(kept.environment());
  if (options.reseed) options.reseed(kept.random().data(), kept.random().size());
  if (options.in_child) options.in_child();
}

}  // namespace cleanfork
