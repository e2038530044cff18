// A run as a text: a column for each process, a row for each call.
#ifndef CLEANFORK_MOCKS_EXPLORE_PICTURE_H_
#define CLEANFORK_MOCKS_EXPLORE_PICTURE_H_

#include <string>

#include "mocks/sim/engine.h"

namespace cleanfork::explore {

std::string DrawRun(const sim::Engine& engine);

}  // namespace cleanfork::explore

#endif  // CLEANFORK_MOCKS_EXPLORE_PICTURE_H_
