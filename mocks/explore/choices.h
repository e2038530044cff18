// Choices: what every explorer has in common. It keeps to the bounds, finds the alternatives at a
// call, and notes how the run differs from one in which nobody chooses.
#ifndef CLEANFORK_MOCKS_EXPLORE_CHOICES_H_
#define CLEANFORK_MOCKS_EXPLORE_CHOICES_H_

#include <cstdint>
#include <set>
#include <vector>

#include "cleanfork/explore.h"
#include "cleanfork/fault_plan.h"
#include "mocks/sim/explorer.h"

namespace cleanfork::explore {

// What a step of a plan says of a fault at a place.
FaultEntry EntryOf(const sim::Place& place, bool within, const sim::Fault& fault);
FaultEntry SwitchEntry(const sim::Place& before, const ProcessPath& next);

// What a run did next, choice or not: a process took a step, or a signal came to one that could not
// (`within`); or time went on.
struct Step {
  bool is_time = false;
  bool within = false;
  ProcessPath process;
};

class Choices : public sim::Explorer {
 public:
  explicit Choices(const ExploreOptions& options);

  // Called by Session::Run().
  virtual void BeginRun();

  // How far a run has come, and what it has of its bounds.
  struct Mark {
    static constexpr size_t kMost = 64;  // deviations
    size_t plan = 0;
    size_t deviations = 0;
    uint64_t lasting = 0;  // of the deviations, a bit each
    uint64_t deviations_hash = 0;
    int faults = 0;
    int signals = 0;
    int kills = 0;
    int preemptions = 0;
    int last = 0;
  };
  Mark TakeMark() const;

  // Back to where it was.
  void ReturnTo(const Mark& mark);

  // How this run differs, in the order of its steps; and without the switches.
  const FaultPlan& plan() const { return plan_; }
  const FaultPlan& deviations() const { return deviations_; }
  int preemptions() const { return preemptions_; }

  // From now on runs note all their steps, which takes time.
  void NoteSteps() { notes_steps_ = true; }
  bool notes_steps() const { return notes_steps_; }
  const std::vector<Step>& steps() const { return steps_; }

  // Whether a process has been sent a signal by another, which it was in no run before: then these
  // have left out choices. The next run has them; one that is made again has not, before this.
  bool TakeNewlySignalled();

  bool WantsFaults() const override {
    return faults_ < options_.max_faults && deviations_left() > 0;
  }
  bool WantsSignals() const override {
    return (signals_ < options_.max_signals || kills_ < options_.max_kills) &&
           deviations_left() > 0;
  }
  bool WantsStates() const override { return false; }
  bool ChooseWhetherItStays(const sim::Place&, const sim::Fault&) override { return false; }
  const std::vector<int>& signals() const override { return possible_signals_; }
  bool SeesOwnSteps(const ProcessPath& process) const override;
  void NotePassed(const ProcessPath& process) override {
    if (notes_steps_) steps_.push_back({false, false, process});
  }
  void NoteInterrupted(const sim::Candidate*, int, const sim::Footprint&) override {}
  void NoteSignalled(const ProcessPath& process) override;

 protected:
  // How many there may be in a run, of all kinds.
  void SetMostDeviations(int most) { most_deviations_ = most; }
  int most_deviations() const { return most_deviations_; }
  int deviations_left() const { return most_deviations_ - static_cast<int>(deviations_.size()); }

  // All that may happen at a call: nothing, unless it is waited in; what `faults` finds; and what
  // the options ask for beside it. Only what may not happen once is sticky.
  void FindAlternatives(const sim::Place& place, bool within, const sim::FaultSource& faults,
                        std::vector<sim::Fault>* alternatives) const;

  // Whether a fault may stay.
  bool MayStay(const sim::Place& place, sim::Fault fault) const;

  // Whether another candidate would take the place of one that could go on.
  bool IsPreemption(const sim::Candidate* candidates, int count, int chosen) const;

  // A hash of the deviations, in any order. Kept only where states are merged.
  uint64_t DeviationsHash() const { return deviations_hash_; }

  // To be called with what was chosen.
  void NoteProcess(const sim::Candidate* candidates, int count, int chosen);
  void NoteFault(const sim::Place& place, bool within, const sim::Fault& fault);
  void NoteThatItStays(const sim::Place& place);

  const ExploreOptions options_;

 private:
  void FindPossibleSignals();
  bool IsAllowed(const sim::Place& place, const sim::Fault& fault) const;

  bool notes_steps_ = false;
  std::vector<Step> steps_;
  std::vector<int> possible_signals_;  // of those that may still come in this run
  std::set<ProcessPath> signalled_;    // by others, in any run that TakeNewlySignalled() knows of
  std::set<ProcessPath> newly_signalled_;
  int most_deviations_ = 0;
  FaultPlan plan_;
  FaultPlan deviations_;
  uint64_t deviations_hash_ = 0;
  int faults_ = 0;
  int signals_ = 0;
  int kills_ = 0;
  int preemptions_ = 0;
  int last_ = 0;  // the slot of who took the last step that was chosen
};

}  // namespace cleanfork::explore

#endif  // CLEANFORK_MOCKS_EXPLORE_CHOICES_H_
