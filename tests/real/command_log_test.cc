// --reopen-logs on the real kernel: logs are rotated under load, and no line is torn or lost.
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/real/command_runner.h"

namespace cleanfork {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Not;

// Tells when a file of some name has been made in a directory.
class NewFiles {
 public:
  explicit NewFiles(const std::string& directory) : fd_(::inotify_init1(IN_CLOEXEC)) {
    EXPECT_NE(::inotify_add_watch(fd_, directory.c_str(), IN_CREATE), -1);
  }
  ~NewFiles() { ::close(fd_); }

  void Await(const std::string& name) {
    for (;;) {
      alignas(inotify_event) char events[4096];
      const ssize_t got = ::read(fd_, events, sizeof(events));
      ASSERT_GT(got, 0);
      for (ssize_t at = 0; at < got;) {
        inotify_event event;
        std::memcpy(&event, events + at, sizeof(event));
        if (name == events + at + sizeof(event)) return;
        at += static_cast<ssize_t>(sizeof(event) + event.len);
      }
    }
  }

 private:
  const int fd_;
};

class CommandLogTest : public ::testing::Test {
 protected:
  CommandOutcome Start(const std::vector<std::string>& options, const std::string& script) {
    std::vector<std::string> words = {"start", "--pidfile=" + pid_file_, "--reopen-logs",
                                      "--stdout=" + log_};
    words.insert(words.end(), options.begin(), options.end());
    words.insert(words.end(), {"--", "sh", "-c", script});
    return runner_.Run(words);
  }
  void Stop() {
    const CommandOutcome stopped = runner_.Run({"stop", "--pidfile=" + pid_file_});
    EXPECT_EQ(stopped.exit_code, 0) << stopped.err;
  }

  TestDirectory directory_;
  const std::string pid_file_ = directory_.Path("x.pid");
  const std::string log_ = directory_.Path("x.log");
  CommandRunner runner_;
};

TEST_F(CommandLogTest, NoLineIsTornOrLostHoweverOftenTheLogIsRotatedUnderLoad) {
  const char* variable = std::getenv("ROTATIONS");
  const int rotations = variable != nullptr ? std::atoi(variable) : 100;
  const CommandOutcome started =
      Start({"--wait=ready-fd"},
            "trap '' HUP; echo >&3; i=0; while :; do printf 'line '; echo $i.; i=$((i+1)); done");
  ASSERT_EQ(started.exit_code, 0) << started.err;
  const pid_t supervisor = PidIn(started.out);
  NewFiles files(directory_.path());
  for (int i = 0; i < rotations; ++i) {
    ASSERT_EQ(::rename(log_.c_str(), (log_ + "." + std::to_string(i)).c_str()), 0);
    ASSERT_EQ(::kill(supervisor, SIGHUP), 0);
    files.Await("x.log");
  }
  Stop();
  long next = 0;
  for (int i = 0; i <= rotations; ++i) {
    std::ifstream file(i < rotations ? log_ + "." + std::to_string(i) : log_);
    for (std::string line; std::getline(file, line); ++next) {
      // The last of all the program may have been stopped in the middle of.
      if (file.eof() && i == rotations) break;
      ASSERT_EQ(line, "line " + std::to_string(next) + ".") << "in file " << i;
      ASSERT_FALSE(file.eof()) << "a line without its end in file " << i;
    }
  }
  EXPECT_GT(next, rotations);
  RecordProperty("lines", static_cast<int>(next));
}

TEST_F(CommandLogTest, OutputAndErrorsToOneFileKeepTheirOrder) {
  const CommandOutcome started =
      Start({"--stderr=" + log_}, "echo 1; echo 2 >&2; echo 3; echo 4 >&2; printf 5");
  ASSERT_EQ(started.exit_code, 0) << started.err;
  int status = -1;
  ASSERT_EQ(::waitpid(PidIn(started.out), &status, 0), PidIn(started.out));
  EXPECT_EQ(status, 0);
  EXPECT_EQ(directory_.Read("x.log"), "1\n2\n3\n4\n5");
  EXPECT_THAT(directory_.Snapshot(), Not(Contains(Key("x.pid"))));
}

TEST_F(CommandLogTest, AWriterThatIsKilledIsStartedAgain) {
  ASSERT_EQ(::mkfifo(directory_.Path("fifo").c_str(), 0600), 0);
  const std::string fifo = directory_.Path("fifo");
  const CommandOutcome started = Start(
      {"--json"}, "echo 1; read go <" + fifo + "; echo 2; echo said >" + fifo + "; exec sleep 60");
  ASSERT_EQ(started.exit_code, 0) << started.err;
  const pid_t supervisor = std::stoi(directory_.Read("x.pid"));
  const std::string children =
      "/proc/" + std::to_string(supervisor) + "/task/" + std::to_string(supervisor) + "/children";
  const size_t at = started.out.find("\"main_pid\":") + std::strlen("\"main_pid\":");
  const pid_t program = std::atoi(started.out.c_str() + at);
  std::ifstream list(children);
  pid_t writer = 0;
  for (pid_t pid = 0; list >> pid;) writer = pid != program ? pid : writer;
  ASSERT_NE(writer, 0);
  // Until it has ended: one that is killed while it waits for the pipe may still take what comes.
  pollfd ended = {static_cast<int>(::syscall(SYS_pidfd_open, writer, 0)), POLLIN, 0};
  ASSERT_GE(ended.fd, 0);
  ASSERT_EQ(::kill(writer, SIGKILL), 0);
  ASSERT_EQ(::poll(&ended, 1, -1), 1);
  ::close(ended.fd);
  std::ofstream(fifo) << "go\n";
  ASSERT_EQ(directory_.Read("fifo"), "said\n");
  Stop();
  EXPECT_THAT(directory_.Read("x.log"), HasSubstr("2\n"));
}

TEST_F(CommandLogTest, ALogThatCannotBeOpenedIsAFailureAndLeavesNothing) {
  const CommandOutcome outcome =
      runner_.Run({"start", "--pidfile=" + pid_file_, "--reopen-logs", "--stdout=" + log_,
                   "--stderr=/no/such/directory/x.log", "--", "sleep", "60"});
  EXPECT_EQ(outcome.exit_code, 222) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("(ENOENT) [step open-stream]"));
  EXPECT_TRUE(directory_.Snapshot().empty()) << ::testing::PrintToString(directory_.Snapshot());
  EXPECT_FALSE(CommandRunner::HasChild());
}

TEST_F(CommandLogTest, TheSupervisorsOwnWordsStandAmongTheErrors) {
  const CommandOutcome started =
      Start({"--stderr=" + directory_.Path("err.log"), "--respawn=always", "--backoff=1ms",
             "--respawn-limit=2/1min"},
            "echo out; echo err >&2; exit 3");
  ASSERT_EQ(started.exit_code, 0) << started.err;
  int status = -1;
  ASSERT_EQ(::waitpid(PidIn(started.out), &status, 0), PidIn(started.out));
  EXPECT_EQ(WEXITSTATUS(status), 79);
  EXPECT_EQ(directory_.Read("x.log"), "out\nout\nout\n");
  EXPECT_THAT(directory_.Read("err.log"), HasSubstr("[step respawn]\n"));
}

TEST_F(CommandLogTest, AFailedStartLeavesNoEmptyLog) {
  const CommandOutcome outcome = Start({}, "true");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const CommandOutcome failed =
      runner_.Run({"start", "--reopen-logs", "--stdout=" + directory_.Path("new.log"), "--",
                   directory_.Path("missing")});
  EXPECT_EQ(failed.exit_code, 203) << failed.err;
  EXPECT_THAT(directory_.Snapshot(), Not(Contains(Key("new.log"))));
}

}  // namespace
}  // namespace cleanfork
