// Log: what the calls of one simulated process returned. From it a forked child gets to the place
// where it was forked: it runs the body again, and the log answers instead of the kernel.
#ifndef CLEANFORK_MOCKS_SIM_LOG_H_
#define CLEANFORK_MOCKS_SIM_LOG_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "cleanfork/os_call.h"
#include "mocks/sim/bytes.h"
#include "mocks/sim/kernel.h"

namespace cleanfork::sim {

struct LogEntry {
  enum class Kind {
    kCall,
    kRestart,       // the call was interrupted, and made again
    kSignal,        // a handler begins; which and for what
    kNestedSignal,  // as above, but on top of the one before, which has not begun yet
    kSignalReturn,
    kVforkEntered,  // from here on in the child of a VforkCall()
  };
  Kind kind = Kind::kCall;
  OsCall call = OsCall::kExit;
  size_t at = 0;  // in the bytes: arguments, result, what the call filled in
  uint32_t arguments = 0;
  uint32_t result = 0;
  int vfork = kNone;  // of a VforkCall(): the log of the child that it had
  int signal = 0;
  int ordinal = 0;
  Sender sender = {};
  uint64_t mask = 0;  // this and the next as they are again after the handler
  Rest rest = Rest::kNone;
};

struct Log {
  std::vector<LogEntry> entries;
  Bytes bytes;

  // A child of VforkCall() wrote to its parent's memory. So a replay of the parent lets it do so
  // again, from its log, beginning with `first`.
  struct Vfork {
    std::shared_ptr<const Log> log;
    size_t first = 0;
  };
  std::vector<Vfork> vforks;

  void Clear() {
    entries.clear();
    bytes.clear();
    vforks.clear();
  }

  LogEntry& Add(LogEntry::Kind kind, OsCall call, const Bytes& arguments) {
    LogEntry& entry = entries.emplace_back();
    entry.kind = kind;
    entry.call = call;
    entry.at = bytes.size();
    entry.arguments = static_cast<uint32_t>(arguments.size());
    bytes.Append(arguments);
    return entry;
  }
};

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_LOG_H_
