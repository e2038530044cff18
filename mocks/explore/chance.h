// Chance: makes choices by chance, beyond what can be exhausted.
#ifndef CLEANFORK_MOCKS_EXPLORE_CHANCE_H_
#define CLEANFORK_MOCKS_EXPLORE_CHANCE_H_

#include <cstdint>
#include <random>
#include <vector>

#include "mocks/explore/choices.h"

namespace cleanfork::explore {

class Chance : public Choices {
 public:
  explicit Chance(const ExploreOptions& options);

  int ChooseProcess(const sim::Candidate* candidates, int count,
                    const sim::StateSource& state) override;
  sim::Fault ChooseFault(const sim::Place& place, bool within,
                         const sim::FaultSource& faults) override;
  bool SeesOwnSteps(const ProcessPath&) const override { return true; }

 private:
  bool Happens(uint64_t one_in) { return random_() % one_in == 0; }

  std::mt19937_64 random_;
  std::vector<sim::Fault> alternatives_;
};

}  // namespace cleanfork::explore

#endif  // CLEANFORK_MOCKS_EXPLORE_CHANCE_H_
