// FaultOs: an Os that makes another Os fail, where a fault plan (cleanfork/fault_plan.h) says so.
// Over RealOs() it fails your code's calls on the real kernel, in the parent and in the children
// that it really forks.
//
//   cleanfork::FaultOs os(cleanfork::RealOs(), "cf1;P.fork#1=EAGAIN;P.1.setgid#1=EPERM");
//   StartService(os);
//   EXPECT_EQ(os.FaultsFired(), 2u);  // else the test did not test what it says
//
// Whose call it is. The process that made the FaultOs is P. A Fork() that returns 0 makes this
// the child's: its name grows by one number, and its counts start at 0. The function of a
// VforkCall() runs as the child in the same way; the parent's name and counts are as before when
// it goes on. Children are numbered by the forks that succeed; calls by the attempts, failed and
// faulted ones included. What is shared with children stands in memory that was mapped when the
// FaultOs was made: a child allocates nothing.
//
// What each entry does, and what it leaves:
//   =EPERM    The call is not made. But Close() is, since on Linux a close that fails has
//             released the descriptor: close(2). A Write() with EPIPE sends no SIGPIPE; to have
//             it, write both: cf1;P!SIGPIPE@write#1;P.write#1=EPIPE.
//   =short:3  The call is made for at most 3 bytes.
//   =lie      The call is not made, and succeeds: writes, SendTo() and GetRandom() with the size
//             that was asked for, Dup2() with its target, SetSid() with the pid, what returns a
//             descriptor with kLieDescriptor, which is not open; everything else with zero (so
//             that Read() says end of file, and WaitPid() that no child changed).
//   !SIGTERM  Kill(GetPid(), SIGTERM) of the wrapped Os just before the call; neither is counted.
//             The call is then made, unless the signal ended the process.
//   >P.1      Refused: only the simulated kernel can tell who runs.
// Of several faults for one call, the first in the plan is taken; signals all come, in the order
// of the plan, before it.
//
// FaultOs(TraceOs(RealOs())) traces what reached the kernel, TraceOs(FaultOs(RealOs())) what the
// program saw: cleanfork/trace_os.h.
//
// Thread safety: one thread at a time in each process. The queries may be asked in the process
// that made it, while children still run. Signal safety: that of the wrapped Os.
#ifndef CLEANFORK_FAULT_OS_H_
#define CLEANFORK_FAULT_OS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cleanfork/fault_plan.h"
#include "cleanfork/os_wrapper.h"

namespace cleanfork {

// Calls that were made: `process` made `call` `count` times.
struct CallSite {
  ProcessPath process;
  OsCall call = OsCall::kFork;
  uint32_t count = 0;
};

class FaultOs final : public OsWrapper {
 public:
  // How many processes CallsMade() can tell apart.
  static constexpr size_t kMaxProcesses = 256;

  // The descriptor that a lie returns: never open, above any limit of descriptors in use.
  static constexpr int kLieDescriptor = 0x3fffffff;

  // `wrapped` must outlive this object. Aborts with a message that names the entry where the plan
  // has one that cannot be run: a switch of process, a signal within a call, or one that the
  // grammar does not have.
  FaultOs(Os& wrapped, const FaultPlan& plan);

  // The plan as a line. Aborts with the line, a caret and what was expected if it is none.
  FaultOs(Os& wrapped, const std::string& line);

  ~FaultOs() override;

  const FaultPlan& plan() const { return plan_; }

  // The entries that took effect at least once, in whichever process, in the order of the plan.
  FaultPlan fired() const;

  // How often an entry took effect: a sticky one counts each time.
  size_t FaultsFired() const;

  // Every call that was made, of every process that made one or was forked, sorted by process and
  // call.
  std::vector<CallSite> CallsMade() const;

  // Processes beyond kMaxProcesses, whose calls are faulted but not in CallsMade().
  size_t ProcessesDropped() const;

#define CLEANFORK_OS_CALL(Method, name, Result, parameters, arguments, page, errnos) \
  Result Method parameters override;
#include "cleanfork/os_calls.inc"

  [[noreturn]] void Exit(int status) override;

 private:
  struct Shared;
  struct VforkStart;

  // What belongs to one process. A real fork copies it; VforkCall() puts it back.
  struct Process {
    ProcessPath path;
    uint32_t children = 0;
    uint32_t counts[kOsCallCount] = {};
    int slot = -1;  // where its counts are told to the parent, or -1
  };

  static int RunVforkStart(void* argument);

  void BecomeChild(ProcessPath path);
  void TakeSlot();

  // Counts a call, sends the signals that come before it, and returns the fault for it or null.
  const FaultEntry* Arrive(OsCall call);

  template <OsCall kCall, typename Result, typename... Arguments>
  Result Invoke(Arguments... arguments);
  SysResult<pid_t> InvokeFork(const FaultEntry* fault);
  SysResult<pid_t> InvokeVforkCall(const FaultEntry* fault, int (*function)(void*), void* argument,
                                   int termination_signal);

  const FaultPlan plan_;
  const std::unique_ptr<Shared> shared_;
  Process process_;
};

}  // namespace cleanfork

#endif  // CLEANFORK_FAULT_OS_H_
