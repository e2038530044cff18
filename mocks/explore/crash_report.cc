#include "mocks/explore/crash_report.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "cleanfork/fault_plan.h"
#include "cleanfork/fd_io.h"
#include "cleanfork/os.h"
#include "mocks/explore/plan_choices.h"
#include "mocks/explore/session.h"

namespace cleanfork::explore {
namespace {

// Seconds for a program that crashes to say in which run.
constexpr unsigned kPatience = 10;

constexpr size_t kLongestPlan = size_t{64} * 1024;

void Print(int fd, const std::string& text) {
  const ssize_t ignored = write(fd, text.data(), text.size());
  static_cast<void>(ignored);
}

// By SIGALRM, whatever the program does with that.
void EndIn(unsigned seconds) {
  const SignalSet set = SignalSet::Of(SIGALRM);
  const SignalAction standard;
  RealOs().SigAction(SIGALRM, &standard).IgnoreError();
  RealOs().SigProcMask(SIG_UNBLOCK, &set).IgnoreError();
  alarm(seconds);
}

// What the real child does: runs that crash, each on a thread of its own, which the handler of the
// crash before has begun. It never comes to an end but by _exit(2).
class CrashedRuns {
 public:
  CrashedRuns(const Scenario& scenario, int64_t max_calls, Choices* choices, int out)
      : scenario_(scenario), max_calls_(max_calls), choices_(choices), out_(out) {}

  [[noreturn]] void Begin(const int* signals, size_t count) {
    runs = this;
    struct sigaction action = {};
    action.sa_handler = &Handle;
    action.sa_flags = SA_ONSTACK | SA_NODEFER;
    for (size_t i = 0; i < count; ++i) sigaction(signals[i], &action, nullptr);
    // What the body says when it crashes it has said.
    Os& os = RealOs();
    const SysResult<int> null = os.Open("/dev/null", O_WRONLY | O_CLOEXEC, 0);
    for (int fd : {STDOUT_FILENO, STDERR_FILENO}) os.Dup2(null.value_or(-1), fd).IgnoreError();
    if (choices_->notes_steps()) {
      Continue();
    } else {
      choices_->NoteSteps();
      Run(choices_);
    }
    os.Exit(1);
    __builtin_unreachable();
  }

 private:
  enum class Stage { kNotesSteps, kFollowsThem, kReplays };

  static void Handle(int) {
    runs->Continue();
    RealOs().Exit(1);
  }

  void Continue() {
    const Stage stage = stage_;
    if (stage == Stage::kNotesSteps) {
      stage_ = Stage::kFollowsThem;
      plans_.emplace(choices_->plan(), choices_->steps());
      Run(&*plans_);
    } else if (stage == Stage::kFollowsThem) {
      stage_ = Stage::kReplays;
      plan_ = plans_->plan();
      plans_.emplace(plan_);
      Run(&*plans_);
    } else {
      Print(out_, FaultPlanToString(plan_));
      RealOs().Exit(0);
    }
  }

  // A simulation is a thread's: the one that has crashed has its own still.
  void Run(Choices* choices) {
    std::thread([this, choices] {
      Session session(scenario_, max_calls_);
      session.Run(choices, false);
      RealOs().Exit(1);  // it does not crash any more
    }).join();
  }

  static CrashedRuns* runs;

  const Scenario& scenario_;
  const int64_t max_calls_;
  Choices* const choices_;
  const int out_;
  Stage stage_ = Stage::kNotesSteps;
  std::optional<PlanChoices> plans_;
  FaultPlan plan_;
};

CrashedRuns* CrashedRuns::runs = nullptr;

}  // namespace

CrashReport* CrashReport::current_ = nullptr;
volatile sig_atomic_t CrashReport::has_reported_ = 0;

CrashReport::CrashReport(const Scenario& scenario, int64_t max_calls)
    : scenario_(scenario), max_calls_(max_calls) {
  current_ = this;
  struct sigaction action = {};
  action.sa_handler = &Handle;
  action.sa_flags = SA_ONSTACK | SA_NODEFER;
  for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &action, &before_[i]);
}

CrashReport::~CrashReport() {
  Restore();
  current_ = nullptr;
}

// Not where somebody else has set an action since, who goes on to this one.
void CrashReport::Restore() const {
  for (size_t i = 0; i < kSignals.size(); ++i) {
    struct sigaction now = {};
    sigaction(kSignals[i], nullptr, &now);
    if (now.sa_handler == &Handle) sigaction(kSignals[i], &before_[i], nullptr);
  }
}

// Empty where the run does not crash when it is made again.
std::string CrashReport::FindPlan() const {
  Os& os = RealOs();
  const SysResult<PipeEnds> ends = os.Pipe2(O_CLOEXEC);
  if (!ends.ok()) return "";
  const SysResult<pid_t> child = os.Fork();
  if (child.ok() && child.value() == 0) {
    EndIn(kPatience);
    CrashedRuns(scenario_, max_calls_, choices_, ends.value().write_end)
        .Begin(kSignals.data(), kSignals.size());
  }
  os.Close(ends.value().write_end).IgnoreError();
  std::string plan(kLongestPlan, '\0');
  plan.resize(ReadFully(os, ends.value().read_end, plan.data(), plan.size()).value_or(0));
  os.Close(ends.value().read_end).IgnoreError();
  if (child.ok()) RetryOnEintr([&] { return os.WaitPid(child.value(), 0); }).IgnoreError();
  return plan;
}

// It allocates, which no handler should: the program is at its end, and if this hangs or crashes
// too, no more is lost than would be without it. SIGALRM ends a hang.
void CrashReport::Handle(int signal) {
  // SimOs hands on to whoever was there before its first run, which is this, and may be what was
  // there before this: told once more, it is the end.
  if (has_reported_ != 0) {
    struct sigaction end = {};
    end.sa_handler = SIG_DFL;
    sigaction(signal, &end, nullptr);
    return;
  }
  has_reported_ = 1;
  CrashReport& report = *current_;
  report.Restore();
  if (report.choices_ == nullptr) return;
  EndIn(2 * kPatience);
  std::string plan = report.FindPlan();
  std::string caveat;
  if (plan.empty()) {
    plan = FaultPlanToString(report.choices_->plan());
    caveat =
        " It may not, though: the body could not be made to crash again just now, as where it "
        "keeps something from run to run.";
  }
  Print(STDERR_FILENO, "explore: the body crashes in the run\n  " + plan +
                           "\n  Replay() makes it again, in a debugger for one." + caveat + "\n");
  report.choices_ = nullptr;
  alarm(0);
}

}  // namespace cleanfork::explore
