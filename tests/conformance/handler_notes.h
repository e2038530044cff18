// What the signal handlers of a process have seen. A variable would be one for all simulated
// processes, and be written again with each fork; so they keep it in the kernel, in a limit that
// nothing here comes near (RLIMIT_MSGQUEUE). A child begins with what its parent had.
#ifndef CLEANFORK_TESTS_CONFORMANCE_HANDLER_NOTES_H_
#define CLEANFORK_TESTS_CONFORMANCE_HANDLER_NOTES_H_

#include <signal.h>
#include <sys/resource.h>

#include <cstdint>

#include "cleanfork/os.h"

namespace cleanfork {

inline Os* os_of_handlers = nullptr;  // of all processes of a run

// The signals since ListenWith(), two decimal digits each, the last three of them.
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

}  // namespace cleanfork

#endif  // CLEANFORK_TESTS_CONFORMANCE_HANDLER_NOTES_H_
