// What the kernels of SimCallCases have in common.
#ifndef CLEANFORK_TESTS_UNIT_SIM_KERNEL_CASES_H_
#define CLEANFORK_TESTS_UNIT_SIM_KERNEL_CASES_H_

#include "mocks/sim/calls.h"
#include "mocks/sim/signals.h"

namespace cleanfork::sim {

// Processes: 100, its children 101 and 102 (of user 33) and 104 (a zombie), and 103, a child of 101
// that wants SIGTERM at its end.
//
// Descriptors. Those up to kNonblockWrite are shared by all, the others each process's own.
enum Fd : int {
  kNull = 0,
  kShared = 3,  // /data
  kEmptyRead,
  kEmptyWrite,
  kFullRead,
  kFullWrite,
  kDirectory,
  kPidFd,  // of 101
  kNonblockRead,
  kNonblockWrite,
  kOwn,  // /data
  kSocket,
  kOwnStatus,  // /proc/self/status
  kOwnInfo,    // /proc/self/fdinfo/3
  kLoad,       // /proc/loadavg
  kLocked,     // /lock, which 101 has locked
  kOtherStat,  // /proc/102/stat
};

const Directory& UsersOfCases();

}  // namespace cleanfork::sim

#endif  // CLEANFORK_TESTS_UNIT_SIM_KERNEL_CASES_H_
