// ScriptedOs: a MockOs set up as a machine on which starting a child works, so that a test says
// only what is different: /dev/null opens, pipes open, the clock stands still but for sleeps.
#ifndef CLEANFORK_TESTS_UNIT_SCRIPTED_OS_H_
#define CLEANFORK_TESTS_UNIT_SCRIPTED_OS_H_

#include <gmock/gmock.h>

#include <cstdint>
#include <vector>

#include "cleanfork/child_report.h"
#include "cleanfork/mock_os.h"

namespace cleanfork {

class ScriptedOs : public testing::NiceMock<MockOs> {
 public:
  static constexpr int kNull = 20;
  static constexpr int kOomScore = 21;
  static constexpr int kReportRead = 30;
  static constexpr int kReportWrite = 31;
  static constexpr int kSecondRead = 32;
  static constexpr int kSecondWrite = 33;
  static constexpr pid_t kChild = 4711;

  ScriptedOs();

  // The mask that the caller has before.
  static SignalSet CallersMask() { return SignalSet::Of(SIGUSR1); }

  // The sleeps so far, in nanoseconds.
  const std::vector<int64_t>& sleeps() const { return sleeps_; }

  // What the child has written on its report pipe.
  const std::vector<ChildReport>& reports() const { return reports_; }

  // Makes the Read() of the parent answer with `report`.
  void ChildWillReport(const ChildReport& report);

 private:
  int64_t now_ = 1'000'000'000;
  int pipes_ = 0;
  std::vector<int64_t> sleeps_;
  std::vector<ChildReport> reports_;
};

}  // namespace cleanfork

#endif  // CLEANFORK_TESTS_UNIT_SCRIPTED_OS_H_
