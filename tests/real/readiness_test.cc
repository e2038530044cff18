// What a starter says of its daemon's readiness, with a SIGKILL to the first child or to the daemon
// at a random moment from the starter's fork to Ready(): no hang, no false "ready", nothing left.
//
// A moment is a number of calls of Os that the starter, its first child and its daemon have made
// together: whoever makes that call sends the signal, so that the victim may be anywhere.
//
//   --runs=N   how many starts (1,000)
//   --seed=N   of the moments and victims; random, and printed, if it is not given
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <random>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cleanfork/daemonize.h"
#include "tests/real/generation_os.h"
#include "tests/real/own_process.h"
#include "tests/real/process_state.h"
#include "tests/real/shared_memory.h"

namespace cleanfork {
namespace {

int runs = 1000;
uint64_t seed = 0;

constexpr int kStartFailed = 3;

// What the processes of one start have in common. Generation 1 is the first child, 2 the daemon.
struct Tree {
  std::atomic<int> calls{0};
  std::atomic<bool> killed{false};
  std::atomic<bool> calls_ready{false};  // the daemon is about to call Ready()
  std::atomic<bool> is_ready{false};     // and it has returned
  std::atomic<pid_t> pids[3] = {};       // 0: not there yet, or about to be reaped
};

class KillingOs : public GenerationOs {
 public:
  KillingOs(int victim, int call, Tree* tree)
      : GenerationOs(RealOs()), victim_(victim), call_(call), tree_(tree) {}

  SysResult<WaitResult> WaitPid(pid_t pid, int options) override {
    // From here on the number may come to mean a stranger.
    for (std::atomic<pid_t>& known : tree_->pids) {
      pid_t expected = pid;
      known.compare_exchange_strong(expected, 0);
    }
    return GenerationOs::WaitPid(pid, options);
  }

 private:
  void EnteredChild() override { tree_->pids[generation()] = getpid(); }
  void BeforeCall(OsCall) override {
    if (++tree_->calls < call_ || tree_->is_ready) return;
    const pid_t pid = tree_->pids[victim_];
    if (pid == 0 || tree_->killed.exchange(true)) return;
    kill(pid, SIGKILL);
  }

  const int victim_;
  const int call_;
  Tree* const tree_;
};

[[noreturn]] void BeStarter(int victim, int call, Tree* tree) {
  KillingOs os(victim, call, tree);
  DaemonizeOptions options;
  options.allow_threads = true;  // a sanitizer may have one
  options.ready_timeout = absl::InfiniteDuration();
  absl::StatusOr<Daemon> daemon = Daemonize(options, os);
  if (!daemon.ok()) _exit(kStartFailed);
  tree->calls_ready = true;
  const bool ready = daemon->Ready().ok();
  tree->is_ready = true;
  if (!ready) _exit(1);
  alarm(90);
  for (;;) pause();
}

struct Counts {
  int ready = 0;
  int failed = 0;
  int killed = 0;
  int ready_though_killed = 0;
};

// Those of the processes that were left to this one that have not ended.
std::string DescribeRunning(pid_t except) {
  std::string running;
  for (pid_t child : ChildrenOf(getpid())) {
    const std::optional<ProcessState> state = ReadProcessState(child);
    const bool runs_on = state.has_value() && state->state != 'Z' && state->state != 'X';
    if (child != except && runs_on) running += "process " + std::to_string(child) + " runs; ";
  }
  return running;
}

std::string RunOnce(int victim, int call, Counts* counts, int* calls = nullptr) {
  Shared<Tree> tree;
  const pid_t starter = fork();
  if (starter == 0) BeStarter(victim, call, &*tree);
  int status = 0;
  waitpid(starter, &status, 0);
  const bool ready = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  const bool failed = WIFEXITED(status) && WEXITSTATUS(status) == kStartFailed;
  const pid_t daemon = tree->pids[2];
  std::string wrong;
  if (!ready && !failed) wrong += "wait status " + std::to_string(status) + "; ";
  if (ready && !tree->calls_ready) wrong += "ready is told, and was not said; ";
  if (failed && !tree->killed) wrong += "none was killed, and it failed; ";
  // The starter cannot wait for a daemon whose first child was killed before it was set up, and
  // ends it; that may be in this very moment.
  if (failed && tree->is_ready && victim == 2) wrong += "ready was said, and is not told; ";
  wrong += DescribeRunning(ready ? daemon : 0);
  if (ready && daemon != 0) kill(daemon, SIGKILL);
  wrong += ReapOrphans();
  counts->ready += ready ? 1 : 0;
  counts->failed += failed ? 1 : 0;
  counts->killed += tree->killed ? 1 : 0;
  counts->ready_though_killed += ready && tree->killed ? 1 : 0;
  if (calls != nullptr) *calls = tree->calls;
  if (wrong.empty()) return "";
  return "victim " + std::to_string(victim) + ", call " + std::to_string(call) + ": " + wrong +
         "\n";
}

TEST(Readiness, IsToldOnlyWhenItWasSaidWhoeverIsKilledWhenever) {
  constexpr int kNever = 1 << 30;
  Shared<Counts> counts;
  EXPECT_EQ(InOwnProcess(
                [&] {
                  int calls = 0;
                  Counts none;
                  std::string wrong = RunOnce(1, kNever, &none, &calls);
                  if (none.ready != 1) return wrong + "it does not work without a kill";
                  std::mt19937_64 random(seed);
                  std::uniform_int_distribution<int> moment(1, calls);
                  std::uniform_int_distribution<int> victim(1, 2);
                  for (int run = 0; run < runs && wrong.size() < 4096; ++run) {
                    const int who = victim(random);
                    wrong += RunOnce(who, moment(random), &*counts);
                  }
                  return wrong;
                },
                240 + runs / 50),
            "")
      << "--seed=" << seed;
  std::cout << runs << " starts, seed " << seed << ": in " << counts->killed
            << " a process was killed; told ready " << counts->ready << " ("
            << counts->ready_though_killed << " with a kill), told failed " << counts->failed
            << std::endl;
  EXPECT_EQ(counts->ready + counts->failed, runs);
  // A test whose kills come too early, too late or not at all shows nothing.
  EXPECT_GT(counts->killed, runs / 2);
  EXPECT_GT(counts->failed, runs / 4);
  EXPECT_GT(counts->ready_though_killed, 0);
}

}  // namespace
}  // namespace cleanfork

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  cleanfork::seed = std::random_device()();
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument.rfind("--runs=", 0) == 0) cleanfork::runs = std::atoi(argument.c_str() + 7);
    if (argument.rfind("--seed=", 0) == 0) {
      cleanfork::seed = std::strtoull(argument.c_str() + 7, nullptr, 10);
    }
  }
  return RUN_ALL_TESTS();
}
