// PlanChoices: does what a plan says, and nothing else.
#ifndef CLEANFORK_MOCKS_EXPLORE_PLAN_CHOICES_H_
#define CLEANFORK_MOCKS_EXPLORE_PLAN_CHOICES_H_

#include <vector>

#include "mocks/explore/choices.h"

namespace cleanfork::explore {

class PlanChoices : public Choices {
 public:
  explicit PlanChoices(const FaultPlan& plan);

  void BeginRun();

  // The first step of the plan that the run did not come to; null if it came to all.
  const FaultEntry* FirstLeft() const;

  int ChooseProcess(const sim::Candidate* candidates, int count) override;
  sim::Fault ChooseFault(const sim::Place& place, bool within,
                         const sim::FaultSource& faults) override;
  bool SeesOwnSteps(const ProcessPath&) const override { return true; }

 private:
  const FaultPlan steps_;
  std::vector<bool> done_;
};

}  // namespace cleanfork::explore

#endif  // CLEANFORK_MOCKS_EXPLORE_PLAN_CHOICES_H_
