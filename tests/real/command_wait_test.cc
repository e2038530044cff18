// start --wait on the real kernel: it reports success when the service is ready and not before, and
// otherwise leaves nothing.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "cleanfork/os_wrapper.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/cli/report.h"
#include "src/cli/subcommand.h"
#include "tests/real/command_runner.h"

namespace cleanfork {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Not;
using ::testing::StartsWith;

std::string ServicePath() {
  return std::string(std::getenv("TEST_SRCDIR")) + "/" + std::getenv("TEST_WORKSPACE") +
         "/tests/real/ready_service";
}

class CommandWaitTest : public ::testing::Test {
 protected:
  std::vector<std::string> Words(std::vector<std::string> options,
                                 const std::vector<std::string>& command) const {
    options.insert(options.begin(), {"start", "--pidfile=" + pid_file_});
    options.push_back("--");
    options.insert(options.end(), command.begin(), command.end());
    return options;
  }
  CommandOutcome Start(const std::vector<std::string>& options,
                       const std::vector<std::string>& command,
                       const std::function<void()>& before_exec = nullptr) {
    return runner_.Run(Words(options, command), before_exec);
  }
  // The same in this process, over an Os.
  CommandOutcome StartOver(Os& os, const std::vector<std::string>& options,
                           const std::vector<std::string>& command) {
    std::vector<std::string> words = Words(options, command);
    words.insert(words.begin(), "cleanfork");
    std::ostringstream out, err;
    cli::Context context = {os, out, err};
    CommandOutcome outcome;
    outcome.exit_code = cli::RunCommandLine(words, context);
    outcome.out = out.str();
    outcome.err = err.str();
    return outcome;
  }
  static std::vector<std::string> Shell(const std::string& script) { return {"sh", "-c", script}; }

  // The one line, the code, and nothing that runs or is left.
  void ExpectFailure(const CommandOutcome& outcome, int exit_code, const std::string& text) {
    EXPECT_EQ(outcome.exit_code, exit_code) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, StartsWith("cleanfork: start: "));
    EXPECT_THAT(outcome.err, HasSubstr(text));
    EXPECT_THAT(outcome.err, HasSubstr("[step ready"));
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    EXPECT_THAT(directory_.Snapshot(), Not(Contains(Key("x.pid"))));
    // The service, an orphan, has fallen to us.
    while (CommandRunner::HasChild()) {
      siginfo_t info = {};
      ASSERT_EQ(::waitid(P_ALL, 0, &info, WEXITED | WNOHANG), 0);
      ASSERT_NE(info.si_pid, 0) << "something still runs";
    }
  }

  TestDirectory directory_;
  const std::string pid_file_ = directory_.Path("x.pid");
  CommandRunner runner_;
};

// A descriptor -----------------------------------------------------------------------------------

TEST_F(CommandWaitTest, ALineOnTheDescriptorIsReadiness) {
  const std::string file = directory_.Path("set_up");
  const CommandOutcome outcome =
      Start({"--wait=ready-fd"}, Shell("echo yes >" + file + "; echo ready >&3; exec sleep 60"));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(directory_.Read("set_up"), "yes\n");
  EXPECT_EQ(directory_.Read("x.pid"), std::to_string(PidIn(outcome.out)) + "\n");
  EXPECT_EQ(runner_.Run({"status", "--pidfile=" + pid_file_}).exit_code, 0);
}

TEST_F(CommandWaitTest, AnyDescriptorCanBeTheOne) {
  const CommandOutcome outcome =
      Start({"--wait=ready-fd:7"}, Shell("echo re >&7; echo ady >&7; exec sleep 60"));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
}

TEST_F(CommandWaitTest, WithoutALineItIsTooLate) {
  ExpectFailure(
      Start({"--wait=ready-fd", "--timeout=100ms"}, Shell("printf ready >&3; exec sleep 60")), 124,
      "not ready within 100ms, waiting for a line on descriptor 3");
}

TEST_F(CommandWaitTest, ADescriptorThatIsClosedWithoutALineWillNeverHaveOne) {
  ExpectFailure(Start({"--wait=ready-fd"}, Shell("exec sleep 60 3>&-")), 76,
                "it closed descriptor 3 without a line: Broken pipe (EPIPE)");
}

TEST_F(CommandWaitTest, AServiceThatEndsBeforeItIsReadyIsAFailure) {
  for (const char* wait : {"--wait=ready-fd", "--wait=notify", "--wait=port:127.0.0.1:1"}) {
    ExpectFailure(Start({wait}, Shell("exit 3")), 76, "it ended before it was ready");
  }
}

TEST_F(CommandWaitTest, AFailureLeavesNoEmptyLogAndKeepsOneThatSaysWhy) {
  const std::string out = directory_.Path("out.log"), err = directory_.Path("err.log");
  ExpectFailure(Start({"--wait=ready-fd", "--stdout=" + out, "--stderr=" + err},
                      Shell("echo why >&2; exit 1")),
                76, "it ended");
  EXPECT_THAT(directory_.Snapshot(), Not(Contains(Key("out.log"))));
  EXPECT_EQ(directory_.Read("err.log"), "why\n");
}

// sd_notify(3) -----------------------------------------------------------------------------------

TEST_F(CommandWaitTest, ReadyIsHeard) {
  const CommandOutcome outcome =
      Start({"--wait=notify"}, {ServicePath(), "notify", "STATUS=begun", "READY=1"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_NE(StatField(PidIn(outcome.out), 3), "Z");
}

TEST_F(CommandWaitTest, AnotherMessageIsNotReadinessAndTheLastStatusIsTold) {
  ExpectFailure(Start({"--wait=notify", "--timeout=200ms"},
                      {ServicePath(), "notify", "READY=0", "STATUS=loading", "X_READY=1"}),
                124, "not ready within 200ms, waiting for READY=1 (its status: loading)");
}

TEST_F(CommandWaitTest, TheProcessThatTheServiceNamesIsTheMainOne) {
  const CommandOutcome other = runner_.Run({"start", "sleep", "60"});
  const std::string pid = std::to_string(PidIn(other.out));
  const CommandOutcome outcome = Start(
      {"--wait=notify", "--json"}, {ServicePath(), "notify-and-exit", "MAINPID=" + pid, "READY=1"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("\"main_pid\":" + pid + "}"));
}

TEST_F(CommandWaitTest, AStrangersWordDoesNotCount) {
  class StrangersOs : public OsWrapper {
   public:
    StrangersOs() : OsWrapper(RealOs()) {}
    SysResult<ReceivedMessage> RecvMsg(int fd, void* buffer, size_t size, int flags) override {
      SysResult<ReceivedMessage> got = OsWrapper::RecvMsg(fd, buffer, size, flags);
      if (!got.ok()) return got;
      ReceivedMessage message = got.value();
      message.uid = 4711;
      return message;
    }
  } os;
  ExpectFailure(
      StartOver(os, {"--wait=notify", "--timeout=200ms"}, {ServicePath(), "notify", "READY=1"}),
      124, "waiting for READY=1");
}

// A manager of our own ---------------------------------------------------------------------------

class ManagerTest : public CommandWaitTest {
 protected:
  ManagerTest() {
    fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path_.c_str(), sizeof(address.sun_path) - 1);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }
  ~ManagerTest() override { ::close(fd_); }
  std::string Heard() const {
    char bytes[512];
    const ssize_t got = ::recv(fd_, bytes, sizeof(bytes), 0);
    return got < 0 ? "nothing" : std::string(bytes, static_cast<size_t>(got));
  }
  std::function<void()> UnderManager() const {
    return [this] { ::setenv("NOTIFY_SOCKET", path_.c_str(), 1); };
  }
  const std::string path_ = directory_.Path("manager");
  int fd_ = -1;
};

TEST_F(ManagerTest, IsToldTheMainProcessAndThatItIsReadyOnce) {
  const std::vector<std::vector<std::string>> ways = {
      {"--wait=notify", ServicePath(), "notify", "READY=1"},
      {"--wait=ready-fd", "sh", "-c", "echo >&3; exec sleep 60"},
  };
  for (const std::vector<std::string>& way : ways) {
    const CommandOutcome outcome =
        Start({way[0]}, std::vector<std::string>(way.begin() + 1, way.end()), UnderManager());
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const pid_t pid = PidIn(outcome.out);
    EXPECT_EQ(Heard(), "MAINPID=" + std::to_string(pid) + "\nREADY=1");
    EXPECT_EQ(Heard(), "nothing");
    std::ifstream environment("/proc/" + std::to_string(pid) + "/environ");
    std::stringstream variables;
    variables << environment.rdbuf();
    EXPECT_THAT(variables.str(), Not(HasSubstr(path_)));
    EXPECT_EQ(runner_.Run({"stop", "--pidfile=" + pid_file_}).exit_code, 0);
  }
}

TEST_F(ManagerTest, IsToldNothingOfAFailure) {
  ExpectFailure(Start({"--wait=notify"}, Shell("exit 1"), UnderManager()), 76, "it ended");
  EXPECT_EQ(Heard(), "nothing");
}

TEST_F(ManagerTest, ThatCannotBeToldDoesNotChangeThatTheServiceIsReady) {
  const CommandOutcome outcome = Start({"--wait=ready-fd"}, Shell("echo >&3; exec sleep 60"),
                                       [] { ::setenv("NOTIFY_SOCKET", "/no/such/socket", 1); });
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.err, HasSubstr("could not be told"));
}

// A port -----------------------------------------------------------------------------------------

// A socket on a port that nobody else has.
struct BoundSocket {
  BoundSocket() {
    fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port = std::to_string(ntohs(address.sin_port));
  }
  ~BoundSocket() { ::close(fd); }
  int fd;
  std::string port;
};

TEST_F(CommandWaitTest, AListenerOnThePortIsReadiness) {
  for (const char* host : {"127.0.0.1", "localhost", "*"}) {
    const std::string port = BoundSocket().port;
    const CommandOutcome outcome =
        Start({std::string("--wait=port:") + host + ":" + port}, {ServicePath(), "listen", port});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(runner_.Run({"stop", "--pidfile=" + pid_file_}).exit_code, 0);
  }
}

TEST_F(CommandWaitTest, AListenerOnAnotherAddressIsNot) {
  const std::string port = BoundSocket().port;
  ExpectFailure(
      Start({"--wait=port:127.0.0.2:" + port, "--timeout=200ms"}, {ServicePath(), "listen", port}),
      124, "waiting for a listener on 127.0.0.2:" + port);
}

TEST_F(CommandWaitTest, APortThatSomebodyElseHasIsRefusedBeforeAnythingIsStarted) {
  const BoundSocket taken;
  ASSERT_EQ(::listen(taken.fd, 1), 0);
  ExpectFailure(Start({"--wait=port:127.0.0.1:" + taken.port},
                      Shell("echo ran >" + directory_.Path("ran") + "; exec sleep 60")),
                76, "somebody listens there already: Address already in use (EADDRINUSE)");
  EXPECT_THAT(directory_.Snapshot(), Not(Contains(Key("ran"))));
}

// While it waits ---------------------------------------------------------------------------------

TEST_F(CommandWaitTest, ASignalEndsTheWaitAndTheService) {
  const int terminal =
      runner_.RunOnTerminal(Words({"--verbose", "--wait=ready-fd"}, {"sleep", "60"}));
  std::string text;
  const auto read_until = [&](const std::string& awaited) {
    char byte = 0;
    while (text.find(awaited) == std::string::npos && ::read(terminal, &byte, 1) == 1) text += byte;
  };
  read_until("waiting for a line on descriptor 3");
  ASSERT_EQ(::write(terminal, "\x03", 1), 1);
  read_until("nothing that is ever printed");
  EXPECT_THAT(text, HasSubstr("SIGINT came before it was ready"));
  EXPECT_THAT(directory_.Snapshot(), Not(Contains(Key("x.pid"))));
  ::close(terminal);
}

// A clock that goes a second with each look.
class FastOs : public OsWrapper {
 public:
  explicit FastOs(bool terminal) : OsWrapper(RealOs()), terminal_(terminal) {}
  SysResult<int64_t> ClockGetTime(clockid_t clock) override {
    SysResult<int64_t> now = OsWrapper::ClockGetTime(clock);
    if (clock != CLOCK_MONOTONIC) return now;
    ahead_ += 1'000'000'000;
    return now.value() + ahead_;
  }
  // A second of this clock is not waited for.
  SysResult<size_t> Poll(struct pollfd* descriptors, size_t count, int64_t nanoseconds) override {
    return OsWrapper::Poll(descriptors, count, std::min<int64_t>(nanoseconds, 50'000'000));
  }
  SysResult<void> IsATty(int) override {
    if (terminal_) return {};
    return SysError(ENOTTY);
  }

 private:
  bool terminal_;
  int64_t ahead_ = 0;
};

TEST_F(CommandWaitTest, WhatIgnoresTermIsKilled) {
  FastOs os(false);
  ExpectFailure(
      StartOver(os, {"--wait=ready-fd", "--timeout=1min"}, Shell("trap '' TERM; exec sleep 60")),
      124, "not ready within 60s");
}

TEST_F(CommandWaitTest, ALongWaitIsShownOnATerminalAndNowhereElse) {
  FastOs at_terminal(true), elsewhere(false);
  const std::vector<std::string> options = {"--wait=ready-fd", "--timeout=30s"};
  const CommandOutcome shown = StartOver(at_terminal, options, {"sleep", "60"});
  EXPECT_EQ(shown.exit_code, 124);
  EXPECT_THAT(shown.err, HasSubstr("waiting for a line on descriptor 3 from process "));
  EXPECT_THAT(shown.err, HasSubstr("s of 30s\n"));
  runner_.KillChildren();
  ExpectFailure(StartOver(elsewhere, options, {"sleep", "60"}), 124, "not ready within 30s");
}

}  // namespace
}  // namespace cleanfork
