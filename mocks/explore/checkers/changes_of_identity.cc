#include "mocks/explore/checkers/changes_of_identity.h"

namespace cleanfork::explore {

IdentityCalls FindIdentityCalls(const Execution& run, size_t process, IdentityPart part) {
  IdentityCalls found;
  for (const ExecutedCall& call : run.calls()) {
    if (static_cast<size_t>(call.process) != process || PartOf(call.call) != part) continue;
    if (call.error == 0 && !call.injected) ++found.succeeded;
    if (call.injected && found.faulty == nullptr) found.faulty = &call;
  }
  return found;
}

}  // namespace cleanfork::explore
