// VforkCall() lends a child the memory, and with it the thread, of its caller: what the child does
// to them there must not outlast it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "cleanfork/os.h"
#include "cleanfork/spawn.h"
#include "tests/real/own_process.h"
#include "tests/real/process_state.h"
#include "tests/real/unused_uid.h"
#include "tests/real/vfork_is_fork.h"

namespace cleanfork {
namespace {

class VforkCallTest : public testing::Test {
 protected:
  void SetUp() override {
    if (kVforkIsFork) GTEST_SKIP() << kNoVfork;
  }
};

int WriteByte(void* pipe_end) {
  const char byte = 1;
  return RealOs().Write(*static_cast<int*>(pipe_end), &byte, 1).ok() ? 0 : 1;
}

struct Cancelled {
  int pipe_end = -1;
  std::atomic<bool> came_back{false};
};

void* CancelledThread(void* argument) {
  Cancelled* cancelled = static_cast<Cancelled*>(argument);
  pthread_cancel(pthread_self());  // takes effect at the next cancellation point: write(2) is one
  SysResult<pid_t> child = RealOs().VforkCall(&WriteByte, &cancelled->pipe_end, SIGCHLD);
  cancelled->came_back = child.ok();
  if (child.ok()) waitpid(child.value(), nullptr, WNOHANG);
  pthread_testcancel();
  return nullptr;
}

TEST_F(VforkCallTest, ACancelledThreadIsNotUnwoundByItsChild) {
  EXPECT_EQ(InOwnProcess([] {
              int ends[2];
              if (pipe(ends) != 0) return std::string("no pipe");
              Cancelled cancelled;
              cancelled.pipe_end = ends[1];
              pthread_t thread;
              pthread_create(&thread, nullptr, &CancelledThread, &cancelled);
              void* result = nullptr;
              pthread_join(thread, &result);
              std::string wrong;
              if (!cancelled.came_back) wrong += "the thread did not come back from its call; ";
              if (result != PTHREAD_CANCELED) wrong += "the cancellation was lost; ";
              char byte = 0;
              if (read(ends[0], &byte, 1) != 1) wrong += "the child did not write; ";
              while (waitpid(-1, nullptr, 0) > 0) {
              }
              return wrong;
            }),
            "");
}

int KillParent(void*) {
  kill(getppid(), SIGKILL);
  return 0;
}

int VforkAndBeKilled(void*) {
  (void)RealOs().VforkCall(&KillParent, nullptr, SIGCHLD);
  return 0;
}

TEST_F(VforkCallTest, AChildThatIsKilledInACallOfItsOwnDoesNotLeaveThreadsBehindAtAChangeOfIds) {
  CLEANFORK_SKIP_WITHOUT_PRIVILEGES();
  EXPECT_EQ(InOwnProcess([] {
              SysResult<pid_t> child = RealOs().VforkCall(&VforkAndBeKilled, nullptr, SIGCHLD);
              int status = 0;
              waitpid(child.value_or(-1), &status, 0);
              std::string wrong;
              if (!WIFSIGNALED(status)) wrong += "the child was not killed; ";
              wrong += ReapOrphans();
              std::atomic<bool> changed{false};
              const uid_t uid = UnusedUid();
              uid_t uid_of_thread = 0;
              std::thread other([&] {
                while (!changed) std::this_thread::yield();
                uid_of_thread = geteuid();
              });
              if (!RealOs().SetResUid(uid, uid, uid).ok()) wrong += "setresuid failed; ";
              changed = true;
              other.join();
              if (uid_of_thread != uid) wrong += "the other thread is still root; ";
              return wrong;
            }),
            "");
}

TEST_F(VforkCallTest, ACallerStaysDumpableWhenItsChildBecomesSomebodyElse) {
  CLEANFORK_SKIP_WITHOUT_PRIVILEGES();
  EXPECT_EQ(InOwnProcess([] {
              if (prctl(PR_SET_DUMPABLE, 1) != 0) return std::string("not dumpable before");
              ForkOptions options;
              options.identity = Identity::Ids(UnusedUid(), 61002);
              absl::StatusOr<Child> child = Spawn({"/bin/true"}, options);
              if (!child.ok()) return std::string(child.status().message());
              return std::string(prctl(PR_GET_DUMPABLE) == 1 ? "" : "not dumpable any more");
            }),
            "");
}

}  // namespace
}  // namespace cleanfork
