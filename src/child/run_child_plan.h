// RunChildPlan: the one interpreter of a plan, run in the child.
//
// The after-fork zone: src/child/ allocates nothing, takes no lock, throws nothing, calls only what
// signal-safety(7) lists, through Os. It keeps unwind tables and is not noexcept, since a double's
// Exit() throws through it.
#ifndef CLEANFORK_SRC_CHILD_RUN_CHILD_PLAN_H_
#define CLEANFORK_SRC_CHILD_RUN_CHILD_PLAN_H_

#include "cleanfork/os.h"
#include "src/child/frozen_plan.h"

namespace cleanfork {

// Runs in a child that Fork() has just made, all signals blocked. Returns in the process that is
// to go on in the caller's code, once it has reported that it is set up; with a second fork that
// is the second child, and the first one supervises and exits in here. Every failure is reported
// and exits. The plan must not exec.
//
// With plan.awaits_ready the pipe's write end stays open, and what is returned is the write end of
// one on which the first child waits: for a ChildReport::Started(), upon which it leaves, or for
// the end of the second child, which it reports. -1 where there is no first child.
int SetUpChild(Os& os, const FrozenPlan& plan);

// The same for a plan that execs, as the function of a VforkCall(): `argument` is a ProgramStart.
// Never returns where Exit() does not.
struct ProgramStart {
  Os* os;
  const FrozenPlan* plan;
  int termination_signal;  // that the VforkCall() is made with
};
int RunProgram(void* argument);

}  // namespace cleanfork

#endif  // CLEANFORK_SRC_CHILD_RUN_CHILD_PLAN_H_
