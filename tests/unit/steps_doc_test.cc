// docs/steps.md against the code: it has every step, in the order of step.h, in its table and under
// a heading of its own, and each failure that it shows is word for word what a caller is told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cleanfork/child_report.h"
#include "cleanfork/daemonize.h"
#include "cleanfork/fork_child.h"
#include "cleanfork/fork_options.h"
#include "cleanfork/os.h"
#include "cleanfork/sim_os.h"
#include "cleanfork/spawn.h"
#include "cleanfork/step.h"
#include "tests/unit/scripted_os.h"

namespace cleanfork {
namespace {

using testing::_;
using testing::Contains;
using testing::StrEq;

// A step's part of the page: its name from the heading, and the lines below.
struct Section {
  std::string name;
  std::vector<std::string> lines;
};

std::vector<std::string> ReadPage() {
  std::ifstream page("docs/steps.md");
  std::vector<std::string> lines;
  for (std::string line; std::getline(page, line);) lines.push_back(line);
  return lines;
}

// What stands between the first two '`' of the line.
std::string Quoted(const std::string& line) {
  const size_t start = line.find('`') + 1;
  return line.substr(start, line.find('`', start) - start);
}

std::vector<Section> Sections() {
  std::vector<Section> sections;
  for (const std::string& line : ReadPage()) {
    if (line.compare(0, 5, "### `") == 0) {
      sections.push_back({Quoted(line), {}});
    } else if (!sections.empty()) {
      sections.back().lines.push_back(line);
    }
  }
  return sections;
}

std::vector<std::string> AllStepNames() {
  std::vector<std::string> names;
  for (int i = 0; i < kStepCount; ++i) names.push_back(StepName(static_cast<Step>(i)));
  return names;
}

TEST(StepsPage, HasAHeadingForEveryStepAndNoneElseInTheOrderOfStepH) {
  std::vector<std::string> names;
  for (const Section& section : Sections()) names.push_back(section.name);
  EXPECT_EQ(names, AllStepNames());
}

TEST(StepsPage, HasARowForEveryStepAndNoneElseInTheOrderOfStepH) {
  std::vector<std::string> names;
  for (const std::string& line : ReadPage()) {
    if (line.compare(0, 3, "| `") == 0) names.push_back(Quoted(line));
  }
  EXPECT_EQ(names, AllStepNames());
}

// Options with which a child takes every step that is possible in such a session.
ForkOptions EveryStep(Session session) {
  ForkOptions options;
  options.session = session;
  options.limits = {{RLIMIT_NOFILE, {64, RLIM_INFINITY}}};
  options.descriptors = {{0, 9}};
  options.nice = -5;
  options.chroot = "/srv/jail";
  options.oom_score_adjust = -500;
  options.no_new_privs = true;
  if (session != Session::kDaemon) options.parent_death_signal = SIGTERM;
  options.identity = Identity::Ids(65534, 65534);
  options.identity->groups = GroupPolicy::kNone;
  options.directory = "/srv/worker";
  options.pid_file_descriptor = 7;
  SignalAction ignore;
  ignore.handler = SIG_IGN;
  options.signal_handlers = {{SIGHUP, ignore}};
  options.reseed = [](const unsigned char*, size_t) {};
  return options;
}

// What the caller is told when the child reports that this step failed.
absl::Status ReportedBy(Step step, int error) {
  ScriptedOs os;
  ON_CALL(os, FcntlGetFd(_)).WillByDefault(Ok(0));
  ON_CALL(os, FcntlDupFd(0, 10)).WillByDefault(Ok(40));
  ON_CALL(os, Fork()).WillByDefault(ForkAsParent(ScriptedOs::kChild));
  os.ChildWillReport(ChildReport::Failed(step, error, ScriptedOs::kChild));
  // A daemon has no parent whose death it could be told of.
  const bool daemon = step != Step::kParentDeathSignal;
  return ForkChild(EveryStep(daemon ? Session::kDaemon : Session::kNew), os).status();
}

absl::Status ExecFailure() {
  ScriptedOs os;
  ON_CALL(os, VforkCall(_, _, _)).WillByDefault(VforkAsParent(ScriptedOs::kChild));
  ON_CALL(os, Stat(_)).WillByDefault(Fails(ENOENT));
  os.ChildWillReport(ChildReport::Failed(Step::kExec, ENOENT, ScriptedOs::kChild));
  return Spawn({"/usr/bin/worker"}, ForkOptions(), os).status();
}

// A failure in the parent, whose child, if it comes to that, is `ScriptedOs::kChild`.
absl::Status InParent(Step step) {
  ScriptedOs os;
  ForkOptions options;
  options.umask = step == Step::kValidate ? 01000 : 022;
  if (step == Step::kResolveUser) options.identity = Identity::User("worker");
  if (step == Step::kOpenStream) {
    options.out = Stream::File("/var/log/worker.log");
    ON_CALL(os, Open(StrEq("/var/log/worker.log"), _, _)).WillByDefault(Fails(EACCES));
  }
  if (step == Step::kKeepDescriptor) {
    options.keep_descriptors = {7};
    ON_CALL(os, FcntlGetFd(7)).WillByDefault(Fails(EBADF));
  }
  if (step == Step::kPipe) ON_CALL(os, Pipe2(_)).WillByDefault(Fails(EMFILE));
  if (step == Step::kBlockSignals) ON_CALL(os, SigProcMask(_, _)).WillByDefault(Fails(EINVAL));
  ON_CALL(os, Fork()).WillByDefault(ForkAsParent(ScriptedOs::kChild));
  if (step == Step::kFork) ON_CALL(os, Fork()).WillByDefault(Fails(ENOMEM));
  if (step == Step::kReport) {
    ON_CALL(os, Read(_, _, _)).WillByDefault(Fails(EIO));
    ON_CALL(os, WaitId(_, _, _)).WillByDefault(Fails(ECHILD));
  }
  if (step == Step::kStart) {
    os.ChildWillReport(ChildReport::Died(SIGKILL, 0, ScriptedOs::kChild));
  }
  return ForkChild(options, os).status();
}

absl::Status LateDaemon() {
  SimOs sim;
  absl::Status status;
  sim.Run([&status](Os& os) {
    const absl::StatusOr<Daemon> daemon = Daemonize(DaemonizeOptions(), os);
    while (daemon.ok()) os.Poll(nullptr, 0, -1).IgnoreError();
    status = daemon.status();
    return 0;
  });
  return status;
}

absl::Status FailureOf(Step step) {
  switch (step) {
    case Step::kValidate:
    case Step::kResolveUser:
    case Step::kOpenStream:
    case Step::kPipe:
    case Step::kBlockSignals:
    case Step::kFork:
    case Step::kKeepDescriptor:
    case Step::kReport:
    case Step::kStart: return InParent(step);
    case Step::kExec: return ExecFailure();
    case Step::kReady: return LateDaemon();
    case Step::kSecondFork:
    case Step::kSetUid: return ReportedBy(step, EAGAIN);
    case Step::kStdin:
    case Step::kStdout:
    case Step::kStderr:
    case Step::kMoveDescriptor: return ReportedBy(step, EBUSY);
    case Step::kWritePidFile: return ReportedBy(step, ENOSPC);
    case Step::kCloseDescriptors: return ReportedBy(step, ENOENT);
    case Step::kVerifyIdentity:
    case Step::kRegain: return ReportedBy(step, 0);
    case Step::kNice:
    case Step::kOomScore:
    case Step::kChDir: return ReportedBy(step, EACCES);
    case Step::kSetSid:
    case Step::kLimits:
    case Step::kChRoot:
    case Step::kSetGroups:
    case Step::kSetGid: return ReportedBy(step, EPERM);
    case Step::kReseed: return ReportedBy(step, ENOSYS);
    default: return ReportedBy(step, EINVAL);
  }
}

TEST(StepsPage, ShowsEachFailureAsTheCallerIsToldOfIt) {
  const std::vector<Section> sections = Sections();
  ASSERT_EQ(sections.size(), static_cast<size_t>(kStepCount));
  for (int i = 0; i < kStepCount; ++i) {
    const Step step = static_cast<Step>(i);
    if (step == Step::kUmask) continue;  // umask(2) cannot fail
    const std::string message(FailureOf(step).message());
    EXPECT_THAT(sections[static_cast<size_t>(i)].lines, Contains("    " + message))
        << "of " << StepName(step);
  }
}

}  // namespace
}  // namespace cleanfork
