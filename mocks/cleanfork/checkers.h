// The rules that fork code breaks when a call fails at the wrong moment, as checkers for Explore()
// (cleanfork/explore.h).
//
//   scenario.checkers = cleanfork::DaemonCheckers();  // instead of StandardCheckers()
//   scenario.checkers.push_back(cleanfork::OnlyAsyncSignalSafeCalls());
//
// StandardCheckers() of cleanfork/checker.h holds for code that starts processes, waits for them
// and returns. It has what is not marked "by request" below: a rule is among them if there is no
// correct code of that kind that breaks it, whatever it was written for. A rule that a piece of
// code breaks on purpose is left out by making the list yourself.
//
// Each function returns a new checker, which has no state: one may serve many scenarios, and many
// threads. A rule that a run does not break costs no allocation. What is said of a process names it
// by path and pid: "P.1 (pid 101)".
#ifndef CLEANFORK_CHECKERS_H_
#define CLEANFORK_CHECKERS_H_

#include <memory>
#include <vector>

#include "cleanfork/checker.h"

namespace cleanfork {

// For code whose child goes on in the body and returns from it, or which leaves a process that is
// meant to run on, as after ForkChild() and Daemonize(): StandardCheckers() with
// NothingRunsOnAfterFailure() in the place of NoStrayChild(), and without ExitsOnce().
std::vector<std::shared_ptr<const Checker>> DaemonCheckers();

// How a run ends -------------------------------------------------------------------------------

// A child did what its parent had done (SimEnd::kNondeterminism): else no run proves anything. The
// other rules say nothing of a run that breaks this one.
std::shared_ptr<const Checker> NothingNondeterministic();

// No process ends by an exception that nobody catches, as by std::terminate(): also where that is
// what it does without a fault.
std::shared_ptr<const Checker> NoUncaughtException();

// The first process does not wait for what will not come.
std::shared_ptr<const Checker> NoDeadlock();

// The run ends within ExploreOptions::max_calls. Not broken by a run with an EINTR that stays:
// taking up interrupted calls again is right, and no kernel interrupts for ever.
std::shared_ptr<const Checker> NoLivelock();

// What is left ---------------------------------------------------------------------------------

// Where the first process returns from the body, it has those descriptors open that it had at its
// beginning: none more, and none less.
std::shared_ptr<const Checker> NoLeakedDescriptor();

// The first process has waited for all children that have ended when it returns from the body; and
// so has whoever runs on in the end. Not of who exits: init waits for what he leaves.
std::shared_ptr<const Checker> NoZombie();

// When the first process returns or exits, it has no child that still runs, and none of the
// processes runs on. Only the children of a process that was killed from outside may, unless the
// first process reports a failure.
std::shared_ptr<const Checker> NoStrayChild();

// By request: the same, but only where the first process reports a failure, which is to return or
// exit with another status than in a run without faults. For code that starts daemons.
std::shared_ptr<const Checker> NothingRunsOnAfterFailure();

// Where the first process returns from the body, its mask of signals is that of its beginning, and
// the same signals are ignored and handled.
std::shared_ptr<const Checker> MaskAndDispositionsRestored();

// By request, since it takes a SimHeap (cleanfork/sim_heap.h) around the exploration, without which
// it says nothing: the first process, where it returns from the body, has given back all blocks
// that operator new has handed out to it. Not those of malloc(3). What is made once in a program,
// as a static local of a function is, breaks no rule: a run is made twice before this is said of
// it.
std::shared_ptr<const Checker> HeapAsBefore();

// Identity -------------------------------------------------------------------------------------

// A change of identity is whole or is a failure. Of a process that has exec'd, exited with status 0
// (the first one: with that of a run without faults) or runs on:
//   - its real, effective and saved uid are the same, and so are its gids, unless they all are
//     those of the beginning;
//   - if its uid is another one than at the beginning: the gid is, if that was root's, the
//     supplementary groups are not those of the beginning (but for its own gid alone), and where
//     the beginning had a uid 0, no capability is effective or permitted;
//   - where a call that sets uids failed or lied by a fault of this run, another such call of the
//     process succeeded; likewise of gids and of setgroups(2).
std::shared_ptr<const Checker> NoHalfDroppedPrivilege();

// By request, since a program may change its identity for a while: a process that has changed its
// uid does not take that of the beginning back. Of a process as above. A checker does not see the
// arguments of calls: a process that takes its uid back and drops it once more is not noticed.
std::shared_ptr<const Checker> NoRegainedPrivilege();

// Errors ---------------------------------------------------------------------------------------

// What a process notes as "error", Note("error", status's errno), is 0, an error that is a fault of
// this run, one that a call of the run returned, or one of `own`: those that the code gives out by
// itself, as ETIME after a time-out. Holds where nothing is noted.
std::shared_ptr<const Checker> ReportedErrorWasInjected(std::vector<int> own = {});

// Where nothing went wrong but what passes, the first process ends as in a run without faults. What
// passes is an EINTR that does not stay, a read(2) or write(2) of fewer bytes, and up to `forks` in
// a run of EAGAIN or ENOMEM that fork(2) or clone(2) fails with once. StandardCheckers() has it
// with none, since whether to try to fork again is a matter of taste. Not for code whose end
// depends on the order in which processes go on.
std::shared_ptr<const Checker> TransientFaultsAbsorbed(int forks = 0);

// By request, since a race may be meant: where nothing goes wrong, the first process ends in the
// same way, whatever the order in which the processes go on.
std::shared_ptr<const Checker> SameEndInEveryOrder();

// No call is made with a descriptor that is not open, but for those that ask whether it is
// (F_GETFD, fstat(2), isatty(3)), for what follows from a lie, and for 16 or more calls one after
// the other of the same name, which is how a range is closed without close_range(2).
std::shared_ptr<const Checker> NoBadDescriptor();

// Children -------------------------------------------------------------------------------------

// A forked child does not return from the body: it would run its parent's code a second time.
std::shared_ptr<const Checker> ExitsOnce();

// By request, since it holds for programs with threads only: a child asks the name service for
// nothing and leaves the environment alone before its exec. Of the calls of Os these alone are not
// async-signal-safe (signal-safety(7)); allocations are not seen.
std::shared_ptr<const Checker> OnlyAsyncSignalSafeCalls();

}  // namespace cleanfork

#endif  // CLEANFORK_CHECKERS_H_
