// What runs out on the simulated kernel, and what the library says then. That ENFILE comes where it
// does on Linux no test against the real kernel shows: its limit is that of the whole machine.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cerrno>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cleanfork/fork_child.h"
#include "cleanfork/os.h"
#include "cleanfork/pid_file.h"
#include "cleanfork/sim_os.h"
#include "cleanfork/spawn.h"

namespace cleanfork {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

// A world in which three files are open, and a user who may not have more than `most`.
SimOsOptions WithFiles(int64_t most) {
  SimOsOptions options;
  options.uid = options.gid = 33;
  options.supplementary_groups = {33};
  options.most_open_files = most;
  options.programs.push_back({"/bin/true", [](Os&, const std::vector<std::string>&) { return 0; }});
  return options;
}

SysResult<void> Exec(Os& os, const char* path) {
  char* const none[] = {nullptr};
  return os.ExecVe(path, none, none);
}

TEST(OpenFilesOfSimOs, AreLimitedForEachCallThatOpensOne) {
  SimOs sim(WithFiles(3));
  const SimRun run = sim.Run([](Os& os) {
    if (os.Open("/dev/null", O_RDONLY, 0).error() != ENFILE) return 1;
    if (os.Pipe().error() != ENFILE) return 2;
    if (os.Socket(AF_UNIX, SOCK_DGRAM, 0).error() != ENFILE) return 3;
    if (os.PidFdOpen(os.GetPid(), 0).error() != ENFILE) return 4;
    if (Exec(os, "/bin/true").error() != ENFILE) return 5;
    return os.Dup(0).ok() && os.Stat("/dev/null").ok() ? 0 : 6;  // nothing is opened
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(sim.process(100)->wait_status, 0) << sim.TraceText();
  EXPECT_THAT(sim.process(100)->descriptors, SizeIs(4));
}

TEST(OpenFilesOfSimOs, AreCountedInAllProcessesAndOnceWhereTheyAreShared) {
  SimOs sim(WithFiles(5));
  const SimRun run = sim.Run([](Os& os) {
    if (os.Pipe2(O_CLOEXEC).error() != 0) return 1;
    if (os.Open("/dev/null", O_RDONLY, 0).error() != ENFILE) return 2;
    const pid_t child = os.Fork().value();
    if (child == 0) {
      os.Close(3).IgnoreError();  // the parent has it still
      os.Exit(os.Open("/dev/null", O_RDONLY, 0).error() == ENFILE ? 0 : 3);
    }
    if (os.WaitPid(child, 0).value().status != 0) return 3;
    os.Close(3).IgnoreError();
    if (os.Pipe().error() != ENFILE) return 4;  // which takes two
    return os.Open("/dev/null", O_RDONLY, 0).ok() ? 0 : 5;
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(sim.process(100)->wait_status, 0) << sim.TraceText();
}

TEST(OpenFilesOfSimOs, AreNotLimitedForRoot) {
  SimOsOptions options;
  options.most_open_files = 3;
  SimOs sim(options);
  const SimRun run = sim.Run([](Os& os) { return os.Pipe().ok() ? 0 : 1; });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(sim.process(100)->wait_status, 0);
}

TEST(OpenFilesOfSimOs, AreCountedBeforeTheFileIsLookedForOrMade) {
  SimOs sim(WithFiles(3));
  const SimRun run = sim.Run([](Os& os) {
    if (os.Open("/absent", O_RDONLY, 0).error() != ENFILE) return 1;
    return os.Open("/tmp/new", O_WRONLY | O_CREAT, 0600).error() == ENFILE ? 0 : 2;
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(sim.process(100)->wait_status, 0) << sim.TraceText();
  EXPECT_EQ(sim.FileContents("/tmp/new"), std::nullopt);
}

TEST(LibraryOnSimOs, SaysThatTheSystemHasTooManyFilesOpenAndLeavesNobody) {
  // It takes one for the null device, two for the report's pipe, and one while the child execs.
  for (int64_t most = 3; most < 9; ++most) {
    SimOs sim(WithFiles(most));
    std::string message;
    const SimRun run = sim.Run([&message](Os& os) {
      absl::StatusOr<Child> child = Spawn({"true"}, ForkOptions(), os);
      if (child.ok()) return child->Wait()->success() ? 0 : 2;
      message = child.status().ToString();
      return 1;
    });
    EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
    const int status = WEXITSTATUS(sim.process(100)->wait_status);
    EXPECT_LT(status, 2) << sim.TraceText();
    EXPECT_EQ(status == 1, message.find("ENFILE") != std::string::npos) << most << message;
    EXPECT_EQ(status, most < 7 ? 1 : 0) << most << sim.TraceText();
    EXPECT_THAT(sim.process(100)->descriptors, SizeIs(3));
    for (const SimProcess& process : sim.processes()) {
      EXPECT_EQ(process.state, SimProcess::State::kReaped) << most << sim.TraceText();
    }
  }
}

TEST(LibraryOnSimOs, StartsNobodyWhosePidCannotBeWritten) {
  SimOsOptions options;
  options.programs.push_back({"/bin/true", nullptr});
  options.disk_space = 4095;  // less than a block
  SimOs sim(options);
  std::string message;
  const SimRun run = sim.Run([&message](Os& os) {
    const absl::StatusOr<PidFile> file = PidFile::Claim("/tmp/worker.pid", os);
    if (!file.ok()) return 1;
    ForkOptions fork;
    fork.pid_file_descriptor = file->descriptor();
    const absl::StatusOr<Child> child = Spawn({"true"}, fork, os);
    message = child.status().ToString();
    return child.ok() ? 2 : 0;
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(sim.process(100)->wait_status, 0) << sim.TraceText();
  EXPECT_THAT(message, HasSubstr("ENOSPC"));
  EXPECT_EQ(sim.FileContents("/tmp/worker.pid"), std::nullopt);
  EXPECT_THAT(sim.process(100)->descriptors, SizeIs(3));
}

// The file that is there now is another one, though it has the name.
TEST(ProgramsOnSimOs, AreTheirProcessesAsLongAsOneRunsThem) {
  SimOsOptions options;
  options.programs.push_back({"/bin/updater", [](Os& os, const std::vector<std::string>&) {
                                const pid_t child = os.Fork().value();
                                if (child == 0) os.Exit(0);
                                if (!os.WaitPid(child, 0).ok()) return 1;
                                if (os.Open("/bin/updater", O_WRONLY, 0).error() != ETXTBSY)
                                  return 2;
                                if (!os.Unlink("/bin/updater").ok()) return 3;
                                for (int i = 0; i < 3; ++i) {
                                  const int flags = O_WRONLY | O_CREAT;
                                  if (!os.Open("/bin/updater", flags, 0755).ok()) return 4 + i;
                                }
                                return 0;
                              }});
  SimOs sim(options);
  const SimRun run = sim.Run([](Os& os) { return Exec(os, "/bin/updater").error(); });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(sim.process(100)->wait_status, 0) << sim.TraceText();
}

TEST(LibraryOnSimOs, SaysThatAProgramIsStillBeingWritten) {
  SimOsOptions installing = WithFiles(100);
  installing.descriptors.push_back({9, "/bin/true", O_WRONLY});
  SimOs sim(installing);
  std::string message;
  const SimRun run = sim.Run([&message](Os& os) {
    const absl::StatusOr<Child> child = Spawn({"true"}, ForkOptions(), os);
    message = child.status().ToString();
    return child.ok() ? 1 : 0;
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(sim.process(100)->wait_status, 0) << sim.TraceText();
  EXPECT_THAT(message, HasSubstr("ETXTBSY"));
}

}  // namespace
}  // namespace cleanfork
