// Daemonize() in the daemon, what its handle says to the starter; and in the first child.
#include "cleanfork/daemonize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cleanfork/child_report.h"
#include "cleanfork/os_matchers.h"
#include "tests/unit/scripted_os.h"

namespace cleanfork {
namespace {

using testing::_;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pointee;
using testing::Return;

constexpr int kReport = ScriptedOs::kReportWrite;
constexpr int kSupervisor = ScriptedOs::kSecondWrite;
constexpr pid_t kSecond = 4712;

// What was written to the starter after the set-up's reports.
struct Word {
  ChildReport report;
  std::string text;
};

class DaemonizeInDaemon : public testing::Test {
 protected:
  DaemonizeInDaemon() {
    options_.allow_threads = true;
    ON_CALL(os_, Fork()).WillByDefault(ForkAsChild());
    ON_CALL(os_, SigProcMask(SIG_BLOCK, _)).WillByDefault(Ok(kMask));
    ON_CALL(os_, SigTimedWait(_, _)).WillByDefault(Fails(EAGAIN));
    ON_CALL(os_, Pipe2(_)).WillByDefault([pipes = 0](int) mutable -> SysResult<PipeEnds> {
      if (pipes++ % 2 == 0) return PipeEnds{ScriptedOs::kReportRead, kReport};
      return PipeEnds{ScriptedOs::kSecondRead, kSupervisor};
    });
    ON_CALL(os_, Write(kSupervisor, _, _)).WillByDefault([this](int, const void*, size_t size) {
      ++releases_;
      return SysResult<size_t>(size);
    });
    ON_CALL(os_, Write(kReport, _, _))
        .WillByDefault([this](int, const void* bytes, size_t size) -> SysResult<size_t> {
          Word word;
          std::memcpy(&word.report, bytes, sizeof(word.report));
          word.text.assign(static_cast<const char*>(bytes) + sizeof(word.report),
                           size - sizeof(word.report));
          const bool set_up =
              word.report.kind == ChildReport::kForked || word.report.kind == ChildReport::kStarted;
          if (!set_up) words_.push_back(word);
          return size;
        });
  }

  Daemon Start() { return *Daemonize(options_, os_); }

  static constexpr SignalSet kMask = SignalSet::Of(SIGUSR2);
  ScriptedOs os_;
  DaemonizeOptions options_;
  std::vector<Word> words_;
  int releases_ = 0;  // of the first child
};

TEST_F(DaemonizeInDaemon, TellsTheStarterOnceThatItIsReadyAndClosesThePipes) {
  Daemon daemon = Start();
  EXPECT_TRUE(daemon.in_daemon());
  EXPECT_EQ(daemon.pid(), ScriptedOs::kChild);
  EXPECT_THAT(words_, IsEmpty());
  EXPECT_CALL(os_, Close(kReport));
  EXPECT_CALL(os_, Close(kSupervisor));
  EXPECT_TRUE(daemon.Ready().ok());
  ASSERT_EQ(words_.size(), 1u);
  EXPECT_EQ(words_[0].report.kind, ChildReport::kReady);
  EXPECT_EQ(words_[0].report.pid, ScriptedOs::kChild);
  EXPECT_EQ(releases_, 1);
  testing::Mock::VerifyAndClearExpectations(&os_);
  EXPECT_TRUE(daemon.Ready().ok());
  EXPECT_EQ(words_.size(), 1u) << "the second call says nothing";
}

TEST_F(DaemonizeInDaemon, SaysNothingWhenItsHandleIsDestroyedAfterReady) {
  {
    Daemon daemon = Start();
    EXPECT_TRUE(daemon.Ready().ok());
  }
  EXPECT_EQ(words_.size(), 1u);
}

TEST_F(DaemonizeInDaemon, BlocksSigpipeOverTheWriteAndRestoresTheMask) {
  Daemon daemon = Start();
  testing::InSequence in_this_order;
  EXPECT_CALL(os_, SigProcMask(SIG_BLOCK, Pointee(SignalSet::Of(SIGPIPE)))).WillOnce(Ok(kMask));
  EXPECT_CALL(os_, Write(kReport, _, _)).WillOnce([](int, const void*, size_t size) {
    return SysResult<size_t>(size);
  });
  EXPECT_CALL(os_, SigTimedWait(_, _)).Times(0);
  EXPECT_CALL(os_, SigProcMask(SIG_SETMASK, Pointee(kMask))).WillOnce(Ok(kMask));
  EXPECT_CALL(os_, SigProcMask(SIG_BLOCK, Pointee(SignalSet::Of(SIGPIPE)))).WillOnce(Ok(kMask));
  EXPECT_CALL(os_, Write(kSupervisor, _, _));
  EXPECT_CALL(os_, SigProcMask(SIG_SETMASK, Pointee(kMask))).WillOnce(Ok(kMask));
  EXPECT_TRUE(daemon.Ready().ok());
}

TEST_F(DaemonizeInDaemon, IsToldOfAStarterThatHasEndedAndTakesTheSigpipeBeforeTheMaskIsRestored) {
  Daemon daemon = Start();
  EXPECT_CALL(os_, SigProcMask(_, _)).Times(testing::AnyNumber());
  EXPECT_CALL(os_, SigTimedWait(_, _)).Times(testing::AnyNumber());
  testing::InSequence in_this_order;
  EXPECT_CALL(os_, Write(kReport, _, _)).WillOnce(Fails(EPIPE));
  EXPECT_CALL(os_, SigTimedWait(SignalSet::Of(SIGPIPE), 0)).WillOnce(Ok(SignalInfo()));
  EXPECT_CALL(os_, SigProcMask(SIG_SETMASK, Pointee(kMask))).WillOnce(Ok(kMask));
  EXPECT_CALL(os_, Write(kSupervisor, _, _));
  EXPECT_CALL(os_, Write(kReport, _, _)).WillRepeatedly(Fails(EPIPE));
  const absl::Status status = daemon.Ready();
  EXPECT_TRUE(absl::IsCancelled(status));
  EXPECT_EQ(std::string(status.message()), "the daemon's word to its starter: Broken pipe (EPIPE)");
}

TEST_F(DaemonizeInDaemon, MayTryAgainWhereTheWordCouldNotBeWritten) {
  Daemon daemon = Start();
  EXPECT_CALL(os_, Write(kSupervisor, _, _)).Times(testing::AnyNumber());
  EXPECT_CALL(os_, Write(kReport, _, _))
      .WillOnce(Fails(ENOSPC))
      .WillOnce([](int, const void*, size_t size) { return SysResult<size_t>(size); });
  EXPECT_TRUE(absl::IsResourceExhausted(daemon.Ready()));
  EXPECT_EQ(releases_, 0);
  EXPECT_TRUE(daemon.Ready().ok());
}

TEST_F(DaemonizeInDaemon, TakesUpAnInterruptedWrite) {
  Daemon daemon = Start();
  EXPECT_CALL(os_, Write(kSupervisor, _, _)).Times(testing::AnyNumber());
  EXPECT_CALL(os_, Write(kReport, _, _))
      .WillOnce(Fails(EINTR))
      .WillOnce([](int, const void*, size_t size) { return SysResult<size_t>(size); });
  EXPECT_TRUE(daemon.Ready().ok());
}

TEST_F(DaemonizeInDaemon, TellsTheStarterTheCodeAndTheWholeTextWhenItFails) {
  Daemon daemon = Start();
  const std::string text(Daemon::kLongestMessage, 'x');
  const absl::Status why = daemon.Fail(absl::NotFoundError(text));
  EXPECT_EQ(why, absl::NotFoundError(text));
  ASSERT_EQ(words_.size(), 1u);
  EXPECT_EQ(words_[0].report.kind, ChildReport::kGaveUp);
  EXPECT_EQ(words_[0].report.status, static_cast<int>(absl::StatusCode::kNotFound));
  EXPECT_EQ(words_[0].report.size, static_cast<int32_t>(text.size()));
  EXPECT_EQ(words_[0].text, text);
  EXPECT_EQ(releases_, 0) << "the first child has yet to reap it";
}

TEST_F(DaemonizeInDaemon, CutsALongerTextVisiblyAndNotWithinACharacter) {
  for (size_t before : {size_t{0}, size_t{1}, size_t{2}}) {
    words_.clear();
    Daemon daemon = Start();
    std::string text(before, 'x');
    while (text.size() <= Daemon::kLongestMessage) text += "\xe2\x82\xac";  // three bytes
    daemon.Fail(absl::NotFoundError(text)).IgnoreError();
    ASSERT_EQ(words_.size(), 1u);
    const std::string& told = words_[0].text;
    EXPECT_LE(told.size(), Daemon::kLongestMessage);
    EXPECT_GE(told.size(), Daemon::kLongestMessage - 2);
    ASSERT_GE(told.size(), 9u);
    EXPECT_EQ(told.substr(told.size() - 9), "... [cut]");
    EXPECT_EQ((told.size() - 9 - before) % 3, 0u);
  }
}

TEST_F(DaemonizeInDaemon, FailsAsUnknownWithoutACode) {
  Start().Fail(absl::OkStatus()).IgnoreError();
  ASSERT_EQ(words_.size(), 1u);
  EXPECT_EQ(words_[0].report.status, static_cast<int>(absl::StatusCode::kUnknown));
}

TEST_F(DaemonizeInDaemon, HasOneWordOnly) {
  Daemon failed = Start();
  failed.Fail(absl::InternalError("a")).IgnoreError();
  EXPECT_TRUE(absl::IsFailedPrecondition(failed.Ready()));
  EXPECT_EQ(failed.Fail(absl::InternalError("b")), absl::InternalError("b"));
  EXPECT_EQ(words_.size(), 1u);
  Daemon ready = Start();
  EXPECT_TRUE(ready.Ready().ok());
  EXPECT_EQ(ready.Fail(absl::InternalError("c")), absl::InternalError("c"));
  EXPECT_EQ(words_.size(), 2u);
}

TEST_F(DaemonizeInDaemon, TellsTheStarterWhenItsHandleIsDestroyedWithoutAWord) {
  { Daemon daemon = Start(); }
  ASSERT_EQ(words_.size(), 1u);
  EXPECT_EQ(words_[0].report.kind, ChildReport::kGaveUp);
  EXPECT_EQ(words_[0].text, "the daemon gave up before it was ready");
}

TEST_F(DaemonizeInDaemon, TellsTheStarterOfAnException) {
  try {
    Daemon daemon = Start();
    throw std::runtime_error("no");
  } catch (const std::runtime_error&) {
  }
  ASSERT_EQ(words_.size(), 1u);
  EXPECT_EQ(words_[0].text, "the daemon was left by an exception before it was ready");
}

TEST_F(DaemonizeInDaemon, TellsTheStarterOfAHookThatThrows) {
  options_.fork.in_child = [] { throw std::runtime_error("no"); };
  EXPECT_THROW(Daemonize(options_, os_).IgnoreError(), std::runtime_error);
  ASSERT_EQ(words_.size(), 1u);
  EXPECT_EQ(words_[0].report.kind, ChildReport::kGaveUp);
}

TEST_F(DaemonizeInDaemon, MovesItsWordWithTheHandle) {
  {
    Daemon first = Start();
    Daemon second = std::move(first);
    EXPECT_TRUE(second.Ready().ok());
  }
  ASSERT_EQ(words_.size(), 1u);
  EXPECT_EQ(words_[0].report.kind, ChildReport::kReady);
  Daemon kept = Start();
  Daemon replaced = Start();
  replaced = std::move(kept);
  ASSERT_EQ(words_.size(), 2u);
  EXPECT_EQ(words_[1].report.kind, ChildReport::kGaveUp) << "what was assigned over has given up";
}

TEST_F(DaemonizeInDaemon, SaysNothingInAProcessThatItForked) {
  {
    Daemon daemon = Start();
    ON_CALL(os_, GetPid()).WillByDefault(Return(5000));
    EXPECT_TRUE(absl::IsFailedPrecondition(daemon.Ready()));
    EXPECT_EQ(daemon.Fail(absl::InternalError("a")), absl::InternalError("a"));
  }
  EXPECT_THAT(words_, IsEmpty());
  EXPECT_EQ(releases_, 0);
}

TEST_F(DaemonizeInDaemon, KeepsOnlyItsOwnTwoPipes) {
  EXPECT_CALL(os_, Close(_)).Times(testing::AnyNumber());
  EXPECT_CALL(os_, Close(ScriptedOs::kSecondRead));
  EXPECT_CALL(os_, Close(ScriptedOs::kReportRead));
  EXPECT_CALL(os_, Close(kReport)).Times(0);
  EXPECT_CALL(os_, Close(kSupervisor)).Times(0);
  Daemon daemon = Start();
  testing::Mock::VerifyAndClearExpectations(&os_);
}

// The first of the two children.
class DaemonizeInFirstChild : public testing::Test {
 protected:
  DaemonizeInFirstChild() {
    options_.allow_threads = true;
    EXPECT_CALL(os_, Fork()).WillOnce(ForkAsChild()).WillOnce(ForkAsParent(kSecond));
    ON_CALL(os_, PidFdOpen(kSecond, 0)).WillByDefault(Ok(61));
  }
  void PollSays(short pipe, short pid_fd) {
    ON_CALL(os_, Poll(_, 2, -1)).WillByDefault([=](struct pollfd* ready, size_t, int64_t) {
      EXPECT_EQ(ready[0].fd, ScriptedOs::kSecondRead);
      EXPECT_EQ(ready[1].fd, 61);
      ready[0].revents = pipe;
      ready[1].revents = pid_fd;
      return SysResult<size_t>(1);
    });
  }
  void Run(int status) {
    EXPECT_THAT([&] { Daemonize(options_, os_).IgnoreError(); }, ExitsWith(status));
  }

  ScriptedOs os_;
  DaemonizeOptions options_;
};

TEST_F(DaemonizeInFirstChild, LeavesWhenTheDaemonNeedsItNoMore) {
  PollSays(POLLIN, 0);
  ON_CALL(os_, Read(ScriptedOs::kSecondRead, _, _))
      .WillByDefault(ReadsReport(ChildReport::Started(kSecond)));
  EXPECT_CALL(os_, WaitPid(_, _)).Times(0);
  Run(0);
  EXPECT_THAT(os_.reports(), IsEmpty());
}

TEST_F(DaemonizeInFirstChild, TellsHowTheDaemonEndedThoughThePipeIsHeldOpen) {
  PollSays(0, POLLIN);
  EXPECT_CALL(os_, Read(ScriptedOs::kSecondRead, _, _)).Times(0);
  EXPECT_CALL(os_, WaitId(P_PID, kSecond, WEXITED | WNOWAIT | __WALL))
      .WillOnce(Ok(WaitIdResult{kSecond, CLD_KILLED, SIGSEGV}));
  EXPECT_CALL(os_, WaitPid(kSecond, __WALL)).WillOnce(Ok(WaitResult{kSecond, SIGSEGV}));
  Run(0);
  ASSERT_EQ(os_.reports().size(), 1u);
  EXPECT_EQ(os_.reports()[0].kind, ChildReport::kDied);
  EXPECT_EQ(os_.reports()[0].signal, SIGSEGV);
}

TEST_F(DaemonizeInFirstChild, StaysWithADaemonThatClosesThePipeWithoutAWord) {
  PollSays(POLLHUP, 0);
  ON_CALL(os_, Read(ScriptedOs::kSecondRead, _, _)).WillByDefault(ReadsEof());
  EXPECT_CALL(os_, WaitId(P_PID, kSecond, WEXITED | WNOWAIT | __WALL))
      .WillOnce(Ok(WaitIdResult{kSecond, CLD_EXITED, 3}));
  EXPECT_CALL(os_, WaitPid(kSecond, __WALL)).WillOnce(Ok(WaitResult{kSecond, 0x300}));
  Run(0);
  ASSERT_EQ(os_.reports().size(), 1u);
  EXPECT_EQ(os_.reports()[0].status, 3);
}

TEST_F(DaemonizeInFirstChild, NeverKillsADaemonForAPipeThatCannotBeRead) {
  PollSays(POLLIN, 0);
  ON_CALL(os_, Read(ScriptedOs::kSecondRead, _, _)).WillByDefault(Fails(EIO));
  EXPECT_CALL(os_, Kill(_, _)).Times(0);
  EXPECT_CALL(os_, PidFdSendSignal(_, _)).Times(0);
  EXPECT_CALL(os_, WaitId(P_PID, kSecond, WEXITED | WNOWAIT | __WALL))
      .WillOnce(Ok(WaitIdResult{kSecond, CLD_EXITED, 3}));
  Run(0);
}

}  // namespace
}  // namespace cleanfork
