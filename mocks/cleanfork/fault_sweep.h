// FaultSweep: one run of your code for each of its calls and each way in which that call can fail,
// in every process of it, until a run in which nothing fails shows no call that was not failed.
//
//   cleanfork::FaultSweep sweep;
//   cleanfork::FaultPlan plan;
//   while (sweep.Next(&plan)) {
//     SCOPED_TRACE(FaultPlanToString(plan));
//     cleanfork::FaultOs os(cleanfork::RealOs(), plan);
//     CheckThatStartServiceLeavesNothingBehind(os);
//     sweep.Record(os);
//   }
//   EXPECT_TRUE(sweep.complete());
//
// Which calls there are it learns from the runs: the first plan is empty, and each call seen is
// queued with every errno that its manual page lists (OsCallInfo::errnos). When the queue is
// empty, the empty plan is run again; if that shows calls that are new (code whose calls depend on
// timing does), these are queued too. It ends with a run in which no fault fired and no call was
// new: the rule of SQLite's tests.
//
// The handling of a fault makes calls of its own: a second fork, a kill, a wait. With max_faults
// above 1 these are failed as well: a plan that fired is extended by a fault for each call that its
// run made and the run without its last fault did not.
//
// Code that leaves out to pass `os` on makes no call that can be failed: then nothing was shown,
// and the sweep is not complete. Nor has a plan that did not fire shown anything. Where the code
// makes the same calls in every run, close with
//
//   EXPECT_THAT(sweep.unfired(), IsEmpty());
//
// and where it does not (how often it polls, say, depends on timing), see that none of the calls
// that matter is among them, or run such a plan again.
//
// Not every errno of a page can happen to your code: a process that waits once for a child of its
// own is never told ECHILD, and told so in a test it leaves the child. FaultSweepOptions::filter.
//
// Plans come in the order of their number of faults, then of process, call and errno: always the
// same for the same runs. Thread-compatible. Allocates: for the test's own process.
#ifndef CLEANFORK_FAULT_SWEEP_H_
#define CLEANFORK_FAULT_SWEEP_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "cleanfork/fault_os.h"
#include "cleanfork/fault_plan.h"

namespace cleanfork {

struct FaultSweepOptions {
  // The most faults in one run; from 1.
  int max_faults = 1;

  // Besides failing once, let the call and all its later ones fail.
  bool sticky = false;

  // Let a single byte pass of each read and write.
  bool short_transfers = false;

  // Let each call say that it succeeded and do nothing.
  bool lies = false;

  // Which faults to inject; empty: all. Called once for each before it is queued.
  std::function<bool(const FaultEntry&)> filter;
};

class FaultSweep {
 public:
  explicit FaultSweep(FaultSweepOptions options = FaultSweepOptions());

  // The plan of the next run, or false when the sweep is over. Every plan that it gives has to be
  // run and recorded before the next is asked for: aborts otherwise.
  bool Next(FaultPlan* plan);

  // Learns from the run of the plan that Next() gave. All processes of it must have ended or made
  // their calls: what they do later is not seen. Aborts if `os` ran another plan.
  void Record(const FaultOs& os);

  // The last run was without a fault and showed no call that was not failed. False when no fault
  // fired in any run, when the calls would not settle in kMaxFaultFreeRuns, or when a run had more
  // processes than FaultOs records. Does not look at unfired().
  bool complete() const { return complete_; }
  static constexpr int kMaxFaultFreeRuns = 16;

  size_t runs() const { return runs_; }              // those without a fault included
  size_t runs_fired() const { return runs_fired_; }  // in which every fault of the plan fired

  // Plans of which a fault did not fire: the call was not made in that run. To be expected where
  // calls depend on timing, and nowhere else: see above.
  const std::vector<FaultPlan>& unfired() const { return unfired_; }

 private:
  // How often each process made each call.
  using Calls = std::map<std::pair<ProcessPath, OsCall>, uint32_t>;

  struct Pending {
    FaultPlan plan;
    std::shared_ptr<const Calls> before;  // of the run without the plan's last fault
  };

  void Extend(const FaultPlan& plan, const Calls& before, const std::shared_ptr<const Calls>& now);
  void Queue(const FaultPlan& plan, const FaultEntry& fault,
             const std::shared_ptr<const Calls>& now);

  const FaultSweepOptions options_;
  std::deque<Pending> pending_;
  Pending current_;
  bool running_ = false;
  bool over_ = false;
  bool complete_ = false;
  bool dropped_ = false;
  Calls known_;  // of all the runs without a fault
  int fault_free_runs_ = 0;
  size_t runs_ = 0;
  size_t runs_fired_ = 0;
  std::vector<FaultPlan> unfired_;
};

}  // namespace cleanfork

#endif  // CLEANFORK_FAULT_SWEEP_H_
