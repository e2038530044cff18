// StarterOs: a ScriptedOs on which a daemon is started, with a clock of its own and a time-table of
// what happens outside of the starter.
#ifndef CLEANFORK_TESTS_UNIT_DAEMONIZE_OS_H_
#define CLEANFORK_TESTS_UNIT_DAEMONIZE_OS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cleanfork/child_report.h"
#include "tests/unit/scripted_os.h"

namespace cleanfork {

class StarterOs : public ScriptedOs {
 public:
  static constexpr pid_t kFirst = kChild;
  static constexpr pid_t kSecond = 4712;
  static constexpr int kFirstFd = 60;  // their pidfds
  static constexpr int kSecondFd = 61;
  static constexpr int kStat = 50;  // /proc/self/stat
  static constexpr int64_t kSecondNs = 1'000'000'000;

  // A starter whose daemon has been set up already and is in a session of its own.
  StarterOs();

  // What comes out of the report pipe, from `report` on.
  void Say(const ChildReport& report, const std::string& text = "");
  void SayBytes(const std::string& bytes) { pipe_ += bytes; }
  void Unsay() { pipe_.clear(); }
  void CloseReportPipe() { pipe_closed_ = true; }

  // Instead of that daemon one that is the starter's child: kFirst.
  void BecomeParent() {
    Unsay();
    Say(ChildReport::Started(kFirst));
  }

  // The process of this pidfd ends.
  void End(int pid_fd) { ended_.insert(pid_fd); }

  // `event` happens `seconds` after the start, while the starter waits.
  void At(double seconds, std::function<void()> event);

  // What /proc/self/stat says. "" is a file that is not there.
  void ShowStat(const std::string& stat);

  double now() const { return static_cast<double>(now_) / static_cast<double>(kSecondNs); }

  // The pidfds that were sent a SIGKILL, in order. A process that is killed ends; the second one's
  // end is reported by the first one, if that lives, which then ends too.
  const std::vector<int>& killed() const { return killed_; }

  // What a poll(2) that waits comes to instead, once for each.
  std::vector<int> poll_errors;
  bool killable = true;

  // Happens once, after a poll(2) has looked at its first descriptor and before it looks at the
  // next.
  std::function<void()> between_looks;

 private:
  SysResult<size_t> PollNow(struct pollfd* descriptors, size_t count);
  SysResult<size_t> PollUntil(struct pollfd* descriptors, size_t count, int64_t nanoseconds);
  SysResult<void> KillByPidFd(int pid_fd);

  int64_t now_ = 0;
  std::string pipe_;
  bool pipe_closed_ = false;
  std::set<int> ended_;
  std::multimap<int64_t, std::function<void()>> events_;
  std::vector<int> killed_;
};

}  // namespace cleanfork

#endif  // CLEANFORK_TESTS_UNIT_DAEMONIZE_OS_H_
