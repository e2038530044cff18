// AbandonedProcesses: runs in which a process ends in every way at every one of its calls, with
// much on its stack and heap. What tests of memory are made of.
#ifndef CLEANFORK_TESTS_UNIT_ABANDONED_PROCESSES_H_
#define CLEANFORK_TESTS_UNIT_ABANDONED_PROCESSES_H_

#include <cstdint>

#include "cleanfork/sim_os.h"

namespace cleanfork {

class AbandonedProcesses {
 public:
  AbandonedProcesses();

  // Each position in each of the ways, once. Returns how many runs that were.
  int64_t RunAll();

  // How many of them reached the position at which a process was to be left.
  int64_t abandoned() const { return abandoned_; }

 private:
  void RunOnce(int way, pid_t pid, int position);

  SimOs sim_;
  int64_t abandoned_ = 0;
};

}  // namespace cleanfork

#endif  // CLEANFORK_TESTS_UNIT_ABANDONED_PROCESSES_H_
