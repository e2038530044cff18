// What comes out of the command `cleanfork start`: a service as it was asked for with its pid file
// and its logs, or a failure that leaves nothing that was not there before.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "cleanfork/checkers.h"
#include "cleanfork/explore_matchers.h"
#include "src/cli/report.h"
#include "src/cli/subcommand.h"
#include "tests/explore/outcome_rules.h"
#include "tests/explore/worker_world.h"

namespace cleanfork::explore {
namespace {

constexpr char kOldLog[] = "/tmp/old.log";
constexpr char kNewLog[] = "/tmp/new.log";

std::optional<pid_t> ServiceOf(const Execution& run) {
  const std::optional<ExecutedNote> note = FindNote(run, kRan);
  if (!note.has_value()) return std::nullopt;
  return run.processes()[static_cast<size_t>(note->process)].pid;
}

std::string CheckFiles(const Execution& run) {
  const bool started = run.processes().front().wait_status == 0;
  const std::optional<std::string> pid_text = run.FileContents(kPidFile);
  const bool has_new_log = run.FileContents(kNewLog).has_value();
  if (!run.FileContents(kOldLog).has_value()) return "the log that was there is gone";
  if (started) {
    const std::optional<pid_t> service = ServiceOf(run);
    if (!has_new_log) return "the service runs without its log";
    if (!pid_text.has_value()) return "the service runs without its pid file";
    const bool names_it = service.has_value() && pid_text == std::to_string(*service) + "\n";
    return names_it ? "" : "the pid file says " + *pid_text;
  }
  // What cannot be removed, or not be told from another's, stays.
  for (OsCall call : {OsCall::kStat, OsCall::kUnlink, OsCall::kFcntlSetLock}) {
    if (HasFaultOf(run, call)) return "";
  }
  if (pid_text.has_value()) return "the pid file is left after a failure";
  return has_new_log ? "an empty log is left after a failure" : "";
}

Scenario StartWithAllFiles() {
  Scenario scenario;
  scenario.name = "cleanfork start with all files";
  scenario.world = OutcomeWorld();
  scenario.body = [](Os& os) {
    std::ostringstream out, err;
    cli::Context context = {os, out, err};
    const int64_t start = Now(os);
    const int code = cli::RunCommandLine(
        {"cleanfork", "start", "--user=www", "--groups=4713", std::string("--stdout=") + kOldLog,
         std::string("--stderr=") + kNewLog, std::string("--pidfile=") + kPidFile, "--keep-fd=6",
         "--", "/bin/worker"},
        context);
    Note(kStarted, code == 0 ? 1 : 0);
    Note(kElapsed, Now(os) - start);
    return code;
  };
  LetTheWorkerStay(&scenario.world);
  SimFile log;
  log.path = kOldLog;
  scenario.world.files.push_back(log);
  // It reports exit codes and text, and no errno.
  const std::string errnos = AFailureHasAnErrno()->name();
  scenario.checkers.clear();
  for (const std::shared_ptr<const Checker>& checker : OutcomeCheckers(DaemonCheckers())) {
    if (checker->name() != errnos) scenario.checkers.push_back(checker);
  }
  scenario.checkers.push_back(EndsWith(0));
  Asked asked;
  asked.uid = 33;
  asked.gid = 34;
  asked.groups = {4713};
  asked.leads_session = false;
  asked.descriptors = {0, 1, 2, 5, 6};  // 5 is the pid file's, which is locked by it
  scenario.checkers.push_back(TheChildIsAsAsked(asked));
  scenario.checkers.push_back(MakeChecker("files are as long there as they are to", CheckFiles));
  return scenario;
}

TEST(StartOutcome, IsTheServiceAsAskedOrNothingThatWasNotThere) {
  EXPECT_THAT(ExploreOutcomes(StartWithAllFiles(), OneFault(0)), Exhausted());
}

}  // namespace
}  // namespace cleanfork::explore
