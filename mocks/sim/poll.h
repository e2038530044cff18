// Waiting for descriptors: poll(2), pidfd_open(2).
#ifndef CLEANFORK_MOCKS_SIM_POLL_H_
#define CLEANFORK_MOCKS_SIM_POLL_H_

#include <poll.h>

#include "mocks/sim/kernel.h"

namespace cleanfork::sim {

// What has happened to the descriptor, out of what is asked for: its revents.
short EventsOf(const Kernel& kernel, const Process& process, const struct pollfd& entry);

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_POLL_H_
