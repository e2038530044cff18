#include "cleanfork/os_printers.h"

#include "cleanfork/os.h"
#include "cleanfork/os_matchers.h"
#include "mocks/os_text.h"

namespace cleanfork {

void PrintTo(SignalSet set, std::ostream* os) { *os << Text(set); }
void PrintTo(const SignalSet* set, std::ostream* os) {
  *os << (set == nullptr ? std::string("NULL") : Text(*set));
}
void PrintTo(const SignalAction& action, std::ostream* os) { *os << Text(action); }
void PrintTo(const SignalAction* action, std::ostream* os) {
  *os << (action == nullptr ? std::string("NULL") : Text(*action));
}
void PrintTo(const SignalInfo& info, std::ostream* os) { *os << Text(info); }
void PrintTo(const WaitResult& result, std::ostream* os) { *os << Text(result); }
void PrintTo(const WaitIdResult& result, std::ostream* os) { *os << Text(result); }
void PrintTo(const ReceivedMessage& message, std::ostream* os) { *os << Text(message); }
void PrintTo(const PipeEnds& ends, std::ostream* os) { *os << Text(ends); }
void PrintTo(const CapabilitySets& sets, std::ostream* os) { *os << Text(sets); }
void PrintTo(const ResUid& ids, std::ostream* os) { *os << Text(ids); }
void PrintTo(const ResGid& ids, std::ostream* os) { *os << Text(ids); }
void PrintTo(const ResourceLimit& limit, std::ostream* os) { *os << Text(limit); }
void PrintTo(const FileStatus& status, std::ostream* os) { *os << Text(status); }
void PrintTo(const UnixAddress& address, std::ostream* os) { *os << Text(address); }
void PrintTo(const UnixAddress* address, std::ostream* os) {
  *os << (address == nullptr ? std::string("NULL") : Text(*address));
}
void PrintTo(const UserRecord& record, std::ostream* os) { *os << Text(record); }
void PrintTo(const GroupRecord& record, std::ostream* os) { *os << Text(record); }
void PrintTo(const ProcessExited& exited, std::ostream* os) {
  *os << "exited with " << exited.status;
}

void PrintFailure(int error, std::ostream* os) { *os << "failed with " << ErrnoText(error); }

namespace mock_internal {

SysFailsMatcher::SysFailsMatcher(int error)
    : error_(::testing::Eq(error)), name_(ErrnoText(error)) {}

void SysFailsMatcher::DescribeTo(std::ostream* os) const {
  if (!name_.empty()) {
    *os << "fails with " << name_;
    return;
  }
  *os << "fails with an errno that ";
  error_.DescribeTo(os);
}

void SysFailsMatcher::DescribeNegationTo(std::ostream* os) const {
  if (!name_.empty()) {
    *os << "succeeds, or fails with another errno than " << name_;
    return;
  }
  *os << "succeeds, or fails with an errno that ";
  error_.DescribeNegationTo(os);
}

}  // namespace mock_internal
}  // namespace cleanfork
