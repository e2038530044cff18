// Daemonize() where there are no pidfds: when the starter looks whether the daemon has ended.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cmath>
#include <csignal>
#include <ctime>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "cleanfork/daemonize.h"
#include "cleanfork/os.h"
#include "cleanfork/os_wrapper.h"
#include "tests/unit/daemonize_world.h"

namespace cleanfork {
namespace {

using testing::ElementsAre;

// A kernel without pidfds that notes the seconds of the starter's looks at its child.
class LooksAtTheChild : public InStarter {
 public:
  LooksAtTheChild(Os& os, std::vector<double>* looks) : InStarter(os), looks_(looks) {}
  SysResult<int> PidFdOpen(pid_t, unsigned) override { return SysError(ENOSYS); }
  SysResult<WaitIdResult> WaitId(idtype_t type, id_t id, int options) override {
    if (here()) looks_->push_back(OsWrapper::ClockGetTime(CLOCK_MONOTONIC).value() / 1e9);
    return OsWrapper::WaitId(type, id, options);
  }

 private:
  std::vector<double>* const looks_;
};

class DaemonizeLooks : public DaemonizeWorld {
 protected:
  DaemonizeLooks() {
    options_.fork.session = Session::kNew;
    wrap_ = [this](Os& kernel) { return std::make_unique<LooksAtTheChild>(kernel, &looks_); };
  }

  // Seconds since the first, each once.
  std::vector<double> Looks() const {
    std::vector<double> looks;
    for (const double look : looks_) {
      const double since = std::round((look - looks_[0]) * 1e6) / 1e6;
      if (looks.empty() || looks.back() != since) looks.push_back(since);
    }
    return looks;
  }

  std::vector<double> looks_;
};

// The look at 0 is for its set-up.
TEST_F(DaemonizeLooks, LooksLessAndLessOftenForTheEndOfAChild) {
  EXPECT_EQ(Text([](Os& os, Daemon&) {
              const pid_t child = os.Fork().value();  // which has the pipe open
              Sleep(os, child == 0 ? 30 : 2.005);
              return Leave(os, 4);
            }),
            "the daemon ended before it was ready (exit status 4) [step ready, child 101]");
  EXPECT_EQ(now(), 2.22);
  EXPECT_THAT(Looks(), ElementsAre(0, 0.02, 0.06, 0.14, 0.3, 0.62, 0.94, 1.26, 1.58, 1.9, 2.22));
}

TEST_F(DaemonizeLooks, BeginsAnewWhenThePipeEnds) {
  EXPECT_EQ(Text([](Os& os, Daemon&) {
              Sleep(os, 1);
              os.Close(ReportPipe(os)).IgnoreError();
              Sleep(os, 0.03);
              return Leave(os, 4);
            }),
            "the daemon ended before it was ready (exit status 4) [step ready, child 101]");
  EXPECT_EQ(now(), 1.06);
}

// They come more often than it looks.
TEST_F(DaemonizeLooks, LooksWhenItIsTimeHoweverOftenASignalInterrupts) {
  const Wrap looks = wrap_;
  wrap_ = [looks](Os& kernel) {
    SignalAction action;
    action.handler = [](int) {};
    EXPECT_TRUE(kernel.SigAction(SIGUSR1, &action).ok());
    return looks(kernel);
  };
  EXPECT_EQ(Text([](Os& os, Daemon&) {
              if (os.Fork().value() == 0) {  // which has the pipe open
                for (int i = 0; i < 300; ++i) {
                  Sleep(os, 0.007);
                  Kill(os, kStarter, SIGUSR1);
                }
                os.Exit(0);
              }
              Sleep(os, 0.7);
              return Leave(os, 4);
            }),
            "the daemon ended before it was ready (exit status 4) [step ready, child 101]");
  EXPECT_EQ(now(), 0.94);
  EXPECT_THAT(Looks(), ElementsAre(0, 0.02, 0.06, 0.14, 0.3, 0.62, 0.94));
}

// AwaitEnd().
TEST_F(DaemonizeLooks, LooksLessAndLessOftenForTheEndOfAChildThatGivesUp) {
  EXPECT_TRUE(absl::IsInternal(Run([](Os& os, Daemon& daemon) {
    daemon.Fail(absl::InternalError("no")).IgnoreError();
    const pid_t child = os.Fork().value();
    Sleep(os, child == 0 ? 30 : 0.7);
    return Leave(os, 4);
  })));
  EXPECT_EQ(now(), 0.94);
  EXPECT_THAT(Looks(), ElementsAre(0, 0.02, 0.06, 0.14, 0.3, 0.62, 0.94));
}

}  // namespace
}  // namespace cleanfork
