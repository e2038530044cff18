// The engine within a SimOs, for who explores.
#ifndef CLEANFORK_MOCKS_SIM_SIM_OS_ACCESS_H_
#define CLEANFORK_MOCKS_SIM_SIM_OS_ACCESS_H_

#include "cleanfork/sim_os.h"
#include "mocks/sim/engine.h"

namespace cleanfork::sim {

class SimOsAccess {
 public:
  static Engine& EngineOf(SimOs* sim);
};

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_SIM_OS_ACCESS_H_
