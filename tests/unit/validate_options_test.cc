// Options that contradict themselves are refused before anything is forked or opened.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cerrno>
#include <functional>
#include <limits>
#include <string>

#include "absl/time/time.h"
#include "cleanfork/child_error.h"
#include "cleanfork/fork_child.h"
#include "cleanfork/spawn.h"
#include "tests/unit/scripted_os.h"

namespace cleanfork {
namespace {

using testing::_;
using testing::HasSubstr;
using testing::StrEq;

struct BadOption {
  std::function<void(ForkOptions&)> spoil;
  const char* message;
};

void PrintTo(const BadOption& bad, std::ostream* os) { *os << bad.message; }

class BadOptionTest : public testing::TestWithParam<BadOption> {};

TEST_P(BadOptionTest, IsRefusedWithAMessageThatNamesIt) {
  ScriptedOs os;
  EXPECT_CALL(os, Fork()).Times(0);
  EXPECT_CALL(os, Open(_, _, _)).Times(0);
  ForkOptions options;
  GetParam().spoil(options);
  const absl::Status status = ForkChild(options, os).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr(GetParam().message));
  ASSERT_TRUE(GetChildError(status).has_value());
  EXPECT_EQ(GetChildError(status)->step, Step::kValidate);
}

constexpr uid_t kNoId = static_cast<uid_t>(-1);

Identity Spoilt(const std::function<void(Identity&)>& spoil) {
  Identity identity = Identity::Ids(1, 1);
  spoil(identity);
  return identity;
}

INSTANTIATE_TEST_SUITE_P(
    Options, BadOptionTest,
    testing::Values(
        BadOption{[](auto& o) { o.retry.attempts = 0; }, "attempts is not from 1 to 1000"},
        BadOption{[](auto& o) { o.retry.attempts = 1001; }, "attempts is not from 1 to 1000"},
        BadOption{[](auto& o) { o.retry.jitter = 1.5; }, "jitter"},
        BadOption{[](auto& o) { o.retry.jitter = std::numeric_limits<double>::quiet_NaN(); },
                  "jitter"},
        BadOption{[](auto& o) { o.retry.cap = -absl::Seconds(1); }, "negative"},
        BadOption{[](auto& o) { o.umask = 01000; }, "umask"},
        BadOption{[](auto& o) {
                    o.limits.push_back({999, {}});
                  },
                  "limits: 999"},
        BadOption{[](auto& o) {
                    o.limits.push_back({RLIMIT_CORE, {2, 1}});
                  },
                  "above the hard"},
        BadOption{[](auto& o) {
                    o.limits.assign(2, {RLIMIT_CORE, {}});
                  },
                  "RLIMIT_CORE is given twice"},
        BadOption{[](auto& o) { o.nice = -21; }, "nice: -21"},
        BadOption{[](auto& o) { o.nice = 20; }, "nice: 20"},
        BadOption{[](auto& o) { o.oom_score_adjust = 1001; }, "oom_score_adjust: 1001"},
        BadOption{[](auto& o) { o.parent_death_signal = 0; }, "parent_death_signal: 0"},
        BadOption{[](auto& o) { o.parent_death_signal = 65; }, "parent_death_signal: 65"},
        BadOption{[](auto& o) {
                    o.parent_death_signal = SIGTERM;
                    o.session = Session::kDaemon;
                  },
                  "a daemon's parent"},
        BadOption{[](auto& o) { o.directory = "tmp"; }, "directory is not an absolute"},
        BadOption{[](auto& o) { o.chroot = "jail"; }, "chroot is not an absolute"},
        BadOption{[](auto& o) { o.keep_descriptors = {2}; }, "keep_descriptors: 2"},
        BadOption{[](auto& o) { o.pid_file_descriptor = 1; }, "pid_file_descriptor"},
        BadOption{[](auto& o) { o.out = Stream::Pipe(); }, "RunInChild()"},
        BadOption{[](auto& o) { o.in = Stream::File(std::string("a\0b", 3)); }, "NUL"},
        BadOption{[](auto& o) {
                    o.signal_handlers = {{SIGKILL, SignalAction()}};
                  },
                  "signal 9"},
        BadOption{[](auto& o) {
                    o.signal_handlers = {{65, SignalAction()}};
                  },
                  "signal 65"},
        BadOption{[](auto& o) {
                    o.environment.set = {{"A=B", "c"}};
                  },
                  "no variable's name"},
        BadOption{[](auto& o) { o.identity = Identity(); }, "neither a user nor a group"}));

INSTANTIATE_TEST_SUITE_P(Moves, BadOptionTest,
                         testing::Values(BadOption{[](auto& o) {
                                                     o.descriptors.push_back({-1, 5});
                                                   },
                                                   "a number is negative"},
                                         BadOption{[](auto& o) {
                                                     o.descriptors.push_back({5, -1});
                                                   },
                                                   "a number is negative"},
                                         BadOption{[](auto& o) {
                                                     o.descriptors.assign(2, {5, 9});
                                                   },
                                                   "two are to become 9"},
                                         BadOption{[](auto& o) {
                                                     o.descriptors.push_back({5, 9});
                                                     o.keep_descriptors = {9};
                                                   },
                                                   "9 is set by keep_descriptors"},
                                         BadOption{[](auto& o) {
                                                     o.descriptors.push_back({5, 9});
                                                     o.pid_file_descriptor = 9;
                                                   },
                                                   "9 is set by pid_file_descriptor"},
                                         BadOption{[](auto& o) {
                                                     o.descriptors.push_back({5, 0});
                                                     o.in = Stream::Inherit();
                                                   },
                                                   "0 is set by in"},
                                         BadOption{[](auto& o) {
                                                     o.descriptors.push_back({5, 1});
                                                     o.out = Stream::File("/log");
                                                   },
                                                   "1 is set by out"},
                                         BadOption{[](auto& o) {
                                                     o.descriptors.push_back({5, 2});
                                                     o.err = Stream::Null();
                                                   },
                                                   "2 is set by err"},
                                         BadOption{[](auto& o) {
                                                     o.descriptors.push_back({5, 64});
                                                     o.limits.push_back({RLIMIT_NOFILE, {64, 64}});
                                                   },
                                                   "64 is not below the RLIMIT_NOFILE"}));

INSTANTIATE_TEST_SUITE_P(
    Identities, BadOptionTest,
    testing::Values(BadOption{[](auto& o) { o.identity = Identity::Ids(kNoId, 1); }, "-1"},
                    BadOption{[](auto& o) { o.identity = Identity::Ids(1, kNoId); }, "-1"},
                    BadOption{[](auto& o) { o.identity = Spoilt([](auto& i) { i.user = "x"; }); },
                              "both uid and user"},
                    BadOption{[](auto& o) { o.identity = Spoilt([](auto& i) { i.group = "x"; }); },
                              "both gid and group"},
                    BadOption{
                        [](auto& o) { o.identity = Spoilt([](auto& i) { i.group_list = {1}; }); },
                        "not kExplicit"}));

TEST(IdentityTest, AnUnknownUserOrGroupIsNamedWithItsErrno) {
  ScriptedOs os;
  ON_CALL(os, GetPwNam(_)).WillByDefault(Fails(ENOENT));
  ForkOptions options;
  options.identity = Identity::User("nonesuch");
  const absl::Status status = ForkChild(options, os).status();
  EXPECT_EQ(
      std::string(status.message()),
      "there is no user \"nonesuch\": No such file or directory (ENOENT) [step resolve-user]");
}

TEST(IdentityTest, AUidWithoutAnEntryAndWithoutAGroupIsRefusedSinceRootsGroupWouldStay) {
  ScriptedOs os;
  ON_CALL(os, GetPwUid(_)).WillByDefault(Fails(ENOENT));
  ForkOptions options;
  options.identity = Identity();
  options.identity->uid = 4242;
  const absl::Status status = ForkChild(options, os).status();
  EXPECT_EQ(GetChildError(status)->step, Step::kResolveUser);
  EXPECT_THAT(std::string(status.message()), HasSubstr("name a group"));
}

TEST(SpawnValidationTest, AProgramMustBeNamedAndCodeCannotOutliveAnExec) {
  ScriptedOs os;
  EXPECT_CALL(os, VforkCall(_, _, _)).Times(0);
  EXPECT_FALSE(Spawn({}, ForkOptions(), os).ok());
  EXPECT_FALSE(Spawn({""}, ForkOptions(), os).ok());
  EXPECT_FALSE(Spawn({std::string("a\0b", 3)}, ForkOptions(), os).ok());
  ForkOptions hook;
  hook.in_child = [] {};
  EXPECT_FALSE(Spawn({"/bin/true"}, hook, os).ok());
  ForkOptions handler;
  handler.signal_handlers.emplace_back();
  handler.signal_handlers[0].signal = SIGTERM;
  handler.signal_handlers[0].action.handler = [](int) {};
  EXPECT_FALSE(Spawn({"/bin/true"}, handler, os).ok());
}

TEST(SpawnValidationTest, ADaemonIsNotStartedFromAnotherPidNamespaceThanItsOwn) {
  ScriptedOs os;
  FileStatus own;
  own.inode = 1;
  FileStatus of_children;
  of_children.inode = 2;
  ON_CALL(os, Stat(StrEq("/proc/thread-self/ns/pid"))).WillByDefault(Ok(own));
  ON_CALL(os, Stat(StrEq("/proc/thread-self/ns/pid_for_children"))).WillByDefault(Ok(of_children));
  ForkOptions options;
  options.session = Session::kDaemon;
  EXPECT_THAT(std::string(Spawn({"/bin/true"}, options, os).status().message()),
              HasSubstr("a pid file from a process whose children are in another PID namespace"));
  options.session = Session::kNew;
  options.parent_death_signal = SIGTERM;
  EXPECT_THAT(std::string(Spawn({"/bin/true"}, options, os).status().message()),
              HasSubstr("parent_death_signal from a process whose children are in another"));
}

TEST(DescriptorTest, OneThatIsNotOpenIsRefusedBeforeAnotherCouldGetItsNumber) {
  ScriptedOs os;
  EXPECT_CALL(os, Open(_, _, _)).Times(0);
  EXPECT_CALL(os, FcntlGetFd(7)).WillRepeatedly(Fails(EBADF));
  ForkOptions kept;
  kept.keep_descriptors = {7};
  EXPECT_EQ(GetChildError(ForkChild(kept, os).status())->step, Step::kKeepDescriptor);
  ForkOptions stream;
  stream.out = Stream::Descriptor(7);
  EXPECT_EQ(GetChildError(ForkChild(stream, os).status())->error, EBADF);
}

TEST(DescriptorTest, APidFileIsNotWrittenFromAnotherPidNamespaceThanItsOwn) {
  ScriptedOs os;
  FileStatus own;
  own.inode = 1;
  ON_CALL(os, Stat(StrEq("/proc/thread-self/ns/pid"))).WillByDefault(Ok(own));
  ON_CALL(os, Stat(StrEq("/proc/thread-self/ns/pid_for_children"))).WillByDefault(Fails(ENOENT));
  ForkOptions options;
  options.pid_file_descriptor = 7;
  EXPECT_THAT(std::string(ForkChild(options, os).status().message()), HasSubstr("PID namespace"));
}

TEST(StreamTest, AFileInThePlaceOfDevNullIsRefused) {
  ScriptedOs os;
  FileStatus regular;
  regular.mode = S_IFREG | 0666;
  EXPECT_CALL(os, FStat(ScriptedOs::kNull)).WillOnce(Ok(regular));
  const absl::Status status = ForkChild(ForkOptions(), os).status();
  EXPECT_EQ(GetChildError(status)->step, Step::kOpenStream);
  EXPECT_EQ(GetChildError(status)->error, ENODEV);
}

TEST(StreamTest, WhatCannotBeLookedAtIsNotTakenForSomethingElse) {
  for (int error : {EIO, ENOMEM, EOVERFLOW}) {
    ScriptedOs os;
    EXPECT_CALL(os, FStat(ScriptedOs::kNull)).Times(testing::AnyNumber());
    EXPECT_CALL(os, FStat(2)).WillOnce(Fails(error));
    EXPECT_CALL(os, Fork()).Times(0);
    const absl::Status status = ForkChild(ForkOptions(), os).status();
    ASSERT_TRUE(GetChildError(status).has_value()) << status;
    EXPECT_EQ(GetChildError(status)->step, Step::kOpenStream) << status;
    EXPECT_EQ(GetChildError(status)->error, error);
    EXPECT_EQ(GetChildError(status)->stream, 2);
    EXPECT_THAT(std::string(status.message()), HasSubstr("standard error: fstat: "));
  }
}

TEST(StreamTest, AStreamThatIsClosedBecomesTheNullDevice) {
  ScriptedOs os;
  os.ChildWillReport(ChildReport::Started(ScriptedOs::kChild));
  EXPECT_CALL(os, FStat(ScriptedOs::kNull)).Times(testing::AnyNumber());
  EXPECT_CALL(os, FStat(2)).WillOnce(Fails(EBADF));
  EXPECT_CALL(os, FcntlDupFd(2, _)).Times(0);
  EXPECT_CALL(os, Fork()).WillOnce(ForkAsParent(ScriptedOs::kChild));
  EXPECT_TRUE(ForkChild(ForkOptions(), os).ok());
}

TEST(StreamTest, AFailureToOpenNamesTheStream) {
  for (int target = 0; target < 3; ++target) {
    ScriptedOs os;
    ON_CALL(os, Open(StrEq("/no/such"), _, _)).WillByDefault(Fails(ENOENT));
    ForkOptions options;
    (target == 0 ? options.in : target == 1 ? options.out : options.err) = Stream::File("/no/such");
    EXPECT_EQ(GetChildError(ForkChild(options, os).status())->stream, target);
  }
}

TEST(StreamTest, ADescriptorThatWouldLandAmongTheStandardStreamsIsMovedUp) {
  ScriptedOs os;
  os.ChildWillReport(ChildReport::Started(ScriptedOs::kChild));
  EXPECT_CALL(os, Open(StrEq("/dev/null"), _, _)).WillOnce(Ok(1));
  EXPECT_CALL(os, FcntlDupFd(2, 3)).Times(0);
  EXPECT_CALL(os, FcntlDupFd(1, 3)).WillOnce(Ok(ScriptedOs::kNull));
  EXPECT_CALL(os, Close(_)).WillRepeatedly(Ok());
  EXPECT_CALL(os, Close(1)).Times(1);
  EXPECT_CALL(os, Fork()).WillOnce(ForkAsParent(ScriptedOs::kChild));
  EXPECT_TRUE(ForkChild(ForkOptions(), os).ok());
}

}  // namespace
}  // namespace cleanfork
