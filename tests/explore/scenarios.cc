#include "tests/explore/scenarios.h"

#include <fcntl.h>

#include <cerrno>
#include <sstream>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cleanfork/checkers.h"
#include "cleanfork/child.h"
#include "cleanfork/child_error.h"
#include "cleanfork/child_registry.h"
#include "cleanfork/daemonize.h"
#include "cleanfork/fd_io.h"
#include "cleanfork/fork_child.h"
#include "cleanfork/pid_file.h"
#include "cleanfork/spawn.h"
#include "cleanfork/stop.h"
#include "src/cli/report.h"
#include "src/cli/subcommand.h"
#include "tests/explore/worker_world.h"

namespace cleanfork::explore {
// Children ---------------------------------------------------------------------------------------

Scenario ForkChildAsAnotherUser() {
  return ScenarioOf("ForkChild", [](Os& os) {
    ForkOptions options;
    options.identity = Identity::User("www");
    return ForkAChildAndWait(os, options, [&os] { return os.GetUid(); });
  });
}

Scenario ForkChildAsADaemon() {
  Scenario scenario = ScenarioOf("ForkChild daemon", [](Os& os) {
    ForkOptions options;
    options.session = Session::kDaemon;
    const absl::StatusOr<pid_t> pid = ForkChild(options, os);
    if (!pid.ok()) return Failed(pid.status());
    if (*pid == 0) {
      Note(kRan, 1);
      os.Exit(0);
    }
    Note(kStarted, 1);
    return 0;
  });
  scenario.checkers = CheckersOfDaemons();
  scenario.checkers.push_back(WhatIsToldIsTrue());
  return scenario;
}

Scenario RunInChildWithPipes() {
  return ScenarioOf("RunInChild", [](Os& os) {
    ForkOptions options;
    options.out = Stream::Pipe();
    absl::StatusOr<Child> child = RunInChild(
        [&os] {
          Note(kRan, 1);
          return WriteFully(os, 1, "yes", 3).ok() ? 0 : 3;
        },
        options, os);
    if (!child.ok()) return Failed(child.status());
    Note(kStarted, 1);
    char text[4] = {};
    const SysResult<size_t> got = ReadFully(os, child->pipes().out.get(), text, sizeof(text));
    if (!EndedWell(child->Wait())) return 2;
    return got.ok() && got.value() == 3 ? 0 : 4;
  });
}

Scenario SpawnAProgram() {
  return ScenarioOf("Spawn", [](Os& os) {
    ForkOptions options;
    options.identity = Identity::User("www");
    absl::StatusOr<Child> child = Spawn({"worker"}, options, os);
    if (!child.ok()) return Failed(child.status());
    Note(kStarted, 1);
    return EndedWell(child->Wait()) ? 0 : 2;
  });
}

Scenario SpawnADaemon() {
  Scenario scenario = ScenarioOf("Spawn daemon", [](Os& os) {
    ForkOptions options;
    options.session = Session::kDaemon;
    absl::StatusOr<Child> child = Spawn({"worker"}, options, os);
    if (!child.ok()) return Failed(child.status());
    Note(kStarted, 1);
    return 0;
  });
  scenario.checkers = CheckersOfDaemons();
  scenario.checkers.push_back(WhatIsToldIsTrue());
  return scenario;
}

namespace {

int StopAWorker(Os& os, const StopSchedule& schedule) {
  absl::StatusOr<Child> child = Spawn({"/bin/worker"}, ForkOptions(), os);
  if (!child.ok()) return Failed(child.status());
  const absl::StatusOr<std::optional<ExitStatus>> ended = child->Stop(schedule);
  if (!ended.ok()) return Failed(ended.status());
  return ended->has_value() && (*ended)->signalled() ? 0 : 2;
}

}  // namespace

// Stop() may come before the program's code does.
Scenario StopAChildThatObeys() {
  Scenario scenario = ScenarioOf("Stop", [](Os& os) { return StopAWorker(os, StopSchedule()); });
  scenario.checkers.pop_back();
  AddWorkerThatStays(&scenario, false);
  return scenario;
}

// Where there is no pidfd to wait for, the wait is looks, each of them a step: a short one will do.
Scenario StopAChildThatIgnoresSigterm() {
  StopSchedule schedule;
  schedule.actions = {{SIGTERM, absl::Milliseconds(60)}, {SIGKILL, absl::Milliseconds(60)}};
  Scenario scenario = ScenarioOf("Stop of who ignores SIGTERM",
                                 [schedule](Os& os) { return StopAWorker(os, schedule); });
  scenario.checkers.pop_back();
  AddWorkerThatStays(&scenario, true);
  return scenario;
}

Scenario ReapTwoChildren() {
  Scenario scenario = ScenarioOf("ChildRegistry", [](Os& os) {
    ChildRegistry registry(os);
    absl::StatusOr<Child> one = Spawn({"worker"}, ForkOptions(), os);
    if (!one.ok()) return Failed(one.status());
    registry.Adopt(*std::move(one));
    absl::StatusOr<Child> two = Spawn({"worker"}, ForkOptions(), os);
    const bool both = two.ok();
    if (both) registry.Adopt(*std::move(two));
    size_t ended_well = 0;
    for (const ChildRegistry::Ended& ended : registry.Reap()) ended_well += EndedWell(ended.status);
    for (const ChildRegistry::Ended& ended : registry.WaitForAll()) {
      ended_well += EndedWell(ended.status);
    }
    if (registry.size() != 0 || ended_well != (both ? 2 : 1)) return 2;
    return both ? 0 : Failed(two.status());
  });
  scenario.checkers.pop_back();
  return scenario;
}

// Services ---------------------------------------------------------------------------------------

Scenario BecomeADaemon() {
  Scenario scenario = ScenarioOf("Daemonize", [](Os& os) {
    DaemonizeOptions options;
    options.fork.identity = Identity::User("www");
    absl::StatusOr<Daemon> daemon = Daemonize(options, os);
    if (!daemon.ok()) return Failed(daemon.status());
    if (!daemon->Ready().ok()) return 3;
    Note(kRan, 1);
    return 0;
  });
  scenario.checkers = CheckersOfDaemons();
  scenario.checkers.push_back(WhatIsToldIsTrue());
  AllowOwnErrorOnceSignalled(EPIPE,
                             &scenario);  // its pipe is closed, and nobody is left to say more
  return scenario;
}

Scenario BecomeADaemonAndFail() {
  Scenario scenario = ScenarioOf("Daemonize that fails", [](Os& os) {
    absl::StatusOr<Daemon> daemon = Daemonize(DaemonizeOptions(), os);
    if (!daemon.ok()) return Failed(daemon.status());
    return daemon->Fail(absl::NotFoundError("no configuration")).raw_code();
  });
  scenario.checkers = CheckersOfDaemons();
  AllowOwnErrorOnceSignalled(EPIPE, &scenario);
  return scenario;
}

namespace {

// Runs `other` in a child that keeps what it has made until the caller is done with `own`, and both
// until the child has ended.
template <typename Own, typename Other>
int RunBeside(Os& os, const Own& own, const Other& other) {
  const SysResult<PipeEnds> made = os.Pipe();
  if (!made.ok()) return kFailed;
  UniqueFd read_end(os, made.value().read_end);
  UniqueFd write_end(os, made.value().write_end);
  const SysResult<pid_t> child = os.Fork();
  if (!child.ok()) return kFailed;
  if (child.value() == 0) {
    write_end.Reset();
    {
      [[maybe_unused]] const auto kept = other();
      char byte;
      RetryOnEintr([&] { return os.Read(read_end.get(), &byte, 1); }).IgnoreError();
    }
    os.Exit(0);
  }
  read_end.Reset();
  [[maybe_unused]] const auto kept = own();
  write_end.Reset();
  RetryOnEintr([&] { return os.WaitPid(child.value(), 0); }).IgnoreError();
  return 0;
}

absl::StatusOr<PidFile> Claim(Os& os) {
  absl::StatusOr<PidFile> file = PidFile::Claim(kPidFile, os);
  const std::optional<ChildError> error = GetChildError(file.status());
  Note("error", error.has_value() ? error->error : 0);
  if (file.ok()) Note("claimed", 1);
  return file;
}

// Of those who were not killed: they have it until the end.
int64_t CountHolders(const Execution& run) {
  int64_t count = 0;
  for (const ExecutedNote& note : run.notes()) {
    const ExecutedProcess& process = run.processes()[static_cast<size_t>(note.process)];
    const bool killed = process.end == ExecutedProcess::End::kKilled;
    count += note.key == "claimed" && !killed ? 1 : 0;
  }
  return count;
}

}  // namespace

Scenario ClaimOnePidFileTwice() {
  Scenario scenario = ScenarioOf("PidFile claimed twice", [](Os& os) {
    const auto claim = [&os] { return Claim(os); };
    return RunBeside(os, claim, claim);
  });
  scenario.checkers.back() = MakeChecker("a pid file has one holder", [](const Execution& run) {
    const int64_t holders = CountHolders(run);
    if (holders > 1) return "both have it";
    if (holders == 0 && run.deviations().empty()) return "nobody has it";
    return "";
  });
  return scenario;
}

Scenario RemoveAStalePidFileWhileItIsClaimed() {
  Scenario scenario = ScenarioOf("PidFile removed", [](Os& os) {
    const auto claim = [&os] { return Claim(os); };
    const auto remove = [&os] {
      const absl::StatusOr<PidFileRemoval> removed = RemovePidFile(kPidFile, 4242, os);
      if (removed.ok() && *removed == PidFileRemoval::kRemoved) Note("removed", 1);
      return 0;
    };
    return RunBeside(os, remove, claim);
  });
  SimFile stale;
  stale.path = kPidFile;
  stale.content = "4242\n";
  scenario.world.files.push_back(stale);
  scenario.checkers.pop_back();
  return scenario;
}

Scenario StartAServiceByCommand() {
  Scenario scenario = ScenarioOf("cleanfork start", [](Os& os) {
    std::ostringstream out, err;
    cli::Context context = {os, out, err};
    const int code =
        cli::RunCommandLine({"cleanfork", "start", "--user=www",
                             std::string("--pidfile=") + kPidFile, "--", "/bin/worker"},
                            context);
    Note(kStarted, code == 0 ? 1 : 0);
    return code;
  });
  AddWorkerThatStays(&scenario, false);
  scenario.checkers = CheckersOfDaemons();
  scenario.checkers.push_back(WhatIsToldIsTrue());
  // After a failure it is gone, unless it could not be removed, or not be told from another's; one
  // that could not be locked may be another's by then, and is left as it is.
  scenario.checkers.push_back(MakeChecker(
      "the pid file is there as long as the service", [](const Execution& run) -> std::string {
        const std::optional<int64_t> told = NoteOf(run, kStarted);
        const std::optional<std::string> text = run.FileContents(kPidFile);
        const bool is_there = text.has_value();
        if (told == 1 && !is_there) return "the service runs without its pid file";
        if (told != 0 || !is_there) return "";
        for (const FaultEntry& fault : run.deviations()) {
          if (fault.call == OsCall::kStat || fault.call == OsCall::kUnlink) return "";
          if (fault.call == OsCall::kFcntlSetLock && text->empty()) return "";
        }
        return "the pid file is left after a failure";
      }));
  return scenario;
}

// What seldom happens ----------------------------------------------------------------------------

Scenario ForkChildAsANumber() {
  Scenario scenario = ScenarioOf("ForkChild as a number", [](Os& os) {
    ForkOptions options;
    options.identity = Identity::User("4711");
    options.identity->group = "4712";
    options.err = Stream::Inherit();
    options.sigchld = SigchldPolicy::kIgnore;
    options.retry = RetryPolicy::Fixed(1000, absl::Seconds(1));
    options.retry.budget = absl::Seconds(2);
    const absl::StatusOr<pid_t> pid = ForkChild(options, os);
    if (!pid.ok()) return Failed(pid.status());
    if (*pid == 0) os.Exit(0);
    Child child(os, *pid, Child::Pipes());
    // The kernel has discarded it, and says so when it has ended.
    return absl::IsNotFound(child.Wait().status()) ? 0 : 2;
  });
  scenario.world.descriptors.pop_back();  // the error stream is closed
  // It ignores SIGCHLD and has another mask in the end.
  // And whether a stream is closed is asked by copying it.
  scenario.checkers = {NothingNondeterministic(), NoDeadlock(), NoLivelock(), NoZombie()};
  return scenario;
}

Scenario ForkChildWithManyGroups() {
  Scenario scenario = ForkChildAsAnotherUser();
  scenario.name = "ForkChild with many groups";
  for (gid_t group = 1000; group < 1060; ++group) {
    scenario.world.users.back().groups.push_back(group);
  }
  return scenario;
}

Scenario DropAChild() {
  Scenario scenario = ScenarioOf("Child dropped", [](Os& os) {
    return Spawn({"worker"}, ForkOptions(), os).ok() ? 0 : kFailed;
  });
  AddWorkerThatStays(&scenario, false);
  scenario.world.environment = {"PATH=/usr/bin:/bin"};
  scenario.checkers.pop_back();
  return scenario;
}

Scenario LoseAChild() {
  Scenario scenario = ScenarioOf("Child lost", [](Os& os) {
    ChildRegistry registry(os);
    absl::StatusOr<Child> child = Spawn({"worker"}, ForkOptions(), os);
    if (!child.ok()) return Failed(child.status());
    registry.Adopt(child->pid());
    RetryOnEintr([&] { return os.WaitPid(-1, 0); }).IgnoreError();
    const bool stopped = child->Stop().ok();
    return !stopped && !registry.WaitForAll()[0].status.ok() ? 0 : 2;
  });
  scenario.checkers.pop_back();
  return scenario;
}

Scenario BecomeADaemonThatIsNeverReady() {
  Scenario scenario = ScenarioOf("Daemonize never ready", [](Os& os) {
    DaemonizeOptions options;
    options.ready_timeout = absl::Seconds(1);
    absl::StatusOr<Daemon> daemon = Daemonize(options, os);
    if (!daemon.ok()) return Failed(daemon.status());
    StayForGood(os);
  });
  scenario.checkers = CheckersOfDaemons();
  scenario.checkers.push_back(ReportedErrorWasInjected({ETIME}));
  scenario.checkers.erase(scenario.checkers.end() - 3);
  return scenario;
}

Scenario BecomeADaemonAndLeave() {
  Scenario scenario = ScenarioOf("Daemonize and leave", [](Os& os) {
    absl::StatusOr<Daemon> daemon = Daemonize(DaemonizeOptions(), os);
    return daemon.ok() ? 4 : Failed(daemon.status());
  });
  scenario.checkers = CheckersOfDaemons();
  return scenario;
}

Scenario StopAChildThatEnds() {
  Scenario scenario = ScenarioOf("Stop of who ends", [](Os& os) {
    absl::StatusOr<Child> child = Spawn({"/bin/worker"}, ForkOptions(), os);
    if (!child.ok()) return Failed(child.status());
    return child->Stop().ok() ? 0 : 2;
  });
  scenario.checkers.pop_back();
  return scenario;
}

Scenario SpawnWhatIsOpenForWriting() {
  Scenario scenario = ScenarioOf("Spawn of what is written", [](Os& os) {
    const UniqueFd writer(os, os.Open("/bin/worker", O_WRONLY | O_CLOEXEC, 0).value_or(-1));
    absl::StatusOr<Child> child = Spawn({"/bin/worker"}, ForkOptions(), os);
    return child.ok() ? 0 : Failed(child.status());
  });
  scenario.checkers.pop_back();
  return scenario;
}

Scenario ClaimWhatIsNotToBeHad() {
  Scenario scenario = ScenarioOf("PidFile not to be had", [](Os& os) {
    const bool has_strange = PidFile::Claim("/var/run/strange.pid", os).ok();
    const UniqueFd reader(os, os.Open(kPidFile, O_RDONLY | O_CLOEXEC, 0).value_or(-1));
    os.FcntlSetLock(reader.get(), F_RDLCK).IgnoreError();
    const absl::StatusOr<PidFile> file = PidFile::Claim(kPidFile, os);
    return !has_strange && !file.ok() ? 0 : 2;
  });
  SimFile file;
  file.path = kPidFile;
  scenario.world.files.push_back(file);
  file.path = "/var/run/strange.pid";
  file.content = "what is this\n";
  scenario.world.files.push_back(file);
  scenario.checkers = {NothingNondeterministic(), NoDeadlock(), NoLivelock(), NoLeakedDescriptor()};
  return scenario;
}

Scenario StartAServiceWithALog() {
  Scenario scenario = ScenarioOf("cleanfork start with a log", [](Os& os) {
    std::ostringstream out, err;
    cli::Context context = {os, out, err};
    const int code = cli::RunCommandLine({"cleanfork", "start", "--user=www", "--groups=4713",
                                          "--stdout=/tmp/worker.log", "--", "/bin/worker"},
                                         context);
    Note(kStarted, code == 0 ? 1 : 0);
    return code;
  });
  AddWorkerThatStays(&scenario, false);
  scenario.checkers = CheckersOfDaemons();
  scenario.checkers.push_back(WhatIsToldIsTrue());
  return scenario;
}

std::vector<Scenario> Scenarios() {
  return {ForkChildAsAnotherUser(),
          ForkChildAsADaemon(),
          RunInChildWithPipes(),
          SpawnAProgram(),
          SpawnADaemon(),
          StopAChildThatObeys(),
          StopAChildThatIgnoresSigterm(),
          ReapTwoChildren(),
          BecomeADaemon(),
          BecomeADaemonAndFail(),
          ClaimOnePidFileTwice(),
          RemoveAStalePidFileWhileItIsClaimed(),
          StartAServiceByCommand(),
          ForkChildAsANumber(),
          ForkChildWithManyGroups(),
          DropAChild(),
          LoseAChild(),
          BecomeADaemonThatIsNeverReady(),
          BecomeADaemonAndLeave(),
          StopAChildThatEnds(),
          SpawnWhatIsOpenForWriting(),
          ClaimWhatIsNotToBeHad(),
          StartAServiceWithALog()};
}

}  // namespace cleanfork::explore
