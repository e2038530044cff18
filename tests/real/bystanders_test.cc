// Other processes that have a hand on what a child and its parent speak over, or that end at the
// wrong moment.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "cleanfork/child_report.h"
#include "cleanfork/fork_child.h"
#include "cleanfork/spawn.h"
#include "tests/real/generation_os.h"
#include "tests/real/own_process.h"

namespace cleanfork {
namespace {

// A process that another thread forked at the wrong moment has a copy of the pipe's other end.
TEST(BystandersTest, AProgramIsKnownToRunThoughAnotherProcessHoldsItsPipeOpen) {
  EXPECT_EQ(InOwnProcess([] {
              pid_t bystander = 0;
              ForkOptions options;
              options.before_fork = [&bystander] {
                bystander = fork();
                if (bystander == 0) {
                  for (;;) pause();
                }
              };
              std::string wrong;
              // One that does not end: no pidfd tells of it either.
              absl::StatusOr<Child> child = Spawn({"/bin/sleep", "60"}, options);
              if (!child.ok()) wrong += std::string(child.status().message());
              if (child.ok()) {
                const absl::StatusOr<std::optional<ExitStatus>> ended = child->TryWait();
                if (!ended.ok() || ended->has_value()) wrong += "it does not run any more; ";
              }
              if (waitpid(bystander, nullptr, WNOHANG) != 0) wrong += "the bystander has ended; ";
              options.before_fork = nullptr;
              kill(bystander, SIGKILL);
              waitpid(bystander, nullptr, 0);
              return wrong;
            }),
            "");
}

// The second child of a daemon holds its last word back until the first, whom it is for, has died.
class LateLastWordOs : public GenerationOs {
 public:
  LateLastWordOs() : GenerationOs(RealOs()) {}
  SysResult<size_t> Write(int fd, const void* buffer, size_t size) override {
    if (generation() == 2 && size == sizeof(ChildReport)) first_child_ = getppid();
    if (generation() == 2 && size == 1) {
      while (getppid() == first_child_) {
      }
    }
    return GenerationOs::Write(fd, buffer, size);
  }

 private:
  void BeforeCall(OsCall) override {}
  pid_t first_child_ = 0;
};

TEST(BystandersTest, ADaemonOutlivesTheFirstChildThatDiesBeforeItsLastWord) {
  EXPECT_EQ(InOwnProcess([] {
              LateLastWordOs os;
              ForkOptions options;
              options.session = Session::kDaemon;
              absl::StatusOr<Child> daemon = RunInChild([] { return 7; }, options, os);
              if (!daemon.ok()) return std::string(daemon.status().message());
              int status = 0;
              if (waitpid(daemon->pid(), &status, 0) != daemon->pid()) return std::string("gone");
              const bool ran = WIFEXITED(status) && WEXITSTATUS(status) == 7;
              return ran ? std::string() : "ended with wait status " + std::to_string(status);
            }),
            "");
}

}  // namespace
}  // namespace cleanfork
