// The world in which a run begins: SimOsOptions made into the state of a kernel.
#ifndef CLEANFORK_MOCKS_SIM_WORLD_H_
#define CLEANFORK_MOCKS_SIM_WORLD_H_

#include <memory>
#include <vector>

#include "cleanfork/sim_os.h"
#include "mocks/sim/calls.h"
#include "mocks/sim/engine.h"
#include "mocks/sim/kernel.h"

namespace cleanfork::sim {

constexpr pid_t kFirstPid = 100;
constexpr pid_t kShellPid = 50;                   // whose session it is; not itself simulated
constexpr int64_t kBootTime = 1'000'000'000'000;  // nanoseconds on the monotonic clock

// Aborts with a message where the options contradict themselves.
std::unique_ptr<Kernel> BuildWorld(const SimOsOptions& options);

Directory MakeDirectory(const SimOsOptions& options);
std::vector<ProgramBody> MakePrograms(const SimOsOptions& options);

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_WORLD_H_
