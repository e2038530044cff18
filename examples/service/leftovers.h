// For the tests: runs code with every one of its calls failed in turn, and sees to it that each run
// leaves nothing behind.
#ifndef SERVICE_LEFTOVERS_H_
#define SERVICE_LEFTOVERS_H_

#include <functional>
#include <string>

#include "cleanfork/fault_os.h"
#include "cleanfork/fault_plan.h"

namespace service {

// Calls run(os) for each call that it makes, in its children too, and each errno that the call's
// manual page lists; os.fired() is the fault that was met. After each run there must be no child,
// dead or alive, and no descriptor that was not there before.
void SweepEveryFault(const std::function<void(cleanfork::FaultOs& os)>& run);

// "EPERM" of the fault "P.1.setsid#1=EPERM".
std::string NameOfErrno(const cleanfork::FaultEntry& fault);

}  // namespace service

#endif  // SERVICE_LEFTOVERS_H_
