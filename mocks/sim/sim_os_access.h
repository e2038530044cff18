// The engine within a SimOs, for who explores.
#ifndef CLEANFORK_MOCKS_SIM_SIM_OS_ACCESS_H_
#define CLEANFORK_MOCKS_SIM_SIM_OS_ACCESS_H_

#include "cleanfork/sim_os.h"
#include "mocks/sim/engine.h"

namespace cleanfork::sim {

class SimOsAccess {
 public:
  static Engine& EngineOf(SimOs* sim);

  // As SimOs::Run(), from a checkpoint on.
  static SimRun RunFrom(SimOs* sim, const Engine::Checkpoint& checkpoint);
};

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_SIM_OS_ACCESS_H_
