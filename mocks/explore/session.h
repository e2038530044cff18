// Session: one scenario's simulated kernel, and runs in it.
#ifndef CLEANFORK_MOCKS_EXPLORE_SESSION_H_
#define CLEANFORK_MOCKS_EXPLORE_SESSION_H_

#include <memory>
#include <string>
#include <vector>

#include "cleanfork/explore.h"
#include "mocks/explore/choices.h"
#include "mocks/explore/picture.h"
#include "mocks/explore/reached_probes.h"
#include "mocks/explore/run_record.h"
#include "mocks/explore/search.h"
#include "mocks/sim/engine.h"

namespace cleanfork::explore {

// The first rule that a run has broken.
struct Violation {
  std::string rule;  // empty: none
  std::string what;
  bool must_repeat = false;  // only if the run breaks it again
};

class Session : private sim::CheckpointTaker {
 public:
  Session(const Scenario& scenario, int64_t max_calls);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() override;

  // One run; false if the explorer has abandoned it. With `describes`, messages and traces have
  // their texts, which takes longer.
  bool Run(Choices* choices, bool describes);

  // The search's next run, from the last checkpoint that leads to it.
  bool RunNext(Search* search);

  // Of the last run.
  const RunRecord& record() const { return record_; }
  const ReachedProbes& probes() const { return probes_; }
  Violation Check() const;

  // To be known before runs are checked: how the first process ends when nothing goes wrong.
  // Of the last run's record, too: the first run is the one that tells.
  void SetFaultFreeStatus(int status) {
    fault_free_status_ = status;
    record_.SetFaultFreeStatus(status);
  }

  // What checks that a plan is of this code: what comes before each call that it names.
  std::string Fits(const FaultPlan& plan) const;

  // Of the last run, if it was run with texts. What went wrong in it is in its record.
  Picture TakePicture() const;

  // The one that runs on this thread, or null.
  static Session* Current();
  void ReachProbe(const char* what) { probes_.Add(what); }
  void AddNote(const std::string& key, int64_t value) { record_.AddNote(key, value); }

 private:
  // A run, saved before a choice.
  struct Saved {
    std::shared_ptr<sim::Engine::Checkpoint> checkpoint;
    Search::Saved search;
    size_t notes = 0;
    size_t probes = 0;
    size_t bytes = 0;
  };

  bool WantsCheckpoint() const override { return searching_->WantsCheckpoint(); }
  void TakeCheckpoint() override;
  void ForgetLast();
  void ForgetAll();
  void ForgetEveryOther();
  template <typename Make>
  bool MakeRun(Choices* choices, const Make& make);

  const Scenario& scenario_;
  SimOs sim_;
  sim::Engine& engine_;
  RunRecord record_;
  ReachedProbes probes_;
  int fault_free_status_ = 0;
  Search* searching_ = nullptr;
  std::vector<Saved> saved_;  // each is on the way to the next
  size_t saved_bytes_ = 0;
};

}  // namespace cleanfork::explore

#endif  // CLEANFORK_MOCKS_EXPLORE_SESSION_H_
