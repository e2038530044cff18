// Child::Wait() with a time and Child::Stop() on real processes, with a pidfd and without: a child
// that obeys, one that ignores SIGTERM, one that is stopped, one that has ended, one that has
// become somebody else, and a daemon.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cleanfork/child.h"
#include "cleanfork/fork_options.h"
#include "cleanfork/os_wrapper.h"
#include "cleanfork/spawn.h"
#include "tests/real/entry_points.h"
#include "tests/real/own_process.h"
#include "tests/real/process_state.h"
#include "tests/real/unused_uid.h"

namespace cleanfork {
namespace {

// A kernel before Linux 5.3, or a seccomp filter that does not know pidfd_open(2).
class OlderOs : public OsWrapper {
 public:
  explicit OlderOs(int error) : OsWrapper(RealOs()), error_(error) {}
  SysResult<int> PidFdOpen(pid_t pid, unsigned flags) override {
    if (error_ != 0) return SysError(error_);
    return OsWrapper::PidFdOpen(pid, flags);
  }

 private:
  const int error_;
};

std::string Told(const absl::StatusOr<std::optional<ExitStatus>>& result) {
  if (!result.ok()) return std::string(result.status().message());
  return result->has_value() ? (*result)->ToString() : "no status";
}

// A shell that ignores SIGTERM, and has said so by stopping itself. It reads what never comes.
absl::StatusOr<Child> SpawnDeafChild(Os& os) {
  ForkOptions options;
  options.in = Stream::Pipe();
  absl::StatusOr<Child> child =
      Spawn({"/bin/sh", "-c", "trap '' TERM; kill -STOP $$; read line"}, options, os);
  siginfo_t info;
  if (child.ok())
    waitid(P_PID, static_cast<id_t>(child->pid()), &info, WEXITED | WSTOPPED | WNOWAIT);
  return child;
}

absl::StatusOr<Child> SpawnReader(Os& os) {
  ForkOptions options;
  options.in = Stream::Pipe();
  return Spawn({"/bin/cat"}, options, os);
}

// What pidfd_open(2) fails with; 0: it works.
class ChildStop : public ::testing::TestWithParam<int> {
 protected:
  OlderOs os_{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Real, ChildStop, ::testing::Values(0, ENOSYS, EPERM),
                         [](const ::testing::TestParamInfo<int>& info) -> std::string {
                           if (info.param == 0) return "WithPidfd";
                           return info.param == ENOSYS ? "OlderKernel" : "SeccompFilter";
                         });

TEST_P(ChildStop, AWaitOutlastsNoChildThatRunsAndReapsOneThatEnds) {
  absl::StatusOr<Child> child = SpawnReader(os_);
  ASSERT_TRUE(child.ok()) << child.status();
  EXPECT_TRUE(absl::IsDeadlineExceeded(child->Wait(absl::ZeroDuration()).status()));
  EXPECT_TRUE(absl::IsDeadlineExceeded(child->Wait(absl::Milliseconds(1)).status()));
  child->pipes().in.Reset();  // the end of its input, upon which it exits
  const absl::StatusOr<ExitStatus> ended = child->Wait(absl::Minutes(2));
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_TRUE(ended->success()) << ended->ToString();
  EXPECT_EQ(DescribeChildren(), "");
}

TEST_P(ChildStop, AChildThatObeysIsEndedByTheFirstSignal) {
  absl::StatusOr<Child> child = SpawnReader(os_);
  ASSERT_TRUE(child.ok()) << child.status();
  EXPECT_EQ(Told(child->Stop(StopSchedule::Parse("TERM/120s").value())), "signal 15 (SIGTERM)");
  EXPECT_EQ(DescribeChildren(), "");
}

TEST_P(ChildStop, AChildThatIgnoresTermIsKilled) {
  absl::StatusOr<Child> child = SpawnDeafChild(os_);
  ASSERT_TRUE(child.ok()) << child.status();
  ASSERT_TRUE(child->Signal(SIGCONT).ok());
  const absl::Status deaf = child->Stop(StopSchedule::Parse("TERM/30ms").value()).status();
  EXPECT_TRUE(absl::IsDeadlineExceeded(deaf)) << deaf;
  EXPECT_EQ(Told(child->Stop(StopSchedule::Parse("TERM/30ms/KILL/120s").value())),
            "signal 9 (SIGKILL)");
  EXPECT_EQ(DescribeChildren(), "");
}

TEST_P(ChildStop, AStoppedChildIsKilledWhereItStands) {
  absl::StatusOr<Child> child = SpawnDeafChild(os_);
  ASSERT_TRUE(child.ok()) << child.status();
  // It has stopped: that is no end.
  EXPECT_TRUE(absl::IsDeadlineExceeded(child->Wait(absl::Milliseconds(30)).status()));
  EXPECT_EQ(Told(child->Stop(StopSchedule::Parse("TERM/30ms/KILL/120s").value())),
            "signal 9 (SIGKILL)");
  EXPECT_EQ(DescribeChildren(), "");
}

TEST_P(ChildStop, AChildThatWasKilledIsReturnedAsItEnded) {
  absl::StatusOr<Child> child = SpawnReader(os_);
  ASSERT_TRUE(child.ok()) << child.status();
  ASSERT_EQ(kill(child->pid(), SIGKILL), 0);
  siginfo_t info;
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child->pid()), &info, WEXITED | WNOWAIT), 0);
  EXPECT_EQ(Told(child->Stop()), "signal 9 (SIGKILL)");
  EXPECT_EQ(Told(child->Stop()), "signal 9 (SIGKILL)");
  EXPECT_EQ(DescribeChildren(), "");
}

TEST_P(ChildStop, ADaemonIsStoppedWithoutAStatusAndOnlyThroughAPidfd) {
  EXPECT_EQ(InOwnProcess([this] {
              ForkOptions options;
              options.session = Session::kDaemon;
              absl::StatusOr<Child> daemon = StartPausing(EntryPoint::kSpawn, options, os_);
              if (!daemon.ok()) return std::string(daemon.status().message());
              const std::string told =
                  Told(daemon->Stop(StopSchedule::Parse("TERM/30ms/KILL/120s").value()));
              const bool has_pid_fd = GetParam() == 0;
              const bool lives = kill(daemon->pid(), 0) == 0;
              if (!has_pid_fd) kill(daemon->pid(), SIGKILL);
              // This process is a subreaper: the daemon is its to reap.
              int status = 0;
              if (waitpid(daemon->pid(), &status, 0) != daemon->pid()) return "no daemon; " + told;
              if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) return "not killed; " + told;
              const bool refused = told.find("cannot be signalled safely") != std::string::npos;
              if (has_pid_fd ? told != "no status" : !refused) return told;
              return lives ? std::string() : "it was gone before it was reaped";
            }),
            "");
}

TEST_P(ChildStop, AChildThatHasBecomeAnotherUserIsPermissionDeniedAndStillOwned) {
  CLEANFORK_SKIP_WITHOUT_PRIVILEGES();
  EXPECT_EQ(InOwnProcess([this] {
              absl::StatusOr<Child> child = SpawnReader(os_);
              if (!child.ok()) return std::string(child.status().message());
              const uid_t uid = UnusedUid();
              if (setresuid(uid, uid, uid) != 0) return std::string("setresuid failed");
              const absl::Status refused = child->Stop().status();
              if (!absl::IsPermissionDenied(refused)) return std::string(refused.message());
              if (!child->owned()) return std::string("it is owned no more");
              child->pipes().in.Reset();
              const absl::StatusOr<ExitStatus> ended = child->Wait(absl::Minutes(2));
              return ended.ok() ? DescribeChildren() : std::string(ended.status().message());
            }),
            "");
}

}  // namespace
}  // namespace cleanfork
