// ListenFds: which descriptors a process was passed, and which variables it does not believe.
#include "cleanfork/listen_fds.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cerrno>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cleanfork/child_error.h"
#include "cleanfork/fork_child.h"
#include "cleanfork/mock_os.h"
#include "cleanfork/names.h"
#include "cleanfork/os_call.h"
#include "cleanfork/spawn.h"
#include "tests/unit/scripted_os.h"

namespace cleanfork {

bool operator==(const ListenFd& a, const ListenFd& b) { return a.fd == b.fd && a.name == b.name; }

namespace {

using testing::_;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Return;
using testing::StartsWith;
using testing::StrEq;

constexpr pid_t kSelf = 4711;

std::string Message(const absl::Status& status) { return std::string(status.message()); }

// A process that was passed 3 and 4.
class ListenFdsTest : public testing::Test {
 protected:
  ListenFdsTest() {
    ON_CALL(os_, GetPid()).WillByDefault(Return(kSelf));
    ON_CALL(os_, GetEnv(_)).WillByDefault([this](const char* name) -> const char* {
      const auto found = variables_.find(name);
      return found == variables_.end() ? nullptr : found->second.c_str();
    });
    ON_CALL(os_, UnsetEnv(_)).WillByDefault(Ok());
    ON_CALL(os_, FcntlGetFd(_)).WillByDefault(Ok(0));
    ON_CALL(os_, FcntlSetFd(_, FD_CLOEXEC)).WillByDefault(Ok());
    variables_ = {{"LISTEN_PID", "4711"}, {"LISTEN_FDS", "2"}};
  }

  std::vector<ListenFd> Passed() {
    absl::StatusOr<std::vector<ListenFd>> passed = ListenFds(false, os_);
    EXPECT_TRUE(passed.ok()) << passed.status();
    return passed.ok() ? *passed : std::vector<ListenFd>();
  }
  absl::Status Refusal() { return ListenFds(false, os_).status(); }

  testing::NiceMock<MockOs> os_;
  std::map<std::string, std::string> variables_;
};

TEST_F(ListenFdsTest, AreThoseFromThreeUpAndEachIsMadeCloseOnExec) {
  EXPECT_CALL(os_, FcntlSetFd(3, FD_CLOEXEC)).WillOnce(Ok());
  EXPECT_CALL(os_, FcntlSetFd(4, FD_CLOEXEC)).WillOnce(Ok());
  EXPECT_CALL(os_, UnsetEnv(_)).Times(0);
  EXPECT_CALL(os_, Close(_)).Times(0);
  EXPECT_THAT(Passed(), ElementsAre(ListenFd{3, "unknown"}, ListenFd{4, "unknown"}));
}

TEST_F(ListenFdsTest, KeepTheFlagsThatTheyHave) {
  EXPECT_CALL(os_, FcntlGetFd(3)).WillOnce(Ok(FD_CLOEXEC));
  EXPECT_CALL(os_, FcntlGetFd(4)).WillOnce(Ok(2));
  EXPECT_CALL(os_, FcntlSetFd(3, _)).Times(0);
  EXPECT_CALL(os_, FcntlSetFd(4, FD_CLOEXEC | 2)).WillOnce(Ok());
  EXPECT_EQ(Passed().size(), 2u);
}

TEST_F(ListenFdsTest, HaveTheNamesBetweenTheColons) {
  variables_["LISTEN_FDNAMES"] = "http:https.socket";
  EXPECT_THAT(Passed(), ElementsAre(ListenFd{3, "http"}, ListenFd{4, "https.socket"}));
  variables_["LISTEN_FDNAMES"] = ":";
  EXPECT_THAT(Passed(), ElementsAre(ListenFd{3, ""}, ListenFd{4, ""}));
}

TEST_F(ListenFdsTest, HaveNamesFromWhichEscapesAreTaken) {
  variables_["LISTEN_FDNAMES"] = "a\\:b:c\\\\\\d";
  EXPECT_THAT(Passed(), ElementsAre(ListenFd{3, "a:b"}, ListenFd{4, "c\\d"}));
}

TEST_F(ListenFdsTest, AreNoneWhenTheVariablesAreThereForAnotherProcessOrNotAtAll) {
  EXPECT_CALL(os_, FcntlGetFd(_)).Times(0);
  variables_["LISTEN_FDNAMES"] = "not\\";
  for (const char* pid : {"4712", "1", "2147483647"}) {
    variables_["LISTEN_PID"] = pid;
    EXPECT_THAT(Passed(), IsEmpty());
  }
  variables_.erase("LISTEN_PID");
  EXPECT_THAT(Passed(), IsEmpty());
  variables_ = {{"LISTEN_PID", "4711"}};
  EXPECT_THAT(Passed(), IsEmpty());
}

TEST_F(ListenFdsTest, AreRefusedWithAPidOrANumberThatIsNone) {
  EXPECT_CALL(os_, FcntlSetFd(_, _)).Times(0);
  for (const char* number :
       {"", "0", "-1", "+2", " 2", "2 ", "two", "0x2", "99999999999999999999"}) {
    for (const char* name : {"LISTEN_PID", "LISTEN_FDS"}) {
      variables_ = {{"LISTEN_PID", "4711"}, {"LISTEN_FDS", "2"}};
      variables_[name] = number;
      const absl::Status status = Refusal();
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << name << "=" << number;
      EXPECT_THAT(Message(status), StartsWith(std::string(name) + "=" + number + " is no number"));
      EXPECT_THAT(Message(status), HasSubstr("Invalid argument (EINVAL)"));
    }
  }
}

TEST_F(ListenFdsTest, AreRefusedWhereTheirNumbersWouldNotBeIntegers) {
  ON_CALL(os_, FcntlGetFd(_)).WillByDefault(Fails(EBADF));
  variables_["LISTEN_FDS"] = "2147483645";
  EXPECT_THAT(Message(Refusal()), HasSubstr("is no number from 1 to 2147483644"));
}

TEST_F(ListenFdsTest, AreRefusedWithAnotherNumberOfNames) {
  EXPECT_CALL(os_, FcntlSetFd(_, _)).Times(0);
  for (const char* names : {"", "a", "a:b:", "a\\:b"}) {
    variables_["LISTEN_FDNAMES"] = names;
    EXPECT_EQ(Refusal().code(), absl::StatusCode::kInvalidArgument) << names;
    EXPECT_THAT(Message(Refusal()), HasSubstr("names, LISTEN_FDS is 2: Invalid argument"));
  }
  variables_["LISTEN_FDNAMES"] = "a:b\\";
  EXPECT_THAT(Message(Refusal()), HasSubstr("ends in a single backslash"));
}

TEST_F(ListenFdsTest, AreRefusedWhenOneIsNotOpenWhichIsNamed) {
  EXPECT_CALL(os_, FcntlGetFd(3)).WillOnce(Ok(0));
  EXPECT_CALL(os_, FcntlGetFd(4)).WillOnce(Fails(EBADF));
  EXPECT_EQ(Message(Refusal()), "descriptor 4 of LISTEN_FDS=2: Bad file descriptor (EBADF)");
}

TEST_F(ListenFdsTest, TellEachErrnoOfFcntl) {
  for (int error : GetOsCallInfo(OsCall::kFcntlSetFd).errnos) {
    EXPECT_CALL(os_, FcntlSetFd(3, _)).WillOnce(Fails(error));
    const absl::Status status = Refusal();
    EXPECT_EQ(status.code(), absl::ErrnoToStatusCode(error));
    EXPECT_THAT(Message(status), HasSubstr(std::string("(") + ErrnoName(error) + ")"));
  }
}

TEST_F(ListenFdsTest, AreTakenFromTheEnvironmentWhenAskedForOnErrorsToo) {
  for (const char* number : {"2", "nonsense"}) {
    variables_["LISTEN_FDS"] = number;
    for (const char* name : {"LISTEN_PID", "LISTEN_PIDFDID", "LISTEN_FDS", "LISTEN_FDNAMES"}) {
      EXPECT_CALL(os_, UnsetEnv(StrEq(name))).WillOnce(Ok());
    }
    EXPECT_EQ(ListenFds(true, os_).ok(), number == std::string("2"));
    testing::Mock::VerifyAndClearExpectations(&os_);
  }
}

TEST_F(ListenFdsTest, AreAnErrorWhenTheyCannotBeTakenFromTheEnvironment) {
  EXPECT_CALL(os_, UnsetEnv(_)).WillRepeatedly(Ok());
  EXPECT_CALL(os_, UnsetEnv(StrEq("LISTEN_FDS"))).WillOnce(Fails(EINVAL));
  EXPECT_EQ(Message(ListenFds(true, os_).status()),
            "unsetenv(\"LISTEN_FDS\"): Invalid argument (EINVAL)");
}

// As it stands in the header.
absl::Status Example(Os& os, const std::function<void(int)>& Serve,
                     const std::function<void()>& ServeOwnSocket) {
  absl::StatusOr<std::vector<cleanfork::ListenFd>> passed = cleanfork::ListenFds(false, os);
  if (!passed.ok()) return passed.status();
  for (const cleanfork::ListenFd& socket : *passed) {
    if (socket.name == "http") Serve(socket.fd);
  }
  if (passed->empty()) ServeOwnSocket();
  return absl::OkStatus();
}

TEST_F(ListenFdsTest, AreUsedAsTheirHeaderShows) {
  variables_["LISTEN_FDNAMES"] = "ftp:http";
  std::vector<int> served;
  const auto serve = [&served](int fd) { served.push_back(fd); };
  const auto serve_own = [&served] { served.push_back(-1); };
  EXPECT_TRUE(Example(os_, serve, serve_own).ok());
  variables_["LISTEN_PID"] = "1";
  EXPECT_TRUE(Example(os_, serve, serve_own).ok());
  variables_["LISTEN_PID"] = "x";
  EXPECT_FALSE(Example(os_, serve, serve_own).ok());
  EXPECT_THAT(served, ElementsAre(4, -1));
}

// The other side: what a child is given.

struct BadOption {
  std::function<void(ForkOptions&)> spoil;
  const char* message;
};

void PrintTo(const BadOption& bad, std::ostream* os) { *os << bad.message; }

class BadListenFds : public testing::TestWithParam<BadOption> {};

TEST_P(BadListenFds, AreRefusedWithAMessageThatNamesThem) {
  ScriptedOs os;
  EXPECT_CALL(os, Fork()).Times(0);
  EXPECT_CALL(os, Open(_, _, _)).Times(0);
  ForkOptions options;
  options.listen_fds = {{7, "a"}, {8, "b"}};
  GetParam().spoil(options);
  const absl::Status status = ForkChild(options, os).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Message(status), StartsWith(GetParam().message));
  ASSERT_TRUE(GetChildError(status).has_value());
  EXPECT_EQ(GetChildError(status)->step, Step::kValidate);
}

INSTANTIATE_TEST_SUITE_P(
    Options, BadListenFds,
    testing::Values(
        BadOption{[](auto& o) { o.listen_fds[1].fd = -1; }, "listen_fds: a number is negative"},
        BadOption{[](auto& o) { o.listen_fds[1].name = "a\nb"; }, "listen_fds: the name \"a\\x0ab"},
        BadOption{[](auto& o) { o.listen_fds[1].name = std::string("a\0b", 3); },
                  "listen_fds: the name"},
        BadOption{[](auto& o) { o.listen_fds[1].name = "\xc3\xbc"; }, "listen_fds: the name"},
        BadOption{[](auto& o) { o.listen_fds[1].name = "\x7f"; }, "listen_fds: the name"},
        BadOption{[](auto& o) { o.listen_fds[1].name = std::string(256, 'n'); },
                  "listen_fds: the name"},
        BadOption{[](auto& o) { o.keep_descriptors = {4}; },
                  "listen_fds: 4, where one is to be, is set by keep_descriptors already"},
        BadOption{[](auto& o) { o.pid_file_descriptor = 3; },
                  "listen_fds: 3, where one is to be, is set by pid_file_descriptor already"},
        BadOption{[](auto& o) {
                    o.descriptors = {{9, 5}, {9, 4}};
                  },
                  "listen_fds: 4, where one is to be, is set by descriptors already"},
        BadOption{[](auto& o) {
                    o.limits = {{RLIMIT_NOFILE, {4, 4}}};
                  },
                  "listen_fds: 4 is not below the RLIMIT_NOFILE of limits"},
        BadOption{[](auto& o) {
                    o.environment.set = {{"LISTEN_FDS", "2"}};
                  },
                  "environment: LISTEN_FDS is set by listen_fds already"},
        BadOption{[](auto& o) {
                    o.environment.set = {{"LISTEN_FDNAMES", "a:b"}};
                  },
                  "environment: LISTEN_FDNAMES is set by listen_fds already"},
        BadOption{[](auto& o) {
                    o.listen_fds.clear();
                    o.environment.set = {{"LISTEN_PID", "1"}};
                  },
                  "environment: LISTEN_PID can name no child that is yet to be made"},
        BadOption{[](auto& o) {
                    o.listen_fds.clear();
                    o.environment.set = {{"LISTEN_PIDFDID", "1"}};
                  },
                  "environment: LISTEN_PIDFDID can name no child"}));

// A child of a caller that was itself passed sockets.
class PassedOn : public testing::Test {
 protected:
  PassedOn() {
    ON_CALL(os_, GetEnviron()).WillByDefault(Return(callers_));
    ON_CALL(os_, Fork()).WillByDefault(ForkAsChild());
    ON_CALL(os_, VforkCall(_, _, _)).WillByDefault(VforkAsChild());
    ON_CALL(os_, GetPid()).WillByDefault([this] { return pid_; });
    ON_CALL(os_, FcntlDupFd(_, _)).WillByDefault([](int from, int) {
      return SysResult<int>(from + 100);
    });
    ON_CALL(os_, FStat(ScriptedOs::kNull + 100)).WillByDefault([this](int) {
      return os_.FStat(ScriptedOs::kNull);
    });
    ON_CALL(os_, Write(_, _, _)).WillByDefault([](int, const void*, size_t size) {
      return SysResult<size_t>(size);
    });
    ON_CALL(os_, ExecVe(_, _, _))
        .WillByDefault([this](const char*, char* const*, char* const* envp) -> SysResult<void> {
          environment_.clear();
          for (; *envp != nullptr; ++envp) environment_.push_back(*envp);
          return SysError(ENOENT);
        });
    ON_CALL(os_, SetEnviron(_)).WillByDefault([this](char** block) {
      for (; *block != nullptr; ++block) environment_.push_back(*block);
    });
  }

  void Spawn() {
    EXPECT_THAT([this] { (void)cleanfork::Spawn({"/bin/x"}, options_, os_); }, ExitsWith(127));
  }

  char home_[9] = "HOME=/x/";
  char pid_text_[16] = "LISTEN_PID=4711";
  char id_[17] = "LISTEN_PIDFDID=1";
  char fds_[13] = "LISTEN_FDS=9";
  char names_[17] = "LISTEN_FDNAMES=a";
  char not_one_[15] = "LISTEN_FDSX=me";
  char* callers_[7] = {pid_text_, id_, home_, fds_, names_, not_one_, nullptr};
  pid_t pid_ = kSelf;
  ScriptedOs os_;
  ForkOptions options_;
  std::vector<std::string> environment_;
};

TEST_F(PassedOn, TheCallersVariablesNeverReachAProgram) {
  Spawn();
  EXPECT_THAT(environment_, ElementsAre("HOME=/x/", "LISTEN_FDSX=me"));
  options_.environment.inherit = false;
  options_.environment.keep = {"LISTEN_PID", "LISTEN_FDS", "HOME", "LISTEN_FDNAMES"};
  Spawn();
  EXPECT_THAT(environment_, ElementsAre("HOME=/x/"));
}

TEST_F(PassedOn, TheCallersVariablesNeverReachAChildThatGoesOn) {
  ASSERT_TRUE(ForkChild(options_, os_).ok());
  EXPECT_THAT(environment_, ElementsAre("HOME=/x/", "LISTEN_FDSX=me"));
}

TEST_F(PassedOn, AnEnvironmentWithoutThemIsLeftAsItIsInAChildThatGoesOn) {
  char* others[] = {home_, nullptr};
  EXPECT_CALL(os_, GetEnviron()).WillRepeatedly(Return(others));
  EXPECT_CALL(os_, SetEnviron(_)).Times(0);
  EXPECT_TRUE(ForkChild(options_, os_).ok());
}

TEST_F(PassedOn, VariablesThatDoNotNameAProcessCanBeSetByHand) {
  options_.environment.set = {{"LISTEN_FDS", "1"}, {"LISTEN_FDNAMES", "x"}};
  Spawn();
  EXPECT_THAT(environment_,
              ElementsAre("HOME=/x/", "LISTEN_FDSX=me", "LISTEN_FDS=1", "LISTEN_FDNAMES=x"));
}

TEST_F(PassedOn, AProgramHasTheNumberTheNamesWithEscapesAndItsOwnPid) {
  options_.listen_fds = {{7, "a:b\\c"}, {8, ""}, {7, "plain"}};
  EXPECT_CALL(os_, Dup2(_, testing::Le(2))).Times(3);
  EXPECT_CALL(os_, Dup2(107, 3));
  EXPECT_CALL(os_, Dup2(108, 4));
  EXPECT_CALL(os_, Dup2(107, 5));
  Spawn();
  EXPECT_THAT(environment_,
              ElementsAre("HOME=/x/", "LISTEN_FDSX=me", "LISTEN_FDS=3",
                          "LISTEN_FDNAMES=a\\:b\\\\c:unknown:plain", "LISTEN_PID=4711"));
}

TEST_F(PassedOn, EveryPidFitsIntoTheRoomThatWasLaidOutForIt) {
  options_.listen_fds = {{7, ""}};
  for (pid_t pid : {1, 9, 10, 4194304, 2147483647}) {
    pid_ = pid;
    Spawn();
    EXPECT_THAT(environment_, Contains("LISTEN_PID=" + std::to_string(pid)));
  }
}

// The parent has one pid and the child another, as between two PID namespaces.
TEST_F(PassedOn, ThePidIsAskedForInTheChildAndNotBefore) {
  options_.listen_fds = {{7, ""}};
  EXPECT_CALL(os_, VforkCall(_, _, _))
      .WillOnce([this](int (*function)(void*), void* argument, int) {
        pid_ = 1;
        return VforkAsChild()(function, argument, 0);
      });
  Spawn();
  EXPECT_THAT(environment_, Contains("LISTEN_PID=1"));
}

TEST_F(PassedOn, ThePidIsThatOfTheSecondChildOfADaemon) {
  options_.listen_fds = {{7, ""}};
  options_.session = Session::kDaemon;
  EXPECT_CALL(os_, VforkCall(_, _, _))
      .Times(2)
      .WillRepeatedly([this](int (*function)(void*), void* argument, int) {
        ++pid_;
        return VforkAsChild()(function, argument, 0);
      });
  Spawn();
  EXPECT_THAT(environment_, Contains("LISTEN_PID=4713"));
}

TEST_F(PassedOn, AChildThatGoesOnHasThemTooAlsoAsADaemon) {
  options_.listen_fds = {{7, "x"}};
  options_.session = Session::kDaemon;
  EXPECT_CALL(os_, Fork()).Times(2).WillRepeatedly([this]() -> SysResult<pid_t> {
    ++pid_;
    return 0;
  });
  ASSERT_TRUE(ForkChild(options_, os_).ok());
  EXPECT_THAT(environment_, ElementsAre("HOME=/x/", "LISTEN_FDSX=me", "LISTEN_FDS=1",
                                        "LISTEN_FDNAMES=x", "LISTEN_PID=4713"));
}

TEST_F(PassedOn, OneThatIsNotOpenIsAnErrorOfTheParentsBeforeAnythingIsOpened) {
  options_.listen_fds = {{7, ""}};
  EXPECT_CALL(os_, Open(_, _, _)).Times(0);
  EXPECT_CALL(os_, VforkCall(_, _, _)).Times(0);
  EXPECT_CALL(os_, FcntlGetFd(7)).WillOnce(Fails(EBADF));
  EXPECT_EQ(Message(cleanfork::Spawn({"/bin/x"}, options_, os_).status()),
            "descriptor 7: Bad file descriptor (EBADF) [step move-descriptor]");
}

}  // namespace
}  // namespace cleanfork
