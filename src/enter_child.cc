#include "src/enter_child.h"

#include <utility>

#include "cleanfork/process_local.h"

namespace cleanfork {
namespace {

// The plan that this process was set up by, if it is such a child. Reachable, so that a leak
// checker does not complain of it; it links to that of the child which forked this one, if any.
ChildPlan* plan_of_this_process = nullptr;

// For as long as the process lives: its environment is in it.
ChildPlan& Keep(std::unique_ptr<ChildPlan> plan) {
  ChildPlan& kept = *plan.release();
  kept.ForgetDescriptors();
  if (ProcessVariables* const simulated = ProcessVariables::Current()) {
    simulated->KeepUntilEnd(&kept, [](void* own) { delete static_cast<ChildPlan*>(own); });
  } else {
    kept.KeepReachable(plan_of_this_process);
    plan_of_this_process = &kept;
  }
  return kept;
}

}  // namespace

void EnterChild(const ForkOptions& options, std::unique_ptr<ChildPlan> plan, Os& os) {
  ChildPlan& kept = Keep(std::move(plan));
  if (kept.environment() != nullptr) os.SetEnviron(kept.environment());
  if (options.reseed) options.reseed(kept.random().data(), kept.random().size());
  if (options.in_child) options.in_child();
}

}  // namespace cleanfork
