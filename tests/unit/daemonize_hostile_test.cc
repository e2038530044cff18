// Daemonize() in the starter, whose daemon may be another user by now, or not in its right mind:
// what it writes to the pipe can neither hold the starter, nor be taken for a success, nor direct
// its signals. And what it says with its last breath is heard.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cleanfork/daemonize.h"
#include "cleanfork/fork_child.h"
#include "cleanfork/os.h"
#include "cleanfork/sim_os.h"
#include "tests/unit/daemonize_world.h"

namespace cleanfork {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class HostileDaemon : public DaemonizeWorld {};

TEST_F(HostileDaemon, HoldsNobodyByAWordWhoseTextNeverComes) {
  const absl::Status status = Run([](Os& os, Daemon&) {
    Say(os, ChildReport::GaveUp(13, kSecond, 2048), "half of ");
    return SleepForEver(os);
  });
  EXPECT_TRUE(absl::IsInternal(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("half of "));
  EXPECT_EQ(now(), 1 + 5) << "a second for the text, five for the daemon to leave";
}

TEST_F(HostileDaemon, HoldsNobodyByHalfAWord) {
  EXPECT_EQ(Text([](Os& os, Daemon&) {
              Sleep(os, 3);
              SayBytes(os, "x");
              return SleepForEver(os);
            }),
            "read of the daemon's report: Protocol error (EPROTO) [step report, child 102]");
  EXPECT_EQ(now(), 4);
  EXPECT_THAT(Killed(), ElementsAre(kSecond));
}

TEST_F(HostileDaemon, HoldsNobodyByWordsWithoutEnd) {
  EXPECT_EQ(Text([](Os& os, Daemon&) {
              for (;;) Say(os, ChildReport::Started(kSecond));
              return 0;
            }),
            "read of the daemon's report: Protocol error (EPROTO) [step report, child 102]");
  EXPECT_THAT(Killed(), ElementsAre(kFirst, kSecond))
      << "the pipe is too full for the first's word";
  EXPECT_EQ(now(), 5);
}

// A starter that takes a quarter of a second for each look at its clock.
class SlowStarter : public InStarter {
 public:
  using InStarter::InStarter;
  SysResult<int64_t> ClockGetTime(clockid_t clock) override {
    if (here()) OsWrapper::ClockNanoSleep(CLOCK_MONOTONIC, 0, 250'000'000).IgnoreError();
    return OsWrapper::ClockGetTime(clock);
  }
};

TEST_F(HostileDaemon, IsNotWaitedForBecauseWhatItForkedWritesWithoutEnd) {
  wrap_ = [](Os& kernel) { return std::make_unique<SlowStarter>(kernel); };
  world_.most_calls = 10'000;  // the words go on until the starter has closed its end
  const absl::Status status = Run([](Os& os, Daemon&) {
    if (os.Fork().value() != 0) {
      Say(os, ChildReport::GaveUp(13, kSecond, 0));
      return SleepForEver(os);
    }
    for (;;) Say(os, ChildReport::GaveUp(13, kSecond, 0));
    return 0;
  });
  EXPECT_TRUE(absl::IsInternal(status)) << status;
  EXPECT_LT(now(), 20);
  EXPECT_THAT(Killed(), ElementsAre(kFirst, kSecond));
}

TEST_F(HostileDaemon, CannotMakeASuccessOfAFailure) {
  for (int code : {0, -1, 17, 1 << 30}) {
    const absl::Status status = Run([code](Os& os, Daemon&) {
      Say(os, ChildReport::GaveUp(code, kSecond, 0));
      Sleep(os, 1);
      return Leave(os, 0);
    });
    EXPECT_EQ(status.code(), absl::StatusCode::kUnknown) << code;
    EXPECT_EQ(now(), 1);
  }
}

TEST_F(HostileDaemon, CannotSteerTheTerminalThatItsTextIsShownOn) {
  EXPECT_EQ(Text([](Os&, Daemon& daemon) {
              const std::string text =
                  "\x1b[2J\xc2\x9b"
                  "2J \x9b"
                  "2J caf\xc3\xa9 \xc4\x9b";
              return daemon.Fail(absl::InternalError(text)).raw_code();
            }),
            "\\x1b[2J\\xc2\\x9b2J \\x9b2J caf\xc3\xa9 \xc4\x9b [step ready, child 102]");
}

class MayNotSignal : public InStarter {
 public:
  using InStarter::InStarter;
  SysResult<void> PidFdSendSignal(int, int) override { return SysError(EPERM); }
  SysResult<void> Kill(pid_t, int) override { return SysError(EPERM); }
};

TEST_F(HostileDaemon, DoesNotHoldAStarterThatIsItsParentAndMayNotKillIt) {
  wrap_ = [](Os& kernel) { return std::make_unique<MayNotSignal>(kernel); };
  options_.fork.session = Session::kNew;
  left_ = true;
  EXPECT_TRUE(absl::IsDeadlineExceeded(Run([](Os& os, Daemon&) { return SleepForEver(os); })));
  EXPECT_EQ(now(), 95);
  EXPECT_TRUE(IsRunning(kFirst)) << "which is the daemon";
}

TEST_F(HostileDaemon, IsHeardWhenItSpeaksAndEndsBetweenTwoLooks) {
  wrap_ = [](Os& kernel) { return std::make_unique<SlowPoll>(kernel); };
  for (Session session : {Session::kDaemon, Session::kNew}) {
    options_.fork.session = session;
    EXPECT_THAT(Text([](Os& os, Daemon& daemon) {
                  Sleep(os, 2.0005);  // half a millisecond after a look
                  daemon.Fail(absl::InternalError("why.")).IgnoreError();
                  return Leave(os, 1);
                }),
                StartsWith("why. [step ready"));
  }
}

// What ForkChild() returns to the starter; who goes on in the caller's code sleeps.
class SecondChild : public DaemonizeWorld {
 protected:
  SecondChild() { fork_.session = Session::kDaemon; }

  absl::Status RunForkChild() {
    return RunBody([this](Os& os) {
      const absl::StatusOr<pid_t> child = ForkChild(fork_, os);
      if (child.ok() && *child == 0) return SleepForEver(os);
      status_ = child.status();
      pid_ = child.value_or(0);
      return 0;
    });
  }

  ForkOptions fork_;
  pid_t pid_ = 0;
};

TEST_F(SecondChild, OfNoDaemonIsHeardWhenItReportsAndEndsBetweenTwoLooks) {
  wrap_ = [](Os& kernel) { return std::make_unique<SlowPoll>(kernel); };
  fork_.session = Session::kNew;
  fork_.directory = "/dev/null";
  EXPECT_EQ(std::string(RunForkChild().message()),
            "chdir(\"/dev/null\"): Not a directory (ENOTDIR) [step chdir, child 101]");
}

// The second child kills the first, and takes some time to say that it is set up; the starter takes
// some time to kill it. `then` is what it writes besides, on its pipe.
class KillsItsParent : public OsWrapper {
 public:
  KillsItsParent(Os& os, double silent, double undisturbed, std::function<void(Os&, int)> then)
      : OsWrapper(os), silent_(silent), undisturbed_(undisturbed), then_(std::move(then)) {}

  SysResult<size_t> Write(int fd, const void* bytes, size_t size) override {
    ChildReport report;
    if (size == sizeof(report)) std::memcpy(&report, bytes, size);
    const bool started = size == sizeof(report) && report.kind == ChildReport::kStarted;
    if (!started) return OsWrapper::Write(fd, bytes, size);
    OsWrapper::Kill(OsWrapper::GetPpid(), SIGKILL).IgnoreError();
    Sleep(silent_);
    const SysResult<size_t> written = OsWrapper::Write(fd, bytes, size);
    if (then_) then_(wrapped(), fd);
    return written;
  }
  SysResult<void> PidFdSendSignal(int fd, int signal) override {
    Sleep(undisturbed_);
    return OsWrapper::PidFdSendSignal(fd, signal);
  }

 private:
  void Sleep(double seconds) {
    const auto nanoseconds = static_cast<int64_t>(seconds * 1e9);
    OsWrapper::ClockNanoSleep(CLOCK_MONOTONIC, 0, nanoseconds).IgnoreError();
  }

  const double silent_;
  const double undisturbed_;
  const std::function<void(Os&, int)> then_;
};

TEST_F(SecondChild, OfAVanishedFirstOneIsNotTakenForStartedAfterItWasKilled) {
  wrap_ = [](Os& kernel) { return std::make_unique<KillsItsParent>(kernel, 1, 2, nullptr); };
  EXPECT_FALSE(RunForkChild().ok());
  EXPECT_THAT(Killed(), ElementsAre(kFirst, kSecond));
}

// It writes all of it before the signal comes, the last of it as another user.
TEST_F(SecondChild, OfAVanishedFirstOneHasNobodyKilledWhomItNamesLater) {
  constexpr pid_t kStranger = 101;
  wrap_ = [](Os& kernel) {
    if (kernel.GetPid() == kStarter && kernel.Fork().value() == 0) {
      Sleep(kernel, 60);
      kernel.Exit(0);
    }
    const auto then = [](Os& os, int fd) {
      const ChildReport report = ChildReport::Forked(kStranger);
      os.Write(fd, &report, sizeof(report)).IgnoreError();
    };
    return std::make_unique<KillsItsParent>(kernel, 1, 2, then);
  };
  EXPECT_FALSE(RunForkChild().ok());
  EXPECT_THAT(sim_->TraceText(), Not(HasSubstr("pidfd_open(101,")));
  EXPECT_EQ(sim_->process(kStranger)->wait_status, 0) << "it has gone on to its own end";
  EXPECT_THAT(Killed(), ElementsAre(102, 103));
}

// An error would leave a daemon behind: without a pidfd nothing can end it.
TEST_F(SecondChild, OfAVanishedFirstOneThatCannotBeKilledAndGoesOnIsNoFailure) {
  class NoPidFdAndVanished : public NoPidFd {
   public:
    explicit NoPidFdAndVanished(Os& os)
        : NoPidFd(vanished_, kSecond, ENOSYS), vanished_(os, 0.1, 0, nullptr) {}

   private:
    KillsItsParent vanished_;
  };
  wrap_ = [](Os& kernel) { return std::make_unique<NoPidFdAndVanished>(kernel); };
  left_ = true;
  const absl::Status status = RunForkChild();
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(pid_, kSecond);
  EXPECT_TRUE(IsRunning(kSecond));
  EXPECT_THAT(Killed(), ElementsAre(kFirst));
}

}  // namespace
}  // namespace cleanfork
