// A child that is killed (SIGKILL) at any of its calls between fork and exec or report is an error,
// "ended by signal 9": never a success, and nothing is left behind. Its n-th call is where it
// dies, for every n until it runs through; and, with more steps in its plan, at random, until 1,000
// have died before they had started. CLEANFORK_SEED repeats a run.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <iterator>
#include <optional>
#include <random>
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
  std::atomic<int> calls{0};         // the victim's, so far
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
    if (generation() != target_generation_) return;
    ++record_->calls;
    if (--calls_left_ > 0) return;
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

// What came of one run.
struct KillRun {
  std::string wrong;      // "" if all is well
  bool killed = false;    // whether the victim lived long enough to be killed
  bool reported = false;  // as an error
  int calls = 0;          // that the victim made
};

// Kills the victim at its call number `call`.
KillRun RunOnce(EntryPoint entry, const Victim& victim, int call,
                ForkOptions options = ForkOptions()) {
  Shared<Record> record;
  KillingOs os(entry, victim.generation, call, &*record);
  options.session = victim.session;
  const CallerState before = ReadCallerState();
  KillRun run;
  std::string& wrong = run.wrong;
  {
    // A daemon does not end by itself: one that is left running is seen.
    const bool daemon = victim.session == Session::kDaemon;
    absl::StatusOr<Child> child =
        daemon ? StartPausing(entry, options, os) : StartExiting(entry, 7, options, os);
    const bool has_execd = child.ok() && daemon && HasExecd(RealOs(), child->pid());
    if (child.ok() && daemon) kill(child->pid(), SIGKILL);
    run.reported = !child.ok();
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
  run.killed = record->killed;
  run.calls = record->calls;
  for (pid_t pid : os.first_children()) {
    if (waitpid(pid, nullptr, WNOHANG) != -1 || errno != ECHILD) wrong += "its child is left; ";
  }
  // A second child that has ended belongs to the subreaper, which this process is.
  wrong += victim.session == Session::kDaemon ? ReapOrphans() : DescribeChildren();
  wrong += Difference(before, ReadCallerState());
  if (!wrong.empty()) {
    wrong = std::string(EntryPointName(entry)) + ", " + victim.name + " killed at call " +
            std::to_string(call) + ": " + wrong + "\n";
  }
  return run;
}

class KilledBeforeStart : public ::testing::TestWithParam<Parameter> {};

TEST_P(KilledBeforeStart, IsAnErrorAtEachOfItsCallsAndLeavesNothing) {
  const EntryPoint entry = std::get<0>(GetParam());
  const Victim victim = std::get<1>(GetParam());
  EXPECT_EQ(InOwnProcess([&] {
              std::string wrong;
              KillRun run;
              int call = 0;
              do {
                run = RunOnce(entry, victim, ++call);
                wrong += run.wrong;
              } while (run.killed && call < 1000);
              if (call < 10) wrong += "there were only " + std::to_string(call) + " calls; ";
              if (run.killed) wrong += "it never ran through; ";
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

// More steps than by default, none of which needs privileges.
ForkOptions LongPlan(const Victim& victim) {
  ForkOptions options;
  options.limits = {{RLIMIT_CORE, {0, 0}}};
  options.nice = 19;  // allowed to everybody, whatever the caller has
  options.no_new_privs = true;
  options.descriptors = {{2, 7}, {2, 8}};
  if (victim.session != Session::kDaemon) options.parent_death_signal = SIGTERM;
  return options;
}

unsigned ChooseSeed() {
  const char* seed = std::getenv("CLEANFORK_SEED");
  return seed != nullptr ? static_cast<unsigned>(std::strtoul(seed, nullptr, 10))
                         : std::random_device()();
}

struct Tally {
  int killed = 0;
  int reported = 0;
  int started = 0;  // killed when it was as good as started, and no error
};

// Kills until `target` have died before they had started; "" if each of them was reported.
std::string KillAtRandom(unsigned seed, int target, Tally* tally) {
  std::mt19937 random(seed);
  const auto draw = [&random](int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(random);
  };
  constexpr EntryPoint kEntries[] = {EntryPoint::kForkChild, EntryPoint::kRunInChild,
                                     EntryPoint::kSpawn};
  constexpr int kNever = 1 << 20;
  int calls[std::size(kEntries)][std::size(kVictims)] = {};
  std::string wrong;
  for (int runs = 0; wrong.empty() && tally->reported < target; ++runs) {
    if (runs > 3 * target) return "most that were killed had started";
    const int entry = draw(0, static_cast<int>(std::size(kEntries)) - 1);
    const int victim = draw(0, static_cast<int>(std::size(kVictims)) - 1);
    int& count = calls[entry][victim];
    if (count == 0) {
      const KillRun whole =
          RunOnce(kEntries[entry], kVictims[victim], kNever, LongPlan(kVictims[victim]));
      wrong += whole.wrong;
      count = whole.calls;
    }
    const KillRun run =
        RunOnce(kEntries[entry], kVictims[victim], draw(1, count), LongPlan(kVictims[victim]));
    wrong += run.wrong;
    if (run.killed) ++tally->killed;
    if (run.reported) ++tally->reported;
    if (run.killed && !run.reported) ++tally->started;
  }
  return wrong;
}

TEST(KilledAtRandom, AThousandThatHadNotStartedAreAThousandErrors) {
  constexpr int kTarget = 1000;
  const unsigned seed = ChooseSeed();
  Shared<Tally> tally;
  EXPECT_EQ(InOwnProcess([&] { return KillAtRandom(seed, kTarget, &*tally); }), "");
  const int before_start = tally->killed - tally->started;
  EXPECT_EQ(before_start, kTarget);
  EXPECT_EQ(tally->reported, before_start);
  std::cout << "killed between fork and start: " << before_start
            << ", reported: " << tally->reported
            << "; killed when already started: " << tally->started << "; CLEANFORK_SEED=" << seed
            << std::endl;
}

}  // namespace
}  // namespace cleanfork
