// The texts that people read when a test of theirs fails.
#include "cleanfork/os_matchers.h"

#include <gmock/gmock.h>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <string>

#include "cleanfork/mock_os.h"

namespace cleanfork {
namespace {

using ::testing::_;
using ::testing::AnyOf;
using ::testing::Field;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::PrintToString;

// What EXPECT_THAT(value, matcher) says of it after "Value of: …".
template <typename T, typename M>
std::string FailureText(const T& value, M matcher) {
  testing::TestPartResultArray failures;
  {
    testing::ScopedFakeTestPartResultReporter reporter(
        testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &failures);
    EXPECT_THAT(value, matcher);
  }
  return failures.size() == 0 ? "matches" : failures.GetTestPartResult(0).message();
}

SysResult<pid_t> Failed(int error) { return SysError(error); }

TEST(SysOkMatcher, SaysWhyTheCallFailed) {
  EXPECT_THAT(FailureText(Failed(EAGAIN), SysOk()),
              HasSubstr("Expected: succeeds\n"
                        "  Actual: failed with EAGAIN (Resource temporarily unavailable)"));
}

TEST(SysOkMatcher, SaysWhichValueWasExpectedAndWhichCame) {
  EXPECT_THAT(FailureText(SysResult<pid_t>(7), SysOk(4711)),
              HasSubstr("Expected: succeeds with a value that is equal to 4711\n"
                        "  Actual: succeeded with 7"));
}

TEST(SysOkMatcher, MatchesTheValueWithAnyMatcher) {
  EXPECT_THAT(SysResult<pid_t>(7), SysOk(Gt(6)));
  EXPECT_THAT(SysResult<pid_t>(7), Not(SysOk(Gt(7))));
  EXPECT_THAT(Failed(EPERM), Not(SysOk(_)));
  EXPECT_THAT(SysResult<PipeEnds>(PipeEnds{3, 4}), SysOk(Field(&PipeEnds::write_end, 4)));
}

TEST(SysFailsMatcher, NamesTheErrnoThatItWanted) {
  EXPECT_THAT(FailureText(SysResult<void>(), SysFails(EPERM)),
              HasSubstr("Expected: fails with EPERM (Operation not permitted)\n"
                        "  Actual: succeeded"));
  EXPECT_THAT(FailureText(Failed(EAGAIN), SysFails(EPERM)),
              HasSubstr("Expected: fails with EPERM (Operation not permitted)\n"
                        "  Actual: failed with EAGAIN (Resource temporarily unavailable)"));
}

TEST(SysFailsMatcher, TakesAMatcherOfTheErrno) {
  EXPECT_THAT(Failed(ENOMEM), SysFails(AnyOf(EAGAIN, ENOMEM)));
  EXPECT_THAT(Failed(EPERM), Not(SysFails(AnyOf(EAGAIN, ENOMEM))));
  EXPECT_THAT(Failed(EPERM), SysFails());
  EXPECT_THAT(SysResult<pid_t>(0), Not(SysFails()));
  EXPECT_THAT(FailureText(SysResult<pid_t>(0), SysFails(AnyOf(EAGAIN, ENOMEM))),
              HasSubstr("Expected: fails with an errno that (is equal to 11) or (is equal to 12)\n"
                        "  Actual: succeeded with 0"));
}

TEST(ExitsWithMatcher, SaysWhatHappenedInstead) {
  EXPECT_THAT(FailureText([] {}, ExitsWith(1)), HasSubstr("which returns"));
  EXPECT_THAT(FailureText([] { throw 1; }, ExitsWith(1)),
              HasSubstr("which throws something other than ProcessExited"));
  EXPECT_THAT(FailureText([] { throw ProcessExited{2}; }, ExitsWith(1)),
              HasSubstr("which exits with 2"));
  EXPECT_THAT(FailureText([] {}, ExitsWith(1)),
              HasSubstr("Expected: exits with a status that is equal to 1"));
}

TEST(OsPrinters, PrintTheValuesOfTheSeamByName) {
  EXPECT_EQ(PrintToString(SignalSet::Of(SIGHUP, SIGTERM)), "{SIGHUP, SIGTERM}");
  EXPECT_EQ(PrintToString(SignalSet::Empty()), "{}");
  EXPECT_EQ(PrintToString(SignalSet::Full()), "{all signals}");
  SignalSet most = SignalSet::Full();
  most.Remove(SIGKILL);
  EXPECT_EQ(PrintToString(most), "{all signals but SIGKILL}");
  EXPECT_EQ(PrintToString(SignalSet::Of(40)), "{signal 40}");
  EXPECT_EQ(PrintToString(WaitResult{4711, SIGTERM}), "{pid 4711, killed by SIGTERM}");
  EXPECT_EQ(PrintToString(WaitResult{4711, 1 << 8}), "{pid 4711, exited with 1}");
  EXPECT_EQ(PrintToString(WaitResult{}), "{no child changed}");
  EXPECT_EQ(PrintToString(ResUid{0, 65534, 65534}), "{real 0, effective 65534, saved 65534}");
  EXPECT_EQ(PrintToString(PipeEnds{3, 4}), "{read end 3, write end 4}");
  EXPECT_EQ(PrintToString(ReceivedMessage{7, true, 0, 0, 0}), "{size 7, cut}");
  EXPECT_EQ(PrintToString(ReceivedMessage{7, false, 1, 2, 3}), "{size 7, pid 1, uid 2, gid 3}");
  SignalAction ignored;
  ignored.handler = SIG_IGN;
  ignored.flags = SA_RESTART;
  EXPECT_EQ(PrintToString(ignored), "{SIG_IGN, flags SA_RESTART}");
  EXPECT_EQ(PrintToString(SysResult<PipeEnds>(PipeEnds{3, 4})),
            "succeeded with {read end 3, write end 4}");
  EXPECT_EQ(PrintToString(ProcessExited{3}), "exited with 3");
}

TEST(OsPrinters, NameTheSignalsOfAnUnexpectedCall) {
  testing::StrictMock<MockOs> os;
  const SignalSet set = SignalSet::Of(SIGTERM);
  EXPECT_NONFATAL_FAILURE(os.SigProcMask(SIG_BLOCK, &set).IgnoreError(),
                          "SigProcMask(0, {SIGTERM})");
}

}  // namespace
}  // namespace cleanfork
