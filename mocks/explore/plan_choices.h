// PlanChoices: does what a plan says, and nothing else.
#ifndef CLEANFORK_MOCKS_EXPLORE_PLAN_CHOICES_H_
#define CLEANFORK_MOCKS_EXPLORE_PLAN_CHOICES_H_

#include <vector>

#include "mocks/explore/choices.h"

namespace cleanfork::explore {

class PlanChoices : public Choices {
 public:
  explicit PlanChoices(const FaultPlan& plan);

  // Does the deviations of `plan`, in a run of `order`: its plan() says the same as that run's, but
  // in the places that a run of a plan sees, which are all.
  PlanChoices(const FaultPlan& plan, std::vector<Step> order);

  void BeginRun();

  // The first step of the plan that the run did not come to; null if it came to all.
  const FaultEntry* FirstLeft() const;

  int ChooseProcess(const sim::Candidate* candidates, int count) override;
  sim::Fault ChooseFault(const sim::Place& place, bool within,
                         const sim::FaultSource& faults) override;
  bool SeesOwnSteps(const ProcessPath&) const override { return true; }

 private:
  int Follow(const sim::Candidate* candidates, int count);

  const FaultPlan steps_;
  const std::vector<Step> order_;
  const bool follows_;
  size_t followed_ = 0;  // of order_
  std::vector<bool> done_;
};

}  // namespace cleanfork::explore

#endif  // CLEANFORK_MOCKS_EXPLORE_PLAN_CHOICES_H_
