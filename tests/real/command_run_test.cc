// Which signals `cleanfork run` hands on, with signals that the test makes up and a real program;
// and that `cleanfork start` is not torn away by one.
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <ostream>
#include <sstream>
#include <streambuf>
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

// The kernel, where every signal that ends a command at a terminal comes while it waits.
class SignalsComeWhileWaitingOs : public OsWrapper {
 public:
  SignalsComeWhileWaitingOs() : OsWrapper(RealOs()), starter_(::getpid()) {}

  SysResult<size_t> Read(int fd, void* buffer, size_t size) override {
    Arrive();
    return OsWrapper::Read(fd, buffer, size);
  }
  SysResult<size_t> Poll(struct pollfd* fds, size_t count, int64_t nanoseconds) override {
    Arrive();
    return OsWrapper::Poll(fds, count, nanoseconds);
  }
  int arrived() const { return arrived_; }

 private:
  void Arrive() {
    if (::getpid() != starter_) return;
    ++arrived_;
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT}) ::raise(signal);
  }

  pid_t starter_;
  int arrived_ = 0;
};

TEST(CommandStartTest, ASignalWhileItWaitsTakesEffectOnlyOnceTheOutcomeIsTold) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t starter = ::fork();
  ASSERT_NE(starter, -1);
  if (starter == 0) {
    ::close(ends[0]);
    std::ostringstream err;
    SignalsComeWhileWaitingOs os;
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    struct Told : std::streambuf {
      explicit Told(int fd) : fd(fd) {}
      int overflow(int byte) override {
        const char character = static_cast<char>(byte);
        return ::write(fd, &character, 1) == 1 ? byte : EOF;
      }
      int fd;
    } told(ends[1]);
    std::ostream direct(&told);
    cli::Context answering = {os, direct, err};
    cli::RunCommandLine({"cleanfork", "start", "--", "true"}, answering);
    ::_exit(os.arrived() > 0 ? 1 : 2);
  }
  ::close(ends[1]);
  std::string answer;
  char byte = 0;
  while (::read(ends[0], &byte, 1) == 1) answer += byte;
  ::close(ends[0]);
  int status = 0;
  ASSERT_EQ(::waitpid(starter, &status, 0), starter);
  EXPECT_EQ(answer.substr(0, 12), "started true");
  EXPECT_TRUE(WIFSIGNALED(status)) << status;
}

}  // namespace
}  // namespace cleanfork
