#ifndef CLEANFORK_SRC_ENTER_CHILD_H_
#define CLEANFORK_SRC_ENTER_CHILD_H_

#include <memory>

#include "cleanfork/fork_options.h"
#include "cleanfork/os.h"
#include "src/child_plan.h"

namespace cleanfork {

// What is left to do in a child that has been set up and goes on in the caller's code: its
// environment, and the caller's hooks, what they throw passes. The plan is given up, never freed: a
// descriptor number in it may be another file's by now, its environment is in use, and free(3) may
// be locked for ever.
void EnterChild(const ForkOptions& options, std::unique_ptr<ChildPlan> plan, Os& os);

}  // namespace cleanfork

#endif  // CLEANFORK_SRC_ENTER_CHILD_H_
