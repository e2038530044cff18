// Daemons that do not keep to what their starter expects.
#include <cerrno>
#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cleanfork/checkers.h"
#include "cleanfork/daemonize.h"
#include "cleanfork/os_wrapper.h"
#include "tests/explore/rare_scenarios.h"
#include "tests/explore/worker_world.h"

namespace cleanfork::explore {
namespace {

// A daemon that sleeps in a system call that is not to be interrupted: a SIGKILL is sent, and
// waits.
class DeafDaemon : public OsWrapper {
 public:
  // `is_child`: of the caller; else of its first child.
  DeafDaemon(Os& os, bool is_child) : OsWrapper(os), is_child_(is_child) {}

  SysResult<pid_t> Fork() override {
    const SysResult<pid_t> forked = OsWrapper::Fork();
    if (forked.ok()) child_ = forked.value();
    return forked;
  }
  SysResult<int> PidFdOpen(pid_t pid, unsigned flags) override {
    const SysResult<int> opened = OsWrapper::PidFdOpen(pid, flags);
    if (opened.ok() && IsDeaf(pid)) daemon_fd_ = opened.value();
    return opened;
  }
  SysResult<void> PidFdSendSignal(int fd, int signal) override {
    if (fd == daemon_fd_) return {};
    return OsWrapper::PidFdSendSignal(fd, signal);
  }
  SysResult<void> Kill(pid_t pid, int signal) override {
    if (signal == SIGKILL && IsDeaf(pid)) return {};
    return OsWrapper::Kill(pid, signal);
  }

 private:
  bool IsDeaf(pid_t pid) const { return (pid == child_) == is_child_; }

  const bool is_child_;
  pid_t child_ = 0;
  int daemon_fd_ = -1;
};

// Of the descriptors that a daemon does not know, one by one.
template <typename Function>
void ForEachUnknownDescriptor(Os& os, const Function& function) {
  for (int fd = 3; fd < 16; ++fd) {
    if (os.FcntlGetFd(fd).ok()) function(fd);
  }
}

// A daemon that is never ready, whose starter has to say so and to end it.
Scenario NeverReady(std::string name, std::vector<int> own_errors, SimOs::Body body) {
  Scenario scenario = ScenarioOf(std::move(name), std::move(body));
  scenario.checkers = CheckersOfAnyOutcome();
  scenario.checkers.push_back(ReportedErrorWasInjected(std::move(own_errors)));
  scenario.checkers.push_back(NothingRunsOnAfterFailure());
  scenario.checkers.push_back(EndsWith(kFailed));
  scenario.checkers.push_back(MakeChecker("the starter says so", [](const Execution& run) {
    return run.processes()[0].wait_status == 0 ? "it tells of a success" : "";
  }));
  return scenario;
}

}  // namespace

// It writes a byte wherever it can, and stays.
Scenario BecomeADaemonThatWritesHalfAWord() {
  return NeverReady("Daemonize that writes half a word", {EPROTO}, [](Os& os) {
    absl::StatusOr<Daemon> daemon = Daemonize(DaemonizeOptions(), os);
    if (!daemon.ok()) return Failed(daemon.status());
    ForEachUnknownDescriptor(os, [&os](int fd) { os.Write(fd, "x", 1).IgnoreError(); });
    StayForGood(os);
  });
}

Scenario BecomeADaemonThatClosesEverything() {
  return NeverReady("Daemonize that closes everything", {EPIPE}, [](Os& os) {
    DaemonizeOptions options;
    options.fork.session = Session::kNew;  // else the first child has the pipe as well
    absl::StatusOr<Daemon> daemon = Daemonize(options, os);
    if (!daemon.ok()) return Failed(daemon.status());
    ForEachUnknownDescriptor(os, [&os](int fd) { os.Close(fd).IgnoreError(); });
    StayForGood(os);
  });
}

// By exit, past its handle: nobody but the first child can say how.
Scenario BecomeADaemonThatEndsAtOnce() {
  return NeverReady("Daemonize that ends at once", {}, [](Os& os) {
    absl::StatusOr<Daemon> daemon = Daemonize(DaemonizeOptions(), os);
    if (!daemon.ok()) return Failed(daemon.status());
    os.Exit(5);
    __builtin_unreachable();
  });
}

// It gives up, and does not leave.
Scenario BecomeADaemonThatFailsAndStays() {
  return NeverReady("Daemonize that fails and stays", {}, [](Os& os) {
    absl::StatusOr<Daemon> daemon = Daemonize(DaemonizeOptions(), os);
    if (!daemon.ok()) return Failed(daemon.status());
    daemon->Fail(absl::NotFoundError("no configuration")).IgnoreError();
    StayForGood(os);
  });
}

namespace {

Scenario CannotBeKilled(std::string name, Session session) {
  Scenario scenario = NeverReady(std::move(name), {ETIME}, [session](Os& os) {
    DeafDaemon deaf(os, session == Session::kNew);
    DaemonizeOptions options;
    options.fork.session = session;
    options.ready_timeout = absl::Seconds(1);
    absl::StatusOr<Daemon> daemon = Daemonize(options, deaf);
    if (!daemon.ok()) return Failed(daemon.status());
    StayForGood(deaf);
  });
  // What cannot be killed runs on.
  scenario.checkers.erase(scenario.checkers.end() - 3);
  return scenario;
}

}  // namespace

Scenario BecomeAChildThatCannotBeKilled() {
  return CannotBeKilled("Daemonize of a child that cannot be killed", Session::kNew);
}

Scenario BecomeADaemonThatCannotBeKilled() {
  return CannotBeKilled("Daemonize that cannot be killed", Session::kDaemon);
}

std::vector<RareScenario> RareDaemonScenarios() {
  return {{BecomeADaemonThatWritesHalfAWord(), 0}, {BecomeADaemonThatClosesEverything(), 0},
          {BecomeADaemonThatEndsAtOnce(), 1},      {BecomeADaemonThatFailsAndStays(), 0},
          {BecomeAChildThatCannotBeKilled(), 0},   {BecomeADaemonThatCannotBeKilled(), 0}};
}

}  // namespace cleanfork::explore
