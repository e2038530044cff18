// Notifier: what is sent, where to, and what is refused before anything is sent.
#include "cleanfork/notifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <ctime>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cleanfork/mock_os.h"
#include "cleanfork/names.h"
#include "cleanfork/os_call.h"

namespace cleanfork {
namespace {

using testing::_;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::NiceMock;
using testing::Return;
using testing::StrEq;

constexpr int kFd = 9;
constexpr int kFlags = SOCK_DGRAM | SOCK_CLOEXEC;

std::string Message(const absl::Status& status) { return std::string(status.message()); }

UnixAddress Address(const std::string& bytes) {
  UnixAddress address;
  bytes.copy(address.bytes, sizeof(address.bytes));
  address.size = bytes.size();
  return address;
}

// A machine on which somebody listens at /run/notify.
class NotifierTest : public testing::Test {
 protected:
  NotifierTest() {
    SetVariable("/run/notify");
    ON_CALL(os_, Socket(AF_UNIX, kFlags, 0)).WillByDefault(Ok(kFd));
    ON_CALL(os_, Close(kFd)).WillByDefault(Ok());
    ON_CALL(os_, UnsetEnv(_)).WillByDefault(Ok());
    ON_CALL(os_, SendTo(kFd, _, _, MSG_NOSIGNAL, _))
        .WillByDefault([this](int, const void* bytes, size_t size, int, const UnixAddress* to) {
          sent_.emplace_back(static_cast<const char*>(bytes), size);
          address_ = *to;
          return SysResult<size_t>(size);
        });
  }

  void SetVariable(const char* value) {
    ON_CALL(os_, GetEnv(StrEq("NOTIFY_SOCKET"))).WillByDefault(Return(value));
  }
  absl::Status Refusal(const std::string& value) {
    SetVariable(value.c_str());
    return Notifier::FromEnvironment(false, os_).status();
  }
  Notifier Make() {
    absl::StatusOr<Notifier> manager = Notifier::FromEnvironment(false, os_);
    EXPECT_TRUE(manager.ok()) << manager.status();
    if (!manager.ok()) SetVariable(nullptr);
    return manager.ok() ? *manager : *Notifier::FromEnvironment(false, os_);
  }

  NiceMock<MockOs> os_;
  std::vector<std::string> sent_;
  UnixAddress address_;
};

TEST_F(NotifierTest, SaysEachThingInTheWordsOfSdNotify) {
  EXPECT_CALL(os_, ClockGetTime(CLOCK_MONOTONIC)).WillOnce(Ok(int64_t{12'345'678'999}));
  Notifier manager = Make();
  EXPECT_TRUE(manager.active());
  EXPECT_TRUE(manager.Ready().ok());
  EXPECT_TRUE(manager.Status("Serving 3 = \xc3\xbc").ok());
  EXPECT_TRUE(manager.Status("").ok());
  EXPECT_TRUE(manager.Reloading().ok());
  EXPECT_TRUE(manager.Stopping().ok());
  EXPECT_TRUE(manager.MainPid(4711).ok());
  EXPECT_TRUE(manager.Errno(ENOENT).ok());
  EXPECT_TRUE(manager.Watchdog().ok());
  EXPECT_TRUE(manager.ExtendTimeout(absl::Seconds(2)).ok());
  EXPECT_TRUE(manager.ExtendTimeout(absl::Nanoseconds(1001)).ok());
  EXPECT_TRUE(manager.Send({{"READY", "1"}, {"STATUS", "up"}, {"X_MINE", "a=b"}}).ok());
  EXPECT_THAT(sent_,
              ElementsAre("READY=1", "STATUS=Serving 3 = \xc3\xbc",
                          "STATUS=", "RELOADING=1\nMONOTONIC_USEC=12345678", "STOPPING=1",
                          "MAINPID=4711", "ERRNO=2", "WATCHDOG=1", "EXTEND_TIMEOUT_USEC=2000000",
                          "EXTEND_TIMEOUT_USEC=2", "READY=1\nSTATUS=up\nX_MINE=a=b"));
}

TEST_F(NotifierTest, SendsToThePathThatTheVariableNames) {
  EXPECT_TRUE(Make().Ready().ok());
  EXPECT_EQ(address_, Address("/run/notify"));
}

TEST_F(NotifierTest, SendsToTheAbstractNameThatFollowsAnAtSign) {
  SetVariable("@org.example/notify");
  EXPECT_TRUE(Make().Ready().ok());
  EXPECT_EQ(address_, Address(std::string("\0org.example/notify", 19)));
}

TEST_F(NotifierTest, TakesAnAddressThatFillsSunPathAndNoneThatIsLonger) {
  const std::string path = "/" + std::string(106, 'p');
  SetVariable(path.c_str());
  EXPECT_TRUE(Make().Ready().ok());
  EXPECT_EQ(address_, Address(path));
  const std::string abstract = "@" + std::string(107, 'a');
  SetVariable(abstract.c_str());
  EXPECT_TRUE(Make().Ready().ok());
  EXPECT_EQ(address_.size, 108u);
  for (const std::string& longer : {path + "p", abstract + "a"}) {
    const absl::Status status = Refusal(longer);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(Message(status), HasSubstr("File name too long (ENAMETOOLONG)"));
  }
}

TEST_F(NotifierTest, RefusesWhatIsNoAddressAndSaysWhy) {
  for (const char* value : {"", "/", "@", "run/notify", "./notify", "unix:/run/notify", "1"}) {
    const absl::Status status = Refusal(value);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << value;
    EXPECT_EQ(Message(status), std::string("NOTIFY_SOCKET=") + value +
                                   " is neither an absolute path nor '@' and a name: "
                                   "Invalid argument (EINVAL)");
  }
  for (const char* value : {"vsock:2:1234", "vsock-stream:2:1234"}) {
    EXPECT_THAT(Message(Refusal(value)), HasSubstr("vsock address, which is not supported"))
        << value;
  }
}

TEST_F(NotifierTest, WithoutTheVariableSaysThatNobodyListensAndSendsNothing) {
  SetVariable(nullptr);
  EXPECT_CALL(os_, Socket(_, _, _)).Times(0);
  absl::StatusOr<Notifier> manager = Notifier::FromEnvironment(false, os_);
  ASSERT_TRUE(manager.ok());
  EXPECT_FALSE(manager->active());
  EXPECT_TRUE(manager->Ready().ok());
  EXPECT_FALSE(manager->Status("two\nlines").ok()) << "not wrong under a manager alone";
}

TEST_F(NotifierTest, RemovesTheVariableWhenAskedToAndGoesOnToWork) {
  EXPECT_CALL(os_, UnsetEnv(StrEq("NOTIFY_SOCKET"))).WillOnce(Ok());
  absl::StatusOr<Notifier> manager = Notifier::FromEnvironment(true, os_);
  ASSERT_TRUE(manager.ok());
  SetVariable(nullptr);
  EXPECT_TRUE(manager->Ready().ok());
  EXPECT_THAT(sent_, ElementsAre("READY=1"));
}

TEST_F(NotifierTest, RemovesAVariableThatItRefusesTooButOnlyWhenAskedTo) {
  SetVariable("nonsense");
  EXPECT_CALL(os_, UnsetEnv(StrEq("NOTIFY_SOCKET"))).WillOnce(Ok());
  EXPECT_THAT(Message(Notifier::FromEnvironment(true, os_).status()), HasSubstr("nonsense"));
  EXPECT_FALSE(Notifier::FromEnvironment(false, os_).ok());
}

TEST_F(NotifierTest, SaysSoWhenTheVariableCannotBeRemoved) {
  EXPECT_CALL(os_, UnsetEnv(_)).WillOnce(Fails(EINVAL));
  EXPECT_EQ(Message(Notifier::FromEnvironment(true, os_).status()),
            "unsetenv(\"NOTIFY_SOCKET\"): Invalid argument (EINVAL)");
}

TEST_F(NotifierTest, RefusesAValueThatWouldBeAnotherAssignment) {
  EXPECT_CALL(os_, Socket(_, _, _)).Times(0);
  Notifier manager = Make();
  for (const std::string& text : {std::string("up\nMAINPID=1"), std::string("\n"),
                                  std::string("up\rMAINPID=1"), std::string("a\0b", 3)}) {
    const absl::Status status = manager.Status(text);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(Message(status),
              "STATUS: the value holds a line break or a NUL byte: Invalid argument (EINVAL)");
  }
  for (const std::string& name : {std::string(), std::string("A=B"), std::string("A\nB"),
                                  std::string("A\rB"), std::string("A\0B", 3), std::string("=")}) {
    EXPECT_THAT(Message(manager.Send({{"READY", "1"}, {name, "1"}})),
                HasSubstr("is no variable's name: Invalid argument (EINVAL)"));
  }
  EXPECT_EQ(manager.Send({}).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(NotifierTest, RefusesNumbersThatMeanNothing) {
  EXPECT_CALL(os_, Socket(_, _, _)).Times(0);
  Notifier manager = Make();
  for (const absl::Status& status :
       {manager.MainPid(0), manager.MainPid(-1), manager.Errno(0), manager.Errno(-ENOENT),
        manager.ExtendTimeout(absl::ZeroDuration()), manager.ExtendTimeout(-absl::Seconds(1)),
        manager.ExtendTimeout(absl::InfiniteDuration())}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(Message(status), HasSubstr("(EINVAL)"));
  }
}

TEST_F(NotifierTest, SendsAMessageOfTheLargestSizeAndNoneAboveIt) {
  const std::string fits(Notifier::kMaxMessageSize - std::string("STATUS=").size(), 's');
  Notifier manager = Make();
  EXPECT_TRUE(manager.Status(fits).ok());
  ASSERT_EQ(sent_.size(), 1u);
  EXPECT_EQ(sent_[0], "STATUS=" + fits);
  const absl::Status status = manager.Status(fits + "s");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Message(status),
            "a message of 4097 bytes, more than 4096: Message too long (EMSGSIZE)");
  EXPECT_EQ(sent_.size(), 1u);
}

TEST_F(NotifierTest, TakesUpASendThatASignalInterruptedAndClosesTheSocketOnce) {
  EXPECT_CALL(os_, SendTo(kFd, _, 7, MSG_NOSIGNAL, _))
      .WillOnce(Fails(EINTR))
      .WillOnce(Fails(EINTR))
      .WillOnce(Ok(size_t{7}));
  EXPECT_CALL(os_, Close(kFd)).WillOnce(Ok());
  EXPECT_TRUE(Make().Ready().ok());
}

TEST_F(NotifierTest, TellsEachErrnoOfTheSocketByItsName) {
  for (int error : GetOsCallInfo(OsCall::kSocket).errnos) {
    EXPECT_CALL(os_, Socket(_, _, _)).WillOnce(Fails(error));
    EXPECT_CALL(os_, Close(_)).Times(0);
    const absl::Status status = Make().Ready();
    EXPECT_EQ(status.code(), absl::ErrnoToStatusCode(error));
    EXPECT_THAT(Message(status), testing::MatchesRegex("socket\\(AF_UNIX, SOCK_DGRAM\\): .* \\(" +
                                                       std::string(ErrnoName(error)) + "\\)"));
  }
}

TEST_F(NotifierTest, TellsEachErrnoOfSendingByItsNameAndClosesTheSocket) {
  SetVariable("@x");
  for (int error : GetOsCallInfo(OsCall::kSendTo).errnos) {
    if (error == EINTR) continue;
    EXPECT_CALL(os_, SendTo(_, _, _, _, _)).WillOnce(Fails(error));
    EXPECT_CALL(os_, Close(kFd)).WillOnce(Ok());
    const absl::Status status = Make().Ready();
    EXPECT_EQ(status.code(), absl::ErrnoToStatusCode(error));
    EXPECT_THAT(Message(status), testing::MatchesRegex("sendto\\(\"@x\"\\): .* \\(" +
                                                       std::string(ErrnoName(error)) + "\\)"));
  }
}

TEST_F(NotifierTest, TellsThatAMessageWentInPart) {
  EXPECT_CALL(os_, SendTo(_, _, _, _, _)).WillOnce(Ok(size_t{6}));
  EXPECT_THAT(Message(Make().Ready()), HasSubstr("(EIO)"));
}

TEST_F(NotifierTest, TellsThatThereIsNoClockAndThenSendsNothing) {
  EXPECT_CALL(os_, ClockGetTime(_)).WillOnce(Fails(EINVAL));
  EXPECT_EQ(Message(Make().Reloading()),
            "clock_gettime(CLOCK_MONOTONIC): Invalid argument (EINVAL)");
  EXPECT_TRUE(sent_.empty());
}

// As it stands in the header.
absl::Status Example(Os& os, const std::function<void(const absl::Status&)>& Log) {
  absl::StatusOr<cleanfork::Notifier> manager = cleanfork::Notifier::FromEnvironment(false, os);
  if (!manager.ok()) return manager.status();
  absl::Status told = manager->Ready();
  if (!told.ok()) Log(told);
  return absl::OkStatus();
}

TEST_F(NotifierTest, IsUsedAsItsHeaderShows) {
  std::string log;
  const auto log_it = [&log](const absl::Status& status) { log += Message(status); };
  EXPECT_TRUE(Example(os_, log_it).ok());
  EXPECT_THAT(sent_, ElementsAre("READY=1"));
  EXPECT_CALL(os_, Socket(_, _, _)).WillOnce(Fails(EMFILE));
  EXPECT_TRUE(Example(os_, log_it).ok());
  EXPECT_THAT(log, HasSubstr("(EMFILE)"));
}

class WatchdogTest : public testing::Test {
 protected:
  WatchdogTest() {
    ON_CALL(os_, GetPid()).WillByDefault(Return(4711));
    ON_CALL(os_, UnsetEnv(_)).WillByDefault(Ok());
  }
  absl::StatusOr<std::optional<absl::Duration>> Interval(const char* usec, const char* pid,
                                                         bool unset = false) {
    ON_CALL(os_, GetEnv(StrEq("WATCHDOG_USEC"))).WillByDefault(Return(usec));
    ON_CALL(os_, GetEnv(StrEq("WATCHDOG_PID"))).WillByDefault(Return(pid));
    return WatchdogInterval(unset, os_);
  }
  std::optional<absl::Duration> Good(const char* usec, const char* pid) {
    const absl::StatusOr<std::optional<absl::Duration>> interval = Interval(usec, pid);
    EXPECT_TRUE(interval.ok()) << interval.status();
    return interval.value_or(-absl::Seconds(1));
  }

  NiceMock<MockOs> os_;
};

TEST_F(WatchdogTest, IsTheIntervalInMicrosecondsIfItIsForThisProcess) {
  EXPECT_EQ(Good("30000000", "4711"), absl::Seconds(30));
  EXPECT_EQ(Good("1", nullptr), absl::Microseconds(1));
  EXPECT_EQ(Good("9223372036854775807", nullptr),
            absl::Microseconds(std::numeric_limits<int64_t>::max()));
}

TEST_F(WatchdogTest, IsNoneWithoutTheVariableOrForAnotherProcess) {
  EXPECT_EQ(Good(nullptr, nullptr), std::nullopt);
  EXPECT_EQ(Good(nullptr, "4711"), std::nullopt);
  EXPECT_EQ(Good("30000000", "4712"), std::nullopt);
  EXPECT_EQ(Good("nonsense", "1"), std::nullopt) << "it is none of our business";
}

TEST_F(WatchdogTest, RefusesWhatIsNoNumber) {
  for (const char* usec : {"", "0", "-1", "+1", " 1", "1 ", "1s", "0x1", "9223372036854775808"}) {
    const absl::Status status = Interval(usec, nullptr).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << usec;
    EXPECT_EQ(Message(status), std::string("WATCHDOG_USEC=") + usec +
                                   " is no number from 1 to 9223372036854775807: "
                                   "Invalid argument (EINVAL)");
  }
  for (const char* pid : {"", "0", "self", "4711 ", "2147483648"}) {
    EXPECT_THAT(Message(Interval("1", pid).status()), HasSubstr("WATCHDOG_PID=")) << pid;
  }
}

TEST_F(WatchdogTest, RemovesBothVariablesWhenAskedToOnErrorsToo) {
  for (const char* usec : {"5", "nonsense"}) {
    EXPECT_CALL(os_, UnsetEnv(StrEq("WATCHDOG_USEC"))).WillOnce(Ok());
    EXPECT_CALL(os_, UnsetEnv(StrEq("WATCHDOG_PID"))).WillOnce(Ok());
    Interval(usec, "4711", true).IgnoreError();
    testing::Mock::VerifyAndClearExpectations(&os_);
  }
  EXPECT_CALL(os_, UnsetEnv(_)).Times(0);
  Interval("5", nullptr).IgnoreError();
}

TEST_F(WatchdogTest, SaysSoWhenAVariableCannotBeRemoved) {
  EXPECT_CALL(os_, UnsetEnv(StrEq("WATCHDOG_USEC"))).WillOnce(Fails(EINVAL));
  EXPECT_CALL(os_, UnsetEnv(StrEq("WATCHDOG_PID"))).WillOnce(Ok());
  EXPECT_EQ(Message(Interval("5", nullptr, true).status()),
            "unsetenv(\"WATCHDOG_USEC\"): Invalid argument (EINVAL)");
}

}  // namespace
}  // namespace cleanfork
