// A run as rows, and as a text: a column for each process, a row for each call.
#ifndef CLEANFORK_MOCKS_EXPLORE_PICTURE_H_
#define CLEANFORK_MOCKS_EXPLORE_PICTURE_H_

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

// How many rows from `begin` on are as good as one: the same call of the same process again and
// again, with nothing to see. At least 1.
size_t CountAlike(const std::vector<ExploreRow>& rows, size_t begin);

// The rows of a longer series that a reader needs not see: all but the first and the last.
constexpr size_t kShortestSeries = 5;

}  // namespace cleanfork::explore

#endif  // CLEANFORK_MOCKS_EXPLORE_PICTURE_H_
