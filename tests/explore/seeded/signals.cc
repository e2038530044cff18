// Bugs about masks, dispositions and handlers.
#include <fcntl.h>
#include <sys/wait.h>

#include <ctime>

#include "cleanfork/checkers.h"
#include "cleanfork/process_local.h"
#include "tests/explore/seeded/seeded.h"

namespace cleanfork::seeded {
namespace {

int LeavesSignalsBlockedWhenForkFails(Os& os, bool right) {
  const SignalSet all = SignalSet::Full();
  const SysResult<SignalSet> before = os.SigProcMask(SIG_SETMASK, &all);
  if (!before.ok()) return 1;
  const SysResult<pid_t> child = os.Fork();
  if (!child.ok() && !right) return 1;
  const SignalSet mask = before.value();
  os.SigProcMask(SIG_SETMASK, &mask).IgnoreError();
  if (!child.ok()) return 1;
  if (child.value() == 0) os.Exit(0);
  return WaitFor(os, child.value());
}

int LeavesSigchldIgnored(Os& os, bool right) {
  SignalAction ignore;
  ignore.handler = SIG_IGN;
  const SysResult<SignalAction> before = os.SigAction(SIGCHLD, &ignore);
  if (!before.ok()) return 1;
  const SysResult<pid_t> child = os.Fork();
  if (child.ok() && child.value() == 0) os.Exit(0);
  if (child.ok()) WaitFor(os, child.value());  // ends with ECHILD, once it has ended
  const SignalAction old = before.value();
  if (right) os.SigAction(SIGCHLD, &old).IgnoreError();
  return child.ok() ? 0 : 1;
}

struct Registered {
  Os* os = nullptr;
  pid_t child = 0;
};
ProcessLocal<Registered> registered;

void ReapTheRegistered(int) {
  if (registered->child <= 0) return;
  const SysResult<WaitResult> ended = registered->os->WaitPid(registered->child, WNOHANG);
  if (ended.ok() && ended.value().pid != 0) registered->child = 0;
}

int RegistersAChildThatMayHaveEnded(Os& os, bool right) {
  *registered = Registered{&os, 0};
  SignalAction reap;
  reap.handler = &ReapTheRegistered;
  const SysResult<SignalAction> before = os.SigAction(SIGCHLD, &reap);
  const SignalSet sigchld = SignalSet::Of(SIGCHLD);
  if (right) os.SigProcMask(SIG_BLOCK, &sigchld).IgnoreError();
  const SysResult<pid_t> child = os.Fork();
  if (child.ok() && child.value() == 0) os.Exit(0);
  if (child.ok()) os.SetPgid(child.value(), child.value()).IgnoreError();
  registered->child = child.value_or(0);
  if (right) os.SigProcMask(SIG_UNBLOCK, &sigchld).IgnoreError();
  for (int look = 0; look < 3 && registered->child != 0; ++look) {
    os.ClockNanoSleep(CLOCK_MONOTONIC, 0, 1'000'000'000).IgnoreError();
  }
  os.SigAction(SIGCHLD, &before.value()).IgnoreError();
  return child.ok() ? 0 : 1;
}

constexpr char kLock[] = "/var/service.lock";

void RemoveTheLock(int) { registered->os->Unlink(kLock).IgnoreError(); }

int RunsItsHandlerInTheChild(Os& os, bool right) {
  *registered = Registered{&os, 0};
  SignalAction remove;
  remove.handler = &RemoveTheLock;
  const SysResult<SignalAction> before = os.SigAction(SIGTERM, &remove);
  const SignalSet sigterm = SignalSet::Of(SIGTERM);
  if (right) os.SigProcMask(SIG_BLOCK, &sigterm).IgnoreError();
  const SysResult<pid_t> child = os.Fork();
  if (child.ok() && child.value() == 0) {
    const SignalAction end;
    os.SigAction(SIGTERM, &end).IgnoreError();
    if (right) os.SigProcMask(SIG_UNBLOCK, &sigterm).IgnoreError();
    os.Exit(0);
  }
  if (right) os.SigProcMask(SIG_UNBLOCK, &sigterm).IgnoreError();
  if (child.ok()) WaitFor(os, child.value());
  os.SigAction(SIGTERM, &before.value()).IgnoreError();
  return child.ok() ? 0 : 1;
}

void TheLockStays(Scenario* scenario) {
  scenario->world.files.push_back({kLock, "100\n"});
  scenario->checkers.push_back(
      MakeChecker("a child leaves its parent's lock", [](const Execution& run) -> std::string {
        for (const FaultEntry& entry : run.deviations()) {  // P itself removes it
          if (entry.process.depth() == 0) return "";
        }
        return run.FileContents(kLock).has_value() ? ""
                                                   : "P was not signalled, and its lock is gone";
      }));
}

}  // namespace

std::vector<Seeded> SignalBugs() {
  return {
      {"leaves all signals blocked when fork fails", LeavesSignalsBlockedWhenForkFails,
       "mask and dispositions are restored", 1},
      {"leaves SIGCHLD ignored", LeavesSigchldIgnored, "mask and dispositions are restored"},
      {"registers a child that may have ended", RegistersAChildThatMayHaveEnded,
       "no zombie is left"},
      {"runs its own handler in the child", RunsItsHandlerInTheChild,
       "a child leaves its parent's lock", 0, 1, 0, TheLockStays},
  };
}

}  // namespace cleanfork::seeded
