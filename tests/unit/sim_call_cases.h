// SimCallCases: calls with their arguments, made one by one on a simulated kernel without an
// engine, and kernels to make them on. Of each call it knows the result, what its footprint is,
// whether it would wait, and what may go wrong with it.
#ifndef CLEANFORK_TESTS_UNIT_SIM_CALL_CASES_H_
#define CLEANFORK_TESTS_UNIT_SIM_CALL_CASES_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cleanfork/os_call.h"
#include "mocks/sim/calls.h"
#include "mocks/sim/faults.h"
#include "mocks/sim/footprint.h"
#include "mocks/sim/kernel.h"

namespace cleanfork::sim {

// One call, or a step of an end, of whichever process.
struct CallCase {
  std::string text;
  OsCall call = OsCall::kExit;
  std::function<bool(const Kernel&, int slot)> can;  // empty: of any process that runs
  // Makes it; what it returned and filled in, or "waits".
  std::function<std::string(Kernel*, int slot)> make;  // empty: only the engine can
  std::function<Footprint(const Kernel&, int slot)> footprint;
  std::function<Footprint(const Kernel&, int slot)> footprint_now;  // empty: it is the same
  std::function<bool(const Kernel&, int slot)> would_block;
  std::function<void(const Kernel&, int slot, FaultList*)> faults;
  bool holds = true;  // the footprint does, whatever others do in the meantime

  bool IsPossible(const Kernel& kernel, int slot) const;

  // With what every step of a process has: of the step made now, or later whatever others do.
  Footprint WholeFootprint(const Kernel& kernel, int slot, When when = When::kNow) const;
};

// Every call that is the kernel's, with one choice of arguments or several.
const std::vector<CallCase>& CallCases();

struct KernelCase {
  std::string name;
  std::shared_ptr<const Kernel> kernel;
};

// Kernels with processes that share pipes and files, of several users, some on their way out.
const std::vector<KernelCase>& KernelCases();

// All that processes can tell of a kernel: not which row is used for what, nor when it became free.
std::string KernelText(const Kernel& kernel);

// Whether two kernels are the same row by row: then their texts are, too, which take much longer.
bool AreSameBytes(const Kernel& a, const Kernel& b);

// Kernels are too large for a stack.
std::unique_ptr<Kernel> NewKernel();

}  // namespace cleanfork::sim

#endif  // CLEANFORK_TESTS_UNIT_SIM_CALL_CASES_H_
