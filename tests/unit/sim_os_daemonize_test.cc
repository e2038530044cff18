// Daemonize() on the simulated kernel: what the starter is told, and what is left of both.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cleanfork/daemonize.h"
#include "cleanfork/fd_io.h"
#include "cleanfork/os.h"
#include "cleanfork/pid_file.h"
#include "cleanfork/sim_os.h"

namespace cleanfork {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr pid_t kStarter = 100;
constexpr pid_t kFirstChild = 101;
constexpr pid_t kDaemon = 102;
constexpr const char* kPidFile = "/var/run/worker.pid";
constexpr int64_t kSecond = 1'000'000'000;

const SignalSet kStartersMask = SignalSet::Of(SIGUSR2);

SimOsOptions World() {
  SimOsOptions options;
  SimFile run;
  run.path = "/var/run";
  run.mode = 0755;
  run.type = SimFile::Type::kDirectory;
  options.files.push_back(run);
  options.users.push_back({"worker", 40, 41, "/", "/bin/sh", {50}});
  options.signal_mask = kStartersMask;
  options.umask = 027;
  return options;
}

class DaemonizeOnSimOs : public ::testing::Test {
 protected:
  explicit DaemonizeOnSimOs(const SimOsOptions& world = World()) : sim_(world) {}

  void ExpectEnds(const SimRun& run, int starters_status) {
    EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
    EXPECT_EQ(StatusOf(kStarter), starters_status) << sim_.TraceText();
  }

  int StatusOf(pid_t pid) {
    const std::optional<SimProcess> process = sim_.process(pid);
    if (!process.has_value() || process->state == SimProcess::State::kRunning) return -1;
    return WIFEXITED(process->wait_status) ? WEXITSTATUS(process->wait_status) : -1;
  }

  int SignalThatEnded(pid_t pid) {
    const std::optional<SimProcess> process = sim_.process(pid);
    if (!process.has_value() || process->state == SimProcess::State::kRunning) return -1;
    return WIFSIGNALED(process->wait_status) ? WTERMSIG(process->wait_status) : 0;
  }

  // After a failure the starter is as it was, and nobody else is left.
  void ExpectNothingLeft() {
    const SimProcess starter = *sim_.process(kStarter);
    EXPECT_EQ(starter.mask, kStartersMask);
    EXPECT_THAT(starter.descriptors, SizeIs(3));
    EXPECT_EQ(starter.umask, 027U);
    EXPECT_EQ(starter.ignored, SignalSet::Empty());
    for (const SimProcess& process : sim_.processes()) {
      EXPECT_EQ(process.state, SimProcess::State::kReaped) << process.pid << sim_.TraceText();
    }
  }

  // Runs a program that becomes a daemon and goes on in `serve`. The starter, to which Daemonize()
  // returns after a failure only, leaves with status 70 and its status behind.
  template <typename Serve>
  SimRun RunDaemon(const DaemonizeOptions& options, const Serve& serve) {
    return sim_.Run([&](Os& os) {
      absl::StatusOr<Daemon> daemon = Daemonize(options, os);
      if (!daemon.ok()) {
        status_ = daemon.status();
        return 70;
      }
      return serve(os, *daemon);
    });
  }

  SimOs sim_;
  absl::Status status_;
};

// A daemon's own work, of which a test sees that it was done and when.
int WriteMark(Os& os) {
  const int fd = os.Open("/tmp/served", O_CREAT | O_EXCL | O_WRONLY, 0666).value_or(-1);
  const std::string text = std::to_string(os.GetPid());
  return WriteFully(os, fd, text.data(), text.size()).ok() && os.Close(fd).ok() ? 0 : 9;
}

TEST_F(DaemonizeOnSimOs, TheStarterLeavesWithStatus0AndTheDaemonServes) {
  const SimRun run = RunDaemon(DaemonizeOptions(), [](Os& os, Daemon& daemon) {
    if (!daemon.in_daemon() || daemon.pid() != os.GetPid()) return 1;
    if (!daemon.Ready().ok()) return 2;
    return WriteMark(os);
  });
  ExpectEnds(run, 0);
  EXPECT_EQ(StatusOf(kDaemon), 0);
  EXPECT_EQ(sim_.FileContents("/tmp/served"), "102");
  EXPECT_EQ(sim_.FileStatusOf("/tmp/served")->mode & 0777U, 0644U) << "by the daemon's umask";
  const SimProcess daemon = *sim_.process(kDaemon);
  EXPECT_EQ(daemon.parent, kFirstChild) << "which was still there when the daemon ended";
  EXPECT_EQ(daemon.session, kFirstChild);
  EXPECT_EQ(daemon.mask, SignalSet::Empty());
  EXPECT_EQ(daemon.directory, "/");
  EXPECT_THAT(daemon.descriptors, SizeIs(3)) << "the pipes are closed";
  EXPECT_EQ(sim_.processes().size(), 3U);
}

TEST_F(DaemonizeOnSimOs, TheStarterWaitsAsLongAsTheDaemonTakes) {
  const SimRun run = RunDaemon(DaemonizeOptions(), [](Os& os, Daemon& daemon) {
    os.ClockNanoSleep(CLOCK_MONOTONIC, 0, 60 * kSecond).IgnoreError();
    if (os.Kill(kStarter, 0).error() != 0) return 1;
    if (!daemon.Ready().ok()) return 2;
    os.ClockNanoSleep(CLOCK_MONOTONIC, 0, kSecond).IgnoreError();
    return os.Kill(kStarter, 0).error() == ESRCH ? 0 : 3;
  });
  ExpectEnds(run, 0);
  EXPECT_EQ(StatusOf(kDaemon), 0) << sim_.TraceText();
  EXPECT_EQ(sim_.process(kDaemon)->parent, 1);
  EXPECT_EQ(sim_.elapsed(), 61 * kSecond);
}

TEST_F(DaemonizeOnSimOs, ADaemonThatFailsTellsItsStarterWhy) {
  const SimRun run = RunDaemon(DaemonizeOptions(), [](Os&, Daemon& daemon) {
    return daemon.Fail(absl::NotFoundError("no configuration")).raw_code();
  });
  ExpectEnds(run, 70);
  EXPECT_EQ(status_.code(), absl::StatusCode::kNotFound) << status_;
  EXPECT_THAT(status_.ToString(), HasSubstr("no configuration"));
  EXPECT_EQ(StatusOf(kDaemon), static_cast<int>(absl::StatusCode::kNotFound));
  ExpectNothingLeft();
}

TEST_F(DaemonizeOnSimOs, ADaemonThatFailedAndStaysIsKilledFiveSecondsLater) {
  const SimRun run = RunDaemon(DaemonizeOptions(), [](Os& os, Daemon& daemon) {
    daemon.Fail(absl::InternalError("broken")).IgnoreError();
    for (;;) os.Poll(nullptr, 0, -1).IgnoreError();
    return 0;
  });
  ExpectEnds(run, 70);
  EXPECT_EQ(status_.code(), absl::StatusCode::kInternal) << status_;
  EXPECT_EQ(SignalThatEnded(kDaemon), SIGKILL);
  EXPECT_EQ(sim_.elapsed(), 5 * kSecond);
  ExpectNothingLeft();
}

TEST_F(DaemonizeOnSimOs, ADaemonThatIsNotReadyInTimeIsKilledAtThatMoment) {
  DaemonizeOptions options;
  options.ready_timeout = absl::Seconds(30);
  const SimRun run = RunDaemon(options, [](Os& os, Daemon&) {
    for (;;) os.Poll(nullptr, 0, -1).IgnoreError();
    return 0;
  });
  ExpectEnds(run, 70);
  EXPECT_EQ(status_.code(), absl::StatusCode::kDeadlineExceeded) << status_;
  EXPECT_EQ(SignalThatEnded(kDaemon), SIGKILL);
  EXPECT_EQ(sim_.elapsed(), 30 * kSecond);
  ExpectNothingLeft();
}

TEST_F(DaemonizeOnSimOs, ADaemonThatEndsBeforeItIsReadyIsAFailureWithItsStatus) {
  const SimRun run = RunDaemon(DaemonizeOptions(), [](Os& os, Daemon&) {
    os.Exit(3);
    return 0;
  });
  ExpectEnds(run, 70);
  EXPECT_THAT(status_.ToString(), HasSubstr("exit status 3"));
  ExpectNothingLeft();
}

TEST_F(DaemonizeOnSimOs, ADaemonThatReturnsBeforeItIsReadyHasGivenUp) {
  const SimRun run = sim_.Run([this](Os& os) {
    absl::StatusOr<Daemon> daemon = Daemonize(DaemonizeOptions(), os);
    if (daemon.ok()) return 4;
    status_ = daemon.status();
    return 70;
  });
  ExpectEnds(run, 70);
  EXPECT_EQ(StatusOf(kDaemon), 4);
  EXPECT_EQ(status_.code(), absl::StatusCode::kAborted) << status_;
  EXPECT_THAT(status_.ToString(), HasSubstr("gave up"));
  ExpectNothingLeft();
}

TEST_F(DaemonizeOnSimOs, ADaemonThatIsKilledIsAFailureWithItsSignal) {
  const SimRun run = RunDaemon(DaemonizeOptions(), [](Os& os, Daemon&) {
    os.Kill(os.GetPid(), SIGSEGV).IgnoreError();
    return 0;
  });
  ExpectEnds(run, 70);
  EXPECT_EQ(status_.code(), absl::StatusCode::kAborted) << status_;
  EXPECT_THAT(status_.ToString(), HasSubstr("SIGSEGV"));
  ExpectNothingLeft();
}

TEST_F(DaemonizeOnSimOs, ADaemonThatIsLeftByAnExceptionSaysSo) {
  const SimRun run = RunDaemon(DaemonizeOptions(), [](Os&, Daemon& handle) {
    try {
      Daemon daemon = std::move(handle);
      throw std::runtime_error("no memory for the cache");
    } catch (const std::runtime_error&) {
      return 5;
    }
  });
  ExpectEnds(run, 70);
  EXPECT_EQ(StatusOf(kDaemon), 5);
  EXPECT_THAT(status_.ToString(), HasSubstr("left by an exception"));
  ExpectNothingLeft();
}

TEST_F(DaemonizeOnSimOs, ADaemonWhoseStarterWasKilledIsToldAtReadyAndNotBySigpipe) {
  const SimRun run = RunDaemon(DaemonizeOptions(), [](Os& os, Daemon& daemon) {
    os.Kill(kStarter, SIGTERM).IgnoreError();
    while (os.Kill(kStarter, 0).ok()) {
      os.ClockNanoSleep(CLOCK_MONOTONIC, 0, kSecond).IgnoreError();
    }
    return absl::IsCancelled(daemon.Ready()) ? 6 : 7;
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(SignalThatEnded(kStarter), SIGTERM);
  EXPECT_EQ(StatusOf(kDaemon), 6) << sim_.TraceText();
  EXPECT_EQ(sim_.process(kDaemon)->pending, SignalSet::Empty());
  EXPECT_EQ(sim_.process(kFirstChild)->state, SimProcess::State::kReaped);
}

TEST_F(DaemonizeOnSimOs, AStarterThatIsKeptReturnsAsWell) {
  DaemonizeOptions options;
  options.keep_parent = true;
  const SimRun run = RunDaemon(options, [](Os& os, Daemon& daemon) {
    if (daemon.in_daemon()) return daemon.Ready().ok() ? WriteMark(os) : 1;
    return daemon.pid() == kDaemon && os.GetPid() == kStarter ? 11 : 2;
  });
  ExpectEnds(run, 11);
  EXPECT_EQ(sim_.FileContents("/tmp/served"), "102");
  ExpectNothingLeft();
}

TEST_F(DaemonizeOnSimOs, AProcessThatTheDaemonForksHasNoWordToSay) {
  const SimRun run = RunDaemon(DaemonizeOptions(), [](Os& os, Daemon& daemon) {
    const pid_t child = os.Fork().value();
    if (child == 0) return daemon.Ready().code() == absl::StatusCode::kFailedPrecondition ? 0 : 1;
    const int status = os.WaitPid(child, 0).value().status;
    if (WEXITSTATUS(status) != 0) return 1;
    return daemon.Ready().ok() ? WriteMark(os) : 2;
  });
  ExpectEnds(run, 0);
  EXPECT_EQ(StatusOf(103), 0);
  EXPECT_EQ(sim_.FileContents("/tmp/served"), "102");
}

TEST_F(DaemonizeOnSimOs, AnUnknownUserFailsBeforeAnythingIsDone) {
  DaemonizeOptions options;
  options.fork.identity = Identity::User("nobody-by-this-name");
  const SimRun run = RunDaemon(options, [](Os&, Daemon&) { return 0; });
  ExpectEnds(run, 70);
  EXPECT_THAT(status_.ToString(), HasSubstr("nobody-by-this-name"));
  EXPECT_EQ(sim_.processes().size(), 1U);
  ExpectNothingLeft();
}

TEST_F(DaemonizeOnSimOs, AStepThatFailsInTheDaemonIsNamedAndNobodyIsLeft) {
  DaemonizeOptions options;
  options.fork.directory = "/no/such/directory";
  const SimRun run = RunDaemon(options, [](Os&, Daemon&) { return 0; });
  ExpectEnds(run, 70);
  EXPECT_THAT(status_.ToString(), HasSubstr("/no/such/directory"));
  EXPECT_THAT(status_.ToString(), HasSubstr("ENOENT"));
  ExpectNothingLeft();
}

TEST_F(DaemonizeOnSimOs, ThePidFileIsTheDaemonsAndGoneWithItsRegularEnd) {
  const SimRun run = sim_.Run([](Os& os) {
    absl::StatusOr<PidFile> file = PidFile::Claim(kPidFile, os);
    if (!file.ok()) return 71;
    DaemonizeOptions options;
    options.fork.pid_file_descriptor = file->descriptor();
    absl::StatusOr<Daemon> daemon = Daemonize(options, os);
    if (!daemon.ok()) return 70;
    const absl::StatusOr<PidFileState> state = ReadPidFile(kPidFile, os);
    if (!state.ok() || !state->locked || state->pid != os.GetPid()) return 1;
    if (!daemon->Ready().ok()) return 2;
    return WriteMark(os);
  });
  ExpectEnds(run, 0);
  EXPECT_EQ(StatusOf(kDaemon), 0) << sim_.TraceText();
  EXPECT_EQ(sim_.FileContents("/tmp/served"), "102");
  EXPECT_EQ(sim_.FileContents(kPidFile), std::nullopt);
}

TEST_F(DaemonizeOnSimOs, AfterAFailureThePidFileIsGoneAndTheNextStartWorks) {
  const SimRun run = sim_.Run([](Os& os) {
    for (bool fails : {true, false}) {
      absl::StatusOr<PidFile> file = PidFile::Claim(kPidFile, os);
      if (!file.ok()) return 71;
      DaemonizeOptions options;
      options.fork.identity = Identity::User("worker");
      options.fork.pid_file_descriptor = file->descriptor();
      absl::StatusOr<Daemon> daemon = Daemonize(options, os);
      if (!daemon.ok()) continue;
      if (fails) return daemon->Fail(absl::InternalError("the first time")).raw_code();
      if (!daemon->Ready().ok()) return 2;
      for (;;) os.Poll(nullptr, 0, -1).IgnoreError();
    }
    return 70;
  });
  EXPECT_EQ(run.end, SimEnd::kLeftWaiting) << run.message;
  EXPECT_EQ(StatusOf(kStarter), 0) << sim_.TraceText();
  const SimProcess daemon = sim_.processes().back();
  EXPECT_EQ(daemon.state, SimProcess::State::kRunning);
  EXPECT_EQ(sim_.FileContents(kPidFile), std::to_string(daemon.pid) + "\n");
  EXPECT_EQ(daemon.uid.saved, 40U);
  EXPECT_THAT(daemon.groups, ElementsAre(41, 50));
  EXPECT_EQ(daemon.capabilities.permitted, 0U);
  EXPECT_THAT(daemon.descriptors, SizeIs(4)) << "and the pid file's";
}

class CrowdedDaemonize : public DaemonizeOnSimOs {
 protected:
  CrowdedDaemonize() : DaemonizeOnSimOs(Crowded()) {}
  static SimOsOptions Crowded() {
    SimOsOptions world = World();
    world.uid = world.gid = 40;
    world.supplementary_groups = {40};
    world.limits[RLIMIT_NPROC] = {2, 2};  // the starter and one more: no second child
    return world;
  }
};

TEST_F(CrowdedDaemonize, ASecondForkThatFailsIsToldAndTheFirstChildIsGone) {
  const SimRun run = RunDaemon(DaemonizeOptions(), [](Os&, Daemon&) { return 0; });
  ExpectEnds(run, 70);
  EXPECT_THAT(status_.ToString(), HasSubstr("EAGAIN"));
  EXPECT_EQ(sim_.processes().size(), 2U) << sim_.TraceText();
  ExpectNothingLeft();
}

}  // namespace
}  // namespace cleanfork
