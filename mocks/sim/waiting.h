// Whom waitpid(2) and waitid(2) wait for, and what there is to be told of them.
#ifndef CLEANFORK_MOCKS_SIM_WAITING_H_
#define CLEANFORK_MOCKS_SIM_WAITING_H_

#include <sys/types.h>
#include <sys/wait.h>

#include "mocks/sim/kernel.h"

namespace cleanfork::sim {

// What a call asks for. `error` is 0, or what it fails with whatever the children do.
struct Wanted {
  int error = 0;
  idtype_t type = P_ALL;
  id_t id = 0;
  int options = 0;
  bool fails_instead = false;  // EAGAIN where it would wait: a pidfd that does not block
};

Wanted WantedByWaitPid(const Process& self, pid_t pid, int options);
Wanted WantedByWaitId(const Kernel& kernel, const Process& self, idtype_t type, id_t id,
                      int options);

// Among the children that are meant: the first of which there is news, and whether there are any.
struct Children {
  bool any = false;
  int first = kNone;
};

Children FindChildren(const Kernel& kernel, int parent, idtype_t type, id_t id, int options);

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_WAITING_H_
