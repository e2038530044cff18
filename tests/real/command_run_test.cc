// Which signals `cleanfork run` hands on, with signals that the test makes up and a real program.
#include <csignal>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "cleanfork/os_wrapper.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/cli/report.h"
#include "src/cli/subcommand.h"

namespace cleanfork {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

SignalInfo Arriving(int signal, int code) {
  SignalInfo info;
  info.signal = signal;
  info.code = code;
  return info;
}

// The kernel, where these signals are the first to arrive.
class SignalsArriveOs : public OsWrapper {
 public:
  explicit SignalsArriveOs(std::vector<SignalInfo> signals)
      : OsWrapper(RealOs()), arriving_(std::move(signals)) {}

  SysResult<SignalInfo> SigTimedWait(SignalSet set, int64_t nanoseconds) override {
    awaited = set;
    if (next_ < arriving_.size()) return arriving_[next_++];
    return OsWrapper::SigTimedWait(set, nanoseconds);
  }
  SysResult<void> Kill(pid_t pid, int signal) override {
    sent.push_back(signal);
    return OsWrapper::Kill(pid, signal);
  }
  SysResult<void> PidFdSendSignal(int fd, int signal) override {
    sent.push_back(signal);
    return OsWrapper::PidFdSendSignal(fd, signal);
  }

  SignalSet awaited;
  std::vector<int> sent;

 private:
  std::vector<SignalInfo> arriving_;
  size_t next_ = 0;
};

int RunSleep(Os& os) {
  std::ostringstream out, err;
  cli::Context context = {os, out, err};
  return cli::RunCommandLine({"cleanfork", "run", "--", "sleep", "60"}, context);
}

TEST(CommandRunTest, WhatAProcessSendsIsHandedOn) {
  SignalsArriveOs os({Arriving(SIGTERM, SI_USER)});
  EXPECT_EQ(RunSleep(os), 128 + SIGTERM);
  EXPECT_THAT(os.sent, ElementsAre(SIGTERM));
}

TEST(CommandRunTest, WhatATerminalSendsHasReachedTheProgramAlready) {
  SignalsArriveOs os(
      {Arriving(SIGINT, SI_KERNEL), Arriving(SIGQUIT, SI_KERNEL), Arriving(SIGTERM, SI_USER)});
  EXPECT_EQ(RunSleep(os), 128 + SIGTERM);
  EXPECT_THAT(os.sent, ElementsAre(SIGTERM));
}

// The kernel tells it to the leader of the session, which the command may be, and to the group in
// the foreground, which the program need not be in.
TEST(CommandRunTest, AHangUpIsHandedOnThoughTheTerminalSendsIt) {
  SignalsArriveOs os({Arriving(SIGHUP, SI_KERNEL), Arriving(SIGTERM, SI_USER)});
  EXPECT_EQ(RunSleep(os), 128 + SIGHUP);
  EXPECT_THAT(os.sent, Contains(SIGHUP));
}

TEST(CommandRunTest, TheNewsOfAChildIsNotHandedOn) {
  SignalsArriveOs os({Arriving(SIGCHLD, CLD_STOPPED), Arriving(SIGUSR1, SI_USER)});
  EXPECT_EQ(RunSleep(os), 128 + SIGUSR1);
  EXPECT_THAT(os.sent, ElementsAre(SIGUSR1));
}

TEST(CommandRunTest, TheSignalMaskIsAsBefore) {
  const SignalSet before = SignalSet::Of(SIGALRM);
  ASSERT_TRUE(RealOs().SigProcMask(SIG_SETMASK, &before).ok());
  SignalsArriveOs os({Arriving(SIGTERM, SI_USER)});
  RunSleep(os);
  EXPECT_EQ(RealOs().SigProcMask(SIG_SETMASK, nullptr).value(), before);
  EXPECT_EQ(os.awaited, SignalSet::Of(SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCHLD));
}

}  // namespace
}  // namespace cleanfork
