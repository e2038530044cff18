// Injects faults of an exploration into a real program by strace(1).
#ifndef CLEANFORK_BENCH_STRACE_FAULTS_H_
#define CLEANFORK_BENCH_STRACE_FAULTS_H_

#include <map>
#include <string>
#include <vector>

#include "cleanfork/explore.h"

namespace cleanfork {

struct StraceFault {
  std::string calls;  // of the kernel, by any of which the C library may make it
  std::string error;
  int when = 1;  // strace counts in each process apart: it fails in all that come so far
};

// Those of `coverage` that are errors.
std::vector<StraceFault> StraceFaultsOf(
    const std::map<std::string, std::map<std::string, FaultOutcomes>>& coverage);

// Empty if it can run `program`.
std::string WhyNoStrace(const std::string& program);

// Runs `program` with the fault, to its end. Whether it was injected.
bool RunUnderStrace(const std::string& program, const StraceFault& fault);

}  // namespace cleanfork

#endif  // CLEANFORK_BENCH_STRACE_FAULTS_H_
