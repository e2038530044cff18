#include "src/look_schedule.h"

#include <algorithm>

#include "cleanfork/fd_io.h"

namespace cleanfork {

int64_t LookSchedule::Next(int64_t now, int64_t deadline) {
  if (!next_.has_value()) {
    next_ = Later(now, interval_);
    interval_ = std::min(2 * interval_, kLongest);
  }
  return std::max(now, std::min(*next_, deadline));
}

void LookSchedule::Looked(int64_t moment) {
  if (next_.has_value() && moment >= *next_) next_.reset();
}

}  // namespace cleanfork
