#include "tests/unit/scripted_os.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#include <cerrno>
#include <cstring>

namespace cleanfork {

using testing::_;
using testing::StrEq;

ScriptedOs::ScriptedOs() {
  ON_CALL(*this, Open(StrEq("/dev/null"), _, _)).WillByDefault(Ok(kNull));
  FileStatus null;
  null.mode = S_IFCHR | 0666;
  null.special_device = makedev(1, 3);
  ON_CALL(*this, FcntlGetFd(_)).WillByDefault(Ok(0));
  ON_CALL(*this, FStat(kNull)).WillByDefault(Ok(null));
  ON_CALL(*this, FStat(2)).WillByDefault(Fails(EBADF));  // closed, so that it becomes /dev/null
  ON_CALL(*this, IsATty(_)).WillByDefault(Ok());
  ON_CALL(*this, GetPwUid(_)).WillByDefault(Fails(ENOENT));
  ON_CALL(*this, GetPwNam(_)).WillByDefault(Fails(ENOENT));
  ON_CALL(*this, Pipe2(_)).WillByDefault([this](int) -> SysResult<PipeEnds> {
    return pipes_++ == 0 ? PipeEnds{kReportRead, kReportWrite}
                         : PipeEnds{kSecondRead, kSecondWrite};
  });
  ON_CALL(*this, Close(_)).WillByDefault(Ok());
  ON_CALL(*this, SigProcMask(_, _)).WillByDefault(Ok(CallersMask()));
  ON_CALL(*this, SigAction(_, _)).WillByDefault(Ok(SignalAction()));
  ON_CALL(*this, ClockGetTime(CLOCK_MONOTONIC)).WillByDefault([this](clockid_t) {
    return SysResult<int64_t>(now_);
  });
  ON_CALL(*this, ClockNanoSleep(CLOCK_MONOTONIC, TIMER_ABSTIME, _))
      .WillByDefault([this](clockid_t, int, int64_t deadline) -> SysResult<void> {
        sleeps_.push_back(deadline - now_);
        now_ = deadline;
        return {};
      });
  ON_CALL(*this, Write(kReportWrite, _, _))
      .WillByDefault([this](int, const void* bytes, size_t size) -> SysResult<size_t> {
        ChildReport report;
        if (size == sizeof(report)) std::memcpy(&report, bytes, size);
        reports_.push_back(report);
        return size;
      });
  ON_CALL(*this, Read(kReportRead, _, _)).WillByDefault(ReadsEof());
  ON_CALL(*this, WaitPid(kChild, _)).WillByDefault(Ok(WaitResult{kChild, 0}));
  ON_CALL(*this, WaitId(P_PID, kChild, WEXITED | WNOHANG | WNOWAIT | __WALL))
      .WillByDefault(Ok(WaitIdResult()));
  // What a child's steps call.
  ON_CALL(*this, SetSid()).WillByDefault(Ok(kChild));
  ON_CALL(*this, Dup2(_, _)).WillByDefault([](int, int to) { return SysResult<int>(to); });
  ON_CALL(*this, CloseRange(_, _, _)).WillByDefault(Ok());
  ON_CALL(*this, ChDir(_)).WillByDefault(Ok());
  ON_CALL(*this, GetPid()).WillByDefault(testing::Return(kChild));  // and the parent's too
  ON_CALL(*this, GetPpid()).WillByDefault(testing::Return(kChild));
  ON_CALL(*this, ChRoot(_)).WillByDefault(Ok());
  ON_CALL(*this, Stat(_)).WillByDefault(Ok(FileStatus()));  // all the same, as inside a new root
  ON_CALL(*this, SetRLimit(_, _)).WillByDefault(Ok());
  ON_CALL(*this, SetPriority(_, _, _)).WillByDefault(Ok());
  ON_CALL(*this, Open(StrEq("/proc/self/oom_score_adj"), _, _)).WillByDefault(Ok(kOomScore));
  ON_CALL(*this, Write(kOomScore, _, _)).WillByDefault([](int, const void*, size_t size) {
    return SysResult<size_t>(size);
  });
  ON_CALL(*this, PrctlSetNoNewPrivs()).WillByDefault(Ok());
  ON_CALL(*this, PrctlSetPdeathsig(_)).WillByDefault(Ok());
}

void ScriptedOs::ChildWillReport(const ChildReport& report) {
  ON_CALL(*this, Read(kReportRead, _, _)).WillByDefault(ReadsReport(report));
}

}  // namespace cleanfork
