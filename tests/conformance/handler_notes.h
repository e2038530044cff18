// What the signal handlers of a process have seen. A variable would be one for all simulated
// processes, and be written again with each fork; so they keep it in the kernel, in a limit that
// nothing here comes near (RLIMIT_MSGQUEUE). A child begins with what its parent had.
#ifndef CLEANFORK_TESTS_CONFORMANCE_HANDLER_NOTES_H_
#define CLEANFORK_TESTS_CONFORMANCE_HANDLER_NOTES_H_

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "cleanfork/os.h"

namespace cleanfork {

inline Os* os_of_handlers = nullptr;  // of all processes of a run

// The signals since ForgetSignals(), two decimal digits each, the last three of them.
inline int Heard(Os& os) { return static_cast<int>(os.GetRLimit(RLIMIT_MSGQUEUE).value().soft); }

inline void NoteSignal(int signal) {
  ResourceLimit limit = os_of_handlers->GetRLimit(RLIMIT_MSGQUEUE).value();
  limit.soft = (limit.soft * 100 + static_cast<uint64_t>(signal)) % 800'000;
  os_of_handlers->SetRLimit(RLIMIT_MSGQUEUE, limit).IgnoreError();
}

// At the beginning of a body.
inline void ForgetSignals(Os& os) {
  os_of_handlers = &os;
  ResourceLimit limit = os.GetRLimit(RLIMIT_MSGQUEUE).value();
  limit.soft = 0;
  os.SetRLimit(RLIMIT_MSGQUEUE, limit).IgnoreError();
}

// From now on the signal is noted.
inline void ListenTo(Os& os, int signal, int flags = 0, SignalSet mask = SignalSet()) {
  SignalAction action;
  action.handler = &NoteSignal;
  action.flags = flags;
  action.mask = mask;
  os.SigAction(signal, &action).IgnoreError();
}

inline void Ignore(Os& os, int signal) {
  SignalAction action;
  action.handler = SIG_IGN;
  os.SigAction(signal, &action).IgnoreError();
}

inline void Block(Os& os, SignalSet set) { os.SigProcMask(SIG_BLOCK, &set).IgnoreError(); }
inline void Unblock(Os& os, SignalSet set) { os.SigProcMask(SIG_UNBLOCK, &set).IgnoreError(); }
inline bool IsPending(Os& os, int signal) {
  Block(os, SignalSet::Of(signal));
  return os.SigTimedWait(SignalSet::Of(signal), 0).ok();
}

// Until the process is in one of `states`, letters of the third field of proc_pid_stat(5); a second
// at most. May be used in the child of a VforkCall().
inline void AwaitStateOf(Os& os, pid_t pid, const char* states) {
  char path[32];
  std::snprintf(path, sizeof(path), "/proc/%d/stat", pid);
  for (int looks = 0; looks < 1000; ++looks) {
    char text[256] = {};
    const SysResult<int> fd = os.Open(path, O_RDONLY | O_CLOEXEC, 0);
    if (!fd.ok()) return;
    os.Read(fd.value(), text, sizeof(text) - 1).IgnoreError();
    os.Close(fd.value()).IgnoreError();
    const char* const name_end = std::strrchr(text, ')');
    if (name_end == nullptr || std::strchr(states, name_end[2]) != nullptr) return;
    os.ClockNanoSleep(CLOCK_MONOTONIC, 0, 1'000'000).IgnoreError();
  }
}
// Until it waits for something, so that a signal finds it there.
inline void AwaitSleepOf(Os& os, pid_t pid) { AwaitStateOf(os, pid, "SD"); }

}  // namespace cleanfork

#endif  // CLEANFORK_TESTS_CONFORMANCE_HANDLER_NOTES_H_
