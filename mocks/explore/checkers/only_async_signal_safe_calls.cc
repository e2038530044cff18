#include <cstdint>

#include "cleanfork/checkers.h"
#include "cleanfork/os_call.h"
#include "mocks/explore/checkers/describe.h"

namespace cleanfork {
namespace {

bool IsUnsafe(OsCall call) {
  switch (call) {
    case OsCall::kGetPwNam:
    case OsCall::kGetPwUid:
    case OsCall::kGetGrNam:
    case OsCall::kGetGroupList:
    case OsCall::kSetEnv:
    case OsCall::kUnsetEnv: return true;
    default: return false;
  }
}

// Whether the process had exec'd before its call number `at` of the run.
bool HadExecd(const Execution& run, int process, size_t at) {
  for (size_t i = 0; i < at; ++i) {
    const ExecutedCall& call = run.calls()[i];
    if (call.process == process && call.call == OsCall::kExecVe && call.error == 0) return true;
  }
  return false;
}

std::string Check(const Execution& run) {
  for (size_t i = 0; i < run.calls().size(); ++i) {
    const ExecutedCall& call = run.calls()[i];
    if (call.process == 0 || !IsUnsafe(call.call) || HadExecd(run, call.process, i)) continue;
    return explore::Who(run.processes()[static_cast<size_t>(call.process)]) + " called " +
           GetOsCallInfo(call.call).name +
           " between its fork and an exec, expected async-signal-safe calls alone";
  }
  return "";
}

}  // namespace

std::shared_ptr<const Checker> OnlyAsyncSignalSafeCalls() {
  return MakeChecker("only async-signal-safe calls in a child", Check);
}

}  // namespace cleanfork
