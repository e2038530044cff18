// Daemonize() in the starter, whose daemon may be another user by now, or not in its right mind:
// what it writes to the pipe can neither hold the starter, nor be taken for a success, nor direct
// its signals. And what it says with its last breath is heard.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <ctime>
#include <stdexcept>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cleanfork/daemonize.h"
#include "cleanfork/fork_child.h"
#include "tests/unit/daemonize_os.h"

namespace cleanfork {
namespace {

using testing::_;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr int kFirstFd = StarterOs::kFirstFd;
constexpr int kSecondFd = StarterOs::kSecondFd;
constexpr pid_t kFirst = StarterOs::kFirst;
constexpr pid_t kSecond = StarterOs::kSecond;
constexpr pid_t kStranger = 4799;

class HostileDaemon : public testing::Test {
 protected:
  HostileDaemon() { options_.keep_parent = true; }

  absl::Status Run() { return Daemonize(options_, os_).status(); }

  StarterOs os_;
  DaemonizeOptions options_;
};

TEST_F(HostileDaemon, HoldsNobodyByAWordWhoseTextNeverComes) {
  os_.Say(ChildReport::GaveUp(13, kSecond, 2048), "half of ");
  const absl::Status status = Run();
  EXPECT_TRUE(absl::IsInternal(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("half of "));
  EXPECT_EQ(os_.now(), 1 + 5) << "a second for the text, five for the daemon to leave";
}

TEST_F(HostileDaemon, HoldsNobodyByHalfAWord) {
  os_.At(3, [this] { os_.SayBytes("x"); });
  EXPECT_EQ(std::string(Run().message()),
            "read of the daemon's report: Protocol error (EPROTO) [step report, child 4712]");
  EXPECT_EQ(os_.now(), 4);
  EXPECT_THAT(os_.killed(), ElementsAre(kSecondFd));
}

TEST_F(HostileDaemon, HoldsNobodyByWordsWithoutEnd) {
  os_.Say(ChildReport::Started(kSecond));
  const absl::Status status = Run();
  EXPECT_EQ(std::string(status.message()),
            "read of the daemon's report: Protocol error (EPROTO) [step report, child 4712]");
  EXPECT_THAT(os_.killed(), ElementsAre(kSecondFd));
}

TEST_F(HostileDaemon, IsNotWaitedForBecauseWhatItForkedWritesWithoutEnd) {
  int words = 0;
  int64_t now = 0;
  ON_CALL(os_, ClockGetTime(CLOCK_MONOTONIC)).WillByDefault([&](clockid_t) {
    return SysResult<int64_t>(now += StarterOs::kSecondNs / 4);
  });
  os_.Say(ChildReport::GaveUp(13, kSecond, 0));
  ON_CALL(os_, PidFdSendSignal(kSecondFd, SIGKILL)).WillByDefault([&](auto...) {
    os_.End(kSecondFd);
    os_.End(kFirstFd);
    return SysResult<void>();
  });
  ON_CALL(os_, Read(ScriptedOs::kReportRead, _, _))
      .WillByDefault([&](int, void* buffer, size_t size) {
        const ChildReport script[] = {ChildReport::Forked(kSecond), ChildReport::Started(kSecond),
                                      ChildReport::GaveUp(13, kSecond, 0)};
        const ChildReport& word = script[words < 3 ? words : 2];
        if (++words > 100) throw std::logic_error("read without end");
        return ReadsReport(word)(0, buffer, size);
      });
  EXPECT_TRUE(absl::IsInternal(Run()));
  EXPECT_LT(words, 100);
}

TEST_F(HostileDaemon, CannotMakeASuccessOfAFailure) {
  for (int code : {0, -1, 17, 1 << 30}) {
    StarterOs os;
    os.Say(ChildReport::GaveUp(code, kSecond, 0));
    os.At(1, [&] {
      os.End(kSecondFd);
      os.End(kFirstFd);
    });
    EXPECT_EQ(Daemonize(options_, os).status().code(), absl::StatusCode::kUnknown) << code;
  }
}

TEST_F(HostileDaemon, CannotSteerTheTerminalThatItsTextIsShownOn) {
  const std::string text =
      "\x1b[2J\xc2\x9b"
      "2J \x9b"
      "2J caf\xc3\xa9 \xc4\x9b";
  os_.Say(ChildReport::GaveUp(13, kSecond, static_cast<int32_t>(text.size())), text);
  os_.At(1, [this] {
    os_.End(kSecondFd);
    os_.End(kFirstFd);
  });
  EXPECT_EQ(std::string(Run().message()),
            "\\x1b[2J\\xc2\\x9b2J \\x9b2J caf\xc3\xa9 \xc4\x9b [step ready, child 4712]");
}

TEST_F(HostileDaemon, DoesNotHoldAStarterThatIsItsParentAndMayNotKillIt) {
  options_.fork.session = Session::kNew;
  os_.BecomeParent();
  ON_CALL(os_, PidFdSendSignal(_, _)).WillByDefault(Fails(EPERM));
  ON_CALL(os_, Kill(_, _)).WillByDefault(Fails(EPERM));
  ON_CALL(os_, WaitId(_, _, _)).WillByDefault(Ok(WaitIdResult()));
  EXPECT_CALL(os_, WaitPid(_, 0)).Times(0);  // would not return
  EXPECT_TRUE(absl::IsDeadlineExceeded(Run()));
  EXPECT_EQ(os_.now(), 95);
}

TEST_F(HostileDaemon, IsHeardWhenItSpeaksAndEndsBetweenTwoLooks) {
  for (bool is_child : {false, true}) {
    StarterOs os;
    options_.fork.session = is_child ? Session::kNew : Session::kDaemon;
    if (is_child) os.BecomeParent();
    os.At(2, [&] {
      os.between_looks = [&] {
        os.Say(ChildReport::GaveUp(13, kSecond, 4), "why.");
        os.End(is_child ? kFirstFd : kSecondFd);
      };
    });
    EXPECT_THAT(std::string(Daemonize(options_, os).status().message()),
                testing::StartsWith("why. [step ready"));
  }
}

TEST(ChildThatEnds, IsHeardWhenItReportsAndEndsBetweenTwoLooks) {
  StarterOs os;
  os.Unsay();
  os.At(2, [&] {
    os.between_looks = [&] {
      os.Say(ChildReport::Failed(Step::kChDir, EACCES, kFirst));
      os.End(kFirstFd);
    };
  });
  ForkOptions options;
  options.session = Session::kNew;
  EXPECT_EQ(std::string(ForkChild(options, os).status().message()),
            "chdir(\"/\"): Permission denied (EACCES) [step chdir, child 4711]");
}

// The second child wrote all of it before the signal came, the last of it as another user.
TEST(FirstChildThatVanished, HasNobodyKilledWhomTheSecondOneNamesLater) {
  StarterOs os;
  os.Unsay();
  os.Say(ChildReport::Forked(kSecond));
  os.End(kFirstFd);
  EXPECT_CALL(os, PidFdOpen(_, 0)).Times(testing::AnyNumber());
  EXPECT_CALL(os, PidFdOpen(kStranger, 0)).Times(0);
  EXPECT_CALL(os, PidFdSendSignal(kSecondFd, SIGKILL))
      .WillOnce([&](auto...) {
        os.Say(ChildReport::Started(kSecond));
        os.Say(ChildReport::Forked(kStranger));
        os.End(kSecondFd);
        return SysResult<void>();
      })
      .WillRepeatedly(Ok());
  ForkOptions options;
  options.session = Session::kDaemon;
  EXPECT_FALSE(ForkChild(options, os).ok());
}

// An error would leave a daemon behind: without a pidfd nothing can end it.
TEST(FirstChildThatVanished, IsNoFailureOfASecondOneThatCannotBeKilledAndGoesOn) {
  StarterOs os;
  os.Unsay();
  os.Say(ChildReport::Forked(kSecond));
  os.End(kFirstFd);
  ON_CALL(os, PidFdOpen(kSecond, 0)).WillByDefault(Fails(ENOSYS));
  os.At(0.1, [&] { os.Say(ChildReport::Started(kSecond)); });
  ForkOptions options;
  options.session = Session::kDaemon;
  const absl::StatusOr<pid_t> daemon = ForkChild(options, os);
  ASSERT_TRUE(daemon.ok()) << daemon.status();
  EXPECT_EQ(*daemon, kSecond);
}

}  // namespace
}  // namespace cleanfork
