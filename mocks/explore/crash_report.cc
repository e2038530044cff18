#include "mocks/explore/crash_report.h"

#include <unistd.h>

#include <string>

#include "cleanfork/fault_plan.h"

namespace cleanfork::explore {

CrashReport* CrashReport::current_ = nullptr;
volatile sig_atomic_t CrashReport::has_reported_ = 0;

CrashReport::CrashReport(const Choices* choices) : choices_(*choices) {
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
  const CrashReport& report = *current_;
  report.Restore();
  alarm(10);
  const std::string text = "explore: the body crashes in the run\n  " +
                           FaultPlanToString(report.choices_.plan()) +
                           "\n  Replay() makes it again, in a debugger for one. If it does not: an "
                           "exploration with a bound in max_preemptions names all switches.\n";
  const ssize_t ignored = write(STDERR_FILENO, text.data(), text.size());
  static_cast<void>(ignored);
  alarm(0);
}

}  // namespace cleanfork::explore
