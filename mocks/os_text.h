// What the doubles print of the values of the seam, for people: gMock's messages and TraceOs's
// lines say the same thing in the same words.
//
//   ErrnoText(EPERM)                     "EPERM (Operation not permitted)"
//   Text(SignalSet::Of(SIGHUP, SIGTERM)) "{SIGHUP, SIGTERM}"
//   OpenFlagsText(O_RDWR | O_CLOEXEC)    "O_RDWR|O_CLOEXEC"
//
// Allocates; not for the child of a fork.
#ifndef CLEANFORK_MOCKS_OS_TEXT_H_
#define CLEANFORK_MOCKS_OS_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "cleanfork/os_types.h"

namespace cleanfork {

std::string ErrnoText(int error);
std::string SignalText(int signal);  // "SIGTERM", or "signal 40" for one without a name

std::string Text(SignalSet set);
std::string Text(const SignalAction& action);
std::string Text(const SignalInfo& info);
std::string Text(const WaitResult& result);
std::string Text(const WaitIdResult& result);
std::string Text(const PipeEnds& ends);
std::string Text(const ReceivedMessage& message);
std::string Text(const ResUid& ids);
std::string Text(const ResGid& ids);
std::string Text(const CapabilitySets& sets);
std::string Text(const ResourceLimit& limit);
std::string Text(const FileStatus& status);
std::string Text(const UnixAddress& address);
std::string Text(const UserRecord& record);
std::string Text(const GroupRecord& record);

// Octal with a leading 0, as modes and umasks are written.
std::string OctalText(uint64_t number);

// In double quotes, with what is not printable escaped; "..." after it when it was cut.
std::string QuotedText(const char* bytes, size_t size, bool cut);

// Arguments by their C names; what has none is appended as a number.
std::string OpenFlagsText(int flags);
std::string PipeFlagsText(int flags);
std::string WaitOptionsText(int options);
std::string ActionFlagsText(int flags);
std::string MaskHowText(int how);
std::string IdTypeText(int type);
std::string LockTypeText(int type);
std::string DescriptorFlagsText(int flags);
std::string CloseRangeFlagsText(unsigned flags);
std::string GetRandomFlagsText(unsigned flags);
std::string SleepFlagsText(int flags);
std::string SocketDomainText(int domain);
std::string SocketTypeText(int type);
std::string MessageFlagsText(int flags);
std::string ClockText(int clock);
std::string ResourceText(int resource);

}  // namespace cleanfork

#endif  // CLEANFORK_MOCKS_OS_TEXT_H_
