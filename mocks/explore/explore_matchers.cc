#include "cleanfork/explore_matchers.h"

#include <ostream>

#include "cleanfork/explore_report.h"

namespace cleanfork::explore_internal {

bool ExploreMatcher::MatchAndExplain(const ExploreResult& result, std::ostream* listener) const {
  switch (result.verdict) {
    case ExploreResult::Verdict::kExhausted: return true;
    case ExploreResult::Verdict::kTruncated:
      if (!exhausted_) return true;
      if (listener != nullptr) {
        *listener << "which was ended by " << result.truncated_by << " before all runs were made";
      }
      return false;
    case ExploreResult::Verdict::kFailed: break;
  }
  if (listener == nullptr) return false;
  *listener << "which breaks a rule";
  if (!result.failures.empty()) {
    *listener << ". This test makes the run again:\n\n" << ReplayTest(result);
  }
  return false;
}

void ExploreMatcher::DescribeTo(std::ostream* out) const {
  *out << (exhausted_ ? "has exhausted its bounds without a violation" : "finds no violation");
}

void ExploreMatcher::DescribeNegationTo(std::ostream* out) const {
  *out << (exhausted_ ? "has not exhausted its bounds, or finds a violation" : "finds a violation");
}

}  // namespace cleanfork::explore_internal
