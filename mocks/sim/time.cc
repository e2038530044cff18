// Virtual time, which passes only while every process waits: clock_gettime(2), clock_nanosleep(2);
// and chance, which is the same in every run: getrandom(2).
#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <string>
#include <utility>

#include "mocks/sim/calls.h"
#include "mocks/sim/refuse.h"

namespace cleanfork::sim {
namespace {

// splitmix64.
uint64_t NextRandom(uint64_t* state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// Whether Linux has a clock of that number, or may have: 10 was SGI's; from 16 to 23 and below 0
// are those that come and go.
bool IsClock(clockid_t clock) {
  return clock < 0 || (clock <= CLOCK_TAI && clock != 10) || (clock >= 16 && clock < 24);
}

}  // namespace

int64_t Calls::Deadline(int64_t nanoseconds) const {
  if (nanoseconds < 0 || nanoseconds > kForever - kernel_.monotonic) return kForever;
  return kernel_.monotonic + nanoseconds;
}

bool Calls::TakeRest(int64_t* time) {
  const Rest rest = std::exchange(self().rest, Rest::kNone);
  if (rest == Rest::kKept) *time = self().rest_of_time;
  return rest != Rest::kLost;
}

SysError Calls::KeepRest(int64_t time) {
  self().rest_of_time = time;
  return SysError(kRestartWithTheRest);
}

SysResult<int64_t> Calls::ClockGetTime(clockid_t clock) {
  switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE: return kernel_.monotonic + kernel_.realtime_offset;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME: return kernel_.monotonic;
    default:
      if (!IsClock(clock)) return SysError(EINVAL);
      Refuse("clock " + std::to_string(clock));
  }
}

SysResult<void> Calls::ClockNanoSleep(clockid_t clock, int flags, int64_t nanoseconds) {
  switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_MONOTONIC:
    case CLOCK_BOOTTIME: break;
    case CLOCK_THREAD_CPUTIME_ID: return SysError(EINVAL);  // the C library's word
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_REALTIME_COARSE: return SysError(ENOTSUP);
    default:
      if (!IsClock(clock)) return SysError(EINVAL);
      Refuse("to sleep by clock " + std::to_string(clock));
  }
  if (nanoseconds < 0) return SysError(EINVAL);
  const bool absolute = (flags & TIMER_ABSTIME) != 0;
  const bool real = clock == CLOCK_REALTIME;
  int64_t deadline =
      absolute ? nanoseconds - (real ? kernel_.realtime_offset : 0) : Deadline(nanoseconds);
  if (!absolute && !TakeRest(&deadline)) return SysError(EINTR);
  if (deadline <= kernel_.monotonic) return {};
  const Wake wake = Wait("its time has not come", deadline, [] { return false; });
  if (wake == Wake::kTimeout) return {};
  // A relative sleep is over when it would have been, though its process was stopped meanwhile.
  if (!absolute) return KeepRest(deadline);
  return SysError(kRestartWithoutHandler);
}

SysResult<size_t> Calls::GetRandom(void* buffer, size_t size, unsigned flags) {
  if ((flags & ~static_cast<unsigned>(GRND_NONBLOCK | GRND_RANDOM)) != 0) return SysError(EINVAL);
  if (buffer == nullptr && size > 0) return SysError(EFAULT);
  char* to = static_cast<char*>(buffer);
  for (size_t done = 0; done < size;) {
    const uint64_t random = NextRandom(&kernel_.random);
    const size_t part = std::min(size - done, sizeof(random));
    std::memcpy(to + done, &random, part);
    done += part;
  }
  return size;
}

}  // namespace cleanfork::sim
