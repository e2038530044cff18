#include <cstddef>

#include "cleanfork/checkers.h"
#include "mocks/explore/checkers/changes_of_identity.h"
#include "mocks/explore/checkers/describe.h"

namespace cleanfork {
namespace {

using explore::IdentityPart;

template <typename Ids>
bool IsWhole(const Ids& ids) {
  return ids.real == ids.effective && ids.real == ids.saved;
}

template <typename Ids>
bool HasRoot(const Ids& ids) {
  return ids.real == 0 || ids.effective == 0 || ids.saved == 0;
}

template <typename Ids>
std::string Text(const Ids& ids) {
  return std::to_string(ids.real) + ", " + std::to_string(ids.effective) + " and " +
         std::to_string(ids.saved) + " (real, effective, saved)";
}

// Its own group alone may as well be what was asked for.
bool HasGroupsOfBeginning(const ExecutedProcess& process, const ExecutedProcess& beginning) {
  if (process.groups != beginning.groups) return false;
  for (gid_t group : process.groups) {
    if (group != process.gid.effective) return true;
  }
  return false;
}

std::string WhatIsLeft(const ExecutedProcess& process, const ExecutedProcess& beginning) {
  const bool same_uid = explore::IsSame(process.uid, beginning.uid);
  const bool same_gid = explore::IsSame(process.gid, beginning.gid);
  if (!same_uid && !IsWhole(process.uid)) {
    return "uids " + Text(process.uid) + ", expected three equal ones";
  }
  if (!same_gid && !IsWhole(process.gid)) {
    return "gids " + Text(process.gid) + ", expected three equal ones";
  }
  if (same_uid) return "";
  const std::string dropped = "uid " + std::to_string(process.uid.effective) + " and ";
  if (same_gid && HasRoot(process.gid)) {
    return dropped + "gids " + Text(process.gid) + " of the beginning, expected others";
  }
  if (HasGroupsOfBeginning(process, beginning)) {
    return dropped + "the supplementary groups of the beginning (" +
           std::to_string(process.groups.size()) + " of them, the first is " +
           std::to_string(process.groups.front()) + "), expected others";
  }
  const bool has_capabilities =
      (process.capabilities.effective | process.capabilities.permitted) != 0;
  if (HasRoot(beginning.uid) && has_capabilities) {
    return dropped + "capabilities, expected none to be effective or permitted";
  }
  return "";
}

bool MayHaveFaultyCall(const FaultPlan& deviations) {
  for (const FaultEntry& entry : deviations) {
    if (explore::PartOf(entry.call) != IdentityPart::kNone) return true;
  }
  return false;
}

// The call that failed, or lied, and was not made good; null.
const ExecutedCall* FindUnnoticed(const Execution& run, size_t process) {
  for (IdentityPart part : {IdentityPart::kUid, IdentityPart::kGid, IdentityPart::kGroups}) {
    const explore::IdentityCalls calls = explore::FindIdentityCalls(run, process, part);
    if (calls.faulty != nullptr && calls.succeeded == 0) return calls.faulty;
  }
  return nullptr;
}

std::string WhatItDid(const ExecutedProcess& process) {
  if (process.program) return " exec'd a program";
  return process.end == ExecutedProcess::End::kRuns ? " runs on" : " succeeded";
}

std::string Check(const Execution& run) {
  if (!explore::HasEnded(run)) return "";
  const bool may_have_faulty_call = MayHaveFaultyCall(run.deviations());
  for (size_t i = 0; i < run.processes().size(); ++i) {
    const ExecutedProcess& process = run.processes()[i];
    if (!explore::HasNotFailed(run, process)) continue;
    const std::string left = WhatIsLeft(process, run.beginning());
    if (!left.empty()) return explore::Who(process) + WhatItDid(process) + " with " + left;
    if (!may_have_faulty_call) continue;
    const ExecutedCall* call = FindUnnoticed(run, i);
    if (call == nullptr) continue;
    return explore::Who(process) + WhatItDid(process) + " although its " +
           GetOsCallInfo(call->call).name + (call->error == 0 ? " did nothing" : " failed with ") +
           (call->error == 0 ? "" : explore::ErrorText(call->error)) +
           ", expected it to give up: its uid is " + std::to_string(process.uid.effective);
  }
  return "";
}

}  // namespace

std::shared_ptr<const Checker> NoHalfDroppedPrivilege() {
  return MakeChecker("no privilege is half dropped", Check);
}

}  // namespace cleanfork
