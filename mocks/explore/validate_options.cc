#include "mocks/explore/validate_options.h"

#include <cinttypes>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "cleanfork/os_types.h"
#include "mocks/sim/heap.h"

namespace cleanfork::explore {
namespace {

[[noreturn]] void Refuse(const char* why) {
  std::fprintf(stderr, "Explore: %s\n", why);
  std::abort();
}

void CheckAtLeast(const char* field, int64_t value, int64_t least) {
  if (value >= least) return;
  char why[128];
  std::snprintf(why, sizeof(why),
                "ExploreOptions::%s is %" PRId64 ", and has to be at least %" PRId64, field, value,
                least);
  Refuse(why);
}

}  // namespace

void CheckOptions(const Scenario& scenario, const ExploreOptions& options) {
  if (scenario.body == nullptr) Refuse("Scenario::body is empty");
  CheckAtLeast("max_faults", options.max_faults, 0);
  CheckAtLeast("max_signals", options.max_signals, 0);
  CheckAtLeast("max_kills", options.max_kills, 0);
  CheckAtLeast("max_preemptions", options.max_preemptions, -1);
  CheckAtLeast("max_calls", options.max_calls, 1);
  CheckAtLeast("max_runs", options.max_runs, 1);
  CheckAtLeast("random_runs", options.random_runs, 0);
  CheckAtLeast("random_deviations", options.random_deviations, 0);
  CheckAtLeast("shard", options.shard, 0);
  CheckAtLeast("shards", options.shards, options.shard + 1);
  if (!(options.max_seconds >= 0)) Refuse("ExploreOptions::max_seconds is below 0, or no number");
  if (options.merge_states && options.max_preemptions >= 0) {
    Refuse("ExploreOptions::merge_states does not go with max_preemptions");
  }
  if (options.checkpoints && sim::HeapTracker::Installed() == nullptr) {
    Refuse("ExploreOptions::checkpoints needs a SimHeap: make one before (cleanfork/sim_heap.h)");
  }
  if (options.max_signals > 0 && options.signals.empty()) {
    Refuse("ExploreOptions::max_signals is above 0, and there are no signals");
  }
  for (int signal : options.signals) {
    if (signal == SIGKILL) Refuse("ExploreOptions::signals has SIGKILL, which max_kills is for");
    if (signal < 1 || signal > SignalSet::kMaxSignal) {
      Refuse("ExploreOptions::signals has a number that no signal has");
    }
  }
}

}  // namespace cleanfork::explore
