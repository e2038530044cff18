// What nobody can explore: a test that explores nothing must not pass.
#ifndef CLEANFORK_MOCKS_EXPLORE_VALIDATE_OPTIONS_H_
#define CLEANFORK_MOCKS_EXPLORE_VALIDATE_OPTIONS_H_

#include "cleanfork/explore.h"

namespace cleanfork::explore {

// Aborts with a message that names the field, what it is and what it may be.
void CheckOptions(const Scenario& scenario, const ExploreOptions& options);

}  // namespace cleanfork::explore

#endif  // CLEANFORK_MOCKS_EXPLORE_VALIDATE_OPTIONS_H_
