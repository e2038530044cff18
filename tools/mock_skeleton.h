// Makes a test with a MockOs (cleanfork/mock_os.h) of a fault plan: what the explorer found, for
// whoever wants to keep it as a test of calls and their order.
#ifndef CLEANFORK_TOOLS_MOCK_SKELETON_H_
#define CLEANFORK_TOOLS_MOCK_SKELETON_H_

#include <optional>
#include <string>

#include "cleanfork/fault_plan.h"

namespace cleanfork::tools {

// A file that compiles, with a TEST() for each process in which something fails. What the code
// calls besides, and what it is to do about the failure, is left to be put in. Nothing if `plan`
// has what a mock cannot do, and then *error says what.
std::optional<std::string> MockSkeleton(const FaultPlan& plan, std::string* error);

}  // namespace cleanfork::tools

#endif  // CLEANFORK_TOOLS_MOCK_SKELETON_H_
