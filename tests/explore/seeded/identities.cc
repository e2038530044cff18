// Bugs about giving up root's identity.
#include "cleanfork/checkers.h"
#include "tests/explore/seeded/seeded.h"

namespace cleanfork::seeded {
namespace {

constexpr uid_t kUser = 33;
constexpr gid_t kGroup = 33;

// A child that becomes the user by `drop`, and then is the worker.
int StartAs(Os& os, bool right, bool (*drop)(Os& os, bool right)) {
  const SysResult<pid_t> child = os.Fork();
  if (!child.ok()) return 1;
  if (child.value() == 0) {
    if (drop(os, right)) ExecWorker(os).IgnoreError();
    os.Exit(127);
  }
  return WaitFor(os, child.value()) == 0 ? 0 : 1;
}

bool DropRight(Os& os) {
  const gid_t groups[] = {kGroup};
  return os.SetGroups(groups, 1).ok() && os.SetResGid(kGroup, kGroup, kGroup).ok() &&
         os.SetResUid(kUser, kUser, kUser).ok();
}

int KeepsRootsGroups(Os& os, bool right) {
  return StartAs(os, right, [](Os& o, bool is_right) {
    if (is_right) return DropRight(o);
    return o.SetGid(kGroup).ok() && o.SetUid(kUser).ok();
  });
}

int DoesNotCheckSetUid(Os& os, bool right) {
  return StartAs(os, right, [](Os& o, bool is_right) {
    if (is_right) return DropRight(o);
    const gid_t groups[] = {kGroup};
    if (!o.SetGroups(groups, 1).ok() || !o.SetGid(kGroup).ok()) return false;
    o.SetUid(kUser).IgnoreError();
    return true;
  });
}

int DoesNotCheckSetGroups(Os& os, bool right) {
  return StartAs(os, right, [](Os& o, bool is_right) {
    if (is_right) return DropRight(o);
    const gid_t groups[] = {kGroup};
    o.SetGroups(groups, 1).IgnoreError();
    return o.SetGid(kGroup).ok() && o.SetUid(kUser).ok();
  });
}

int ChangesTheEffectiveUidAlone(Os& os, bool right) {
  return StartAs(os, right, [](Os& o, bool is_right) {
    if (is_right) return DropRight(o);
    const gid_t groups[] = {kGroup};
    return o.SetGroups(groups, 1).ok() && o.SetGid(kGroup).ok() && o.SetEuid(kUser).ok();
  });
}

int ChangesTheUidBeforeTheGid(Os& os, bool right) {
  return StartAs(os, right, [](Os& o, bool is_right) {
    if (is_right) return DropRight(o);
    const gid_t groups[] = {kGroup};
    if (!o.SetGroups(groups, 1).ok() || !o.SetUid(kUser).ok()) return false;
    o.SetGid(kGroup).IgnoreError();  // EPERM: it is nobody who may any more
    return true;
  });
}

int TakesRootBack(Os& os, bool right) {
  return StartAs(os, right, [](Os& o, bool is_right) {
    if (is_right) return DropRight(o);
    if (!o.SetEuid(kUser).ok()) return false;
    const bool is_allowed = o.Stat("/bin/worker").ok();
    return o.SetEuid(0).ok() && is_allowed;
  });
}

void AskForNoWayBack(Scenario* scenario) { scenario->checkers.push_back(NoRegainedPrivilege()); }

}  // namespace

std::vector<Seeded> IdentityBugs() {
  const std::string half = "no privilege is half dropped";
  return {
      {"keeps root's supplementary groups", KeepsRootsGroups, half},
      {"does not check setuid", DoesNotCheckSetUid, half, 1},
      {"does not check setgroups", DoesNotCheckSetGroups, half, 1},
      {"changes the effective uid alone", ChangesTheEffectiveUidAlone, half},
      {"changes the uid before the gid", ChangesTheUidBeforeTheGid, half},
      {"takes root back and runs the program as root", TakesRootBack, "no privilege is regained", 0,
       0, 0, AskForNoWayBack},
  };
}

}  // namespace cleanfork::seeded
