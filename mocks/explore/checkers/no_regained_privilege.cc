#include <cstddef>

#include "cleanfork/checkers.h"
#include "mocks/explore/checkers/changes_of_identity.h"
#include "mocks/explore/checkers/describe.h"

namespace cleanfork {
namespace {

std::string Check(const Execution& run) {
  if (!explore::HasEnded(run)) return "";
  for (size_t i = 0; i < run.processes().size(); ++i) {
    const ExecutedProcess& process = run.processes()[i];
    if (!explore::IsSame(process.uid, run.beginning().uid)) continue;
    if (!explore::HasNotFailed(run, process)) continue;
    const explore::IdentityCalls calls =
        explore::FindIdentityCalls(run, i, explore::IdentityPart::kUid);
    if (calls.succeeded < 2) continue;
    return explore::Who(process) + " changed its uid and took that of the beginning, " +
           std::to_string(process.uid.effective) +
           ", back, expected that a changed identity is not to be had back";
  }
  return "";
}

}  // namespace

std::shared_ptr<const Checker> NoRegainedPrivilege() {
  return MakeChecker("no privilege is regained", Check);
}

}  // namespace cleanfork
