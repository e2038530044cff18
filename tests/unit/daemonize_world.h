// DaemonizeWorld: a starter, the first child and the daemon of Daemonize() as processes of SimOs,
// where each of them may misbehave.
#ifndef CLEANFORK_TESTS_UNIT_DAEMONIZE_WORLD_H_
#define CLEANFORK_TESTS_UNIT_DAEMONIZE_WORLD_H_

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdint>
#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cleanfork/child_report.h"
#include "cleanfork/daemonize.h"
#include "cleanfork/os.h"
#include "cleanfork/os_wrapper.h"
#include "cleanfork/sim_os.h"

namespace cleanfork {

class DaemonizeWorld : public testing::Test {
 protected:
  static constexpr pid_t kStarter = 100;
  static constexpr pid_t kFirst = 101;
  static constexpr pid_t kSecond = 102;
  static constexpr double kSecondNs = 1e9;

  using InDaemon = std::function<int(Os& os, Daemon& daemon)>;
  using Wrap = std::function<std::unique_ptr<Os>(Os& kernel)>;

  DaemonizeWorld() {
    options_.keep_parent = true;
    world_.signal_mask = CallersMask();
  }

  static SignalSet CallersMask() { return SignalSet::Of(SIGUSR2); }

  // Starts a daemon that goes on in `in_daemon`, over the Os that `wrap_` makes. What Daemonize()
  // returned to the starter.
  absl::Status Run(const InDaemon& in_daemon) {
    return RunBody([this, in_daemon](Os& os) {
      absl::StatusOr<Daemon> daemon = Daemonize(options_, os);
      if (daemon.ok() && daemon->in_daemon()) return in_daemon(os, *daemon);
      if (daemon.ok() && in_starter_) in_starter_(os, *daemon);
      status_ = daemon.status();
      return 0;
    });
  }
  std::string Text(const InDaemon& in_daemon) { return std::string(Run(in_daemon).message()); }

  // Any other body, which leaves in status_ what is returned.
  absl::Status RunBody(const std::function<int(Os& os)>& body) {
    status_ = absl::UnknownError("nothing was returned to the starter");
    sim_ = std::make_unique<SimOs>(world_);
    const SimRun run = sim_->Run([this, &body](Os& kernel) {
      const std::unique_ptr<Os> os = wrap_ ? wrap_(kernel) : std::make_unique<OsWrapper>(kernel);
      const int64_t start = os->ClockGetTime(CLOCK_MONOTONIC).value();
      const int status = body(*os);
      if (os->GetPid() == kStarter) {
        now_ = os->ClockGetTime(CLOCK_MONOTONIC).value() - start;
      }
      return status;
    });
    EXPECT_EQ(run.end, left_ ? SimEnd::kLeftWaiting : SimEnd::kAllEnded) << run.message;
    return status_;
  }

  // Seconds, until Daemonize() had returned.
  double now() const { return static_cast<double>(now_) / kSecondNs; }

  // Who was killed by SIGKILL, by pid.
  std::vector<pid_t> Killed() const {
    std::vector<pid_t> killed;
    for (const SimProcess& process : sim_->processes()) {
      const bool ended = process.state != SimProcess::State::kRunning;
      if (ended && WIFSIGNALED(process.wait_status) && WTERMSIG(process.wait_status) == SIGKILL) {
        killed.push_back(process.pid);
      }
    }
    return killed;
  }

  bool IsRunning(pid_t pid) const {
    const auto process = sim_->process(pid);
    return process.has_value() && process->state == SimProcess::State::kRunning;
  }

  // What a daemon may do ------------------------------------------------------------------------

  static void Sleep(Os& os, double seconds) {
    const auto nanoseconds = static_cast<int64_t>(seconds * kSecondNs);
    os.ClockNanoSleep(CLOCK_MONOTONIC, 0, nanoseconds).IgnoreError();
  }
  static int SleepForEver(Os& os) {
    for (;;) os.Poll(nullptr, 0, -1).IgnoreError();
  }
  static int Leave(Os& os, int status) {
    os.Exit(status);
    return 0;  // for g++ 12, which does not see that the call never returns
  }
  static int Kill(Os& os, pid_t pid, int signal) { return os.Kill(pid, signal).error(); }

  // The descriptor on which it speaks to its starter: the first that it has beside the streams.
  static int ReportPipe(Os& os) {
    int fd = 3;
    while (!os.FcntlGetFd(fd).ok()) ++fd;
    return fd;
  }
  // What Daemon would never say.
  static void Say(Os& os, const ChildReport& report, const std::string& text = "") {
    SayBytes(os, std::string(reinterpret_cast<const char*>(&report), sizeof(report)) + text);
  }
  static void SayBytes(Os& os, const std::string& bytes) {
    os.Write(ReportPipe(os), bytes.data(), bytes.size()).IgnoreError();
  }

  SimOsOptions world_;
  DaemonizeOptions options_;
  Wrap wrap_;
  std::function<void(Os& os, Daemon& daemon)> in_starter_;
  bool left_ = false;  // processes are at the end
  std::unique_ptr<SimOs> sim_;
  absl::Status status_;

 private:
  int64_t now_ = 0;
};

// In the starter and nowhere else the kernel is different.
class InStarter : public OsWrapper {
 public:
  using OsWrapper::OsWrapper;
  bool here() { return wrapped().GetPid() == 100; }
};

// pidfd_open(2) of `pid` fails in the starter.
class NoPidFd : public InStarter {
 public:
  NoPidFd(Os& os, pid_t pid, int error) : InStarter(os), pid_(pid), error_(error) {}
  SysResult<int> PidFdOpen(pid_t pid, unsigned flags) override {
    if (pid == pid_ && here()) return SysError(error_);
    return OsWrapper::PidFdOpen(pid, flags);
  }

 private:
  const pid_t pid_;
  const int error_;
};

// The starter's poll(2) of two descriptors looks at one, and a millisecond later at the other.
class SlowPoll : public InStarter {
 public:
  using InStarter::InStarter;
  SysResult<size_t> Poll(struct pollfd* fds, size_t count, int64_t nanoseconds) override {
    constexpr int64_t kBetween = 1'000'000;
    if (count != 2 || !here()) return OsWrapper::Poll(fds, count, nanoseconds);
    for (int64_t left = nanoseconds;; left -= kBetween) {
      const size_t first = OsWrapper::Poll(fds, 1, 0).value();
      OsWrapper::ClockNanoSleep(CLOCK_MONOTONIC, 0, kBetween).IgnoreError();
      const size_t second = OsWrapper::Poll(fds + 1, 1, 0).value();
      if (first + second > 0 || (nanoseconds >= 0 && left <= 0)) return first + second;
    }
  }
};

}  // namespace cleanfork

#endif  // CLEANFORK_TESTS_UNIT_DAEMONIZE_WORLD_H_
