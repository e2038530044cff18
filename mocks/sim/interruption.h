// CanInterrupt: whether a signal may interrupt what a process does.
#ifndef CLEANFORK_MOCKS_SIM_INTERRUPTION_H_
#define CLEANFORK_MOCKS_SIM_INTERRUPTION_H_

#include <signal.h>

#include "mocks/sim/kernel.h"
#include "mocks/sim/signals.h"

namespace cleanfork::sim {

// signal(7): EINTR takes a handler. Whether the process has one is not asked, for a library does
// not know what else is in it; but of who blocks all that can be blocked it is not to be had. (32
// and 33 are the C library's own: it lets nobody block them.)
inline bool CanInterrupt(const Process& process) {
  constexpr uint64_t kNotBlockable =
      SignalBit(SIGKILL) | SignalBit(SIGSTOP) | SignalBit(32) | SignalBit(33);
  return (process.signals.mask | kNotBlockable) != ~uint64_t{0};
}

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_INTERRUPTION_H_
