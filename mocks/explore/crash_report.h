// CrashReport: a body that crashes takes the whole test with it. This says in which run.
#ifndef CLEANFORK_MOCKS_EXPLORE_CRASH_REPORT_H_
#define CLEANFORK_MOCKS_EXPLORE_CRASH_REPORT_H_

#include <signal.h>

#include <array>

#include "mocks/explore/choices.h"

namespace cleanfork::explore {

// While it is there, SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGABRT of this program write the plan of
// the run so far to stderr, and then do what they did before. One at a time.
//
// It is the plan as `choices` has it. That of a search that leaves out steps which make no
// difference may lack switches that a run of the plan needs, and which take another run to find.
class CrashReport {
 public:
  explicit CrashReport(const Choices* choices);
  CrashReport(const CrashReport&) = delete;
  CrashReport& operator=(const CrashReport&) = delete;
  ~CrashReport();

 private:
  static constexpr std::array<int, 5> kSignals = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};

  static void Handle(int signal);
  void Restore() const;

  static CrashReport* current_;
  static volatile sig_atomic_t has_reported_;
  const Choices& choices_;
  std::array<struct sigaction, kSignals.size()> before_;
};

}  // namespace cleanfork::explore

#endif  // CLEANFORK_MOCKS_EXPLORE_CRASH_REPORT_H_
