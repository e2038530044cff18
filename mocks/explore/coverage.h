// Coverage: what became of the runs in which a call failed in some way.
#ifndef CLEANFORK_MOCKS_EXPLORE_COVERAGE_H_
#define CLEANFORK_MOCKS_EXPLORE_COVERAGE_H_

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>

#include "cleanfork/explore.h"
#include "cleanfork/fault_plan.h"

namespace cleanfork::explore {

class Coverage {
 public:
  // Names the calls of a run that may fail: what was never injected there is to be seen, too.
  static void AddSites(const Execution& run,
                       std::map<std::string, std::map<std::string, FaultOutcomes>>* coverage);

  void Count(const FaultPlan& deviations, bool violation, bool as_without);
  void AddTo(std::map<std::string, std::map<std::string, FaultOutcomes>>* coverage) const;

 private:
  struct Hash {
    size_t operator()(const FaultEntry& entry) const;
  };
  std::unordered_map<FaultEntry, FaultOutcomes, Hash> outcomes_;
};

}  // namespace cleanfork::explore

#endif  // CLEANFORK_MOCKS_EXPLORE_COVERAGE_H_
