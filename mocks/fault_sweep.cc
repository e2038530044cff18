#include "cleanfork/fault_sweep.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace cleanfork {
namespace {

[[noreturn]] void Misused(const char* how) {
  std::fprintf(stderr, "FaultSweep: %s\n", how);
  std::abort();
}

}  // namespace

FaultSweep::FaultSweep(FaultSweepOptions options) : options_(std::move(options)) {
  pending_.emplace_back();
}

bool FaultSweep::Next(FaultPlan* plan) {
  if (running_) Misused("Next() before the last plan's run was given to Record()");
  if (over_) return false;
  if (pending_.empty()) pending_.emplace_back();  // the closing run
  current_ = std::move(pending_.front());
  pending_.pop_front();
  running_ = true;
  *plan = current_.plan;
  return true;
}

void FaultSweep::Record(const FaultOs& os) {
  if (!running_ || os.plan() != current_.plan) Misused("Record() of a run of another plan");
  running_ = false;
  ++runs_;
  dropped_ = dropped_ || os.ProcessesDropped() > 0;
  auto now = std::make_shared<Calls>();
  for (const CallSite& site : os.CallsMade()) (*now)[{site.process, site.call}] = site.count;

  if (!current_.plan.empty()) {
    if (os.fired().size() < current_.plan.size()) {
      unfired_.push_back(current_.plan);
    } else {
      ++runs_fired_;
      if (current_.plan.size() < static_cast<size_t>(options_.max_faults)) {
        Extend(current_.plan, *current_.before, now);
      }
    }
    return;
  }

  ++fault_free_runs_;
  bool settled = fault_free_runs_ > 1;
  for (const auto& [site, count] : *now) settled = settled && known_[site] >= count;
  if (settled || fault_free_runs_ == kMaxFaultFreeRuns) {
    over_ = true;
    complete_ = settled && !dropped_ && runs_fired_ > 0;
    return;
  }
  const Calls before = known_;
  for (const auto& [site, count] : *now) known_[site] = std::max(known_[site], count);
  Extend({}, before, std::make_shared<Calls>(known_));
}

void FaultSweep::Extend(const FaultPlan& plan, const Calls& before,
                        const std::shared_ptr<const Calls>& now) {
  for (const auto& [site, count] : *now) {
    const auto known = before.find(site);
    FaultEntry fault;
    fault.process = site.first;
    fault.call = site.second;
    fault.index = known == before.end() ? 1 : known->second + 1;
    for (; fault.index <= count; ++fault.index) Queue(plan, fault, now);
  }
}

// Everything that can go wrong at the place that `fault` names.
void FaultSweep::Queue(const FaultPlan& plan, const FaultEntry& fault,
                       const std::shared_ptr<const Calls>& now) {
  const auto queue = [&](FaultEntry entry) {
    if (options_.filter && !options_.filter(entry)) return;
    Pending pending{plan, now};
    pending.plan.push_back(entry);
    pending_.push_back(std::move(pending));
  };
  for (int error : GetOsCallInfo(fault.call).errnos) {
    FaultEntry entry = fault;
    entry.error = error;
    queue(entry);
    if (!options_.sticky) continue;
    entry.sticky = true;
    queue(entry);
  }
  if (options_.short_transfers && MayBeShort(fault.call)) {
    FaultEntry entry = fault;
    entry.kind = FaultEntry::Kind::kShort;
    entry.bytes = 1;
    queue(entry);
  }
  if (options_.lies && MayLie(fault.call)) {
    FaultEntry entry = fault;
    entry.kind = FaultEntry::Kind::kLie;
    queue(entry);
  }
}

}  // namespace cleanfork
