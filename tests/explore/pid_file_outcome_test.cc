// What comes out of PidFile::Claim() and RemovePidFile(): who has a file has it by its name, alone,
// and for as long as he wants.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "cleanfork/checkers.h"
#include "cleanfork/explore_matchers.h"
#include "cleanfork/fd_io.h"
#include "cleanfork/pid_file.h"
#include "cleanfork/unique_fd.h"
#include "tests/explore/outcome_rules.h"
#include "tests/explore/worker_world.h"

namespace cleanfork::explore {
namespace {

constexpr char kClaimed[] = "claimed";
constexpr char kWrong[] = "wrong";  // with a number that says what is

Scenario ClaimScenario(const std::string& name, SimOs::Body body) {
  Scenario scenario;
  scenario.name = name;
  scenario.world = OutcomeWorld();
  scenario.body = std::move(body);
  scenario.checkers.push_back(EndsWith(0));
  scenario.checkers.push_back(MakeChecker("a claim is a claim", [](const Execution& run) {
    const std::optional<int64_t> wrong = NoteOf(run, kWrong);
    return wrong.has_value() ? "wrong: " + std::to_string(*wrong) : std::string();
  }));
  return scenario;
}

SimFile File(const std::string& path, const std::string& content, mode_t mode = 0644) {
  SimFile file;
  file.path = path;
  file.content = content;
  file.mode = mode;
  return file;
}

// Whether the path names the file that is held; a call that fails says nothing.
bool IsNamed(Os& os, const PidFile& file) {
  const SysResult<FileStatus> held = os.FStat(file.descriptor());
  const SysResult<FileStatus> named = os.Stat(kPidFile);
  if (!named.ok() && named.error() != ENOENT) return true;
  return held.ok() && named.ok() && held.value().inode == named.value().inode;
}

absl::StatusOr<PidFile> Claim(Os& os) {
  absl::StatusOr<PidFile> file = PidFile::Claim(kPidFile, os);
  if (!file.ok()) {
    // Who comes as another one leaves is not refused.
    const std::string why(file.status().message());
    if (why.find("replaced again and again") != std::string::npos) Note(kWrong, 5);
    return file;
  }
  Note(kClaimed, 1);
  if (os.FcntlGetFd(file->descriptor()).value_or(0) != FD_CLOEXEC) Note(kWrong, 1);
  char byte;
  if (os.PRead(file->descriptor(), &byte, 1, 0).value_or(0) != 0) Note(kWrong, 2);
  if (!IsNamed(os, *file)) Note(kWrong, 3);
  return file;
}

// Runs `first` beside a child that claims the file and has it until `first` is done.
template <typename First>
int ClaimBeside(Os& os, const First& first) {
  const SysResult<PipeEnds> made = os.Pipe();
  if (!made.ok()) return 1;
  UniqueFd read_end(os, made.value().read_end);
  UniqueFd write_end(os, made.value().write_end);
  const SysResult<pid_t> child = os.Fork();
  if (!child.ok()) return 1;
  if (child.value() == 0) {
    write_end.Reset();
    {
      const absl::StatusOr<PidFile> file = Claim(os);
      char byte;
      RetryOnEintr([&] { return os.Read(read_end.get(), &byte, 1); }).IgnoreError();
      if (file.ok() && !IsNamed(os, *file)) Note(kWrong, 4);
    }
    os.Exit(0);
  }
  read_end.Reset();
  first();
  write_end.Reset();
  RetryOnEintr([&] { return os.WaitPid(child.value(), 0); }).IgnoreError();
  return 0;
}

constexpr char kNotLocked[] = "cf1;P>P.1@fcntl_setlk#1;P.fcntl_setlk#1=ENOLCK";

Scenario TwoThatClaim() {
  Scenario scenario = ClaimScenario(
      "PidFile let go", [](Os& os) { return ClaimBeside(os, [&os] { Claim(os).IgnoreError(); }); });
  scenario.checkers.push_back(MakeChecker("nothing is left", [](const Execution& run) {
    // Who fails to look at what the other one has made leaves it as he found it.
    bool may_be_left = false;
    for (OsCall call : {OsCall::kUnlink, OsCall::kStat, OsCall::kFcntlSetLock, OsCall::kPRead}) {
      may_be_left = may_be_left || HasFaultOf(run, call);
    }
    const bool is_left = run.FileContents(kPidFile).has_value();
    return is_left && !may_be_left ? "the file that nobody has is left" : "";
  }));
  scenario.checkers.push_back(MakeChecker("somebody has it", [](const Execution& run) {
    const bool is_kept = NoteOf(run, kClaimed).has_value() || !run.deviations().empty();
    return is_kept ? "" : "nobody has";
  }));
  return scenario;
}

TEST(PidFileOutcome, IsAFileThatStaysThoughAnotherOneLetsGo) {
  EXPECT_THAT(ExploreOutcomes(TwoThatClaim(), OneFault(2)), Exhausted());
}

// docs/found-by-exploring.md: who could not lock what he had made removed it under the feet of one
// who had.
TEST(PidFileOutcome, IsAFileThatOneWhoCouldNotLockItDoesNotRemove) {
  const ReplayResult replay = Replay(TwoThatClaim(), kNotLocked);
  EXPECT_EQ(replay.error, "");
  EXPECT_EQ(replay.rule, "") << replay.what << "\n" << replay.picture;
}

TEST(PidFileOutcome, IsAStaleFileTakenOverOrRemoved) {
  Scenario scenario = ClaimScenario("PidFile stale", [](Os& os) {
    return ClaimBeside(os, [&os] {
      const absl::StatusOr<PidFileRemoval> removed = RemovePidFile(kPidFile, 4242, os);
      (void)removed;
    });
  });
  scenario.world.files.push_back(File(kPidFile, "4242\n"));
  EXPECT_THAT(ExploreOutcomes(scenario, OneFault(2)), Exhausted());
}

TEST(PidFileOutcome, IsNoRemovalOfAFileThatNamesAnother) {
  Scenario scenario = ClaimScenario("PidFile of another", [](Os& os) {
    const absl::StatusOr<PidFileRemoval> removed = RemovePidFile(kPidFile, 4243, os);
    if (!removed.ok()) return 1;
    return *removed == PidFileRemoval::kNothingThere ? 0 : 2;
  });
  scenario.world.files.push_back(File(kPidFile, "4242\n"));
  scenario.checkers.push_back(MakeChecker("it is left", [](const Execution& run) {
    return run.FileContents(kPidFile) == "4242\n" ? "" : "it is gone";
  }));
  EXPECT_THAT(ExploreOutcomes(scenario, OneFault()), Exhausted());
}

TEST(PidFileOutcome, IsNoFileAfterAFailure) {
  Scenario scenario = ClaimScenario(
      "PidFile alone", [](Os& os) { return PidFile::Claim(kPidFile, os).ok() ? 0 : 1; });
  scenario.checkers.push_back(MakeChecker("nothing is left", [](const Execution& run) {
    for (OsCall call : {OsCall::kUnlink, OsCall::kStat, OsCall::kFcntlSetLock}) {
      if (HasFaultOf(run, call)) return "";
    }
    return run.FileContents(kPidFile).has_value() ? "the file is" : "";
  }));
  EXPECT_THAT(ExploreOutcomes(scenario, OneFault()), Exhausted());
}

TEST(PidFileOutcome, IsAFileThatOneWhoHasLostItsNameDoesNotRemove) {
  const Scenario scenario = ClaimScenario("PidFile exchanged", [](Os& os) {
    std::optional<PidFile> old;
    absl::StatusOr<PidFile> claimed = Claim(os);
    if (!claimed.ok()) return 1;
    old = *std::move(claimed);
    if (!os.Unlink(kPidFile).ok()) return 1;
    const absl::StatusOr<PidFile> file = Claim(os);
    if (!file.ok()) return 1;
    old.reset();
    return IsNamed(os, *file) ? 0 : 2;
  });
  EXPECT_THAT(ExploreOutcomes(scenario, OneFault()), Exhausted());
}

TEST(PidFileOutcome, IsNoFileThatOthersMayWriteToOrThatIsALink) {
  Scenario scenario = ClaimScenario("PidFile of anybody", [](Os& os) {
    for (const char* path : {"/var/run/open.pid", "/var/run/link.pid", "/var/run/www.pid"}) {
      if (PidFile::Claim(path, os).ok()) Note(kWrong, 6);
    }
    return 0;
  });
  scenario.world.files.push_back(File("/var/run/open.pid", "", 0666));
  scenario.world.files.push_back(File("/var/run/target", ""));
  SimFile link = File("/var/run/link.pid", "/var/run/target");
  link.type = SimFile::Type::kSymlink;
  scenario.world.files.push_back(link);
  SimFile of_www = File("/var/run/www.pid", "");
  of_www.uid = 33;
  scenario.world.files.push_back(of_www);
  EXPECT_THAT(ExploreOutcomes(scenario, OneFault()), Exhausted());
}

}  // namespace
}  // namespace cleanfork::explore
