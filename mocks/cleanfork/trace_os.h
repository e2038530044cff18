// TraceOs: an Os that passes every call on to another and remembers it, of all the processes that
// come of it by real forks; afterwards it prints them, a line a call.
//
//   cleanfork::TraceOs os(cleanfork::RealOs());
//   StartService(os);
//   std::cerr << os.Text();
//
//     P    open("/dev/null", O_RDWR|O_CLOEXEC) = 3
//     P    fork() = 4711
//     P.1  fork() = 0
//     P.1  setgid(65534) = -1 EPERM (Operation not permitted)
//     P.1  _exit(1)
//     P    waitpid(4711, 0) = {pid 4711, exited with 1}
//
// Processes are named as in fault plans (cleanfork/fault_plan.h): the one that made the TraceOs
// is P, its first child P.1. Lines stand in the order in which the calls began. A call that did
// not return, because its process was killed in it or is still in it, ends in "= ?"; a call that
// may not return, execve and _exit, has no result unless it failed. The child of a fork or a vfork
// begins with a line of its own, that call with the result 0; the function of a VforkCall() that
// returns a status ends with "_exit(status)", which is what then happens.
//
// Which of two decorators is the outer one matters:
//   TraceOs(FaultOs(RealOs()))  what the program saw: injected failures look like real ones;
//   FaultOs(TraceOs(RealOs()))  what reached the kernel: a call that was failed is not there, but
//                               the getpid() and kill() of an injected signal and the close()
//                               behind a close that was failed are.
//
// The records stand in memory of a fixed size, mapped when the TraceOs is made and shared with its
// children: recording allocates nothing, takes no lock and makes no call. When it is full,
// later calls pass unrecorded, and dropped() counts them. Of a path or a name kMaxText bytes are
// kept, of what is read or written kMaxData, of groups kMaxGroups; "..." says that there was more.
// Of what a call stores in the caller's memory only what Read() and PRead() stored is kept.
//
// Thread safety: one thread at a time in each process. The queries may be asked in the process
// that made it, while children still run. Signal safety: that of the wrapped Os.
#ifndef CLEANFORK_TRACE_OS_H_
#define CLEANFORK_TRACE_OS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cleanfork/fault_plan.h"
#include "cleanfork/os_call.h"
#include "cleanfork/os_wrapper.h"

namespace cleanfork {

struct TraceRecord;

class TraceOs final : public OsWrapper {
 public:
  static constexpr size_t kMaxText = 128;
  static constexpr size_t kMaxData = 32;
  static constexpr size_t kMaxGroups = 8;

  // `wrapped` must outlive this object. `capacity` is how many calls are recorded, from 1; each
  // takes about half a KiB, of which the system gives only what is used.
  explicit TraceOs(Os& wrapped, size_t capacity = 4096);
  ~TraceOs() override;

  // The trace, a line a call, each ended by '\n'; and a line that says so if calls were dropped.
  std::string Text() const;

  // Its lines, without the process names aligned: "P.1 setgid(65534) = 0".
  std::vector<std::string> Lines() const;

  // How many calls were recorded, and how many were not because there was no more room.
  size_t recorded() const;
  size_t dropped() const;

#define CLEANFORK_OS_CALL(Method, name, Result, parameters, arguments, page, errnos) \
  Result Method parameters override;
#include "cleanfork/os_calls.inc"

  [[noreturn]] void Exit(int status) override;

 private:
  struct Shared;
  struct VforkStart;

  struct Process {
    ProcessPath path;
    uint32_t children = 0;
  };

  static int RunVforkStart(void* argument);

  void BecomeChild(ProcessPath path, OsCall call);

  // The next record, with process and call filled in; null when there is no more room.
  TraceRecord* Begin(OsCall call);

  template <OsCall kCall, typename Result, typename... Arguments>
  Result Invoke(Arguments... arguments);
  SysResult<pid_t> InvokeFork(TraceRecord* record);
  SysResult<pid_t> InvokeVforkCall(TraceRecord* record, int (*function)(void*), void* argument,
                                   int termination_signal);

  const std::unique_ptr<Shared> shared_;
  Process process_;
};

}  // namespace cleanfork

#endif  // CLEANFORK_TRACE_OS_H_
