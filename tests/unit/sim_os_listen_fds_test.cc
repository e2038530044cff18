// ListenFds() on the simulated kernel: what a service is passed, by itself and by Spawn().
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cleanfork/fork_child.h"
#include "cleanfork/listen_fds.h"
#include "cleanfork/os.h"
#include "cleanfork/sim_os.h"
#include "cleanfork/spawn.h"

namespace cleanfork {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;
using ::testing::StartsWith;

// The variables that a manager sets, and two descriptors.
SimOsOptions Passed(const std::string& count, const std::string& names) {
  SimOsOptions options;
  options.descriptors.push_back({3, "/dev/null", O_RDWR});
  options.descriptors.push_back({4, "/tmp", O_RDONLY});
  options.environment.push_back("LISTEN_PID=100");
  options.environment.push_back("LISTEN_FDS=" + count);
  if (!names.empty()) options.environment.push_back("LISTEN_FDNAMES=" + names);
  return options;
}

std::string Text(const absl::StatusOr<std::vector<ListenFd>>& passed) {
  if (!passed.ok()) return passed.status().ToString();
  std::string text;
  for (const ListenFd& one : *passed) text += std::to_string(one.fd) + "=" + one.name + " ";
  return text;
}

TEST(ListenFdsOnSimOs, AreReturnedByNameAndMadeCloseOnExec) {
  SimOs sim(Passed("2", "http:control"));
  std::string text;
  const SimRun run = sim.Run([&text](Os& os) {
    text = Text(ListenFds(true, os));
    const bool closes = os.FcntlGetFd(3).value() == FD_CLOEXEC;
    const bool again = Text(ListenFds(false, os)).empty();
    return closes && os.FcntlGetFd(4).value() == FD_CLOEXEC && again ? 0 : 1;
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(text, "3=http 4=control ");
  EXPECT_EQ(sim.process(100)->wait_status, 0) << sim.TraceText();
  EXPECT_EQ(sim.process(100)->descriptors.at(3), "/dev/null");
  EXPECT_EQ(sim.process(100)->descriptors.at(4), "/tmp");
}

TEST(ListenFdsOnSimOs, AreOfTheProcessThatTheyArePassedToAndNotOfItsChild) {
  SimOs sim(Passed("2", "a:b"));
  const SimRun run = sim.Run([](Os& os) {
    const pid_t child = os.Fork().value();
    if (child == 0) return Text(ListenFds(false, os)).empty() ? 0 : 1;
    if (os.WaitPid(child, 0).value().status != 0) return 2;
    return Text(ListenFds(false, os)) == "3=a 4=b " ? 0 : 3;
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(sim.process(100)->wait_status, 0) << sim.TraceText();
}

TEST(ListenFdsOnSimOs, WithoutOneOfTheDescriptorsChangeNoneAbove) {
  SimOs sim(Passed("3", ""));
  std::string text;
  const SimRun run = sim.Run([&text](Os& os) {
    text = Text(ListenFds(true, os));
    return os.GetEnv("LISTEN_FDS") == nullptr ? 0 : 1;
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_THAT(text, HasSubstr("EBADF"));
  EXPECT_EQ(sim.process(100)->wait_status, 0) << "the variables are removed on errors too";
}

TEST(ListenFdsOnSimOs, ThatAreNoNumberAreRefusedAndNothingIsChanged) {
  SimOs sim(Passed("two", ""));
  std::string text;
  const SimRun run = sim.Run([&text](Os& os) {
    text = Text(ListenFds(false, os));
    return os.FcntlGetFd(3).value();
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_THAT(text, HasSubstr("LISTEN_FDS=two"));
  EXPECT_EQ(sim.process(100)->wait_status, 0);
}

// What the service sees of what it was started with.
int Serve(Os& os, const std::vector<std::string>&) {
  const absl::StatusOr<std::vector<ListenFd>> passed = ListenFds(false, os);
  if (Text(passed) != "3=log 4=null ") return 1;
  if (!S_ISSOCK(os.FStat(3).value().mode)) return 2;
  return S_ISCHR(os.FStat(4).value().mode) ? 0 : 3;
}

ForkOptions WithTwoSockets(Os& os) {
  ForkOptions options;
  options.listen_fds.push_back({os.Socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0).value(), "log"});
  options.listen_fds.push_back({os.Open("/dev/null", O_RDWR | O_CLOEXEC, 0).value(), "null"});
  return options;
}

TEST(ListenFdsOnSimOs, ReachTheProgramThatSpawnStarts) {
  SimOsOptions world;
  world.programs.push_back({"/bin/service", Serve});
  SimOs sim(world);
  const SimRun run = sim.Run([](Os& os) {
    absl::StatusOr<Child> child = Spawn({"service"}, WithTwoSockets(os), os);
    return child.ok() ? child->Wait()->exit_status() : 99;
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(sim.process(100)->wait_status, 0) << sim.TraceText();
  const SimProcess service = *sim.process(101);
  EXPECT_THAT(service.environment, Contains("LISTEN_PID=101"));
  EXPECT_THAT(service.descriptors,
              ElementsAre(Pair(0, "/dev/null"), Pair(1, "/dev/null"), Pair(2, "/dev/null"),
                          Pair(3, "socket 0"), Pair(4, "/dev/null")));
  EXPECT_THAT(sim.process(100)->descriptors, Contains(Pair(3, "socket 0"))) << "a copy";
}

TEST(ListenFdsOnSimOs, ReachADaemonUnderItsOwnPid) {
  SimOsOptions world;
  world.programs.push_back({"/bin/service", Serve});
  SimOs sim(world);
  const SimRun run = sim.Run([](Os& os) {
    ForkOptions options = WithTwoSockets(os);
    options.session = Session::kDaemon;
    return Spawn({"service"}, options, os).ok() ? 0 : 99;
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(sim.process(100)->wait_status, 0) << sim.TraceText();
  EXPECT_EQ(sim.process(102)->wait_status, 0) << sim.TraceText();
  EXPECT_THAT(sim.process(102)->environment, Contains("LISTEN_PID=102"));
}

TEST(ListenFdsOnSimOs, OfTheCallerAreNotInheritedByWhatItStarts) {
  SimOsOptions world = Passed("2", "a:b");
  world.programs.push_back({"/bin/service", nullptr});
  SimOs sim(world);
  const SimRun run = sim.Run([](Os& os) {
    absl::StatusOr<Child> child = Spawn({"service"}, ForkOptions(), os);
    if (!child.ok()) return 1;
    child->Detach();
    return 0;
  });
  EXPECT_EQ(run.end, SimEnd::kLeftWaiting) << run.message;
  const SimProcess service = *sim.process(101);
  EXPECT_THAT(service.environment, Not(Contains(StartsWith("LISTEN_"))));
  EXPECT_THAT(service.descriptors, Not(Contains(Key(3))));
}

}  // namespace
}  // namespace cleanfork
