// A PidFile and Daemonize(): it names the daemon when the starter has left, stays as long as the
// daemon runs and no longer, and is gone if the start fails.
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cleanfork/daemonize.h"
#include "cleanfork/pid_file.h"
#include "tests/real/own_process.h"
#include "tests/real/shared_memory.h"

namespace cleanfork {
namespace {

constexpr int kStartFailed = 3;
constexpr int kKept = 4;

struct Record {
  std::atomic<pid_t> daemon{0};
  std::atomic<int> seen{0};  // 1: the daemon is to die
};

// A directory that is the test's alone, for a pid file.
class DaemonizePidFile : public testing::Test {
 protected:
  DaemonizePidFile() {
    const char* directory = getenv("TEST_TMPDIR");
    directory_ = std::string(directory != nullptr ? directory : "/tmp") + "/daemonize_XXXXXX";
    if (mkdtemp(directory_.data()) == nullptr) directory_.clear();
    path_ = directory_ + "/pid";
  }
  ~DaemonizePidFile() override {
    unlink(path_.c_str());
    rmdir(directory_.c_str());
  }

  bool Exists() const { return access(path_.c_str(), F_OK) == 0; }

  // As in the header's example; the daemon serves until it is sent SIGTERM, and ends regularly.
  // Returns what the starter, or the daemon, is to exit with.
  int Main(bool keep_parent, bool ready, Record& record) {
    absl::StatusOr<PidFile> file = PidFile::Claim(path_);
    if (!file.ok()) return kStartFailed;
    DaemonizeOptions options;
    options.allow_threads = true;  // a sanitizer may have one
    options.keep_parent = keep_parent;
    options.fork.signal_mask = SignalSet::Of(SIGTERM);
    options.fork.pid_file_descriptor = file->descriptor();
    absl::StatusOr<Daemon> daemon = Daemonize(options);
    if (!daemon.ok()) return kStartFailed;
    if (!daemon->in_daemon()) {
      file->Commit();
      return kKept;
    }
    record.daemon = getpid();
    if (!ready) {
      if (record.seen == 1) raise(SIGKILL);
      return daemon->Fail(absl::NotFoundError("no")).raw_code();
    }
    // A helper of the daemon's that returns, and destroys its copies of both.
    const pid_t helper = fork();
    if (helper == 0) return 0;
    waitpid(helper, nullptr, 0);
    if (!daemon->Ready().ok()) return 1;
    alarm(90);
    RealOs().SigTimedWait(SignalSet::Of(SIGTERM), -1).IgnoreError();
    return 0;
  }

  int StartMain(bool keep_parent, bool ready, Record& record) {
    const pid_t starter = fork();
    if (starter == 0) _exit(Main(keep_parent, ready, record));
    int status = 0;
    waitpid(starter, &status, 0);
    return WEXITSTATUS(status);
  }

  std::string directory_;
  std::string path_;
};

TEST_F(DaemonizePidFile, HasTheDaemonsPidAndLockWhenTheStarterHasLeftAndGoesWithTheDaemon) {
  for (bool keep_parent : {false, true}) {
    EXPECT_EQ(InOwnProcess([&] {
                Shared<Record> record;
                std::string wrong;
                const int status = StartMain(keep_parent, true, *record);
                if (status != (keep_parent ? kKept : 0)) wrong += "it did not start; ";
                absl::StatusOr<PidFileState> state = ReadPidFile(path_);  // its helper left it
                if (!state.ok()) return wrong + std::string(state.status().message());
                if (state->pid != record->daemon) wrong += "it is another pid; ";
                if (!state->locked) wrong += "it is not locked; ";
                if (StartMain(keep_parent, true, *record) != kStartFailed) wrong += "a second; ";
                kill(state->pid, SIGTERM);
                wrong += ReapOrphans();
                if (Exists()) wrong += "it is left; ";
                return wrong;
              }),
              "")
        << "keep_parent " << keep_parent;
  }
}

TEST_F(DaemonizePidFile, IsRemovedIfTheDaemonFailsOrDies) {
  for (bool dies : {false, true}) {
    EXPECT_EQ(InOwnProcess([&] {
                Shared<Record> record;
                record->seen = dies ? 1 : 0;
                std::string wrong;
                if (StartMain(false, false, *record) != kStartFailed) wrong += "it did not fail; ";
                if (Exists()) wrong += "it is left; ";
                return wrong + ReapOrphans();
              }),
              "");
  }
}

}  // namespace
}  // namespace cleanfork
