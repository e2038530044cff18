// The bounds of the scenarios.
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>

#include "absl/strings/cord.h"
#include "cleanfork/sim_heap.h"
#include "tests/explore/scenarios.h"
#include "tests/real/sanitizers.h"

namespace cleanfork::explore {
namespace {

// Abseil remembers one Cord in some 50,000 in a list of the whole program. Those of a process that
// is killed would stand there after its heap was taken back.
void StopRememberingCords() { absl::cord_internal::set_cordz_mean_interval(0); }

}  // namespace

std::vector<Slice> Slices() {
  Slice one_fault;
  one_fault.name = "one_fault";
  const char* const deep = std::getenv("CLEANFORK_EXPLORE_DEEP");
  if (deep == nullptr || *deep == '\0') return {one_fault};
  // As few as will do for two processors: what one slice has seen another does not know.
  constexpr int kSlices = 2;
  std::vector<Slice> slices;
  for (int i = 0; i < kSlices; ++i) {
    Slice three_faults;
    three_faults.name = "three_faults_" + std::to_string(i);
    three_faults.options.max_faults = 3;
    three_faults.options.merge_states = true;
    three_faults.options.checkpoints = true;
    three_faults.options.max_runs = std::numeric_limits<int64_t>::max();
    three_faults.options.shard = i;
    three_faults.options.shards = kSlices;
    slices.push_back(three_faults);
    Slice with_signals = three_faults;
    with_signals.name = "two_faults_a_signal_and_a_kill_" + std::to_string(i);
    with_signals.options.max_faults = 2;
    with_signals.options.signals = {SIGTERM};
    with_signals.options.max_signals = 1;
    with_signals.options.max_kills = 1;
    slices.push_back(with_signals);
  }
  return slices;
}

Slice BoundedByThreadSanitizer(Slice slice) {
  if (!kThreadSanitizer) return slice;
  slice.options.merge_states = slice.options.checkpoints = false;
  slice.options.max_preemptions = 1;
  return slice;
}

ExploreResult ExploreSlice(const Scenario& scenario, const Slice& slice) {
  // What is made once in a program, as tables of locales are, is made here and belongs to nobody.
  SimOs(scenario.world).Run(scenario.body);
  StopRememberingCords();
  const SimHeap heap;
  const ExploreResult result = Explore(scenario, slice.options);
  std::printf("%s, %s: %lld runs, %lld pruned, %.2f s\n", scenario.name.c_str(), slice.name.c_str(),
              static_cast<long long>(result.runs), static_cast<long long>(result.pruned),
              result.seconds);
  return result;
}

}  // namespace cleanfork::explore
