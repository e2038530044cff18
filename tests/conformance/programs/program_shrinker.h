// Cuts a program to a smaller one that shows the same: no step of it can be left out, and no
// argument made simpler.
#ifndef CLEANFORK_TESTS_CONFORMANCE_PROGRAMS_PROGRAM_SHRINKER_H_
#define CLEANFORK_TESTS_CONFORMANCE_PROGRAMS_PROGRAM_SHRINKER_H_

#include <functional>

#include "tests/conformance/programs/program.h"

namespace cleanfork::programs {

// `shows` holds of `program`, and of what is returned.
Program Shrink(Program program, const std::function<bool(const Program&)>& shows);

}  // namespace cleanfork::programs

#endif  // CLEANFORK_TESTS_CONFORMANCE_PROGRAMS_PROGRAM_SHRINKER_H_
