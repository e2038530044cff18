// Bodies for SimOs that leave their functions in unusual ways. Compiled twice, once without
// exceptions and unwind tables, as some users' code is. Each returns 0 if all was as it should be.
#ifndef CLEANFORK_TESTS_UNIT_SIM_BODIES_H_
#define CLEANFORK_TESTS_UNIT_SIM_BODIES_H_

#include "cleanfork/os.h"

namespace cleanfork {

// A child waits for the end of a file, which comes when a destructor of its parent closes the pipe.
int WaitsForADestructor(Os& os);

// A noexcept destructor waits for ever, until its process is killed.
int IsKilledInADestructor(Os& os);

// Below thirty noexcept functions, each of which has heap and a descriptor.
int ExitsDeepInTheStack(Os& os);

int ExitsInADestructor(Os& os);

// The child gets by replay into the destructor that forked it, with its parent's memory.
int ForksInADestructor(Os& os);

// A handler that runs while a destructor waits.
int HandlesASignalInADestructor(Os& os);

// Whether they were compiled with exceptions.
bool BodiesHaveExceptions();

}  // namespace cleanfork

#endif  // CLEANFORK_TESTS_UNIT_SIM_BODIES_H_
