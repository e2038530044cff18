// How gTest and gMock print the values of the seam: by name, not as bytes. mock_os.h includes it;
// include it by itself in a test that uses them without a mock.
//
//   const cleanfork::SignalSet before = os.SigProcMask(SIG_SETMASK, nullptr).value();
//   EXPECT_EQ(before, cleanfork::SignalSet::Of(SIGTERM));  // {SIGHUP, SIGTERM}, {SIGTERM}
//
//     SysResult       succeeded with 3 · failed with EAGAIN (Resource temporarily unavailable)
//     SignalSet       {SIGHUP, SIGTERM} · {all signals but SIGKILL}
//     SignalAction    {SIG_IGN} · {handler 0x4052d0, mask {SIGTERM}, flags SA_RESTART}
//     WaitResult      {pid 4711, exited with 1} · {no child changed}
//     ResUid          {real 0, effective 65534, saved 65534}
//
// For messages alone: the texts may change from release to release.
#ifndef CLEANFORK_OS_PRINTERS_H_
#define CLEANFORK_OS_PRINTERS_H_

#include <gtest/gtest.h>

#include <ostream>

#include "cleanfork/os_types.h"
#include "cleanfork/sys_result.h"

namespace cleanfork {

struct ProcessExited;

void PrintTo(SignalSet set, std::ostream* os);
void PrintTo(const SignalSet* set, std::ostream* os);
void PrintTo(const SignalAction& action, std::ostream* os);
void PrintTo(const SignalAction* action, std::ostream* os);
void PrintTo(const SignalInfo& info, std::ostream* os);
void PrintTo(const WaitResult& result, std::ostream* os);
void PrintTo(const WaitIdResult& result, std::ostream* os);
void PrintTo(const PipeEnds& ends, std::ostream* os);
void PrintTo(const ReceivedMessage& message, std::ostream* os);
void PrintTo(const ResUid& ids, std::ostream* os);
void PrintTo(const CapabilitySets& sets, std::ostream* os);
void PrintTo(const ResGid& ids, std::ostream* os);
void PrintTo(const ResourceLimit& limit, std::ostream* os);
void PrintTo(const FileStatus& status, std::ostream* os);
void PrintTo(const UnixAddress& address, std::ostream* os);
void PrintTo(const UnixAddress* address, std::ostream* os);
void PrintTo(const UserRecord& record, std::ostream* os);
void PrintTo(const GroupRecord& record, std::ostream* os);
void PrintTo(const ProcessExited& exited, std::ostream* os);

// "failed with EAGAIN (Resource temporarily unavailable)".
void PrintFailure(int error, std::ostream* os);

inline void PrintTo(const SysResult<void>& result, std::ostream* os) {
  if (!result.ok()) return PrintFailure(result.error(), os);
  *os << "succeeded";
}

template <typename T>
void PrintTo(const SysResult<T>& result, std::ostream* os) {
  if (!result.ok()) return PrintFailure(result.error(), os);
  *os << "succeeded with " << ::testing::PrintToString(result.value());
}

}  // namespace cleanfork

#endif  // CLEANFORK_OS_PRINTERS_H_
