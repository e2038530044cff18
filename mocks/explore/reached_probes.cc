#include "mocks/explore/reached_probes.h"

#include <cstring>

#include "mocks/sim/refuse.h"

namespace cleanfork::explore {

void ReachedProbes::Add(const char* what) {
  for (size_t i = 0; i < size_; ++i) {
    if (probes_[i] == what || std::strcmp(probes_[i], what) == 0) return;
  }
  if (size_ == kMost) sim::OutOfRoom("probes of one run", kMost);
  probes_[size_++] = what;
}

void ProbeCounts::Count(const ReachedProbes& of_run) {
  for (const char* what : of_run) {
    int64_t*& count = by_address_[what];
    if (count == nullptr) count = &counts_[what];
    ++*count;
  }
}

}  // namespace cleanfork::explore
