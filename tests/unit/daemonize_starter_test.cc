// Daemonize() in the starter: what it makes of what the daemon says, does not say, and of its end.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cleanfork/child_error.h"
#include "cleanfork/daemonize.h"
#include "cleanfork/fd_io.h"
#include "cleanfork/fork_child.h"
#include "cleanfork/os.h"
#include "cleanfork/os_wrapper.h"
#include "cleanfork/sim_os.h"
#include "tests/unit/daemonize_world.h"

namespace cleanfork {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class DaemonizeStarter : public DaemonizeWorld {
 protected:
  static int BeReady(Os&, Daemon& daemon) { return daemon.Ready().ok() ? 0 : 1; }
  static int NeverBeReady(Os& os, Daemon&) { return SleepForEver(os); }
  static int GiveUp(Os&, Daemon& daemon) {
    return daemon.Fail(absl::InternalError("no")).raw_code();
  }

  // Afterwards the starter is as it was before, and nobody else is left.
  void ExpectNothingLeft() {
    EXPECT_THAT(sim_->process(kStarter)->descriptors, SizeIs(3));
    EXPECT_EQ(sim_->process(kStarter)->mask, CallersMask());
    for (const SimProcess& process : sim_->processes()) {
      EXPECT_EQ(process.state, SimProcess::State::kReaped) << process.pid << sim_->TraceText();
    }
  }
};

TEST_F(DaemonizeStarter, LeavesWithStatus0WhenTheDaemonIsReadyAndNotBefore) {
  options_.keep_parent = false;
  bool waited = false;
  bool left = false;
  Run([&](Os& os, Daemon& daemon) {
    Sleep(os, 3);
    waited = Kill(os, kStarter, 0) == 0;
    daemon.Ready().IgnoreError();
    Sleep(os, 1e-9);
    left = Kill(os, kStarter, 0) == ESRCH;
    return 0;
  }).IgnoreError();
  EXPECT_TRUE(waited);
  EXPECT_TRUE(left);
  EXPECT_EQ(sim_->process(kStarter)->wait_status, 0);
  EXPECT_THAT(Killed(), ElementsAre(kFirst));
  EXPECT_EQ(sim_->process(kFirst)->state, SimProcess::State::kReaped);
}

TEST_F(DaemonizeStarter, ReturnsThePidToAKeptParent) {
  in_starter_ = [](Os&, Daemon& daemon) {
    EXPECT_FALSE(daemon.in_daemon());
    EXPECT_EQ(daemon.pid(), kSecond);
    EXPECT_TRUE(absl::IsFailedPrecondition(daemon.Ready()));
    EXPECT_TRUE(absl::IsInternal(daemon.Fail(absl::InternalError("no"))));
  };
  EXPECT_TRUE(Run([](Os& os, Daemon& daemon) {
                Sleep(os, 3);
                return BeReady(os, daemon);
              }).ok());
  EXPECT_EQ(now(), 3);
  EXPECT_THAT(sim_->TraceText(), Not(HasSubstr("100 write(")));
  ExpectNothingLeft();
}

TEST_F(DaemonizeStarter, ReapsTheFirstChildThenCallsTheHookThenLeaves) {
  options_.keep_parent = false;
  std::vector<pid_t> hooks;
  wrap_ = [&](Os& kernel) {
    options_.fork.in_parent = [&hooks, &kernel](pid_t pid) {
      hooks.push_back(pid);
      EXPECT_EQ(kernel.WaitPid(-1, WNOHANG).error(), ECHILD);
    };
    return std::make_unique<OsWrapper>(kernel);
  };
  Run(BeReady).IgnoreError();
  EXPECT_THAT(hooks, ElementsAre(kSecond));
  EXPECT_EQ(sim_->process(kStarter)->wait_status, 0);
}

TEST_F(DaemonizeStarter, CallsNoHookForADaemonThatIsNotReady) {
  options_.fork.in_parent = [](pid_t) { ADD_FAILURE(); };
  EXPECT_FALSE(Run(GiveUp).ok());
}

TEST_F(DaemonizeStarter, KillsADaemonThatIsNotReadyByTheDeadline) {
  const absl::Status status = Run(NeverBeReady);
  EXPECT_TRUE(absl::IsDeadlineExceeded(status));
  EXPECT_EQ(std::string(status.message()),
            "the daemon was not ready after 1m30s: Timer expired (ETIME) [step ready, child 102]");
  EXPECT_EQ(now(), 90);
  EXPECT_THAT(Killed(), ElementsAre(kSecond));
  const std::optional<ChildError> error = GetChildError(status);
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->step, Step::kReady);
  EXPECT_EQ(error->pid, kSecond);
  ExpectNothingLeft();
}

TEST_F(DaemonizeStarter, TakesADaemonForReadyWhoseWordIsThereWhenItLooksAtLast) {
  options_.ready_timeout = absl::Milliseconds(500);
  const absl::Status status = Run([](Os& os, Daemon& daemon) {
    Kill(os, kStarter, SIGSTOP);
    Sleep(os, 1);
    const int ended = BeReady(os, daemon);
    Kill(os, kStarter, SIGCONT);
    return ended;
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(now(), 1);
}

TEST_F(DaemonizeStarter, KeepsTheDeadlineThroughInterruptions) {
  options_.ready_timeout = absl::Milliseconds(9500);
  wrap_ = [](Os& kernel) {
    SignalAction action;
    action.handler = [](int) {};
    kernel.SigAction(SIGUSR1, &action).IgnoreError();
    return std::make_unique<OsWrapper>(kernel);
  };
  const absl::Status status = Run([](Os& os, Daemon&) {
    for (;;) {
      Sleep(os, 1);
      Kill(os, kStarter, SIGUSR1);
    }
    return 0;
  });
  EXPECT_TRUE(absl::IsDeadlineExceeded(status));
  EXPECT_THAT(sim_->TraceText(), HasSubstr("= EINTR"));
  EXPECT_EQ(now(), 9.5);
}

TEST_F(DaemonizeStarter, WaitsWithoutEndWhereThatIsAskedFor) {
  options_.ready_timeout = absl::InfiniteDuration();
  EXPECT_TRUE(Run([](Os& os, Daemon& daemon) {
                Sleep(os, 1e6);
                return BeReady(os, daemon);
              }).ok());
  EXPECT_EQ(now(), 1e6);
}

TEST_F(DaemonizeStarter, ReturnsTheCodeAndTheTextOfADaemonThatGivesUp) {
  const absl::Status status = Run([](Os& os, Daemon& daemon) {
    daemon.Fail(absl::AlreadyExistsError("bind(80): in use")).IgnoreError();
    Sleep(os, 1);
    return 1;
  });
  EXPECT_TRUE(absl::IsAlreadyExists(status));
  EXPECT_EQ(std::string(status.message()), "bind(80): in use [step ready, child 102]");
  EXPECT_EQ(GetChildError(status)->step, Step::kReady);
  EXPECT_THAT(Killed(), IsEmpty()) << "it left by itself";
  EXPECT_EQ(now(), 1);
  ExpectNothingLeft();
}

TEST_F(DaemonizeStarter, KillsADaemonThatGaveUpAndStillRunsFiveSecondsLater) {
  const absl::Status status = Run([](Os& os, Daemon& daemon) {
    GiveUp(os, daemon);
    return SleepForEver(os);
  });
  EXPECT_TRUE(absl::IsInternal(status));
  EXPECT_THAT(Killed(), ElementsAre(kSecond));
  EXPECT_EQ(now(), 5);
  ExpectNothingLeft();
}

TEST_F(DaemonizeStarter, SaysWhichSignalEndedTheDaemon) {
  const absl::Status status = Run([](Os& os, Daemon&) {
    Sleep(os, 2);
    return Kill(os, kSecond, SIGSEGV);
  });
  EXPECT_TRUE(absl::IsAborted(status));
  EXPECT_EQ(std::string(status.message()),
            "the daemon ended before it was ready: killed by signal 11 (SIGSEGV) "
            "[step ready, child 102]");
  EXPECT_EQ(GetChildError(status)->signal, SIGSEGV);
  EXPECT_EQ(now(), 2);
  ExpectNothingLeft();
}

TEST_F(DaemonizeStarter, SaysWithWhichExitStatusTheDaemonLeft) {
  EXPECT_EQ(Text([](Os& os, Daemon&) { return Leave(os, 3); }),
            "the daemon ended before it was ready (exit status 3) [step ready, child 102]");
  ExpectNothingLeft();
}

TEST_F(DaemonizeStarter, TakesTheWordOfADaemonThatWasReadyAndHasEnded) {
  EXPECT_TRUE(Run([](Os& os, Daemon& daemon) {
                Kill(os, kStarter, SIGSTOP);
                BeReady(os, daemon);
                if (os.Fork().value() != 0) os.Exit(4);
                Sleep(os, 1);
                Kill(os, kStarter, SIGCONT);
                return 0;
              }).ok());
  EXPECT_EQ(sim_->process(kSecond)->wait_status, 4 << 8);
}

TEST_F(DaemonizeStarter, NeedsNoFirstChildForADaemonThatGoesOn) {
  EXPECT_TRUE(Run([](Os& os, Daemon& daemon) {
                Sleep(os, 1);
                Kill(os, kFirst, SIGKILL);
                Sleep(os, 4);
                return BeReady(os, daemon);
              }).ok());
  EXPECT_EQ(now(), 5);
}

TEST_F(DaemonizeStarter, DoesNotKnowHowADaemonEndedWhoseFirstChildWasKilled) {
  EXPECT_EQ(Text([](Os& os, Daemon&) {
              Kill(os, kFirst, SIGKILL);
              Sleep(os, 2);
              return Leave(os, 3);
            }),
            "the daemon ended before it was ready, how is not known [step ready, child 102]");
  EXPECT_EQ(now(), 2);
  ExpectNothingLeft();
}

TEST_F(DaemonizeStarter, KnowsHowADaemonEndedThatWasHandedOnToIt) {
  world_.subreaper = true;
  EXPECT_THAT(Text([](Os& os, Daemon&) {
                Kill(os, kFirst, SIGKILL);
                Sleep(os, 2);
                return Kill(os, kSecond, SIGTERM);
              }),
              HasSubstr("killed by signal 15 (SIGTERM)"));
}

TEST_F(DaemonizeStarter, WaitsNoLongerThanASecondForTheFirstChildsWord) {
  EXPECT_THAT(Text([](Os& os, Daemon&) {
                Kill(os, kFirst, SIGSTOP);
                Sleep(os, 4);
                return Leave(os, 3);
              }),
              HasSubstr("how is not known"));
  EXPECT_EQ(now(), 5 + 5) << "and five for the first child to leave";
  EXPECT_THAT(Killed(), ElementsAre(kFirst));
  ExpectNothingLeft();
}

// The first child has the pipe open as well.
TEST_F(DaemonizeStarter, EndsADaemonThatHasClosedThePipe) {
  EXPECT_EQ(Text([](Os& os, Daemon&) {
              Sleep(os, 4);
              os.Close(ReportPipe(os)).IgnoreError();
              Kill(os, kFirst, SIGKILL);
              return SleepForEver(os);
            }),
            "the daemon has closed the pipe on which it was to say that it is ready: "
            "Broken pipe (EPIPE) "
            "[step ready, child 102]");
  EXPECT_THAT(Killed(), ElementsAre(kFirst, kSecond));
  EXPECT_EQ(now(), 5);
  ExpectNothingLeft();
}

// What the starter reads and polls after the daemon is set up fails once.
class FailsWhenSetUp : public InStarter {
 public:
  FailsWhenSetUp(Os& os, int read_error, int poll_error)
      : InStarter(os), read_error_(read_error), poll_error_(poll_error) {}
  SysResult<size_t> Read(int fd, void* buffer, size_t size) override {
    if (size != sizeof(ChildReport) || !here()) return OsWrapper::Read(fd, buffer, size);
    if (++words_ == 3 && read_error_ != 0) return SysError(read_error_);
    return OsWrapper::Read(fd, buffer, size);
  }
  SysResult<size_t> Poll(struct pollfd* fds, size_t count, int64_t nanoseconds) override {
    if (words_ == 2 && poll_error_ != 0) return SysError(std::exchange(poll_error_, 0));
    return OsWrapper::Poll(fds, count, nanoseconds);
  }

 private:
  const int read_error_;
  int poll_error_;
  int words_ = 0;  // the first two are of the set-up
};

TEST_F(DaemonizeStarter, EndsADaemonWhoseReportCannotBeRead) {
  wrap_ = [](Os& kernel) { return std::make_unique<FailsWhenSetUp>(kernel, EIO, 0); };
  EXPECT_EQ(Text([](Os& os, Daemon& daemon) {
              BeReady(os, daemon);
              return SleepForEver(os);
            }),
            "read of the daemon's report: Input/output error (EIO) [step report, child 102]");
  EXPECT_EQ(sim_->process(kSecond)->wait_status, SIGKILL);
  ExpectNothingLeft();
}

TEST_F(DaemonizeStarter, EndsADaemonThatCannotBeWaitedFor) {
  wrap_ = [](Os& kernel) { return std::make_unique<FailsWhenSetUp>(kernel, 0, ENOMEM); };
  EXPECT_EQ(GetChildError(Run(NeverBeReady))->error, ENOMEM);
  EXPECT_THAT(Killed(), ElementsAre(kSecond));
  ExpectNothingLeft();
}

// As one that hangs in the kernel, in state D of ps(1).
class UnkillableDaemon : public InStarter {
 public:
  using InStarter::InStarter;
  SysResult<int> PidFdOpen(pid_t pid, unsigned flags) override {
    const SysResult<int> fd = OsWrapper::PidFdOpen(pid, flags);
    if (pid == 102 && here()) daemon_ = fd.value_or(-1);
    return fd;
  }
  SysResult<void> PidFdSendSignal(int fd, int signal) override {
    if (fd == daemon_) return {};
    return OsWrapper::PidFdSendSignal(fd, signal);
  }

 private:
  int daemon_ = -1;
};

TEST_F(DaemonizeStarter, IsNotHeldByADaemonThatDoesNotDie) {
  wrap_ = [](Os& kernel) { return std::make_unique<UnkillableDaemon>(kernel); };
  left_ = true;
  EXPECT_TRUE(absl::IsDeadlineExceeded(Run(NeverBeReady)));
  EXPECT_EQ(now(), 95);
  EXPECT_THAT(Killed(), ElementsAre(kFirst));
  EXPECT_TRUE(IsRunning(kSecond));
}

std::string BlockedSignalsOf(Os& os, pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/status";
  const int fd = os.Open(path.c_str(), O_RDONLY, 0).value();
  char text[2048] = {};
  os.Read(fd, text, sizeof(text) - 1).IgnoreError();
  os.Close(fd).IgnoreError();
  const std::string status = text;
  const size_t at = status.find("SigBlk:\t");
  return status.substr(at + 8, 16);
}

TEST_F(DaemonizeStarter, WaitsInTheCallersOwnMask) {
  std::string mask;
  EXPECT_TRUE(Run([&](Os& os, Daemon& daemon) {
                Sleep(os, 7);
                mask = BlockedSignalsOf(os, kStarter);
                return BeReady(os, daemon);
              }).ok());
  EXPECT_EQ(mask, "0000000000000800") << "SIGUSR2";
  EXPECT_EQ(sim_->process(kStarter)->mask, CallersMask());
}

TEST_F(DaemonizeStarter, TellsByWaitidHowADaemonEndedThatIsItsChild) {
  options_.fork.session = Session::kNew;
  EXPECT_EQ(Text([](Os& os, Daemon&) {
              Sleep(os, 2);
              return Leave(os, 4);
            }),
            "the daemon ended before it was ready (exit status 4) [step ready, child 101]");
  EXPECT_EQ(now(), 2);
  ExpectNothingLeft();
}

// A kernel from before Linux 5.3.
class WithoutPidFds : public OsWrapper {
 public:
  using OsWrapper::OsWrapper;
  SysResult<int> PidFdOpen(pid_t, unsigned) override { return SysError(ENOSYS); }
};

TEST_F(DaemonizeStarter, WithoutPidfdsSeesTheEndOfAChildAndKillsOneThatIsLate) {
  wrap_ = [](Os& kernel) { return std::make_unique<WithoutPidFds>(kernel); };
  options_.fork.session = Session::kNew;
  options_.ready_timeout = absl::Seconds(1);
  EXPECT_TRUE(absl::IsDeadlineExceeded(Run(NeverBeReady)));
  EXPECT_EQ(now(), 1.02) << "its end is seen at the next look";
  EXPECT_THAT(Killed(), ElementsAre(kFirst)) << "which is the daemon";
  ExpectNothingLeft();
}

// The first child has said so before it reaped it: the pid is nobody's, or a stranger's.
TEST_F(DaemonizeStarter, TouchesNoProcessThatHasTheDaemonsPidAfterTheDaemonsEnd) {
  for (bool speaks : {false, true}) {
    const absl::Status status = Run([speaks](Os& os, Daemon& daemon) {
      Sleep(os, 1);  // until the starter has its pidfd
      Kill(os, kStarter, SIGSTOP);
      if (os.Fork().value() == 0) {
        Sleep(os, 1);
        os.Exit(Kill(os, kStarter, SIGCONT));
      }
      if (speaks) GiveUp(os, daemon);
      return Leave(os, 3);
    });
    EXPECT_FALSE(status.ok());
    EXPECT_EQ(now(), 2);
    EXPECT_THAT(sim_->TraceText(), Not(HasSubstr("100 kill(")));
    EXPECT_THAT(Killed(), IsEmpty());
  }
}

TEST_F(DaemonizeStarter, IsNotHeldByADaemonThatIsGoneBeforeItsPidfdIsOpened) {
  wrap_ = [](Os& kernel) { return std::make_unique<NoPidFd>(kernel, kSecond, ESRCH); };
  EXPECT_TRUE(absl::IsInternal(Run(GiveUp)));
  EXPECT_EQ(now(), 0);
  ExpectNothingLeft();
}

// Nor does /proc say which process it is.
class NoTraceOfTheDaemon : public NoPidFd {
 public:
  explicit NoTraceOfTheDaemon(Os& os) : NoPidFd(os, 102, ENOSYS) {}
  SysResult<int> Open(const char* path, int flags, mode_t mode) override {
    if (std::string(path).compare(0, 10, "/proc/102/") == 0) return SysError(EACCES);
    return OsWrapper::Open(path, flags, mode);
  }
};

TEST_F(DaemonizeStarter, WithoutAPidfdKillsADaemonByItsPidAsLongAsItsParentHasNotReapedIt) {
  wrap_ = [](Os& kernel) { return std::make_unique<NoTraceOfTheDaemon>(kernel); };
  for (bool parent_lives : {true, false}) {
    left_ = !parent_lives;
    const absl::Status status = Run([parent_lives](Os& os, Daemon&) {
      if (!parent_lives) Kill(os, kFirst, SIGKILL);
      return SleepForEver(os);
    });
    EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
    EXPECT_THAT(Killed(), ElementsAre(parent_lives ? kSecond : kFirst));
    EXPECT_EQ(IsRunning(kSecond), !parent_lives);
  }
}

TEST_F(DaemonizeStarter, WithoutAPidfdKillsADaemonThatProcKnows) {
  wrap_ = [](Os& kernel) { return std::make_unique<NoPidFd>(kernel, kSecond, ENOSYS); };
  const absl::Status status = Run([](Os& os, Daemon&) {
    Kill(os, kFirst, SIGKILL);
    return SleepForEver(os);
  });
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_THAT(Killed(), ElementsAre(kFirst, kSecond));
  ExpectNothingLeft();
}

class ForbiddenPidFdSignals : public InStarter {
 public:
  using InStarter::InStarter;
  SysResult<void> PidFdSendSignal(int, int) override { return SysError(EPERM); }
};

TEST_F(DaemonizeStarter, KillsWhereAFilterForbidsSignalsByPidfd) {
  wrap_ = [](Os& kernel) { return std::make_unique<ForbiddenPidFdSignals>(kernel); };
  EXPECT_TRUE(absl::IsDeadlineExceeded(Run(NeverBeReady)));
  EXPECT_EQ(now(), 90);
  EXPECT_THAT(Killed(), ElementsAre(kSecond));
  ExpectNothingLeft();
}

// /proc/self/stat is another file.
class OtherStat : public OsWrapper {
 public:
  using OsWrapper::OsWrapper;
  SysResult<int> Open(const char* path, int flags, mode_t mode) override {
    const bool stat = std::string(path) == "/proc/self/stat";
    return OsWrapper::Open(stat ? "/tmp/stat" : path, flags, mode);
  }
};

class DaemonizeWithThreads : public DaemonizeStarter {
 protected:
  DaemonizeWithThreads() {
    wrap_ = [](Os& kernel) { return std::make_unique<OtherStat>(kernel); };
  }
  void ShowStat(const std::string& stat) {
    world_.files.clear();
    if (!stat.empty()) world_.files.push_back({"/tmp/stat", stat});
  }
  void ExpectNothingDone() {
    EXPECT_THAT(sim_->processes(), SizeIs(1));
    EXPECT_THAT(sim_->TraceText(), Not(HasSubstr("pipe")));
    EXPECT_THAT(sim_->process(kStarter)->descriptors, SizeIs(3));
  }
};

TEST_F(DaemonizeWithThreads, IsRefused) {
  ShowStat("4000 (a) 1 (c) S 1 2 3 0 -1 0 1 2 3 4 5 6 7 8 20 0 2 0 99");
  const absl::Status status = Run(BeReady);
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_EQ(std::string(status.message()),
            "a process with 2 threads is not to become a daemon: it would have but one of them "
            "(allow_threads) [step validate]");
  ExpectNothingDone();
}

TEST_F(DaemonizeWithThreads, IsRefusedWhereTheyCannotBeCounted) {
  for (const char* stat : {"", "4000 (a) S 1 2 3", "4000 a",
                           "4000 (a) S 1 2 3 0 -1 0 1 2 3 4 5 6"
                           " 7 8 20 0 x 0 99"}) {
    ShowStat(stat);
    const absl::Status status = Run(BeReady);
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << stat << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("cannot be told")) << stat;
    ExpectNothingDone();
  }
}

TEST_F(DaemonizeWithThreads, IsNotRefusedWithOneWhateverItsNameIs) {
  ShowStat("4000 (a) b (c) S 1 2 3 0 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 99");
  EXPECT_TRUE(Run(BeReady).ok());
}

TEST_F(DaemonizeWithThreads, DoesNotCountThemWhereTheyAreAllowed) {
  options_.allow_threads = true;
  EXPECT_TRUE(Run(BeReady).ok());
  EXPECT_THAT(sim_->TraceText(), Not(HasSubstr("/tmp/stat")));
}

TEST_F(DaemonizeStarter, RefusesOptionsThatCannotHold) {
  options_.fork.out = Stream::Pipe();
  options_.fork.session = Session::kNew;
  EXPECT_TRUE(absl::IsInvalidArgument(Run(BeReady)));
  EXPECT_THAT(sim_->processes(), SizeIs(1));
  options_ = DaemonizeOptions();
  options_.ready_timeout = absl::ZeroDuration();
  EXPECT_TRUE(absl::IsInvalidArgument(Run(BeReady)));
  EXPECT_THAT(sim_->processes(), SizeIs(1));
  options_.ready_timeout = -absl::InfiniteDuration();
  EXPECT_TRUE(absl::IsInvalidArgument(Run(BeReady)));
  EXPECT_THAT(sim_->processes(), SizeIs(1));
  options_ = DaemonizeOptions();
  options_.fork.session = Session::kNew;
  options_.fork.parent_death_signal = SIGTERM;
  EXPECT_TRUE(absl::IsInvalidArgument(Run(BeReady)));
  EXPECT_THAT(sim_->processes(), SizeIs(1));
}

TEST_F(DaemonizeStarter, ReturnsTheStepThatFailedInTheSetUp) {
  options_.fork.directory = "/dev/null";
  EXPECT_EQ(Text(BeReady),
            "chdir(\"/dev/null\"): Not a directory (ENOTDIR) [step chdir, child 102]");
  ExpectNothingLeft();
}

}  // namespace
}  // namespace cleanfork
