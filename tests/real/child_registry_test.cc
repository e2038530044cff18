// ChildRegistry beside an application that has children of its own: none of ours is lost, none of
// theirs is stolen. And beside one that waits for any child: what it took is reported.
#include "cleanfork/child_registry.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cleanfork/child.h"
#include "cleanfork/fork_child.h"
#include "cleanfork/spawn.h"
#include "tests/real/own_process.h"
#include "tests/real/process_state.h"

namespace cleanfork {
namespace {

int children = 5000;  // --children=

// What the application does meanwhile; "" or what it lost.
std::string BeAnApplication(int round) {
  const int status = std::system("exit 3");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 3) {
    return "system() says " + std::to_string(status) + "; ";
  }
  const pid_t own = fork();
  if (own == 0) _exit(round & 0x7f);
  int own_status = 0;
  if (own < 0 || waitpid(own, &own_status, 0) != own || WEXITSTATUS(own_status) != (round & 0x7f)) {
    return "the application lost its child; ";
  }
  return "";
}

// Counts what was reaped, each with the status that its pid was started with.
class Counter {
 public:
  void Started(pid_t pid, int status) { expected_[static_cast<size_t>(status)].insert(pid); }

  void Count(const std::vector<ChildRegistry::Ended>& ended) {
    for (const ChildRegistry::Ended& child : ended) {
      if (!child.status.ok()) {
        wrong_ += std::string(child.status.status().message()) + "; ";
        continue;
      }
      const auto status = static_cast<size_t>(child.status->exit_status());
      if (status >= std::size(expected_) || expected_[status].erase(child.pid) != 1) {
        wrong_ +=
            "child " + std::to_string(child.pid) + " ended with " + child.status->ToString() + "; ";
      }
      ++count_;
    }
  }

  int count() const { return count_; }
  const std::string& wrong() const { return wrong_; }

 private:
  std::set<pid_t> expected_[8];
  int count_ = 0;
  std::string wrong_;
};

TEST(ChildRegistry, LosesNoneAndStealsNoneOfManyThatEndAtOnce) {
  EXPECT_EQ(InOwnProcess([] {
              ChildRegistry registry;
              Counter counter;
              std::string wrong;
              for (int i = 0; i < children; ++i) {
                const int status = i % 8;
                // It has mostly ended before it is adopted.
                absl::StatusOr<Child> child = RunInChild([status] { return status; });
                if (!child.ok()) return std::string(child.status().message());
                counter.Started(child->pid(), status);
                registry.Adopt(*std::move(child));
                if (i % 16 == 0) counter.Count(registry.Reap());
                if (i % 64 == 0) wrong += BeAnApplication(i);
              }
              counter.Count(registry.WaitForAll());
              if (counter.count() != children) {
                wrong += std::to_string(counter.count()) + " children of " +
                         std::to_string(children) + "; ";
              }
              if (registry.size() != 0) wrong += "the registry is not empty; ";
              return wrong + counter.wrong() + DescribeChildren();
            }),
            "");
}

TEST(ChildRegistry, ReapDoesNotWaitForThoseThatRun) {
  EXPECT_EQ(InOwnProcess([] {
              ChildRegistry registry;
              absl::StatusOr<Child> running = Spawn({"/bin/sleep", "60"});
              absl::StatusOr<Child> ending = Spawn({"/bin/sh", "-c", "exit 4"});
              if (!running.ok() || !ending.ok()) return std::string("not started");
              const pid_t running_pid = running->pid(), ending_pid = ending->pid();
              registry.Adopt(*std::move(running));
              registry.Adopt(*std::move(ending));
              siginfo_t info;
              waitid(P_PID, static_cast<id_t>(ending_pid), &info, WEXITED | WNOWAIT);
              std::vector<ChildRegistry::Ended> ended = registry.Reap();
              std::string wrong;
              if (ended.size() != 1 || ended[0].pid != ending_pid || !ended[0].status.ok() ||
                  ended[0].status->exit_status() != 4) {
                wrong += "not the one that has ended; ";
              }
              if (registry.size() != 1) wrong += "the one that runs is forgotten; ";
              kill(running_pid, SIGKILL);
              ended = registry.WaitForAll();
              if (ended.size() != 1 || ended[0].pid != running_pid || !ended[0].status.ok() ||
                  ended[0].status->term_signal() != SIGKILL) {
                wrong += "not the one that was killed; ";
              }
              return wrong + DescribeChildren();
            }),
            "");
}

TEST(ChildRegistry, WhatAnApplicationTookByWaitingForAnyChildIsReportedAsLost) {
  EXPECT_EQ(InOwnProcess([] {
              ChildRegistry registry;
              std::set<pid_t> taken;
              for (int i = 0; i < 20; ++i) {
                absl::StatusOr<Child> child = RunInChild([] { return 0; });
                if (!child.ok()) return std::string(child.status().message());
                registry.Adopt(*std::move(child));
                if (i % 2 == 0) taken.insert(waitpid(-1, nullptr, 0));
              }
              std::string wrong;
              size_t lost = 0;
              for (const ChildRegistry::Ended& ended : registry.WaitForAll()) {
                if (ended.status.ok() != (taken.count(ended.pid) == 0)) {
                  wrong += "child " + std::to_string(ended.pid) + " is told wrongly; ";
                }
                if (!ended.status.ok()) {
                  ++lost;
                  if (!absl::IsNotFound(ended.status.status())) wrong += "another code; ";
                }
              }
              if (lost != 10) wrong += std::to_string(lost) + " are lost; ";
              return wrong + DescribeChildren();
            }),
            "");
}

volatile sig_atomic_t reaped = 0;
void ReapAny(int) {
  const int error = errno;
  while (waitpid(-1, nullptr, WNOHANG) > 0) reaped = reaped + 1;
  errno = error;
}

// The handler may run at any moment of a start: between the child's end and the look at it too.
TEST(ChildRegistry, HandlerThatReapsAnyChildCausesLossesThatAreReportedAndNoHang) {
  EXPECT_EQ(InOwnProcess([] {
              struct sigaction action = {};
              action.sa_handler = &ReapAny;
              action.sa_flags = SA_RESTART;
              sigaction(SIGCHLD, &action, nullptr);
              ChildRegistry registry;
              int started = 0;
              for (int i = 0; i < 200; ++i) {
                // A body says itself that it started, so this is known whoever reaps it.
                absl::StatusOr<Child> child = RunInChild([] { return 0; });
                if (!child.ok()) return std::string(child.status().message());
                ++started;
                registry.Adopt(*std::move(child));
              }
              int lost = 0, told = 0;
              for (const ChildRegistry::Ended& ended : registry.WaitForAll()) {
                ++(ended.status.ok() ? told : lost);
              }
              if (lost + told != started) return std::string("some are not told of at all");
              if (lost != reaped) {
                return std::to_string(lost) + " are reported as lost, and " +
                       std::to_string(reaped) + " were taken";
              }
              return std::string(lost > 0 ? "" : "the handler took none: this tests nothing");
            }),
            "");
}

}  // namespace
}  // namespace cleanfork

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument.rfind("--children=", 0) == 0) {
      cleanfork::children = std::atoi(argument.c_str() + 11);
    }
  }
  return RUN_ALL_TESTS();
}
