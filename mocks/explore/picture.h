// A run as rows, and as a text: a column for each process, a row for each call.
#ifndef CLEANFORK_MOCKS_EXPLORE_PICTURE_H_
#define CLEANFORK_MOCKS_EXPLORE_PICTURE_H_

#include <optional>
#include <string>
#include <vector>

#include "cleanfork/explore.h"
#include "cleanfork/fault_plan.h"
#include "mocks/sim/engine.h"

namespace cleanfork::explore {

struct Picture {
  std::vector<ExploreProcess> processes;
  std::vector<ExploreRow> rows;
};

// Of the engine's last run, which has to have been run with texts. `deviations` are what went wrong
// in it.
Picture TakePicture(const sim::Engine& engine, const FaultPlan& deviations);

std::string DrawPicture(const Picture& picture);

// Calls that a process makes again and again, with nothing to see: what is between the first round
// of them and the last.
struct Series {
  size_t first = 0;  // row that a reader needs not see
  size_t count = 0;  // of these
  std::string text;  // "58 more of sigaction", "248 more rounds of poll, clock_gettime"
};

// That which begins at a row, if one does.
std::optional<Series> FindSeries(const std::vector<ExploreRow>& rows, size_t begin);

// In rounds; and a round in calls.
constexpr size_t kShortestSeries = 5;
constexpr size_t kLongestRound = 4;

}  // namespace cleanfork::explore

#endif  // CLEANFORK_MOCKS_EXPLORE_PICTURE_H_
