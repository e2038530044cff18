// SimOs: null pointers for which there is no EFAULT abort by the names of call and argument.
#include <gtest/gtest.h>
#include <signal.h>

#include <cerrno>

#include "cleanfork/os.h"
#include "cleanfork/sim_os.h"

namespace cleanfork {
namespace {

void ExpectAbort(const char* message, void (*call)(Os& os)) {
  SimOs sim;
  const SimOs::Body body = [call](Os& os) {
    os.Umask(0);
    call(os);
    return 0;
  };
  EXPECT_DEATH(sim.Run(body), message);
}

TEST(SimOsNullDeathTest, ThatTheCLibraryWouldFollowIsNamed) {
  ExpectAbort("SimOs: process 100: getpwnam\\(null\\): its argument name is null",
              [](Os& os) { os.GetPwNam(nullptr).IgnoreError(); });
  ExpectAbort("getgrnam\\(null\\): its argument name is null",
              [](Os& os) { os.GetGrNam(nullptr).IgnoreError(); });
  ExpectAbort("getgrouplist\\(null, 0, null, 0\\): its argument user is null",
              [](Os& os) { os.GetGroupList(nullptr, 0, nullptr, 0).IgnoreError(); });
  ExpectAbort("getgrouplist\\(\"root\", 0, null, 1\\): its argument groups is null",
              [](Os& os) { os.GetGroupList("root", 0, nullptr, 1).IgnoreError(); });
  ExpectAbort("getenv\\(null\\): its argument name is null", [](Os& os) { os.GetEnv(nullptr); });
  ExpectAbort("setenv\\(\"A\", null\\): its argument value is null",
              [](Os& os) { os.SetEnv("A", nullptr).IgnoreError(); });
}

TEST(SimOsNullDeathTest, ThatThisLibraryWouldFollowIsNamed) {
  ExpectAbort("vfork\\(null, null, 17\\): its argument function is null",
              [](Os& os) { os.VforkCall(nullptr, nullptr, SIGCHLD).IgnoreError(); });
  ExpectAbort("sendto\\(0, \"x\", 0, null\\): its argument address is null",
              [](Os& os) { os.SendTo(0, "x", 1, 0, nullptr).IgnoreError(); });
}

// Of the kernel the rest: //tests/conformance:bad_pointer_real. This takes root.
TEST(SimOsNull, GroupsAreEfaultAfterTheRightAndTheirNumber) {
  SimOs sim;
  int errors[3] = {};
  sim.Run([&errors](Os& os) {
    errors[0] = os.SetGroups(nullptr, 1).error();
    errors[1] = os.SetGroups(nullptr, 65537).error();
    os.SetResUid(1, 1, 1).IgnoreError();
    errors[2] = os.SetGroups(nullptr, 1).error();
    return os.SetGroups(nullptr, 0).error();
  });
  EXPECT_EQ(errors[0], EFAULT);
  EXPECT_EQ(errors[1], EINVAL);
  EXPECT_EQ(errors[2], EPERM);
}

TEST(SimOsNull, AVariableWithoutANameIsEinval) {
  SimOs sim;
  sim.Run([](Os& os) {
    const bool same =
        os.SetEnv(nullptr, "x").error() == EINVAL && os.UnsetEnv(nullptr).error() == EINVAL;
    return same ? 0 : 1;
  });
  EXPECT_EQ(sim.process(100)->wait_status, 0);
}

TEST(SimOsNull, IsInTheTrace) {
  SimOs sim;
  sim.Run([](Os& os) {
    os.Write(1, nullptr, 5).IgnoreError();
    os.Stat(nullptr).IgnoreError();
    return 0;
  });
  EXPECT_EQ(sim.TraceText(), "100 write(1, null, 5) = 5\n100 stat(null) = EFAULT\n");
}

}  // namespace
}  // namespace cleanfork
