// CrashReport: a body that crashes takes the whole test with it. This says in which run.
#ifndef CLEANFORK_MOCKS_EXPLORE_CRASH_REPORT_H_
#define CLEANFORK_MOCKS_EXPLORE_CRASH_REPORT_H_

#include <signal.h>

#include <array>
#include <cstdint>
#include <string>

#include "cleanfork/explore.h"
#include "mocks/explore/choices.h"

namespace cleanfork::explore {

// While it is there, SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGABRT of this program write the plan of
// the run so far to stderr, and then do what they did before. One at a time; to be made before the
// SimOs whose runs these are, whose own handlers of SIGSEGV go on to those that they find.
//
// A search leaves out steps that make no difference, before which a run of a plan may switch. So a
// real child of the program makes the run again, up to the crash, and once more with these steps;
// and says the plan if that crashes too when it is replayed.
class CrashReport {
 public:
  // `scenario` must outlive it.
  CrashReport(const Scenario& scenario, int64_t max_calls);
  CrashReport(const CrashReport&) = delete;
  CrashReport& operator=(const CrashReport&) = delete;
  ~CrashReport();

  // Who makes the runs from now on.
  void SetChoices(Choices* choices) { choices_ = choices; }

 private:
  static constexpr std::array<int, 5> kSignals = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};

  static void Handle(int signal);
  void Restore() const;
  std::string FindPlan() const;

  static CrashReport* current_;
  static volatile sig_atomic_t has_reported_;
  const Scenario& scenario_;
  const int64_t max_calls_;
  Choices* choices_ = nullptr;
  std::array<struct sigaction, kSignals.size()> before_;
};

}  // namespace cleanfork::explore

#endif  // CLEANFORK_MOCKS_EXPLORE_CRASH_REPORT_H_
