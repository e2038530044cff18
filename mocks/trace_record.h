// What TraceOs keeps of a call, of a fixed size and without pointers, so that another process can
// read it; and the line that it becomes.
#ifndef CLEANFORK_MOCKS_TRACE_RECORD_H_
#define CLEANFORK_MOCKS_TRACE_RECORD_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "cleanfork/fault_plan.h"
#include "cleanfork/os_call.h"
#include "cleanfork/os_types.h"
#include "cleanfork/trace_os.h"

namespace cleanfork {

// The parts of the larger results that a line has room for.
struct TracedUser {
  uid_t uid = 0;
  gid_t gid = 0;
};
struct TracedGroup {
  gid_t gid = 0;
};

struct TraceRecord {
  enum State : uint32_t {
    kEmpty,     // its process was killed while it wrote the record
    kBegun,     // the call was made and has not returned
    kReturned,  // result or error are there
  };

  // NUL-separated where it is a list of strings.
  struct Characters {
    uint16_t size;
    bool cut;
    bool null;
    char bytes[TraceOs::kMaxText];
  };

  std::atomic<uint32_t> state;
  OsCall call;
  ProcessPath process;

  // Integers stand at the argument's own position, and so does 1 for a pointer that is not null.
  int64_t integers[5];
  Characters texts[2];  // the strings, in the order in which they stand among the arguments
  SignalSet set;
  SignalAction action;
  ResourceLimit limit;
  gid_t groups[TraceOs::kMaxGroups];
  char data[TraceOs::kMaxData];  // of what is written, or was read
  uint16_t data_size;
  bool data_cut;

  int error;
  alignas(8) char result[64];  // the value of the SysResult, as it stands in memory
};

// "setgid(65534) = -1 EPERM (Operation not permitted)".
std::string TraceLine(const TraceRecord& record);

}  // namespace cleanfork

#endif  // CLEANFORK_MOCKS_TRACE_RECORD_H_
