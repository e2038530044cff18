#include "tests/unit/daemonize_os.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <utility>

namespace cleanfork {

using testing::_;
using testing::StrEq;

StarterOs::StarterOs() {
  ShowStat("4000 (a) b (c) S 1 2 3 0 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 99");
  Say(ChildReport::Forked(kSecond));
  Say(ChildReport::Started(kSecond));
  ON_CALL(*this, Fork()).WillByDefault(ForkAsParent(kFirst));
  ON_CALL(*this, PidFdOpen(kFirst, 0)).WillByDefault(Ok(kFirstFd));
  ON_CALL(*this, PidFdOpen(kSecond, 0)).WillByDefault(Ok(kSecondFd));
  ON_CALL(*this, PidFdSendSignal(_, SIGKILL)).WillByDefault([this](int fd, int) {
    return KillByPidFd(fd);
  });
  ON_CALL(*this, WaitId(_, _, _)).WillByDefault(Fails(ECHILD));
  ON_CALL(*this, ClockGetTime(CLOCK_MONOTONIC)).WillByDefault([this](clockid_t) {
    return SysResult<int64_t>(now_);
  });
  ON_CALL(*this, ClockNanoSleep(CLOCK_MONOTONIC, TIMER_ABSTIME, _))
      .WillByDefault([this](clockid_t, int, int64_t until) {
        return PollUntil(nullptr, 0, until - now_).ok() ? SysResult<void>() : SysError(EINTR);
      });
  ON_CALL(*this, Poll(_, _, _)).WillByDefault([this](struct pollfd* fds, size_t count, int64_t ns) {
    return PollUntil(fds, count, ns);
  });
  ON_CALL(*this, Read(kReportRead, _, _)).WillByDefault([this](int, void* buffer, size_t size) {
    if (pipe_.empty() && !pipe_closed_) throw std::logic_error("a read that never returns");
    const size_t got = std::min(size, pipe_.size());
    std::memcpy(buffer, pipe_.data(), got);
    pipe_.erase(0, got);
    return SysResult<size_t>(got);
  });
}

void StarterOs::Say(const ChildReport& report, const std::string& text) {
  pipe_.append(reinterpret_cast<const char*>(&report), sizeof(report));
  pipe_ += text;
}

void StarterOs::At(double seconds, std::function<void()> event) {
  events_.emplace(static_cast<int64_t>(seconds * static_cast<double>(kSecondNs)), std::move(event));
}

void StarterOs::ShowStat(const std::string& stat) {
  ON_CALL(*this, Open(StrEq("/proc/self/stat"), _, _))
      .WillByDefault([stat](const char*, int, mode_t) -> SysResult<int> {
        if (stat.empty()) return SysError(ENOENT);
        return kStat;
      });
  ON_CALL(*this, Read(kStat, _, _))
      .WillByDefault([stat, reads = 0](int from, void* buffer, size_t size) mutable {
        return reads++ == 0 ? ReadsBytes(stat)(from, buffer, size) : SysResult<size_t>(0);
      });
}

SysResult<void> StarterOs::KillByPidFd(int pid_fd) {
  if (ended_.count(pid_fd) != 0) return SysError(ESRCH);
  killed_.push_back(pid_fd);
  if (!killable && pid_fd == kSecondFd) return {};
  End(pid_fd);
  if (pid_fd == kSecondFd && ended_.count(kFirstFd) == 0) {
    Say(ChildReport::Died(SIGKILL, 0, kSecond));
    End(kFirstFd);
  }
  return {};
}

SysResult<size_t> StarterOs::PollNow(struct pollfd* descriptors, size_t count) {
  size_t ready = 0;
  for (size_t i = 0; i < count; ++i) {
    struct pollfd& descriptor = descriptors[i];
    const bool pipe = descriptor.fd == kReportRead && (!pipe_.empty() || pipe_closed_);
    descriptor.revents = pipe || ended_.count(descriptor.fd) != 0 ? POLLIN : 0;
    ready += descriptor.revents != 0 ? 1 : 0;
    if (between_looks && count > 1) std::exchange(between_looks, nullptr)();
  }
  return ready;
}

SysResult<size_t> StarterOs::PollUntil(struct pollfd* descriptors, size_t count,
                                       int64_t nanoseconds) {
  for (;;) {
    while (!events_.empty() && events_.begin()->first <= now_) {
      const std::function<void()> event = events_.begin()->second;
      events_.erase(events_.begin());
      event();
    }
    const SysResult<size_t> ready = PollNow(descriptors, count);
    if (ready.value() > 0 || nanoseconds == 0) return ready;
    if (!poll_errors.empty()) {
      const int error = poll_errors.front();
      poll_errors.erase(poll_errors.begin());
      now_ += kSecondNs;
      return SysError(error);
    }
    const auto next = events_.begin();
    const bool is_due =
        next != events_.end() && (nanoseconds < 0 || next->first <= now_ + nanoseconds);
    if (!is_due && nanoseconds < 0) throw std::logic_error("a wait that never ends");
    const int64_t passed = is_due ? next->first - now_ : nanoseconds;
    now_ += passed;
    if (nanoseconds > 0) nanoseconds -= passed;
  }
}

}  // namespace cleanfork
