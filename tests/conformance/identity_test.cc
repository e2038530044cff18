// What another identity may and may not do to processes, and what a change of it changes: kill(2),
// setpriority(2), setrlimit(2), fork(2), setgroups(2), prctl(2), execve(2). Cases begin as root.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdint>
#include <ctime>
#include <string>
#include <vector>

#include "cleanfork/os.h"
#include "tests/conformance/children.h"
#include "tests/conformance/conformance_case.h"
#include "tests/conformance/kernel_under_test.h"
#include "tests/conformance/proc_text.h"
#include "tests/real/unused_uid.h"

namespace cleanfork {
namespace {

// Users that no other program on this machine runs as.
const uid_t kOne = UnusedUid();
const uid_t kTwo = kOne + 0x10000000;

void Become(Os& os, uid_t real, uid_t effective, uid_t saved) {
  os.SetGroups(nullptr, 0).IgnoreError();
  os.SetResGid(1, 1, 1).IgnoreError();
  os.SetResUid(real, effective, saved).IgnoreError();
}

// A child that has become these, and stays.
pid_t ForkAs(Os& os, uid_t real, uid_t effective, uid_t saved) {
  const PipeEnds ends = os.Pipe().value();
  const pid_t child = os.Fork().value();
  if (child == 0) {
    Become(os, real, effective, saved);
    os.Write(ends.write_end, "x", 1).IgnoreError();
    Stay(os);
  }
  char byte = 0;
  os.Read(ends.read_end, &byte, 1).IgnoreError();
  os.Close(ends.read_end).IgnoreError();
  os.Close(ends.write_end).IgnoreError();
  return child;
}

// What a sender is told of a target: nothing, SIGCONT, a pidfd's signal, a group's; sched, nice.
struct Three {
  uid_t real, effective, saved;
};

ConformanceCase Sending(const char* name, Three sender, Three target, const char* expected) {
  const auto body = [=](Os& os, Notes& notes) {
    const pid_t child = ForkAs(os, target.real, target.effective, target.saved);
    os.SetPgid(child, child).IgnoreError();
    const PipeEnds ends = os.Pipe().value();
    const int by = InChild(os, [&] {
      const int fd = os.PidFdOpen(child, 0).value();
      Become(os, sender.real, sender.effective, sender.saved);
      const int told[] = {os.Kill(child, 0).error(),
                          os.Kill(child, 99).error(),
                          os.Kill(child, SIGCONT).error(),
                          os.PidFdSendSignal(fd, 0).error(),
                          os.PidFdSendSignal(fd, 99).error(),
                          os.Kill(-child, 0).error(),
                          os.SetPriority(PRIO_PROCESS, static_cast<id_t>(child), 19).error(),
                          os.SetPriority(PRIO_PGRP, static_cast<id_t>(child), 19).error()};
      os.Write(ends.write_end, told, sizeof(told)).IgnoreError();
      return 0;
    });
    notes.Add(by);
    int told[8] = {};
    os.Read(ends.read_end, told, sizeof(told)).IgnoreError();
    for (int error : told) {
      notes.Add(error == 0 ? SysResult<void>() : SysResult<void>(SysError(error)));
    }
    KillAndReap(os, child);
  };
  return {name, body, expected};
}

const ConformanceCase kSendings[] = {
    Sending("OfOneselfToOneself", {kOne, kOne, kOne}, {kOne, kOne, kOne},
            "0 ok EINVAL ok ok EINVAL ok ok ok"),
    Sending("OfAStranger", {kTwo, kTwo, kTwo}, {kOne, kOne, kOne},
            "0 EPERM EINVAL ok EPERM EINVAL EPERM EPERM EPERM"),
    Sending("OfAStrangerToRoot", {kTwo, kTwo, kTwo}, {0, 0, 0},
            "0 EPERM EINVAL ok EPERM EINVAL EPERM EPERM EPERM"),
    Sending("OfRoot", {0, 0, 0}, {kOne, kOne, kOne}, "0 ok EINVAL ok ok EINVAL ok ok ok"),
    Sending("ByTheRealId", {kOne, kTwo, kTwo}, {kOne, kOne, kOne},
            "0 ok EINVAL ok ok EINVAL ok EPERM EPERM"),
    Sending("ByTheSavedIdOnly", {kTwo, kTwo, kOne}, {kOne, kOne, kOne},
            "0 EPERM EINVAL ok EPERM EINVAL EPERM EPERM EPERM"),
    Sending("ToTheRealId", {kOne, kOne, kOne}, {kOne, kTwo, kTwo},
            "0 ok EINVAL ok ok EINVAL ok ok ok"),
    Sending("ToTheEffectiveIdOnly", {kOne, kOne, kOne}, {kTwo, kOne, kTwo},
            "0 EPERM EINVAL ok EPERM EINVAL EPERM ok ok"),
    Sending("ToTheSavedId", {kOne, kOne, kOne}, {kTwo, kTwo, kOne},
            "0 ok EINVAL ok ok EINVAL ok EPERM EPERM"),
    Sending("ByTheEffectiveIdToTheRealOne", {kTwo, kOne, kTwo}, {kOne, kTwo, kTwo},
            "0 ok EINVAL ok ok EINVAL ok ok ok"),
};
CLEANFORK_CONFORMANCE_OF_ROOT(Sending, kSendings);

const ConformanceCase kNproc[] = {
    {"StopsForksOfOthers",
     [](Os& os, Notes& notes) {
       os.SetRLimit(RLIMIT_NPROC, {2, 2}).IgnoreError();
       Become(os, kOne, kOne, kOne);
       const pid_t child = ForkAndStay(os);
       notes.Add(os.Fork());
       const auto none = [](void*) { return 0; };
       notes.Add(os.VforkCall(none, nullptr, SIGCHLD));
       os.Kill(child, SIGKILL).IgnoreError();
       AwaitEnd(os, child);
       notes.Add(os.Fork());  // a zombie counts
       os.WaitPid(child, 0).IgnoreError();
       notes.Add(InChild(os, [] { return 7; }));
     },
     "EAGAIN EAGAIN EAGAIN 7"},
    {"DoesNotStopRoot",
     [](Os& os, Notes& notes) {
       notes.Add(os.SetRLimit(RLIMIT_NPROC, {1, 1}));
       notes.Add(InChild(os, [] { return 7; }));
     },
     "ok 7"},
    {"OfZeroStopsTheFirstFork",
     [](Os& os, Notes& notes) {
       os.SetRLimit(RLIMIT_NPROC, {0, 0}).IgnoreError();
       Become(os, kOne, kOne, kOne);
       notes.Add(os.Fork());
     },
     "EAGAIN"},
    {"CountsByTheRealId",
     [](Os& os, Notes& notes) {
       const pid_t child = ForkAs(os, kOne, kTwo, kTwo);
       os.SetRLimit(RLIMIT_NPROC, {2, 2}).IgnoreError();
       notes.Add(InChild(os, [&] {
         Become(os, kOne, kOne, kOne);
         return os.Fork().error() == EAGAIN ? 1 : 0;
       }));
       notes.Add(InChild(os, [&] {
         Become(os, kTwo, kTwo, kTwo);
         return InChild(os, [] { return 7; });
       }));
       KillAndReap(os, child);
     },
     "1 7"},
    {"IsToldToAnExecOfWhoBecameOneTooMany",
     [](Os& os, Notes& notes) {
       const pid_t child = ForkAs(os, kOne, kOne, kOne);
       os.SetRLimit(RLIMIT_NPROC, {0, 0}).IgnoreError();
       notes.Add(InChild(os, [&] {
         Become(os, kOne, kOne, kOne);
         return Exec(os, "/bin/true").error() == EAGAIN ? 1 : 2;
       }));
       KillAndReap(os, child);
       notes.Add(InChild(os, [&] {
         Become(os, kOne, kOne, kOne);
         return Exec(os, "/bin/true").error();
       }));
     },
     "1 0"},
};
CLEANFORK_CONFORMANCE_OF_ROOT(LimitOfProcesses, kNproc);

const ConformanceCase kGroups[] = {
    {"AreSortedAndCounted",
     [](Os& os, Notes& notes) {
       const gid_t groups[] = {9, 3, 7, 3};
       notes.Add(os.SetGroups(groups, 4));
       gid_t got[4] = {};
       notes.Add(os.GetGroups(nullptr, 0));
       notes.Add(os.GetGroups(got, 4));
       for (gid_t group : got) notes.Add(static_cast<int>(group));
       notes.Add(os.GetGroups(got, 3));
       notes.Add(os.GetGroups(got, static_cast<size_t>(-1)));
     },
     "ok 4 4 3 3 7 9 EINVAL EINVAL"},
    {"AreNoneIfSetToNone",
     [](Os& os, Notes& notes) {
       notes.Add(os.SetGroups(nullptr, 0));
       notes.Add(os.GetGroups(nullptr, 0));
       gid_t got[1] = {};
       notes.Add(os.GetGroups(got, 1));
     },
     "ok 0 0"},
    {"AreNotSetByOthers",
     [](Os& os, Notes& notes) {
       os.SetResUid(1, 1, 1).IgnoreError();
       const gid_t group = 0;
       notes.Add(os.SetGroups(&group, 1));
       notes.Add(os.SetGroups(nullptr, 0));
       notes.Add(os.SetGroups(nullptr, 65537));
     },
     "EPERM EPERM EPERM"},
    {"HaveAnEnd",
     [](Os& os, Notes& notes) {
       const std::vector<gid_t> groups(65537, 5);
       notes.Add(os.SetGroups(groups.data(), 65537));
       notes.Add(os.SetGroups(groups.data(), static_cast<size_t>(-1)));
       const gid_t bad[] = {5, static_cast<gid_t>(-1)};
       const size_t before = os.GetGroups(nullptr, 0).value();
       notes.Add(os.SetGroups(bad, 2));
       notes.Add(os.GetGroups(nullptr, 0).value() == before);
     },
     "EINVAL EINVAL EINVAL yes"},
    {"AreInheritedAndOnesOwn",
     [](Os& os, Notes& notes) {
       const gid_t groups[] = {3, 4};
       os.SetGroups(groups, 2).IgnoreError();
       notes.Add(InChild(os, [&] {
         const size_t count = os.GetGroups(nullptr, 0).value();
         os.SetGroups(nullptr, 0).IgnoreError();
         return static_cast<int>(count);
       }));
       notes.Add(os.GetGroups(nullptr, 0));
     },
     "2 2"},
};
CLEANFORK_CONFORMANCE_OF_ROOT(SupplementaryGroups, kGroups);

// Sets a parent-death signal, makes the change, and dies as a parent: whether the signal came.
ConformanceCase DeathSignal(const char* name, void (*change)(Os& os), const char* expected) {
  const auto body = [change](Os& os, Notes& notes) {
    const PipeEnds ends = os.Pipe().value();
    const pid_t parent = os.Fork().value();
    if (parent == 0) {
      const PipeEnds ready = os.Pipe().value();
      if (os.Fork().value() == 0) {
        const pid_t own_parent = os.GetPpid();
        os.PrctlSetPdeathsig(SIGKILL).IgnoreError();
        change(os);
        os.Write(ready.write_end, "x", 1).IgnoreError();
        os.Close(ready.read_end).IgnoreError();
        os.Close(ready.write_end).IgnoreError();
        while (os.GetPpid() == own_parent) {
          os.ClockNanoSleep(CLOCK_MONOTONIC, 0, 1'000'000).IgnoreError();
        }
        os.Poll(nullptr, 0, 100'000'000).IgnoreError();
        os.Write(ends.write_end, "x", 1).IgnoreError();
        os.Exit(0);
      }
      char byte = 0;
      os.Read(ready.read_end, &byte, 1).IgnoreError();
      os.Exit(0);
    }
    os.Close(ends.write_end).IgnoreError();
    char byte = 0;
    notes.Add(os.Read(ends.read_end, &byte, 1).value_or(0) == 1 ? "lives" : "dies");
  };
  return {name, body, expected};
}

const ConformanceCase kDeathSignals[] = {
    DeathSignal(
        "StaysWithoutAChange", [](Os&) {}, "dies"),
    DeathSignal(
        "StaysWithAChangeOfTheRealId", [](Os& os) { os.SetResUid(1, 0, 0).IgnoreError(); }, "dies"),
    DeathSignal(
        "GoesWithTheEffectiveId", [](Os& os) { os.SetResUid(0, 1, 0).IgnoreError(); }, "lives"),
    DeathSignal(
        "GoesWithTheEffectiveGroup", [](Os& os) { os.SetResGid(0, 1, 0).IgnoreError(); }, "lives"),
    DeathSignal(
        "GoesWithTheFileSystemId", [](Os& os) { os.SetFsUid(1); }, "lives"),
    DeathSignal(
        "StaysWithTheSameId", [](Os& os) { os.SetResUid(0, 0, 0).IgnoreError(); }, "dies"),
    DeathSignal(
        "StaysWithOtherGroups",
        [](Os& os) {
          const gid_t group = 5;
          os.SetGroups(&group, 1).IgnoreError();
        },
        "dies"),
    DeathSignal(
        "StaysWithoutNewPrivileges", [](Os& os) { os.PrctlSetNoNewPrivs().IgnoreError(); }, "dies"),
};
CLEANFORK_CONFORMANCE_OF_ROOT(ParentDeathSignal, kDeathSignals);

// Capabilities after an exec as these users: those of files do not come into it.
ConformanceCase ExecAs(const char* name, Three ids, const char* expected) {
  const auto body = [ids](Os& os, Notes& notes) {
    const PipeEnds ends = os.Pipe2(O_CLOEXEC).value();
    const pid_t child = os.Fork().value();
    if (child == 0) {
      os.Dup2(ends.write_end, 1).IgnoreError();
      os.SetResUid(ids.real, ids.effective, ids.saved).IgnoreError();
      Exec(os, "/bin/cat", "/proc/self/status").IgnoreError();
      os.Exit(127);
    }
    os.Close(ends.write_end).IgnoreError();
    const std::string text = ReadAll(os, ends.read_end);
    for (const std::string name : {"Uid", "CapPrm", "CapEff"}) {
      std::string value = Field(text, name);
      for (char& c : value) c = c == '\t' ? ',' : c;
      if (name[0] == 'C') value = value == "0000000000000000" ? "none" : "all";
      notes.Add(value);
    }
  };
  return {name, body, expected};
}

const ConformanceCase kExecs[] = {
    ExecAs("Root", {0, 0, 0}, "0,0,0,0 all all"),
    ExecAs("AnotherUser", {1, 1, 1}, "1,1,1,1 none none"),
    ExecAs("OneWhoWasRoot", {1, 1, 0}, "1,1,1,1 none none"),
    ExecAs("OneWhoIsRootReally", {0, 1, 1}, "0,1,1,1 all none"),
    ExecAs("OneWhoIsRootEffectively", {1, 0, 1}, "1,0,0,0 all all"),
};
CLEANFORK_CONFORMANCE_OF_ROOT(ExecAs, kExecs);

const ConformanceCase kLimits[] = {
    {"OfOthersAreLoweredOnly",
     [](Os& os, Notes& notes) {
       os.SetRLimit(RLIMIT_NOFILE, {20, 30}).IgnoreError();
       Become(os, kOne, kOne, kOne);
       notes.Add(os.SetRLimit(RLIMIT_NOFILE, {20, 31}));
       notes.Add(os.SetRLimit(RLIMIT_NOFILE, {32, 31}));
       notes.Add(os.SetRLimit(RLIMIT_NOFILE, {30, 30}));
       notes.Add(os.SetRLimit(RLIMIT_NOFILE, {25, 25}));
       notes.Add(os.SetRLimit(RLIMIT_NOFILE, {25, 30}));
     },
     "EPERM EINVAL ok ok EPERM"},
    {"OfNiceValuesBindOthers",
     [](Os& os, Notes& notes) {
       os.SetRLimit(RLIMIT_NICE, {0, 0}).IgnoreError();
       os.SetPriority(PRIO_PROCESS, 0, 5).IgnoreError();
       Become(os, kOne, kOne, kOne);
       notes.Add(os.SetPriority(PRIO_PROCESS, 0, 4));
       notes.Add(os.SetPriority(PRIO_PROCESS, 0, 5));
       notes.Add(os.SetPriority(PRIO_PROCESS, 0, 6));
       notes.Add(os.SetPriority(PRIO_USER, kOne, 7));
       notes.Add(os.SetPriority(PRIO_USER, 0, 6));
       notes.Add(os.SetPriority(PRIO_USER, kTwo, 6));
     },
     "EACCES ok ok ok EACCES ESRCH"},
};
CLEANFORK_CONFORMANCE_OF_ROOT(LimitsOfOthers, kLimits);

}  // namespace
}  // namespace cleanfork
