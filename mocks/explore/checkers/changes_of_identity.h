// What the calls of a process did to its identity, as far as that shows without their arguments.
#ifndef CLEANFORK_MOCKS_EXPLORE_CHECKERS_CHANGES_OF_IDENTITY_H_
#define CLEANFORK_MOCKS_EXPLORE_CHECKERS_CHANGES_OF_IDENTITY_H_

#include "cleanfork/checker.h"
#include "cleanfork/os_call.h"

namespace cleanfork::explore {

enum class IdentityPart { kNone, kUid, kGid, kGroups };

// What the call sets.
inline IdentityPart PartOf(OsCall call) {
  switch (call) {
    case OsCall::kSetUid:
    case OsCall::kSetEuid:
    case OsCall::kSetReUid:
    case OsCall::kSetResUid: return IdentityPart::kUid;
    case OsCall::kSetGid:
    case OsCall::kSetEgid:
    case OsCall::kSetReGid:
    case OsCall::kSetResGid: return IdentityPart::kGid;
    case OsCall::kSetGroups: return IdentityPart::kGroups;
    default: return IdentityPart::kNone;
  }
}

struct IdentityCalls {
  int succeeded = 0;
  const ExecutedCall* faulty = nullptr;  // the first that failed or lied by a fault of the run
};

// The calls of a process, by its index, that set `part`.
IdentityCalls FindIdentityCalls(const Execution& run, size_t process, IdentityPart part);

inline bool IsSame(const ResUid& a, const ResUid& b) {
  return a.real == b.real && a.effective == b.effective && a.saved == b.saved;
}
inline bool IsSame(const ResGid& a, const ResGid& b) {
  return a.real == b.real && a.effective == b.effective && a.saved == b.saved;
}

}  // namespace cleanfork::explore

#endif  // CLEANFORK_MOCKS_EXPLORE_CHECKERS_CHANGES_OF_IDENTITY_H_
