#pragma once
#include "mocks/sim/call_tag.h"
#include "mocks/sim/faults.h"
#include "mocks/sim/footprint.h"
#include "mocks/sim/kernel.h"
namespace cleanfork::sim {
template <OsCall kCall, typename... A>
Footprint FootprintOf(Tag<kCall>, const Kernel&, int, A...) {
  Footprint f;
  switch (kCall) {
    case OsCall::kSigProcMask:
    case OsCall::kSigAction:
    case OsCall::kSetGid:
    case OsCall::kSetUid:
    case OsCall::kSetGroups:
    case OsCall::kUmask:
    case OsCall::kDup2:
    case OsCall::kChDir:
    case OsCall::kOpen:
    case OsCall::kGetResUid:
    case OsCall::kGetResGid: return f;
    default: f.AddEverything();
  }
  return f;
}
template <OsCall kCall, typename... A>
void AddFaults(Tag<kCall>, const Kernel&, int, FaultList* l, A...) {
  if (kCall == OsCall::kFork) {
    l->AddErrno(EAGAIN);
    l->AddErrno(ENOMEM);
  }
  if (kCall == OsCall::kSetUid || kCall == OsCall::kSetGid) l->AddErrno(EPERM);
}
inline Footprint FootprintOfClosingStep(const Kernel&, int) {
  Footprint f;
  f.AddEverything();
  return f;
}
inline Footprint FootprintOfLastStep(const Kernel&, int) {
  Footprint f;
  f.AddEverything();
  return f;
}
inline void FaultList::Add(const Fault& f) { faults_[size_++] = f; }
}  // namespace cleanfork::sim
