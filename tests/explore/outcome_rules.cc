#include "tests/explore/outcome_rules.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cleanfork/checkers.h"
#include "tests/explore/scenarios.h"

namespace cleanfork::explore {
namespace {

constexpr char kElsewhere[] = "elsewhere";

bool IsFork(OsCall call) { return call == OsCall::kFork || call == OsCall::kVforkCall; }

// Of a kernel that lacks the call, or a filter that does.
bool MayBeMissing(const FaultEntry& entry) {
  const bool is_newer = entry.call == OsCall::kCloseRange || entry.call == OsCall::kPidFdOpen;
  return is_newer && entry.kind == FaultEntry::Kind::kErrno &&
         (entry.error == ENOSYS || entry.error == EPERM);
}

bool AreErrors(const FaultPlan& plan) {
  return !plan.empty() && std::all_of(plan.begin(), plan.end(), [](const FaultEntry& entry) {
    return entry.kind == FaultEntry::Kind::kErrno;
  });
}

template <typename Ids>
bool AreAll(const Ids& ids, unsigned id) {
  return ids.real == id && ids.effective == id && ids.saved == id;
}

// How `process` differs from what was asked for; empty: not at all.
std::string Difference(const Asked& asked, const SimProcess& process, pid_t caller_session) {
  std::vector<int> open;
  for (const auto& [fd, what] : process.descriptors) open.push_back(fd);
  if (open != asked.descriptors) return "has descriptors " + absl::StrJoin(open, ", ");
  if (asked.uid.has_value() && !AreAll(process.uid, *asked.uid)) return "has another uid";
  if (asked.gid.has_value() && !AreAll(process.gid, *asked.gid)) return "has another gid";
  if (asked.groups.has_value()) {
    std::vector<gid_t> groups = process.groups;
    std::sort(groups.begin(), groups.end());
    if (groups != *asked.groups) return "has groups " + absl::StrJoin(groups, ", ");
  }
  const bool leads = process.session == process.pid;
  if (leads != asked.leads_session) return leads ? "leads its session" : "leads no session";
  if (process.session == caller_session) return "is in the caller's session";
  if (process.umask != asked.umask) return absl::StrCat("has umask ", process.umask);
  if (process.mask != asked.mask) return "has another mask";
  if (process.ignored != SignalSet()) return "ignores signals";
  if (process.no_new_privs != asked.no_new_privs) return "has other privileges to get";
  if (process.nice != asked.nice) return absl::StrCat("has nice value ", process.nice);
  if (asked.most_descriptors.has_value()) {
    const auto limit = process.limits.find(RLIMIT_NOFILE);
    if (limit == process.limits.end() || limit->second.soft != *asked.most_descriptors) {
      return "has another RLIMIT_NOFILE";
    }
  }
  for (const std::string& variable : asked.environment) {
    const auto& all = process.environment;
    if (std::find(all.begin(), all.end(), variable) == all.end()) return "is without " + variable;
  }
  return "";
}

// A daemon that has told its starter need not find its first parent.
bool Speaks(const Execution& run, int process) {
  const std::optional<ExecutedNote> note = FindNote(run, kSpeaks);
  return note.has_value() && note->process == process;
}

int CountForks(const Execution& run, int process) {
  int count = 0;
  for (const ExecutedCall& call : run.calls())
    count += call.process == process && IsFork(call.call);
  return count;
}

}  // namespace

void NoteChild(Os& os) {
  Note(kRan, 1);
  const SysResult<FileStatus> here = os.Stat(".");
  const SysResult<FileStatus> root = os.Stat("/");
  if (here.ok() && root.ok() && here.value().inode != root.value().inode) Note(kElsewhere, 1);
}

int64_t Now(Os& os) { return os.ClockGetTime(CLOCK_MONOTONIC).value_or(0); }

SimOsOptions OutcomeWorld() {
  SimOsOptions world = World();
  world.programs.back().body = [](Os& os, const std::vector<std::string>&) {
    NoteChild(os);
    return 0;
  };
  for (int fd : {3, 4, 6, 9}) world.descriptors.push_back({fd, "/dev/null", O_RDWR});
  world.ignored_signals = SignalSet::Of(SIGPIPE, SIGUSR1);
  world.supplementary_groups = {0, 4};
  world.directory = "/tmp";
  world.umask = 077;
  return world;
}

void LetTheWorkerStay(SimOsOptions* world) {
  world->programs.back().body = [](Os& os, const std::vector<std::string>&) -> int {
    NoteChild(os);
    StayForGood(os);
  };
}

std::shared_ptr<const Checker> TheChildIsAsAsked(const Asked& asked) {
  return MakeChecker(asked.name, [asked](const Execution& run) -> std::string {
    const std::optional<ExecutedNote> note = FindNote(run, kRan);
    if (!note.has_value()) return "";
    if (FindNote(run, kElsewhere).has_value()) return "it is not in its directory";
    const pid_t pid = run.processes()[static_cast<size_t>(note->process)].pid;
    const std::vector<SimProcess> processes = run.Inspect();
    for (const SimProcess& process : processes) {
      if (process.pid != pid) continue;
      const std::string difference = Difference(asked, process, processes.front().session);
      if (!difference.empty()) return absl::StrCat("process ", pid, " ", difference);
    }
    return "";
  });
}

Asked AsWww() {
  Asked asked;
  asked.uid = 33;
  asked.gid = 34;
  asked.groups = {34, 50};
  return asked;
}

bool HasFaultOf(const Execution& run, OsCall call) {
  const FaultPlan& plan = run.deviations();
  return std::any_of(plan.begin(), plan.end(),
                     [call](const FaultEntry& entry) { return entry.call == call; });
}

std::shared_ptr<const Checker> NobodyWaitsInVain() {
  return MakeChecker("nobody waits in vain", [](const Execution& run) -> std::string {
    const std::optional<ExecutedNote> elapsed = FindNote(run, kElapsed);
    if (!run.deviations().empty() || !elapsed.has_value() || elapsed->value == 0) return "";
    return absl::StrCat("it took ", elapsed->value, " ns, where nothing was to be waited for");
  });
}

std::shared_ptr<const Checker> AFailureHasAnErrno() {
  return MakeChecker("a failure has an errno", [](const Execution& run) -> std::string {
    const std::optional<ExecutedNote> told = FindNote(run, kStarted);
    const std::optional<ExecutedNote> error = FindNote(run, "error");
    if (!told.has_value() || told->value != 0 || !AreErrors(run.deviations())) return "";
    if (run.processes().front().wait_status == run.fault_free_status()) return "";
    if (error.has_value() && error->value != 0) return "";
    return "the caller was told of a failure without the errno that it came from";
  });
}

std::shared_ptr<const Checker> TheCallerIsToldTheTruth() {
  return MakeChecker("the caller is told the truth", [](const Execution& run) -> std::string {
    const std::optional<ExecutedNote> told = FindNote(run, kStarted);
    if (!told.has_value()) return "";
    const bool came = FindNote(run, kRan).has_value();
    if (told->value == 0) {
      // Where somebody is killed, a child may come to its code, and to its end, before that shows.
      const bool lied = came && !WasSignalled(run);
      return lied ? "the caller was told of a failure, but the child came to its code" : "";
    }
    const bool execs = std::any_of(run.processes().begin(), run.processes().end(),
                                   [](const ExecutedProcess& process) { return process.program; });
    if (came || execs || FindNote(run, kSpeaks).has_value()) return "";
    // One that was forked may be killed between its word and its code.
    const bool only_forked = std::none_of(run.processes().begin() + 1, run.processes().end(),
                                          [](const ExecutedProcess& child) { return child.vfork; });
    if (WasSignalled(run) && only_forked) return "";
    return "the caller was told of a success, but the child never came to its code";
  });
}

std::shared_ptr<const Checker> WhatMayBeMissingIsNotMissed() {
  return MakeChecker("what may be missing is not missed", [](const Execution& run) -> std::string {
    const FaultPlan& plan = run.deviations();
    if (!std::all_of(plan.begin(), plan.end(), MayBeMissing)) return "";
    const int status = run.processes().front().wait_status;
    if (status == run.fault_free_status()) return "";
    return absl::StrCat("it ended with wait status ", status, ", expected ",
                        run.fault_free_status(), " as on a kernel that has all");
  });
}

std::shared_ptr<const Checker> ForksAreTried(int attempts) {
  return MakeChecker("forks are tried as often as asked",
                     [attempts](const Execution& run) -> std::string {
                       const FaultPlan& plan = run.deviations();
                       if (!AreErrors(plan) || plan.size() != 1 || !IsFork(plan[0].call)) return "";
                       const bool from_the_first = plan[0].sticky && plan[0].index == 1;
                       if (!from_the_first || plan[0].process != run.processes()[0].path) return "";
                       const int count = CountForks(run, 0);
                       if (count == attempts) return "";
                       return absl::StrCat(count, " attempts, expected ", attempts);
                     });
}

std::shared_ptr<const Checker> ForksAreTriedAfterAPause() {
  return MakeChecker("forks are tried after a pause", [](const Execution& run) -> std::string {
    std::vector<bool> failed(run.processes().size(), false);
    for (const ExecutedCall& call : run.calls()) {
      const size_t process = static_cast<size_t>(call.process);
      if (call.call == OsCall::kClockNanoSleep) failed[process] = false;
      if (!IsFork(call.call)) continue;
      if (failed[process]) return "the fork was tried again at once";
      failed[process] = call.error != 0;
    }
    return "";
  });
}

std::shared_ptr<const Checker> NobodyIsEndedBySigpipe() {
  return MakeChecker("nobody is ended by a SIGPIPE", [](const Execution& run) -> std::string {
    for (const ExecutedNote& note : run.notes()) {
      const ExecutedProcess& process = run.processes()[static_cast<size_t>(note.process)];
      const bool killed = process.end == ExecutedProcess::End::kKilled;
      if (killed && WTERMSIG(process.wait_status) == SIGPIPE) {
        return process.path.ToString() + " was";
      }
    }
    return "";
  });
}

std::shared_ptr<const Checker> NobodyStartsForNobody() {
  return MakeChecker("nobody starts for nobody", [](const Execution& run) -> std::string {
    for (const ExecutedNote& note : run.notes()) {
      if (note.key != kRan || Speaks(run, note.process)) continue;
      for (const ExecutedCall& call : run.calls()) {
        if (call.process == note.process && call.error == EPIPE) {
          return "a child went on whose starter could not be told";
        }
      }
    }
    return "";
  });
}

std::vector<std::shared_ptr<const Checker>> OutcomeCheckers(
    std::vector<std::shared_ptr<const Checker>> base) {
  const std::string transient = TransientFaultsAbsorbed()->name();
  for (std::shared_ptr<const Checker>& checker : base) {
    if (checker->name() == transient) checker = TransientFaultsAbsorbed(1);
  }
  for (std::shared_ptr<const Checker> rule :
       {NobodyWaitsInVain(), AFailureHasAnErrno(), TheCallerIsToldTheTruth(),
        WhatMayBeMissingIsNotMissed(), ForksAreTriedAfterAPause(), NobodyIsEndedBySigpipe(),
        NobodyStartsForNobody()}) {
    base.push_back(std::move(rule));
  }
  return base;
}

ExploreOptions OneFault(int preemptions) {
  ExploreOptions options;
  options.max_preemptions = preemptions;
  return options;
}

ExploreOptions OneKill(int preemptions) {
  ExploreOptions options;
  options.max_faults = 0;
  options.max_kills = 1;
  options.max_preemptions = preemptions;
  return options;
}

ExploreOptions LyingIdentity(int preemptions) {
  ExploreOptions options;
  options.max_preemptions = preemptions;
  options.lies = true;
  options.fault_filter = [](const FaultEntry& entry) {
    const bool sets_identity = entry.call == OsCall::kSetGroups ||
                               entry.call == OsCall::kSetResGid || entry.call == OsCall::kSetResUid;
    return entry.kind == FaultEntry::Kind::kLie && sets_identity;
  };
  return options;
}

ExploreResult ExploreOutcomes(const Scenario& scenario, const ExploreOptions& options) {
  Slice slice;
  slice.name = "outcomes";
  slice.options = options;
  slice.options.reports = false;
  return ExploreSlice(scenario, slice);
}

}  // namespace cleanfork::explore
