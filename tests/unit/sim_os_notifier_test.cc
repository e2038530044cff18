// Notifier and the socket of a service manager on the simulated kernel.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cleanfork/daemonize.h"
#include "cleanfork/fork_child.h"
#include "cleanfork/notifier.h"
#include "cleanfork/os.h"
#include "cleanfork/sim_os.h"

namespace cleanfork {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kManager = "/run/systemd/notify";

SimOsOptions World(const std::string& address = kManager) {
  SimOsOptions options;
  SimSocket manager;
  manager.address = address;
  options.sockets.push_back(manager);
  options.environment.push_back("NOTIFY_SOCKET=" + address);
  options.users.push_back({"www", 33, 34, "/var/www"});
  return options;
}

// Tells the manager that the service is ready; `status` is what came of it.
SimRun SayReady(SimOs* sim, absl::Status* status) {
  return sim->Run([status](Os& os) {
    absl::StatusOr<Notifier> manager = Notifier::FromEnvironment(false, os);
    *status = manager.ok() ? manager->Ready() : manager.status();
    return status->ok() ? 0 : 1;
  });
}

std::vector<std::string> Texts(const SimOs& sim) {
  std::vector<std::string> texts;
  for (const SimDatagram& datagram : sim.datagrams()) texts.push_back(datagram.bytes);
  return texts;
}

TEST(NotifierOnSimOs, TheManagerHearsEachWordFromTheServiceItself) {
  SimOs sim(World());
  const SimRun run = sim.Run([](Os& os) {
    absl::StatusOr<Notifier> manager = Notifier::FromEnvironment(true, os);
    if (!manager.ok() || !manager->active()) return 1;
    if (os.GetEnv("NOTIFY_SOCKET") != nullptr) return 2;
    if (!manager->Ready().ok() || !manager->Status("Serving").ok()) return 3;
    return manager->Stopping().ok() ? 0 : 4;
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(sim.process(100)->wait_status, 0) << sim.TraceText();
  EXPECT_THAT(Texts(sim), ElementsAre("READY=1", "STATUS=Serving", "STOPPING=1"));
  for (const SimDatagram& datagram : sim.datagrams()) {
    EXPECT_EQ(datagram.address, kManager);
    EXPECT_EQ(datagram.pid, 100);
    EXPECT_EQ(datagram.uid, 0U);
  }
  EXPECT_THAT(sim.process(100)->descriptors, SizeIs(3)) << "each socket is closed again";
}

TEST(NotifierOnSimOs, AnAbstractSocketHearsAsWell) {
  SimOs sim(World("@manager/7"));
  absl::Status status;
  SayReady(&sim, &status);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_THAT(Texts(sim), ElementsAre("READY=1"));
  EXPECT_EQ(sim.datagrams()[0].address, "@manager/7");
}

TEST(NotifierOnSimOs, TheNextRunBeginsWithNothingSent) {
  SimOs sim(World());
  absl::Status status;
  SayReady(&sim, &status);
  SayReady(&sim, &status);
  EXPECT_THAT(Texts(sim), ElementsAre("READY=1"));
}

TEST(NotifierOnSimOs, ADaemonSpeaksAsTheUserThatItHasBecome) {
  SimOs sim(World());
  const SimRun run = sim.Run([](Os& os) {
    DaemonizeOptions options;
    options.fork.identity = Identity::User("www");
    options.fork.environment.keep = {"NOTIFY_SOCKET"};
    absl::StatusOr<Daemon> daemon = Daemonize(options, os);
    if (!daemon.ok()) return 1;
    absl::StatusOr<Notifier> manager = Notifier::FromEnvironment(false, os);
    if (!manager.ok() || !manager->MainPid(os.GetPid()).ok()) return 2;
    return daemon->Ready().ok() && manager->Ready().ok() ? 0 : 3;
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(sim.process(102)->wait_status, 0) << sim.TraceText();
  EXPECT_THAT(Texts(sim), ElementsAre("MAINPID=102", "READY=1"));
  for (const SimDatagram& datagram : sim.datagrams()) {
    EXPECT_EQ(datagram.pid, 102);
    EXPECT_EQ(datagram.uid, 33U);
    EXPECT_EQ(datagram.gid, 34U);
  }
}

TEST(NotifierOnSimOs, AMessageOfTheChildIsTheChildsWordOnce) {
  SimOs sim(World());
  const SimRun run = sim.Run([](Os& os) {
    absl::StatusOr<Notifier> manager = Notifier::FromEnvironment(false, os);
    if (!manager.ok() || !manager->Status("before").ok()) return 1;
    const pid_t child = os.Fork().value();
    if (child == 0) return manager->Status("child").ok() ? 0 : 2;
    if (os.WaitPid(child, 0).value().status != 0) return 3;
    return manager->Status("after").ok() ? 0 : 4;
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(sim.process(100)->wait_status, 0) << sim.TraceText();
  EXPECT_THAT(Texts(sim), ElementsAre("STATUS=before", "STATUS=child", "STATUS=after"));
  EXPECT_EQ(sim.datagrams()[1].pid, 101);
}

TEST(NotifierOnSimOs, AManagerThatHasEndedRefuses) {
  SimOsOptions world = World();
  world.sockets[0].holder = SimSocket::Holder::kGone;
  SimOs sim(world);
  absl::Status status;
  SayReady(&sim, &status);
  EXPECT_THAT(status.ToString(), HasSubstr("sendto(\"/run/systemd/notify\")"));
  EXPECT_THAT(status.ToString(), HasSubstr("ECONNREFUSED"));
  EXPECT_THAT(sim.datagrams(), IsEmpty());
  EXPECT_THAT(sim.process(100)->descriptors, SizeIs(3));
}

TEST(NotifierOnSimOs, ASocketThatIsNotThereIsTold) {
  SimOsOptions world = World();
  world.sockets.clear();
  SimOs sim(world);
  absl::Status status;
  SayReady(&sim, &status);
  EXPECT_THAT(status.ToString(), HasSubstr("ENOENT"));
  EXPECT_THAT(sim.process(100)->descriptors, SizeIs(3));
}

TEST(NotifierOnSimOs, ASocketForRootAloneIsRefusedToOthers) {
  SimOsOptions world = World();
  world.sockets[0].mode = 0700;
  world.uid = world.gid = 33;
  SimOs sim(world);
  absl::Status status;
  SayReady(&sim, &status);
  EXPECT_THAT(status.ToString(), HasSubstr("EACCES"));
  EXPECT_THAT(sim.datagrams(), IsEmpty());
}

TEST(NotifierOnSimOs, ASocketOfStreamsIsTheWrongOne) {
  SimOsOptions world = World();
  world.sockets[0].type = SOCK_STREAM;
  SimOs sim(world);
  absl::Status status;
  SayReady(&sim, &status);
  EXPECT_THAT(status.ToString(), HasSubstr("EPROTOTYPE"));
}

TEST(NotifierOnSimOs, WithoutADescriptorThereIsNoSocketToSendFrom) {
  SimOsOptions world = World();
  world.limits[RLIMIT_NOFILE] = {3, 3};
  SimOs sim(world);
  absl::Status status;
  SayReady(&sim, &status);
  EXPECT_THAT(status.ToString(), HasSubstr("EMFILE"));
  EXPECT_THAT(sim.datagrams(), IsEmpty());
}

TEST(NotifierOnSimOs, AManagerThatDoesNotReadIsWaitedFor) {
  SimOsOptions world = World();
  world.sockets[0].holder = SimSocket::Holder::kNeverReads;
  world.sockets[0].room = 2;
  SimOs sim(world);
  const SimRun run = sim.Run([](Os& os) {
    absl::StatusOr<Notifier> manager = Notifier::FromEnvironment(false, os);
    for (int i = 0; manager.ok() && i < 3; ++i) manager->Watchdog().IgnoreError();
    return 0;
  });
  EXPECT_EQ(run.end, SimEnd::kDeadlock);
  EXPECT_THAT(run.message, HasSubstr("the socket is full"));
  EXPECT_THAT(Texts(sim), ElementsAre("WATCHDOG=1", "WATCHDOG=1"));
}

// The handler is one that systemd's own signals would run, and Notifier takes the send up again.
TEST(NotifierOnSimOs, AWaitForAManagerEndsByASignalThatKills) {
  SimOsOptions world = World();
  world.sockets[0].holder = SimSocket::Holder::kNeverReads;
  world.sockets[0].room = 0;
  SimOs sim(world);
  const SimRun run = sim.Run([](Os& os) {
    const pid_t child = os.Fork().value();
    if (child == 0) {
      SignalAction action;
      action.handler = [](int) {};
      if (!os.SigAction(SIGUSR1, &action).ok()) return 1;
      absl::StatusOr<Notifier> manager = Notifier::FromEnvironment(false, os);
      return manager.ok() && manager->Ready().ok() ? 2 : 3;
    }
    os.ClockNanoSleep(CLOCK_MONOTONIC, 0, 1'000'000).IgnoreError();
    os.Kill(child, SIGUSR1).IgnoreError();
    os.ClockNanoSleep(CLOCK_MONOTONIC, 0, 1'000'000).IgnoreError();
    if (os.WaitPid(child, WNOHANG).value().pid != 0) return 4;  // it waits on
    os.Kill(child, SIGTERM).IgnoreError();
    return os.WaitPid(child, 0).value().status;
  });
  EXPECT_EQ(run.end, SimEnd::kAllEnded) << run.message;
  EXPECT_EQ(WEXITSTATUS(sim.process(100)->wait_status), SIGTERM) << sim.TraceText();
  EXPECT_THAT(sim.TraceText(), HasSubstr("= EINTR"));
  EXPECT_THAT(sim.datagrams(), IsEmpty());
}

TEST(SocketsOnSimOs, AChildThatSendsSomethingElseThanItsParentDidIsFoundOut) {
  SimOs sim(World());
  int run_before = 0;
  const SimRun run = sim.Run([&run_before](Os& os) {
    const std::string text = "N=" + std::to_string(run_before++);
    UnixAddress address;
    address.size = std::string(kManager).copy(address.bytes, sizeof(address.bytes));
    const int fd = os.Socket(AF_UNIX, SOCK_DGRAM, 0).value();
    if (!os.SendTo(fd, text.data(), text.size(), 0, &address).ok()) return 1;
    return os.Fork().ok() ? 0 : 1;
  });
  EXPECT_EQ(run.end, SimEnd::kNondeterminism);
  EXPECT_THAT(run.message, HasSubstr("N=0"));
  EXPECT_THAT(run.message, HasSubstr("N=1"));
}

}  // namespace
}  // namespace cleanfork
