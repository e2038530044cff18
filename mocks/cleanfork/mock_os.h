// MockOs: an Os (cleanfork/os.h) whose every call is a gMock method, for tests that check which
// calls are made, in which order and with which arguments, and for making one call fail.
//
//   TEST(Background, IsForkedAgainWhenTheKernelSaysEagain) {
//     testing::StrictMock<cleanfork::MockOs> os;
//     testing::InSequence in_this_order;
//     EXPECT_CALL(os, SigProcMask(SIG_BLOCK, testing::Pointee(cleanfork::SignalSet::Full())))
//         .WillOnce(cleanfork::Ok(cleanfork::SignalSet::Of(SIGUSR1)));
//     EXPECT_CALL(os, Fork())
//         .WillOnce(cleanfork::Fails(EAGAIN))
//         .WillOnce(cleanfork::ForkAsParent(4711));
//     EXPECT_CALL(os, SigProcMask(SIG_SETMASK,
//                                 testing::Pointee(cleanfork::SignalSet::Of(SIGUSR1))))
//         .WillOnce(cleanfork::Ok(cleanfork::SignalSet::Full()));
//     EXPECT_THAT(ForkWithSignalsBlocked(os), cleanfork::SysOk(4711));
//   }
//
// What a call does that has no action of its own: it fails with ENOSYS, so that a forgotten
// expectation never looks like success. The calls that cannot fail answer as a plain process
// would: GetPid() 100, GetPpid() 1, every user and group id 1000, Umask() 022, GetEnv() null,
// GetEnviron() an empty environment.
//
// Exit() never returns. It calls OnExit(status), which is what expectations are set on, and then
// throws ProcessExited{status}, also when an action of OnExit has returned:
//
//   EXPECT_CALL(os, Fork()).WillOnce(cleanfork::ForkAsChild());
//   EXPECT_CALL(os, OnExit(1));
//   EXPECT_THAT([&] { Background(os); }, cleanfork::ExitsWith(1));
//
// While ProcessExited unwinds, Close() succeeds without being recorded: a process that exits runs
// no destructors, so what they close is no call that it made. Once it is caught Close() is recorded
// again (but for what another exception unwinds before any Close() has been).
//
// Thread safety: that of gMock. Not signal-safe, and no use in a real forked child, where a
// failed expectation is reported nowhere.
#ifndef CLEANFORK_MOCK_OS_H_
#define CLEANFORK_MOCK_OS_H_

#include <gmock/gmock.h>

#include <atomic>

#include "cleanfork/os.h"
#include "cleanfork/os_actions.h"
#include "cleanfork/os_matchers.h"
#include "cleanfork/os_printers.h"

namespace cleanfork {

// The mocked methods, as the table of calls has them. Use MockOs.
class MockOsMethods : public Os {
 public:
  MockOsMethods();
  ~MockOsMethods() override;

#define CLEANFORK_OS_CALL(Method, name, Result, parameters, arguments, page, errnos) \
  MOCK_METHOD(Result, Method, parameters, (override));
#include "cleanfork/os_calls.inc"

  // What Exit() calls before it throws.
  MOCK_METHOD(void, OnExit, (int status));
};

class MockOs : public MockOsMethods {
 public:
  // Constructor and destructor are compiled once, in mock_os.cc: they are most of what a class of
  // this many mocked methods costs every test file that includes it.
  MockOs();
  ~MockOs() override;

  // Forwards every call that no expectation takes to `os`, Exit() included. `os` must outlive
  // this object. Together with EXPECT_CALL it observes, or fails one call of, an Os that works:
  //
  //   testing::NiceMock<cleanfork::MockOs> os;
  //   os.DelegateTo(cleanfork::RealOs());
  //   EXPECT_CALL(os, Pipe2(O_CLOEXEC)).WillOnce(cleanfork::Fails(EMFILE));
  //
  // A delegated Fork() of the real kernel leaves two processes with gMock in both: what the
  // child's copy finds is not reported.
  void DelegateTo(Os& os);

  // Calls OnExit(status), then throws ProcessExited{status}.
  [[noreturn]] void Exit(int status) override;

  // The mocked calls, but aware of a ProcessExited that passes.
  SysResult<pid_t> VforkCall(int (*function)(void*), void* argument,
                             int termination_signal) override;
  SysResult<void> Close(int fd) override;

 private:
  static constexpr int kNoExit = -1;

  // How many exceptions were in flight when this process exited, or kNoExit.
  std::atomic<int> in_flight_at_exit_{kNoExit};
};

}  // namespace cleanfork

extern template class testing::NiceMock<cleanfork::MockOs>;
extern template class testing::NaggyMock<cleanfork::MockOs>;
extern template class testing::StrictMock<cleanfork::MockOs>;

#endif  // CLEANFORK_MOCK_OS_H_
