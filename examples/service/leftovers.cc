#include "leftovers.h"

#include <dirent.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cerrno>
#include <set>

#include "cleanfork/fault_sweep.h"
#include "cleanfork/names.h"
#include "cleanfork/os.h"

namespace service {
namespace {

// The sweep fails a call with everything that its manual page lists. Not all of that can happen to
// a process that waits once for a child of its own, and that it is said then proves nothing.
bool IsPossible(const cleanfork::FaultEntry& fault) {
  switch (fault.call) {
    case cleanfork::OsCall::kWaitPid:
    case cleanfork::OsCall::kWaitId: return fault.error == EINTR;
    case cleanfork::OsCall::kKill: return false;
    default: return true;
  }
}

std::set<std::string> OpenDescriptors() {
  std::set<std::string> names;
  DIR* directory = opendir("/proc/self/fd");
  if (directory == nullptr) return names;
  while (const dirent* entry = readdir(directory)) names.insert(entry->d_name);
  closedir(directory);
  return names;
}

}  // namespace

void SweepEveryFault(const std::function<void(cleanfork::FaultOs& os)>& run) {
  cleanfork::FaultSweepOptions options;
  options.filter = &IsPossible;
  cleanfork::FaultSweep sweep(options);
  cleanfork::FaultPlan plan;
  while (sweep.Next(&plan)) {
    SCOPED_TRACE(cleanfork::FaultPlanToString(plan));
    const std::set<std::string> descriptors = OpenDescriptors();
    cleanfork::FaultOs os(cleanfork::RealOs(), plan);
    run(os);
    EXPECT_TRUE(waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD) << "a child is left";
    EXPECT_EQ(OpenDescriptors(), descriptors);
    sweep.Record(os);
  }
  EXPECT_TRUE(sweep.complete());
  EXPECT_GT(sweep.runs_fired(), 10u) << "no faults met anything: is the Os passed on?";
}

std::string NameOfErrno(const cleanfork::FaultEntry& fault) {
  const char* name = cleanfork::ErrnoName(fault.error);
  return name != nullptr ? name : "errno " + std::to_string(fault.error);
}

}  // namespace service
