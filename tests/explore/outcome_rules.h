// Rules of what is to come out of a start, for scenarios of src/: the child is as it was asked for,
// down to its mask and its descriptors, the caller is told why it is not, and what the kernel lacks
// is not missed. And the world of those scenarios, in which everything that a child could inherit
// is there and is not what it is to get.
#ifndef CLEANFORK_TESTS_EXPLORE_OUTCOME_RULES_H_
#define CLEANFORK_TESTS_EXPLORE_OUTCOME_RULES_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cleanfork/explore.h"
#include "cleanfork/os.h"
#include "tests/explore/worker_world.h"

namespace cleanfork::explore {

// What a body says, by Note(), beside kStarted and kRan.
constexpr char kSpeaks[] = "speaks";    // a daemon is about to say that it is ready
constexpr char kElapsed[] = "elapsed";  // how long the caller has taken, in nanoseconds

// Notes that the child's own code is come to, and whether it is in "/".
void NoteChild(Os& os);

// CLOCK_MONOTONIC.
int64_t Now(Os& os);

// World() with a /bin/worker that says by NoteChild() where it is, and a caller with a umask, a
// directory, groups, ignored signals, and descriptors 3, 4, 6 and 9.
SimOsOptions OutcomeWorld();

// The program waits for good, and ends by a signal.
void LetTheWorkerStay(SimOsOptions* world);

// How the child has to be when its own code is come to, in the directory "/". What is not said need
// not be.
struct Asked {
  std::string name = "the child is as it was asked for";
  std::vector<int> descriptors = {0, 1, 2};
  std::optional<uid_t> uid;
  std::optional<gid_t> gid;
  std::optional<std::vector<gid_t>> groups;
  bool leads_session = true;  // else it is in one that is neither its own nor the caller's
  mode_t umask = 022;
  SignalSet mask;
  bool no_new_privs = false;
  int nice = 0;
  std::optional<uint64_t> most_descriptors;  // RLIMIT_NOFILE
  std::vector<std::string> environment;      // of a program: among its variables
};
std::shared_ptr<const Checker> TheChildIsAsAsked(const Asked& asked);

// One that is asked to be the user www.
Asked AsWww();

// Whether the call has failed, or a signal has come to it.
bool HasFaultOf(const Execution& run, OsCall call);

// Nobody waits for time to pass where nothing goes wrong.
std::shared_ptr<const Checker> NobodyWaitsInVain();

// A caller who is told of a failure that calls failed with is told an errno.
std::shared_ptr<const Checker> AFailureHasAnErrno();

// Who is told of a failure has no child that came to its code; who is told of a success has one
// that exec'd, or has spoken, unless it is one that was only forked and was killed.
std::shared_ptr<const Checker> TheCallerIsToldTheTruth();

// A kernel or a filter without close_range(2) and pidfds will do.
std::shared_ptr<const Checker> WhatMayBeMissingIsNotMissed();

// Where the fork fails again and again, it is called so many times.
std::shared_ptr<const Checker> ForksAreTried(int attempts);

// There is a pause between a fork that fails and the next attempt.
std::shared_ptr<const Checker> ForksAreTriedAfterAPause();

// Of those whose own code was come to.
std::shared_ptr<const Checker> NobodyIsEndedBySigpipe();

// Who could not tell its starter that it is there does not come to its code.
std::shared_ptr<const Checker> NobodyStartsForNobody();

// The rules above that hold for every start, and `base`, in which faults of forks are to be
// absorbed as others that pass.
std::vector<std::shared_ptr<const Checker>> OutcomeCheckers(
    std::vector<std::shared_ptr<const Checker>> base);

// The bounds: all orders, or `preemptions`.
ExploreOptions OneFault(int preemptions = -1);
ExploreOptions OneKill(int preemptions = -1);
// Set*id calls that say that they have succeeded, and have not.
ExploreOptions LyingIdentity(int preemptions = -1);

// Explores with a heap that takes back what processes leave; says how many runs it took.
ExploreResult ExploreOutcomes(const Scenario& scenario, const ExploreOptions& options);

}  // namespace cleanfork::explore

#endif  // CLEANFORK_TESTS_EXPLORE_OUTCOME_RULES_H_
