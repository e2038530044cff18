// What a child is given besides its identity, read back from /proc.
#include <errno.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <optional>
#include <sstream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cleanfork/child_error.h"
#include "cleanfork/fork_options.h"
#include "cleanfork/os_wrapper.h"
#include "cleanfork/spawn.h"
#include "tests/real/entry_points.h"
#include "tests/real/own_process.h"
#include "tests/real/process_state.h"

namespace cleanfork {
namespace {

class ChildSettings : public EveryEntryPoint {
 protected:
  // Starts a child with `options` in a process of its own; what `wrong_with` finds in the child.
  template <typename Function>
  std::string StartAndLook(const ForkOptions& options, Function wrong_with) {
    const EntryPoint entry = GetParam();
    return InOwnProcess([&, entry] {
      const CallerState before = ReadCallerState();
      absl::StatusOr<Child> child = StartPausing(entry, options, RealOs());
      if (!child.ok()) return std::string(child.status().message());
      const std::optional<ProcessState> state = ReadProcessState(child->pid());
      if (!state.has_value()) return std::string("no such process");
      const std::string wrong = wrong_with(*state);
      child = absl::CancelledError("ended, and with it the pidfd that a Child holds");
      return wrong + Difference(before, ReadCallerState());
    });
  }
};

TEST_P(ChildSettings, NewPrivilegesAreRuledOutOnlyWhereThatIsAskedFor) {
  const std::optional<ProcessState> caller = ReadProcessState(getpid());
  for (bool wanted : {false, true}) {
    if (!wanted && caller.has_value() && caller->no_new_privs) continue;  // nothing undoes it
    ForkOptions options;
    options.no_new_privs = wanted;
    EXPECT_EQ(StartAndLook(options,
                           [wanted](const ProcessState& state) -> std::string {
                             return state.no_new_privs == wanted ? "" : "no_new_privs is wrong; ";
                           }),
              "")
        << wanted;
  }
}

// "Max open files            64                   128                  files" has {64, 128}.
bool HasLimit(const std::string& limits, const std::string& name, const std::string& soft,
              const std::string& hard) {
  std::istringstream lines(limits);
  for (std::string line; std::getline(lines, line);) {
    if (line.compare(0, name.size(), name) != 0) continue;
    std::istringstream words(line.substr(name.size()));
    std::string is_soft, is_hard;
    words >> is_soft >> is_hard;
    return is_soft == soft && is_hard == hard;
  }
  return false;
}

TEST_P(ChildSettings, LimitsAreThoseAskedForAndOfTheChildAlone) {
  rlimit before[2];
  getrlimit(RLIMIT_NOFILE, &before[0]);
  getrlimit(RLIMIT_CORE, &before[1]);
  ForkOptions options;
  options.limits = {{RLIMIT_NOFILE, {64, 128}}, {RLIMIT_CORE, {0, 0}}};
  EXPECT_EQ(StartAndLook(options,
                         [&](const ProcessState& state) -> std::string {
                           rlimit after[2];
                           getrlimit(RLIMIT_NOFILE, &after[0]);
                           getrlimit(RLIMIT_CORE, &after[1]);
                           const bool set = HasLimit(state.limits, "Max open files", "64", "128") &&
                                            HasLimit(state.limits, "Max core file size", "0", "0");
                           if (!set) return state.limits;
                           return std::memcmp(before, after, sizeof(before)) == 0
                                      ? ""
                                      : "the caller's limits have changed";
                         }),
            "");
}

// Values that everybody may set, whatever the caller has. That the caller's stay is looked at by
// all of these tests.
TEST_P(ChildSettings, NiceAndOomScoreAreThoseAskedForAndOfTheChildAlone) {
  ForkOptions options;
  options.nice = 19;
  options.oom_score_adjust = 1000;
  EXPECT_EQ(StartAndLook(options,
                         [](const ProcessState& state) -> std::string {
                           if (state.nice != 19) return "nice " + std::to_string(state.nice);
                           if (state.oom_score_adjust == 1000) return "";
                           return "score " + std::to_string(state.oom_score_adjust);
                         }),
            "");
}

TEST_P(ChildSettings, WhatOnlyRootMaySetIsSetBeforeTheChildBecomesAnotherUser) {
  CLEANFORK_SKIP_WITHOUT_PRIVILEGES();
  constexpr uint64_t kSysNice = uint64_t{1} << 23;
  if ((ReadProcessState(getpid())->capabilities_effective & kSysNice) == 0) {
    GTEST_SKIP() << "needs CAP_SYS_NICE, which not every container has";
  }
  ForkOptions options;
  options.identity = Identity::User("nobody");
  options.nice = -3;
  EXPECT_EQ(StartAndLook(options,
                         [](const ProcessState& state) -> std::string {
                           return state.nice == -3 ? "" : "nice " + std::to_string(state.nice);
                         }),
            "");
}

// As nobody, since root may do all of this.
TEST_P(ChildSettings, WhatTheKernelRefusesIsToldWithItsStepAndErrno) {
  CLEANFORK_SKIP_WITHOUT_PRIVILEGES();
  struct Refused {
    void (*ask)(ForkOptions*);
    Step step;
    int error;
  };
  static constexpr Refused kRefused[] = {
      {[](ForkOptions* o) {
         o->limits = {{RLIMIT_RTPRIO, {9, 11}}};
       },
       Step::kLimits, EPERM},
      {[](ForkOptions* o) { o->nice = -3; }, Step::kNice, EACCES},
      {[](ForkOptions* o) { o->oom_score_adjust = -1000; }, Step::kOomScore, EACCES},
      {[](ForkOptions* o) { o->chroot = "/"; }, Step::kChRoot, EPERM},
  };
  const EntryPoint entry = GetParam();
  for (const Refused& refused : kRefused) {
    EXPECT_EQ(InOwnProcess([&, entry]() -> std::string {
                if (setresuid(65534, 65534, 65534) != 0) return "setresuid failed";
                prctl(PR_SET_DUMPABLE, 1);  // or /proc/self would be root's
                ForkOptions options;
                refused.ask(&options);
                absl::StatusOr<Child> child = StartPausing(entry, options, RealOs());
                if (child.ok()) return "it is started";
                const std::optional<ChildError> error = GetChildError(child.status());
                const bool right = error.has_value() && error->step == refused.step &&
                                   error->error == refused.error;
                return (right ? "" : std::string(child.status().message())) + DescribeChildren();
              }),
              "")
        << StepName(refused.step);
  }
}

// A directory with nothing in it but "inside"; removed at the end.
class Jail {
 public:
  Jail() {
    char path[] = "/tmp/cleanfork_jail_XXXXXX";
    if (mkdtemp(path) == nullptr) return;
    path_ = path;
    chmod(path, 0755);
    mkdir((path_ + "/inside").c_str(), 0755);
  }
  ~Jail() {
    rmdir((path_ + "/inside").c_str());
    rmdir(path_.c_str());
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Not for Spawn(), which finds no program in an empty jail.
class ChildInAJail : public ChildSettings {};

TEST_P(ChildInAJail, StandsInsideWithStreamsFromOutside) {
  CLEANFORK_SKIP_WITHOUT_PRIVILEGES();
  const Jail jail;
  for (const char* directory : {"", "/", "/inside"}) {
    ForkOptions options;
    options.chroot = jail.path();
    options.directory = directory;
    options.identity = Identity::User("nobody");
    const std::string stands =
        jail.path() + (std::strcmp(directory, "/inside") == 0 ? directory : "");
    EXPECT_EQ(StartAndLook(options,
                           [&](const ProcessState& state) -> std::string {
                             if (state.root != jail.path()) return "root " + state.root;
                             if (state.directory != stands) return "directory " + state.directory;
                             const std::string input = state.descriptors.at(0).target;
                             return input == "/dev/null" ? "" : "standard input " + input;
                           }),
              "");
  }
}

INSTANTIATE_TEST_SUITE_P(Real, ChildInAJail,
                         ::testing::Values(EntryPoint::kForkChild, EntryPoint::kRunInChild),
                         EntryPointTestName);

TEST(SpawnInAJail, LooksForTheProgramInside) {
  CLEANFORK_SKIP_WITHOUT_PRIVILEGES();
  const Jail jail;
  EXPECT_EQ(InOwnProcess([&] {
              ForkOptions options;
              options.chroot = jail.path();
              absl::StatusOr<Child> child = Spawn({"/bin/true"}, options);
              if (child.ok()) return std::string("it is started");
              const std::optional<ChildError> error = GetChildError(child.status());
              const bool right = error->step == Step::kExec && error->error == ENOENT;
              return (right ? "" : std::string(child.status().message())) + DescribeChildren();
            }),
            "");
}

// A kernel that says that it has changed the root, or the directory, and has not.
class OutsideOs : public OsWrapper {
 public:
  explicit OutsideOs(bool keeps_root) : OsWrapper(RealOs()), keeps_root_(keeps_root) {}
  SysResult<void> ChRoot(const char* path) override {
    return keeps_root_ ? SysResult<void>() : OsWrapper::ChRoot(path);
  }
  SysResult<void> ChDir(const char* path) override {
    return keeps_root_ ? OsWrapper::ChDir(path) : SysResult<void>();
  }

 private:
  const bool keeps_root_;
};

TEST_P(ChildSettings, AJailThatIsClaimedAndNotThereIsFoundOut) {
  CLEANFORK_SKIP_WITHOUT_PRIVILEGES();
  const EntryPoint entry = GetParam();
  const Jail jail;
  for (bool keeps_root : {true, false}) {
    EXPECT_EQ(InOwnProcess([&] {
                ForkOptions options;
                options.chroot = jail.path();
                OutsideOs os(keeps_root);
                absl::StatusOr<Child> child = StartPausing(entry, options, os);
                if (child.ok()) return std::string("the lie is believed");
                const std::optional<ChildError> error = GetChildError(child.status());
                const bool right =
                    error.has_value() && error->step == Step::kChRoot && error->error == 0;
                return (right ? "" : std::string(child.status().message())) + DescribeChildren();
              }),
              "");
  }
}

// What a child of a starter that has ended ends with. The starter is a process between this one,
// which is the subreaper, and the child.
std::string EndOfAnOrphan(EntryPoint entry, const ForkOptions& options, int signal) {
  const pid_t starter = fork();
  if (starter == 0) {
    absl::StatusOr<Child> child = StartPausing(entry, options, RealOs());
    _exit(child.ok() ? 0 : 1);
  }
  int status = 0;
  if (waitpid(starter, &status, 0) != starter || status != 0) return "nothing was started";
  if (waitpid(-1, &status, 0) < 0) return "there is no orphan";
  return WIFSIGNALED(status) && WTERMSIG(status) == signal
             ? ""
             : "the orphan ended with status " + std::to_string(status);
}

TEST_P(ChildSettings, TheDeathOfTheParentReachesTheChild) {
  ForkOptions options;
  options.parent_death_signal = SIGKILL;
  EXPECT_EQ(InOwnProcess([&] { return EndOfAnOrphan(GetParam(), options, SIGKILL); }), "");
}

TEST_P(ChildSettings, TheDeathOfTheParentReachesAChildOfAnotherUser) {
  CLEANFORK_SKIP_WITHOUT_PRIVILEGES();
  ForkOptions options;
  options.parent_death_signal = SIGKILL;
  options.identity = Identity::User("nobody");
  EXPECT_EQ(InOwnProcess([&] { return EndOfAnOrphan(GetParam(), options, SIGKILL); }), "");
}

// A kernel in which the parent has ended while the child was set up.
class OrphaningOs : public OsWrapper {
 public:
  OrphaningOs() : OsWrapper(RealOs()) {}
  pid_t GetPpid() override { return 1; }
};

TEST_P(ChildSettings, AChildWhoseParentHasEndedMeanwhileIsNotStarted) {
  const EntryPoint entry = GetParam();
  EXPECT_EQ(InOwnProcess([entry] {
              ForkOptions options;
              options.parent_death_signal = SIGTERM;
              OrphaningOs os;
              absl::StatusOr<Child> child = StartPausing(entry, options, os);
              if (child.ok()) return std::string("it is started");
              const std::optional<ChildError> error = GetChildError(child.status());
              const bool right = error.has_value() && error->step == Step::kParentDeathSignal &&
                                 error->error == ESRCH;
              return (right ? "" : std::string(child.status().message())) + DescribeChildren();
            }),
            "");
}

INSTANTIATE_TEST_SUITE_P(Real, ChildSettings, EntryPoints(), EntryPointTestName);

}  // namespace
}  // namespace cleanfork
