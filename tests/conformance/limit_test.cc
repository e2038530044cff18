// Limits, priorities, clocks, chance, users.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <ctime>
#include <sstream>
#include <string>

#include "cleanfork/os.h"
#include "tests/conformance/kernel_under_test.h"

namespace cleanfork {
namespace {

TEST(Conformance, ALimitIsSetAndInherited) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              notes.Add(os.GetRLimit(-1));
              notes.Add(os.GetRLimit(16));
              notes.Add(os.SetRLimit(16, {1, 1}));
              notes.Add(os.SetRLimit(RLIMIT_CORE, {2, 1}));
              notes.Add(os.SetRLimit(RLIMIT_CORE, {1, 2}));
              notes.Add(os.SetRLimit(RLIMIT_NOFILE, {10, uint64_t{1} << 40}));
              if (os.Fork().value() == 0) {
                const ResourceLimit core = os.GetRLimit(RLIMIT_CORE).value();
                os.Exit(core.soft == 1 && core.hard == 2 ? 0 : 1);
              }
              notes.Add(WEXITSTATUS(os.WaitPid(-1, 0).value().status));
            }),
            "EINVAL EINVAL EINVAL EINVAL ok EPERM 0");
}

TEST(Conformance, APriorityIsSet) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              notes.Add(os.SetPriority(9, 0, 1));
              notes.Add(os.SetPriority(PRIO_PROCESS, 999999999, 1));
              notes.Add(os.SetPriority(PRIO_PROCESS, 0, 19));  // nobody has to be root for that
              notes.Add(os.SetPriority(PRIO_PROCESS, static_cast<id_t>(os.GetPid()), 100));
            }),
            "EINVAL ESRCH ok ok");
}

// The nineteenth field of /proc/PID/stat; the name before holds no space.
int NiceOf(Os& os, pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/stat";
  const int fd = os.Open(path.c_str(), O_RDONLY, 0).value();
  char text[1024] = {};
  os.Read(fd, text, sizeof(text) - 1).IgnoreError();
  os.Close(fd).IgnoreError();
  std::istringstream fields(text);
  std::string field;
  for (int i = 0; i < 19; ++i) fields >> field;
  return std::stoi(field);
}

TEST(Conformance, APriorityIsOfAGroupOrOfAUser) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              const PipeEnds ends = os.Pipe2(O_CLOEXEC).value();
              const pid_t child = os.Fork().value();
              if (child == 0) {
                os.Close(ends.write_end).IgnoreError();
                char byte = 0;
                os.Read(ends.read_end, &byte, 1).IgnoreError();
                os.Exit(0);
              }
              notes.Add(os.SetPriority(PRIO_PGRP, 0, 5));
              notes.Add(NiceOf(os, child));
              notes.Add(os.SetPriority(PRIO_PROCESS, 0, 6));
              notes.Add(NiceOf(os, child));
              notes.Add(os.SetPgid(child, child));
              notes.Add(os.SetPriority(PRIO_PGRP, static_cast<id_t>(child), 7));
              notes.Add(NiceOf(os, child));
              notes.Add(NiceOf(os, os.GetPid()));
              notes.Add(os.SetPriority(PRIO_PGRP, 999999999, 8));
              notes.Add(os.SetPriority(PRIO_USER, 3999999999, 8));
              notes.Add(os.Close(ends.write_end));
              notes.Add(WEXITSTATUS(os.WaitPid(child, 0).value().status));
            }),
            "ok 5 ok 5 ok ok 7 6 ESRCH ESRCH ok 0");
}

TEST(Conformance, ASleepLastsAsLongAsItSays) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              const int64_t start = os.ClockGetTime(CLOCK_MONOTONIC).value();
              notes.Add(os.ClockNanoSleep(CLOCK_MONOTONIC, 0, 3'000'000));
              notes.Add(os.ClockNanoSleep(CLOCK_MONOTONIC, TIMER_ABSTIME, start));
              notes.Add(os.ClockGetTime(CLOCK_MONOTONIC).value() - start >= 3'000'000);
              notes.Add(os.ClockNanoSleep(CLOCK_MONOTONIC, TIMER_ABSTIME, start + 6'000'000));
              notes.Add(os.ClockGetTime(CLOCK_MONOTONIC).value() - start >= 6'000'000);
              notes.Add(os.Poll(nullptr, 0, 1'000'000));
              notes.Add(os.ClockNanoSleep(CLOCK_REALTIME, 0, 0));
            }),
            "ok ok yes ok yes 0 ok");
}

TEST(Conformance, ChanceFillsTheBuffer) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              unsigned char bytes[100] = {};
              notes.Add(os.GetRandom(bytes, sizeof(bytes), 0x100));
              notes.Add(os.GetRandom(bytes, sizeof(bytes), 0));
              int set = 0;
              for (unsigned char byte : bytes) set += byte != 0;
              notes.Add(set > 50);
              notes.Add(os.GetRandom(bytes, 0, 0));
            }),
            "EINVAL 100 yes 0");
}

TEST(Conformance, RootIsAUserAndNobodyElseByThisName) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              notes.Add(static_cast<int>(os.GetPwNam("root").value().uid));
              notes.Add(os.GetPwUid(0).value().name);
              notes.Add(os.GetPwNam("no-such-user-here"));
              notes.Add(os.GetPwUid(3999999999));
              notes.Add(static_cast<int>(os.GetGrNam("root").value().gid));
              notes.Add(os.GetGrNam("no-such-group-here"));
              gid_t groups[2] = {};
              notes.Add(os.GetGroupList("no-such-user-here", 7, groups, 2));
              notes.Add(static_cast<int>(groups[0]));
              notes.Add(os.GetGroupList("no-such-user-here", 7, groups, 0));
            }),
            "0 root ENOENT ENOENT 0 ENOENT 1 7 ERANGE");
}

TEST(Conformance, TheEnvironmentIsSetAndRefused) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              notes.Add(os.SetEnv("", "x"));
              notes.Add(os.SetEnv("A=B", "x"));
              notes.Add(os.SetEnv("CLEANFORK_A", "x"));
              notes.Add(os.GetEnv("CLEANFORK_A"));
              notes.Add(os.SetEnv("CLEANFORK_A", ""));
              notes.Add(os.GetEnv("CLEANFORK_A")[0] == '\0');
              notes.Add(os.GetEnv("CLEANFORK_ABSENT") == nullptr);
            }),
            "EINVAL EINVAL ok x ok yes yes");
}

}  // namespace
}  // namespace cleanfork
