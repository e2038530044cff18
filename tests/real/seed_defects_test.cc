// What OpenXPKI::Daemonize got wrong, and no other test of this directory is about: the numbers are
// those of docs/migrating-from-openxpki.md. And the preset, under which its users find what they
// may rely on.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cleanfork/child.h"
#include "cleanfork/child_error.h"
#include "cleanfork/fd_io.h"
#include "cleanfork/fork_child.h"
#include "cleanfork/os_wrapper.h"
#include "cleanfork/spawn.h"
#include "tests/real/entry_points.h"
#include "tests/real/own_process.h"
#include "tests/real/process_state.h"
#include "tests/real/shared_memory.h"
#include "tests/real/sleepless_os.h"
#include "tests/real/unused_uid.h"

namespace cleanfork {
namespace {

class SeedDefects : public EveryEntryPoint {};

// Starts a child, and gives `check` what /proc says of it.
template <typename Check>
std::string StartAndLook(EntryPoint entry, const ForkOptions& options, Check check) {
  absl::StatusOr<Child> child = StartPausing(entry, options, RealOs());
  if (!child.ok()) return std::string(child.status().message());
  const std::optional<ProcessState> state = ReadProcessState(child->pid());
  std::string wrong = state.has_value() ? check(*state) : "there is no such process";
  if (options.session == Session::kDaemon) kill(child->pid(), SIGKILL);
  child = absl::InternalError("killed and reaped");
  return wrong + ReapOrphans();
}

TEST_P(SeedDefects, S4SigchldIsLeftAloneSoThatSystemStillWorks) {
  EXPECT_EQ(InOwnProcess([] {
              absl::StatusOr<Child> child = StartExiting(GetParam(), 7, ForkOptions(), RealOs());
              if (!child.ok()) return std::string(child.status().message());
              const int status = std::system("exit 3");
              if (WEXITSTATUS(status) != 3) return "system() says " + std::to_string(status);
              struct sigaction action;
              sigaction(SIGCHLD, nullptr, &action);
              if (action.sa_handler != SIG_DFL) return std::string("SIGCHLD has been touched");
              return child->Wait().ok() ? "" : std::string("the child cannot be waited for");
            }),
            "");
}

TEST_P(SeedDefects, S5HandleTellsHowTheChildEnded) {
  absl::StatusOr<Child> child = StartExiting(GetParam(), 7, ForkOptions(), RealOs());
  ASSERT_TRUE(child.ok()) << child.status();
  absl::StatusOr<ExitStatus> ended = child->Wait();
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->exit_status(), 7);
  child = StartPausing(GetParam(), ForkOptions(), RealOs());
  ASSERT_TRUE(child.ok()) << child.status();
  ASSERT_TRUE(child->Signal(SIGKILL).ok());
  ended = child->Wait();
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->term_signal(), SIGKILL);
}

TEST_P(SeedDefects, S9IdsThatMeanUnchangedAreRefused) {
  for (const Identity& identity :
       {Identity::Ids(static_cast<uid_t>(-1), 1), Identity::Ids(1, static_cast<gid_t>(-1))}) {
    ForkOptions options;
    options.identity = identity;
    absl::StatusOr<Child> child = StartExiting(GetParam(), 7, options, RealOs());
    ASSERT_FALSE(child.ok());
    ASSERT_TRUE(GetChildError(child.status()).has_value()) << child.status();
    EXPECT_EQ(GetChildError(child.status())->step, Step::kValidate) << child.status();
  }
}

TEST_P(SeedDefects, S10UserWithoutAGroupAndWithoutAnEntryIsRefused) {
  ForkOptions options;
  options.identity.emplace();
  options.identity->uid = UnusedUid();
  absl::StatusOr<Child> child = StartExiting(GetParam(), 7, options, RealOs());
  ASSERT_FALSE(child.ok());
  ASSERT_TRUE(GetChildError(child.status()).has_value()) << child.status();
  EXPECT_EQ(GetChildError(child.status())->step, Step::kResolveUser) << child.status();
}

std::string Variable(const ProcessState& state, const std::string& name) {
  for (const std::string& variable : state.environment) {
    if (variable.rfind(name + "=", 0) == 0) return variable;
  }
  return name + " is not set";
}

TEST(SeedDefects, S11EnvironmentIsThatOfTheUserAsLookedUpBeforeTheFork) {
  CLEANFORK_SKIP_WITHOUT_PRIVILEGES();
  const passwd* nobody = getpwnam("nobody");
  ASSERT_NE(nobody, nullptr);
  const std::vector<std::string> wanted = {"USER=nobody", "LOGNAME=nobody",
                                           std::string("HOME=") + nobody->pw_dir,
                                           std::string("SHELL=") + nobody->pw_shell};
  EXPECT_EQ(InOwnProcess([&] {
              ForkOptions options;
              options.identity = Identity::User("nobody");
              return StartAndLook(EntryPoint::kSpawn, options, [&](const ProcessState& state) {
                std::string wrong;
                for (const std::string& variable : wanted) {
                  const std::string is = Variable(state, variable.substr(0, variable.find('=')));
                  if (is != variable) wrong += is + "; ";
                }
                return wrong;
              });
            }),
            "");
}

TEST(SeedDefects, S11UserWithoutAnEntryLeavesTheEnvironmentAsItIs) {
  CLEANFORK_SKIP_WITHOUT_PRIVILEGES();
  EXPECT_EQ(InOwnProcess([] {
              setenv("USER", "before", 1);
              ForkOptions options;
              options.identity = Identity::Ids(UnusedUid(), UnusedUid());
              return StartAndLook(EntryPoint::kSpawn, options, [](const ProcessState& state) {
                const std::string is = Variable(state, "USER");
                return is == "USER=before" ? "" : is;
              });
            }),
            "");
}

TEST_P(SeedDefects, S12UmaskIs022AndAnyOtherOrTheCallersWhereThatIsAskedFor) {
  EXPECT_EQ(InOwnProcess([] {
              umask(0077);
              const auto umask_is = [](mode_t wanted) {
                return [wanted](const ProcessState& state) {
                  return state.umask == wanted ? "" : "umask " + std::to_string(state.umask) + "; ";
                };
              };
              ForkOptions options;
              std::string wrong = StartAndLook(GetParam(), options, umask_is(022));
              options.umask = 0;
              wrong += StartAndLook(GetParam(), options, umask_is(0));
              options.umask.reset();
              wrong += StartAndLook(GetParam(), options, umask_is(0077));
              return wrong;
            }),
            "");
}

// Puts the caller's standard error on a pipe, or on a regular file without a name.
bool PutErrorOn(bool pipe) {
  if (!pipe) {
    const char* directory = getenv("TEST_TMPDIR");
    const int file =
        open(directory != nullptr ? directory : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    return file >= 0 && dup2(file, 2) == 2;
  }
  int ends[2];
  return pipe2(ends, O_CLOEXEC) == 0 && dup2(ends[1], 2) == 2;
}

TEST_P(SeedDefects, S15StandardErrorIsKeptOnlyIfItIsARegularFile) {
  for (bool pipe : {false, true}) {
    EXPECT_EQ(InOwnProcess([pipe] {
                if (!PutErrorOn(pipe)) return std::string("no standard error");
                const uint64_t own = ReadCallerState().descriptors[2].inode;
                return StartAndLook(GetParam(), ForkOptions(), [&](const ProcessState& state) {
                  const DescriptorState& err = state.descriptors.at(2);
                  const bool right = pipe ? err.target == "/dev/null" : err.inode == own;
                  return right ? std::string() : "it is " + err.target;
                });
              }),
              "")
        << (pipe ? "a pipe" : "a regular file");
  }
}

TEST_P(SeedDefects, S17ChildHasASessionOfItsOwnAndNoTerminal) {
  EXPECT_EQ(InOwnProcess([] {
              return StartAndLook(GetParam(), ForkOptions(), [](const ProcessState& state) {
                if (state.session != state.pid) return std::string("it leads no session");
                if (state.terminal != 0) return std::string("it has a terminal");
                return std::string(state.parent == getpid() ? "" : "it is not the caller's child");
              });
            }),
            "");
}

TEST_P(SeedDefects, S17DaemonLeadsNoSessionAndItsStarterIsGone) {
  EXPECT_EQ(InOwnProcess([] {
              ForkOptions options;
              options.session = Session::kDaemon;
              // In a process below this one, so that the daemon is seen to be handed on to this
              // one, the subreaper.
              Shared<pid_t> daemon;
              const pid_t starter = fork();
              if (starter == 0) {
                absl::StatusOr<Child> child = StartPausing(GetParam(), options, RealOs());
                *daemon = child.ok() ? child->pid() : -1;
                _exit(0);
              }
              waitpid(starter, nullptr, 0);
              const std::optional<ProcessState> state = ReadProcessState(*daemon);
              if (!state.has_value()) return std::string("there is no daemon");
              std::string wrong;
              if (state->session == state->pid) wrong += "it leads a session; ";
              if (state->session == getsid(0)) wrong += "its session is the caller's; ";
              if (state->terminal != 0) wrong += "it has a terminal; ";
              if (state->parent != getpid()) wrong += "its parent is not a subreaper; ";
              kill(*daemon, SIGKILL);
              return wrong + ReapOrphans();
            }),
            "");
}

// A kernel without processes to give, whose other calls leave errno in disorder.
class ForklessOs : public SleeplessOs {
 public:
  explicit ForklessOs(int error) : error_(error) {}
  SysResult<pid_t> Fork() override {
    ++forks;
    return SysError(error_);
  }
  SysResult<pid_t> VforkCall(int (*)(void*), void*, int) override { return Fork(); }
  SysResult<SignalSet> SigProcMask(int how, const SignalSet* set) override {
    const SysResult<SignalSet> result = SleeplessOs::SigProcMask(how, set);
    errno = EDOM;
    return result;
  }
  int forks = 0;

 private:
  const int error_;
};

TEST_P(SeedDefects, S18NoSleepFollowsTheLastAttemptAndAllStayWithinTheBudget) {
  ForklessOs os(EAGAIN);
  ForkOptions options;
  options.retry.attempts = 100;
  absl::StatusOr<Child> child = StartExiting(GetParam(), 7, options, os);
  ASSERT_FALSE(child.ok());
  EXPECT_EQ(os.sleeps.size() + 1, static_cast<size_t>(os.forks));
  EXPECT_GT(os.forks, 3);
  int64_t total = 0;
  for (int64_t sleep : os.sleeps) {
    EXPECT_LE(sleep, absl::ToInt64Nanoseconds(options.retry.cap));
    total += sleep;
  }
  EXPECT_LE(total, absl::ToInt64Nanoseconds(options.retry.budget));
}

// A kernel in which signals interrupt every sleep, some times.
class InterruptedOs : public SleeplessOs {
 public:
  SysResult<pid_t> Fork() override {
    if (++forks == 1) return SysError(EAGAIN);
    return SleeplessOs::Fork();
  }
  SysResult<pid_t> VforkCall(int (*function)(void*), void* argument,
                             int termination_signal) override {
    if (++forks == 1) return SysError(EAGAIN);
    return SleeplessOs::VforkCall(function, argument, termination_signal);
  }
  SysResult<void> ClockNanoSleep(clockid_t clock, int flags, int64_t nanoseconds) override {
    if (++interrupted <= 3) return SysError(EINTR);
    return SleeplessOs::ClockNanoSleep(clock, flags, nanoseconds);
  }
  int forks = 0;
  int interrupted = 0;
};

TEST_P(SeedDefects, S18SleepThatASignalInterruptsIsTakenUpAgain) {
  InterruptedOs os;
  ForkOptions options;
  options.retry = RetryPolicy::Fixed(2, absl::Seconds(2));
  absl::StatusOr<Child> child = StartExiting(GetParam(), 7, options, os);
  ASSERT_TRUE(child.ok()) << child.status();
  EXPECT_EQ(os.interrupted, 4);
  ASSERT_EQ(os.sleeps.size(), 1u);
  EXPECT_GT(os.sleeps[0], 1'900'000'000);
  EXPECT_TRUE(child->Wait().ok());
}

TEST_P(SeedDefects, S20ErrnoIsThatOfForkWhateverHappenedToTheGlobalOne) {
  ForklessOs os(ENOSYS);
  absl::StatusOr<Child> child = StartExiting(GetParam(), 7, ForkOptions(), os);
  ASSERT_TRUE(GetChildError(child.status()).has_value()) << child.status();
  EXPECT_EQ(GetChildError(child.status())->error, ENOSYS) << child.status();
}

TEST_P(SeedDefects, S21LessThanOneAttemptIsRefusedAndNotCalledAFailureOfFork) {
  ForklessOs os(EAGAIN);
  ForkOptions options;
  options.retry.attempts = 0;
  absl::StatusOr<Child> child = StartExiting(GetParam(), 7, options, os);
  ASSERT_TRUE(GetChildError(child.status()).has_value()) << child.status();
  EXPECT_EQ(GetChildError(child.status())->step, Step::kValidate) << child.status();
  EXPECT_EQ(os.forks, 0);
}

TEST(SeedDefects, S22ExceptionInTheChildDoesNotReachTheCallersCode) {
  EXPECT_EQ(InOwnProcess([] {
              Shared<std::atomic<int>> caught;
              absl::StatusOr<Child> child = absl::InternalError("not started");
              try {
                child = RunInChild([]() -> int { throw std::runtime_error("in the child"); });
              } catch (...) {
                ++*caught;
              }
              if (!child.ok()) return std::string("no child");
              absl::StatusOr<ExitStatus> ended = child->Wait();
              if (*caught != 0) return std::string("the caller's handler ran");
              return ended->exit_status() == 70 ? std::string() : ended->ToString();
            }),
            "");
}

std::atomic<int>* left_by_exit = nullptr;

TEST(SeedDefects, S23NothingOfTheCallersRunsWhenABodyEnds) {
  EXPECT_EQ(InOwnProcess([] {
              Shared<std::atomic<int>> exits;
              left_by_exit = &*exits;
              std::atexit([] { ++*left_by_exit; });
              struct Unwound {
                ~Unwound() { ++*left_by_exit; }
              } unwound;
              absl::StatusOr<Child> child = RunInChild([] { return 0; });
              if (!child.ok() || !child->Wait()->success()) return std::string("no child");
              return *exits == 0 ? std::string() : "it ran";
            }),
            "");
}

struct RandomBytes {
  unsigned char bytes[32] = {};
};

TEST(SeedDefects, S24EveryChildGetsRandomBytesOfItsOwn) {
  EXPECT_EQ(InOwnProcess([] {
              std::vector<std::string> seen;
              for (int i = 0; i < 3; ++i) {
                Shared<RandomBytes> bytes;
                ForkOptions options;
                options.reseed = [&](const unsigned char* from, size_t size) {
                  std::memcpy(bytes->bytes, from, std::min(size, sizeof(bytes->bytes)));
                };
                absl::StatusOr<Child> child = RunInChild([] { return 0; }, options);
                if (!child.ok() || !child->Wait()->success()) return std::string("no child");
                seen.emplace_back(reinterpret_cast<char*>(bytes->bytes), sizeof(bytes->bytes));
              }
              seen.emplace_back(sizeof(RandomBytes), '\0');
              std::sort(seen.begin(), seen.end());
              const bool all_differ = std::adjacent_find(seen.begin(), seen.end()) == seen.end();
              return std::string(all_differ ? "" : "two are the same");
            }),
            "");
}

TEST_P(SeedDefects, S26ErrnoThatDoesNotPassIsNotTriedAgain) {
  ForklessOs os(ENOSYS);
  EXPECT_FALSE(StartExiting(GetParam(), 7, ForkOptions(), os).ok());
  // A filter may know the one kind of child that Spawn() can have, and not the other: os.h.
  EXPECT_EQ(os.forks, GetParam() == EntryPoint::kSpawn ? 2 : 1);
}

TEST(SeedDefects, S28OptionsCanBeUsedAgainFromWithinTheirOwnUse) {
  EXPECT_EQ(InOwnProcess([] {
              const CallerState before = ReadCallerState();
              ForkOptions inner;
              std::string wrong;
              ForkOptions options;
              options.in_parent = [&](pid_t) {
                absl::StatusOr<Child> child = RunInChild([] { return 2; }, inner);
                if (!child.ok() || child->Wait()->exit_status() != 2) wrong += "inner; ";
              };
              absl::StatusOr<Child> child = RunInChild([] { return 1; }, options);
              if (!child.ok() || child->Wait()->exit_status() != 1) wrong += "outer; ";
              return wrong + Difference(before, ReadCallerState());
            }),
            "");
}

TEST(SeedDefects, S31LogIsOpenedBeforeTheUserChangesAndTheDirectoryEnteredAfter) {
  CLEANFORK_SKIP_WITHOUT_PRIVILEGES();
  std::string directory = "/tmp/seed_defects_XXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);  // mode 0700: nobody can neither read nor enter it
  const std::string log = directory + "/log";
  ForkOptions options;
  options.identity = Identity::User("nobody");
  options.out = Stream::File(log);
  absl::StatusOr<Child> child = Spawn({"/bin/echo", "hello"}, options);
  ASSERT_TRUE(child.ok()) << child.status();
  ASSERT_TRUE(child->Wait().ok());
  struct stat status = {};
  EXPECT_EQ(stat(log.c_str(), &status), 0);
  EXPECT_EQ(status.st_size, 6);
  options.directory = directory;
  child = Spawn({"/bin/echo", "hello"}, options);
  ASSERT_TRUE(GetChildError(child.status()).has_value()) << child.status();
  EXPECT_EQ(GetChildError(child.status())->step, Step::kChDir);
  EXPECT_EQ(GetChildError(child.status())->error, EACCES);
  unlink(log.c_str());
  rmdir(directory.c_str());
}

INSTANTIATE_TEST_SUITE_P(Real, SeedDefects, EntryPoints(), EntryPointTestName);

class OpenXpkiPreset : public EveryEntryPoint {};

TEST_P(OpenXpkiPreset, TriesFiveTimesTwoSecondsApartForEachOfTheTwoErrnosThatPass) {
  for (int error : {EAGAIN, ENOMEM}) {
    ForklessOs os(error);
    EXPECT_EQ(InOwnProcess([&] {
                absl::StatusOr<Child> child =
                    StartExiting(GetParam(), 7, ForkOptions::OpenXpki(), os);
                if (child.ok()) return std::string("it did not fail");
                if (os.forks != 5) return std::to_string(os.forks) + " attempts";
                if (os.sleeps.size() != 4) return std::to_string(os.sleeps.size()) + " sleeps";
                for (int64_t sleep : os.sleeps) {
                  // The end of the sleep is reckoned from a look at the clock a moment earlier.
                  if (sleep > 2'000'000'000 || sleep < 1'900'000'000) {
                    return "a sleep of " + std::to_string(sleep) + " ns";
                  }
                }
                return std::string();
              }),
              "");
  }
}

TEST_P(OpenXpkiPreset, GivesTheChildItsUmaskDirectorySignalsAndSession) {
  EXPECT_EQ(InOwnProcess([] {
              return StartAndLook(
                  GetParam(), ForkOptions::OpenXpki(), [](const ProcessState& state) {
                    std::string wrong;
                    if (state.umask != 0) wrong += "the umask is not 0; ";
                    if (state.directory != "/") wrong += "it is in " + state.directory + "; ";
                    if (state.session != getsid(0)) wrong += "it has another session; ";
                    if ((state.signals_ignored & SignalSet::Of(SIGCHLD).bits()) != 0) {
                      wrong += "it ignores SIGCHLD; ";
                    }
                    for (int fd : {0, 1}) {
                      if (state.descriptors.at(fd).target != "/dev/null") wrong += "no /dev/null; ";
                    }
                    return wrong;
                  });
            }),
            "");
}

TEST_P(OpenXpkiPreset, LeavesNoZombieAndDefaultSigchldToItsChildren) {
  EXPECT_EQ(InOwnProcess([] {
              absl::StatusOr<Child> child =
                  StartPausing(GetParam(), ForkOptions::OpenXpki(), RealOs());
              if (!child.ok()) return std::string(child.status().message());
              const std::optional<ProcessState> state = ReadProcessState(child->pid());
              struct sigaction action;
              sigaction(SIGCHLD, nullptr, &action);
              if (action.sa_handler != SIG_IGN) return std::string("SIGCHLD is not ignored");
              if ((state->signals_ignored & ~kLibcSignals) != 0) {
                return std::string("the child ignores signals");
              }
              kill(child->Detach(), SIGKILL);
              // A wait for any child ends when there is none left: the kernel discards this one.
              if (waitpid(-1, nullptr, 0) != -1 || errno != ECHILD) return std::string("a zombie");
              return std::string();
            }),
            "");
}

TEST_P(OpenXpkiPreset, KeepsAStandardErrorThatIsAPipeButNeverAClosedOne) {
  EXPECT_EQ(InOwnProcess([] {
              if (!PutErrorOn(true)) return std::string("no pipe");
              const uint64_t own = ReadCallerState().descriptors[2].inode;
              std::string wrong =
                  StartAndLook(GetParam(), ForkOptions::OpenXpki(), [&](const ProcessState& state) {
                    const DescriptorState& err = state.descriptors.at(2);
                    return err.inode == own ? std::string() : "it is " + err.target + "; ";
                  });
              close(2);
              wrong +=
                  StartAndLook(GetParam(), ForkOptions::OpenXpki(), [&](const ProcessState& state) {
                    const DescriptorState& err = state.descriptors.at(2);
                    return err.target == "/dev/null" ? std::string() : "closed: " + err.target;
                  });
              return wrong;
            }),
            "");
}

INSTANTIATE_TEST_SUITE_P(Real, OpenXpkiPreset, EntryPoints(), EntryPointTestName);

}  // namespace
}  // namespace cleanfork
