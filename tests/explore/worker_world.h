// The world of the library's own scenarios, what their bodies tell the checkers by notes, and the
// rules that hold for all of them.
#ifndef CLEANFORK_TESTS_EXPLORE_WORKER_WORLD_H_
#define CLEANFORK_TESTS_EXPLORE_WORKER_WORLD_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cleanfork/checkers.h"
#include "cleanfork/child.h"
#include "cleanfork/explore.h"
#include "cleanfork/fork_child.h"

namespace cleanfork::explore {

constexpr int kFailed = 1;
constexpr char kPidFile[] = "/var/run/worker.pid";

// What the body says to the checkers, by notes.
constexpr char kStarted[] = "started";  // the caller was told that the child is there
constexpr char kRan[] = "ran";          // the child's own code ran

// Notes the failure, and returns the body's exit status.
int Failed(const absl::Status& status);

bool EndedWell(const absl::StatusOr<ExitStatus>& ended);

// ForkChild(), notes on both sides, and a wait. `child` is the child's own code, and returns the
// value of kRan; the exit status of the body is returned.
int ForkAChildAndWait(Os& os, const ForkOptions& options, const std::function<int64_t()>& child);

// Until a signal ends it.
[[noreturn]] void StayForGood(Os& os);

// The user www, the directory /var/run, the program /bin/worker, a mask.
SimOsOptions World();

// In that world, with StandardCheckers() and WhatIsToldIsTrue() as the last.
Scenario ScenarioOf(std::string name, SimOs::Body body);

// A program that waits for good; it ends by a signal.
void AddWorkerThatStays(Scenario* scenario, bool ignores_sigterm);

// Whether somebody was sent a signal from outside.
bool WasSignalled(const Execution& run);

// The first of that name, and what it says.
std::optional<ExecutedNote> FindNote(const Execution& run, const std::string& key);
std::optional<int64_t> NoteOf(const Execution& run, const std::string& key);

// The first process ends with this exit status where nothing goes wrong: that a scenario is still
// the one that was meant.
std::shared_ptr<const Checker> EndsWith(int status);

// In place of the standard rule, one that lets the code give out `error` by itself.
void AllowOwnError(int error, Scenario* scenario);

// The same, in runs in which somebody is sent a signal from outside.
void AllowOwnErrorOnceSignalled(int error, Scenario* scenario);

// The caller is told that the child runs if and only if it does. Where somebody is killed from
// outside, a program may run to its end before anybody could tell: then it is enough that nothing
// runs on, which is a rule of its own.
std::shared_ptr<const Checker> WhatIsToldIsTrue();

// The standard rules that say nothing of which calls fail, nor of who runs on.
std::vector<std::shared_ptr<const Checker>> CheckersOfAnyOutcome();

// DaemonCheckers(), but for what cleanfork/daemonize.h says cannot be helped: the first child was
// killed from outside, and there was no pidfd of the daemon to end that through.
std::vector<std::shared_ptr<const Checker>> CheckersOfDaemons();

}  // namespace cleanfork::explore

#endif  // CLEANFORK_TESTS_EXPLORE_WORKER_WORLD_H_
