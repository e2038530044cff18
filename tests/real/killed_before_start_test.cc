// A child that is killed (SIGKILL) at any of its calls between fork and exec or report is an error,
// "ended by signal 9": never a success, and nothing is left behind. Its n-th call is where it
// dies, for every n until it runs through.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <tuple>

#include "absl/status/statusor.h"
#include "cleanfork/child.h"
#include "cleanfork/child_error.h"
#include "cleanfork/child_report.h"
#include "cleanfork/fork_options.h"
#include "src/child/await_child.h"
#include "tests/real/entry_points.h"
#include "tests/real/generation_os.h"
#include "tests/real/own_process.h"
#include "tests/real/process_state.h"
#include "tests/real/shared_memory.h"

namespace cleanfork {
namespace {

// What the processes tell each other.
struct Record {
  std::atomic<bool> killed{false};
  std::atomic<bool> started{false};  // a report of success was sent, or is about to be
};

// Kills the process of one generation just before its n-th call.
class KillingOs : public GenerationOs {
 public:
  KillingOs(EntryPoint entry, int generation, int call, Record* record)
      : GenerationOs(RealOs()),
        success_(entry == EntryPoint::kDaemonize ? ChildReport::kReady : ChildReport::kStarted),
        target_generation_(generation),
        calls_left_(call),
        record_(record) {}

  SysResult<size_t> Write(int fd, const void* buffer, size_t size) override {
    BeforeCall(OsCall::kWrite);
    ChildReport report;
    if (size == sizeof(report)) {
      std::memcpy(&report, buffer, sizeof(report));
      if (report.kind == success_) record_->started = true;
    }
    return wrapped().Write(fd, buffer, size);
  }

 private:
  void BeforeCall(OsCall) override {
    if (generation() != target_generation_ || --calls_left_ > 0) return;
    record_->killed = true;
    kill(getpid(), SIGKILL);
    for (;;) pause();
  }

  const ChildReport::Kind success_;
  const int target_generation_;
  int calls_left_;
  Record* const record_;
};

// Who is killed, and how many forks below the caller it is.
struct Victim {
  const char* name;
  Session session;
  int generation;
};
constexpr Victim kVictims[] = {
    {"Child", Session::kNew, 1},
    {"FirstChildOfADaemon", Session::kDaemon, 1},
    {"SecondChildOfADaemon", Session::kDaemon, 2},
};

using Parameter = std::tuple<EntryPoint, Victim>;

std::string CheckError(const absl::Status& status) {
  const std::optional<ChildError> error = GetChildError(status);
  const bool is_step =
      error.has_value() && (error->step == Step::kStart || error->step == Step::kReady);
  if (is_step && error->signal == SIGKILL) return "";
  return "not reported as killed: " + std::string(status.message()) + "; ";
}

// One run; "" if all is well. *killed: whether the victim lived long enough to be killed.
std::string RunOnce(EntryPoint entry, const Victim& victim, int call, bool* killed) {
  Shared<Record> record;
  KillingOs os(entry, victim.generation, call, &*record);
  ForkOptions options;
  options.session = victim.session;
  const CallerState before = ReadCallerState();
  std::string wrong;
  {
    // A daemon does not end by itself: one that is left running is seen.
    const bool daemon = victim.session == Session::kDaemon;
    absl::StatusOr<Child> child =
        daemon ? StartPausing(entry, options, os) : StartExiting(entry, 7, options, os);
    const bool has_execd = child.ok() && daemon && HasExecd(RealOs(), child->pid());
    if (child.ok() && daemon) kill(child->pid(), SIGKILL);
    if (!child.ok()) {
      wrong += CheckError(child.status());
      if (!record->killed) wrong += "none was killed, and it failed; ";
      // A second child that reports while its parent is being killed is killed too.
      const bool may_be_lost = victim.session == Session::kDaemon && victim.generation == 1;
      if (record->started && !may_be_lost) {
        wrong += "it has reported that it started, and is an error; ";
      }
    } else {
      // The first child of a program may be killed when the second runs already.
      const bool runs_without_a_report = has_execd && victim.generation == 1;
      if (record->killed && !record->started && !runs_without_a_report) {
        wrong += "it is called a success; ";
      }
      if (!daemon) {
        absl::StatusOr<ExitStatus> ended = child->Wait();
        if (!ended.ok()) wrong += std::string(ended.status().message()) + "; ";
      }
    }
  }
  *killed = record->killed;
  for (pid_t pid : os.first_children()) {
    if (waitpid(pid, nullptr, WNOHANG) != -1 || errno != ECHILD) wrong += "its child is left; ";
  }
  // A second child that has ended belongs to the subreaper, which this process is.
  wrong += victim.session == Session::kDaemon ? ReapOrphans() : DescribeChildren();
  wrong += Difference(before, ReadCallerState());
  return wrong.empty() ? "" : "killed at call " + std::to_string(call) + ": " + wrong + "\n";
}

class KilledBeforeStart : public ::testing::TestWithParam<Parameter> {};

TEST_P(KilledBeforeStart, IsAnErrorAtEachOfItsCallsAndLeavesNothing) {
  const EntryPoint entry = std::get<0>(GetParam());
  const Victim victim = std::get<1>(GetParam());
  EXPECT_EQ(InOwnProcess([&] {
              std::string wrong;
              bool killed = true;
              int call = 0;
              while (killed && call < 1000) wrong += RunOnce(entry, victim, ++call, &killed);
              if (call < 10) wrong += "there were only " + std::to_string(call) + " calls; ";
              if (killed) wrong += "it never ran through; ";
              return wrong;
            }),
            "");
}

INSTANTIATE_TEST_SUITE_P(Real, KilledBeforeStart,
                         ::testing::Combine(EntryPoints(), ::testing::ValuesIn(kVictims)),
                         [](const ::testing::TestParamInfo<Parameter>& info) {
                           return std::string(EntryPointName(std::get<0>(info.param))) +
                                  std::get<1>(info.param).name;
                         });

}  // namespace
}  // namespace cleanfork
