// PlanChoices: does what a plan says, and nothing else.
#ifndef CLEANFORK_MOCKS_EXPLORE_PLAN_CHOICES_H_
#define CLEANFORK_MOCKS_EXPLORE_PLAN_CHOICES_H_

#include <optional>
#include <vector>

#include "mocks/explore/choices.h"

namespace cleanfork::explore {

class PlanChoices : public Choices {
 public:
  // With an `order`, the steps of another run, only the deviations of `plan` are done, in that
  // order: plan() then says the same as that run's, but with the switches at the places that a run
  // of a plan sees, which are all.
  explicit PlanChoices(const FaultPlan& plan,
                       std::optional<std::vector<Step>> order = std::nullopt);

  void BeginRun() override;

  // The first entry of the plan that the run did not come to; null if it came to all. Not with an
  // `order`, where switches are not looked at.
  const FaultEntry* FirstLeft() const;

  int ChooseProcess(const sim::Candidate* candidates, int count,
                    const sim::StateSource& state) override;
  sim::Fault ChooseFault(const sim::Place& place, bool within,
                         const sim::FaultSource& faults) override;
  bool SeesOwnSteps(const ProcessPath&) const override { return true; }

 private:
  bool HasSignalWithin(const sim::Place& place) const;
  int Follow(const sim::Candidate* candidates, int count);

  const FaultPlan entries_;
  const std::optional<std::vector<Step>> order_;
  size_t followed_ = 0;     // of order_
  std::vector<bool> done_;  // of entries_
};

}  // namespace cleanfork::explore

#endif  // CLEANFORK_MOCKS_EXPLORE_PLAN_CHOICES_H_
