// Nice values, scheduling policies, limits: getpriority(2), sched_getscheduler(2), getrlimit(2).
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cstdint>

#include "cleanfork/os.h"
#include "tests/conformance/children.h"
#include "tests/conformance/conformance_case.h"
#include "tests/conformance/kernel_under_test.h"
#include "tests/conformance/proc_text.h"

namespace cleanfork {
namespace {

const ConformanceCase kPriorities[] = {
    {"OfAnUnknownKindComeFirst",
     [](Os& os, Notes& notes) {
       notes.Add(os.SetPriority(-1, 999999999, 1));
       notes.Add(os.SetPriority(3, 999999999, 1));
     },
     "EINVAL EINVAL"},
    {"OfNobodyAreRefused",
     [](Os& os, Notes& notes) {
       notes.Add(os.SetPriority(PRIO_PROCESS, 999999999, 19));
       notes.Add(os.SetPriority(PRIO_PROCESS, static_cast<id_t>(-1), 19));
       notes.Add(os.SetPriority(PRIO_PGRP, 999999999, 19));
       notes.Add(os.SetPriority(PRIO_USER, 3999999999, 19));
     },
     "ESRCH ESRCH ESRCH ESRCH"},
    {"AreCutAtTheEnds",
     [](Os& os, Notes& notes) {
       notes.Add(os.SetPriority(PRIO_PROCESS, 0, 1000));
       notes.Add(os.SetPriority(PRIO_PROCESS, 0, 19));
       notes.Add(os.SetPriority(PRIO_PROCESS, static_cast<id_t>(os.GetPid()), 20));
     },
     "ok ok ok"},
    {"OfAChildAreSet",
     [](Os& os, Notes& notes) {
       const pid_t child = ForkAndStay(os);
       notes.Add(os.SetPriority(PRIO_PROCESS, static_cast<id_t>(child), 19));
       os.Kill(child, SIGKILL).IgnoreError();
       os.WaitPid(child, 0).IgnoreError();
       notes.Add(os.SetPriority(PRIO_PROCESS, static_cast<id_t>(child), 19));
     },
     "ok ESRCH"},
    {"OfAGroupAreSet",
     [](Os& os, Notes& notes) {
       const pid_t child = ForkAndStay(os);
       notes.Add(os.SetPriority(PRIO_PGRP, 0, 5));
       notes.Add(StatField(os, child, 19));
       notes.Add(os.SetPriority(PRIO_PROCESS, 0, 6));
       notes.Add(StatField(os, child, 19));
       os.SetPgid(child, child).IgnoreError();
       notes.Add(os.SetPriority(PRIO_PGRP, static_cast<id_t>(child), 7));
       notes.Add(StatField(os, child, 19));
       notes.Add(StatField(os, os.GetPid(), 19));
       notes.Add(os.SetPriority(PRIO_PGRP, static_cast<id_t>(os.GetPid()), 19));
       os.Kill(child, SIGKILL).IgnoreError();
     },
     "ok 5 ok 5 ok 7 6 ok"},
};
CLEANFORK_CONFORMANCE(Priorities, kPriorities);

const ConformanceCase kPolicies[] = {
    {"OfANegativeNumberAreRefused",
     [](Os& os, Notes& notes) {
       notes.Add(os.SchedGetScheduler(-1));
       notes.Add(os.SchedGetScheduler(999999999));
     },
     "EINVAL ESRCH"},
    {"AreTheSameOfZeroAndOneself",
     [](Os& os, Notes& notes) {
       notes.Add(os.SchedGetScheduler(0).value() == os.SchedGetScheduler(os.GetPid()).value());
       const pid_t child = ForkAndStay(os);
       notes.Add(os.SchedGetScheduler(child).ok());
       os.Kill(child, SIGKILL).IgnoreError();
       os.WaitPid(child, 0).IgnoreError();
       notes.Add(os.SchedGetScheduler(child));
     },
     "yes yes ESRCH"},
};
CLEANFORK_CONFORMANCE(Policies, kPolicies);

constexpr uint64_t kInfinity = RLIM_INFINITY;

// Sets a limit twice; then what it is.
ConformanceCase Limit(const char* name, int resource, ResourceLimit first, ResourceLimit second,
                      const char* expected) {
  const auto body = [=](Os& os, Notes& notes) {
    notes.Add(os.SetRLimit(resource, first));
    notes.Add(os.SetRLimit(resource, second));
    const SysResult<ResourceLimit> limit = os.GetRLimit(resource);
    if (!limit.ok()) return notes.Add(limit);
    notes.Add(static_cast<int>(limit.value().soft));
    notes.Add(static_cast<int>(limit.value().hard));
  };
  return {name, body, expected};
}

const ConformanceCase kLimits[] = {
    Limit("AreLowered", RLIMIT_NOFILE, {30, 40}, {20, 25}, "ok ok 20 25"),
    Limit("AreRaisedBelowTheHardOne", RLIMIT_NOFILE, {30, 40}, {40, 40}, "ok ok 40 40"),
    Limit("OfMoreThanTheHardOneAreRefused", RLIMIT_NOFILE, {30, 40}, {41, 40}, "ok EINVAL 30 40"),
    Limit("OfZeroAreLimits", RLIMIT_CORE, {0, 0}, {0, 0}, "ok ok 0 0"),
    Limit("OfInfinityAreMoreThanAnyOther", RLIMIT_FSIZE, {1 << 20, 1 << 20}, {kInfinity, 1 << 20},
          "ok EINVAL 1048576 1048576"),
    Limit("OfNofileHaveAnEndOfTheirOwn", RLIMIT_NOFILE, {20, 30}, {20, kInfinity},
          "ok EPERM 20 30"),
    Limit("OfStackAreKept", RLIMIT_STACK, {8 << 20, 8 << 20}, {4 << 20, 8 << 20},
          "ok ok 4194304 8388608"),
    Limit("OfNprocAreKept", RLIMIT_NPROC, {100, 100}, {99, 100}, "ok ok 99 100"),
    Limit("OfCpuAreKept", RLIMIT_CPU, {500, 600}, {501, 600}, "ok ok 501 600"),
    Limit("OfAnUnknownResourceAreRefused", 16, {1, 1}, {2, 1}, "EINVAL EINVAL EINVAL"),
    Limit("OfANegativeResourceAreRefused", -1, {1, 1}, {2, 1}, "EINVAL EINVAL EINVAL"),
};
CLEANFORK_CONFORMANCE(Limits, kLimits);

const ConformanceCase kNofile[] = {
    {"BindsNewDescriptorsAlone",
     [](Os& os, Notes& notes) {
       for (int i = 0; i < 5; ++i) os.Dup(0).IgnoreError();  // 3 to 7
       notes.Add(os.SetRLimit(RLIMIT_NOFILE, {4, 10}));
       notes.Add(os.FcntlGetFd(7));
       notes.Add(os.Dup(7));
       notes.Add(os.Dup2(7, 7));
       notes.Add(os.Dup2(0, 7));
       notes.Add(os.Dup2(7, 3));
       notes.Add(os.Close(7));
       notes.Add(os.Close(3));
       notes.Add(os.Dup(6));
       notes.Add(os.Dup(6));
     },
     "ok 0 EMFILE 7 EBADF 3 ok ok 3 EMFILE"},
    {"BindsAllThatMakeDescriptors",
     [](Os& os, Notes& notes) {
       const PipeEnds ends = os.Pipe().value();  // sanitizers want one before the limit
       notes.Add(os.Close(ends.write_end));
       notes.Add(os.SetRLimit(RLIMIT_NOFILE, {4, 4}));
       notes.Add(os.Open("/dev/null", O_RDONLY, 0));
       notes.Add(os.Open("/absent", O_RDONLY, 0));
       notes.Add(os.Open("", O_RDONLY, 0));
       notes.Add(os.Dup2(77, 4));
       notes.Add(os.FcntlDupFd(0, -1));
       notes.Add(os.Pipe());
       notes.Add(os.Pipe2(0));
       notes.Add(os.Dup(0));
       notes.Add(os.FcntlDupFd(0, 0));
       notes.Add(os.FcntlDupFd(0, 4));
       notes.Add(os.PidFdOpen(os.GetPid(), 0));
       notes.Add(os.PidFdOpen(999999999, 0));
       notes.Add(os.PidFdOpen(0, 0));
     },
     "ok ok EMFILE EMFILE ENOENT EBADF EINVAL EMFILE EMFILE EMFILE EMFILE EINVAL EMFILE ESRCH "
     "EINVAL"},
    {"LetsAPipeHaveTwoOrNone",
     [](Os& os, Notes& notes) {
       const PipeEnds ends = os.Pipe().value();
       notes.Add(os.SetRLimit(RLIMIT_NOFILE, {6, 6}));
       notes.Add(os.Pipe());
       notes.Add(os.Dup(0));
       os.Close(5).IgnoreError();
       os.Close(ends.read_end).IgnoreError();
       const SysResult<PipeEnds> second = os.Pipe();
       notes.Add(second);
       notes.Add(second.value_or(PipeEnds()).read_end);
       notes.Add(second.value_or(PipeEnds()).write_end);
     },
     "ok EMFILE 5 ok 3 5"},
    {"OfZeroLeavesWhatIsOpen",
     [](Os& os, Notes& notes) {
       notes.Add(os.SetRLimit(RLIMIT_NOFILE, {0, 10}));
       notes.Add(os.Dup(0));
       notes.Add(os.Dup2(0, 0));
       notes.Add(os.Dup2(0, 1));
       notes.Add(os.Write(1, "x", 1));
       notes.Add(os.SetRLimit(RLIMIT_NOFILE, {10, 10}));
       notes.Add(os.Dup(0));
     },
     "ok EMFILE 0 EBADF 1 ok 3"},
};
CLEANFORK_CONFORMANCE(LimitOfDescriptors, kNofile);

}  // namespace
}  // namespace cleanfork
