// A caller whose ended children are taken away from it, since it ignores SIGCHLD or has a thread
// that waits for any child, is told as well as any other whether its program was started.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <optional>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "cleanfork/child.h"
#include "cleanfork/child_error.h"
#include "cleanfork/fork_options.h"
#include "cleanfork/os.h"
#include "cleanfork/os_wrapper.h"
#include "cleanfork/spawn.h"
#include "tests/real/generation_os.h"
#include "tests/real/own_process.h"
#include "tests/real/vfork_is_fork.h"

namespace cleanfork {
namespace {

constexpr int kRuns = 200;

// A child that is killed just before its exec.
class KilledAtExecOs : public GenerationOs {
 public:
  KilledAtExecOs() : GenerationOs(RealOs()) {}

 private:
  void BeforeCall(OsCall call) override {
    if (call == OsCall::kExecVe) kill(getpid(), SIGKILL);
  }
};

// kill(2) of a child that is taken away as it ends could hit a stranger.
class SignalCountingOs : public OsWrapper {
 public:
  SignalCountingOs() : OsWrapper(RealOs()) {}
  SysResult<void> Kill(pid_t pid, int signal) override {
    ++by_number;
    return OsWrapper::Kill(pid, signal);
  }

  int by_number = 0;
};

std::string StartPrograms() {
  for (int i = 0; i < kRuns; ++i) {
    SignalCountingOs os;
    {
      const absl::StatusOr<Child> started = Spawn({"/bin/true"}, ForkOptions(), os);
      if (!started.ok()) return "started: " + std::string(started.status().message());
    }
    if (os.by_number > 0) return "a signal to a number that is nobody's or a stranger's";

    const absl::Status absent = Spawn({"/absent"}).status();
    const std::optional<ChildError> told = GetChildError(absent);
    if (!told.has_value() || told->step != Step::kExec || told->error != ENOENT) {
      return "absent: " + std::string(absent.message());
    }
  }
  return "";
}

std::string StartProgramsToBeKilled() {
  for (int i = 0; i < kRuns; ++i) {
    KilledAtExecOs os;
    const absl::Status killed = Spawn({"/bin/true"}, ForkOptions(), os).status();
    const std::optional<ChildError> told = GetChildError(killed);
    if (!told.has_value() || told->step != Step::kStart || told->signal != SIGKILL) {
      return "killed: " + std::string(killed.message());
    }
  }
  return "";
}

class IgnoredChildren : public testing::Test {
 protected:
  void SetUp() override {
    if (kVforkIsFork) GTEST_SKIP() << kNoVfork;
  }
};

TEST_F(IgnoredChildren, AreStartedOrNotAsIsSaid) {
  EXPECT_EQ(InOwnProcess([] {
              signal(SIGCHLD, SIG_IGN);
              return StartPrograms() + StartProgramsToBeKilled();
            }),
            "");
}

TEST_F(IgnoredChildren, MayBeWaitedForByAnotherThread) {
  EXPECT_EQ(InOwnProcess([] {
              std::atomic<bool> done{false};
              std::thread reaper([&done] {
                while (!done) waitpid(-1, nullptr, 0);
              });
              const std::string wrong = StartPrograms() + StartProgramsToBeKilled();
              done = true;
              reaper.join();
              return wrong;
            }),
            "");
}

}  // namespace
}  // namespace cleanfork
