// What the child of a VforkCall() shares with its parent, which waits for it, and what it does not:
// clone(2) with CLONE_VM and CLONE_VFORK.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cerrno>

#include "cleanfork/os.h"
#include "tests/conformance/children.h"
#include "tests/conformance/conformance_case.h"
#include "tests/conformance/handler_notes.h"
#include "tests/conformance/kernel_under_test.h"
#include "tests/conformance/test_files.h"

namespace cleanfork {
namespace {

struct Start {
  Os* os;
  int (*work)(Os& os);
};

// How the child that runs `work` has ended.
int InVforkChild(Os& os, int (*work)(Os& os)) {
  Start start = {&os, work};
  const auto run = [](void* argument) -> int {
    const Start& given = *static_cast<const Start*>(argument);
    return given.work(*given.os);
  };
  const pid_t child = os.VforkCall(run, &start, SIGCHLD).value();
  return os.WaitPid(child, 0).value().status;
}

int ExecCat(Os& os, const char* path) {
  return Exec(os, "/bin/cat", path).error() == ENOENT ? 127 : 126;
}

// The child does `work`; afterwards `look` says what the parent has of it.
ConformanceCase Child(const char* name, int (*work)(Os& os), void (*look)(Os& os, Notes& notes),
                      const char* expected) {
  const auto body = [=](Os& os, Notes& notes) {
    notes.Add(InVforkChild(os, work));
    look(os, notes);
  };
  return {name, body, expected};
}

const ConformanceCase kChildren[] = {
    Child(
        "HaveDescriptorsOfTheirOwn",
        [](Os& os) { return os.Close(0).ok() && os.Dup(1).value_or(-1) == 0 ? 0 : 1; },
        [](Os& os, Notes& notes) {
          notes.Add(os.FcntlGetFd(0));
          notes.Add(os.Dup(0));
        },
        "0 0 3"),
    Child(
        "HaveADirectoryOfTheirOwn",
        [](Os& os) { return os.ChDir(kTestDirectory.c_str()).ok() ? 0 : 1; },
        [](Os& os, Notes& notes) { notes.Add(os.Stat("file")); }, "0 ENOENT"),
    Child(
        "HaveAnUmaskOfTheirOwn", [](Os& os) { return static_cast<int>(os.Umask(0777)); },
        [](Os& os, Notes& notes) { notes.Add(static_cast<int>(os.Umask(0))); }, "4608 18"),
    Child(
        "HaveASignalMaskOfTheirOwn",
        [](Os& os) {
          const SignalSet all = SignalSet::Full();
          return os.SigProcMask(SIG_SETMASK, &all).value().empty() ? 0 : 1;
        },
        [](Os& os, Notes& notes) { notes.Add(os.SigProcMask(SIG_BLOCK, nullptr).value().empty()); },
        "0 yes"),
    Child(
        "HaveActionsOfTheirOwn",
        [](Os& os) {
          Ignore(os, SIGUSR1);
          return os.Kill(os.GetPid(), SIGUSR1).ok() ? 0 : 1;
        },
        [](Os& os, Notes& notes) {
          notes.Add(os.SigAction(SIGUSR1, nullptr).value().handler == SIG_DFL);
        },
        "0 yes"),
    Child(
        "HaveLimitsOfTheirOwn",
        [](Os& os) {
          return os.SetRLimit(RLIMIT_NOFILE, {5, 5}).ok() ? 0 : 1;
        },
        [](Os& os, Notes& notes) { notes.Add(os.GetRLimit(RLIMIT_NOFILE).value().soft == 5); },
        "0 no"),
    Child(
        "HaveAGroupOfTheirOwn",
        [](Os& os) { return os.SetSid().value_or(0) == os.GetPid() ? 0 : 1; },
        [](Os& os, Notes& notes) { notes.Add(os.Kill(-os.GetPid(), 0)); }, "0 ok"),
    Child(
        "EndBySignals",
        [](Os& os) {
          os.Kill(os.GetPid(), SIGKILL).IgnoreError();
          return 1;
        },
        [](Os& os, Notes& notes) { notes.Add(os.WaitPid(-1, 0)); }, "9 ECHILD"),
    Child(
        "EndByExit",
        [](Os& os) {
          if (os.GetPid() != 0) os.Exit(77);
          return 1;
        },
        [](Os& os, Notes& notes) { notes.Add(os.WaitPid(-1, 0)); }, "19712 ECHILD"),
    Child(
        "MayForkThemselves",
        [](Os& os) {
          const SysResult<pid_t> child = os.Fork();
          if (child.value() == 0) os.Exit(7);
          return WEXITSTATUS(os.WaitPid(child.value(), 0).value().status);
        },
        [](Os&, Notes&) {}, "1792"),
    Child(
        "GoOnAfterAFailedExec", [](Os& os) { return ExecCat(os, "/absent") == 0 ? 1 : 2; },
        [](Os&, Notes&) {}, "256"),
    Child(
        "ExecWithWhatTheyHave",
        [](Os& os) {
          const int fd = os.Open(InTree("directory/new").c_str(), O_WRONLY | O_CREAT, 0600).value();
          os.Dup2(fd, 1).IgnoreError();
          return ExecCat(os, InTree("file").c_str());
        },
        [](Os& os, Notes& notes) {
          const int fd = os.Open(InTree("directory/new").c_str(), O_RDONLY, 0).value();
          char bytes[16] = {};
          notes.Add(os.Read(fd, bytes, 15));
          notes.Add(bytes);
        },
        "0 7 content"),
};
CLEANFORK_CONFORMANCE(VforkChildren, kChildren);

}  // namespace
}  // namespace cleanfork
