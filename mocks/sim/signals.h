// Signals: signal(7). Sending them, and which one is next; the engine runs handlers.
#ifndef CLEANFORK_MOCKS_SIM_SIGNALS_H_
#define CLEANFORK_MOCKS_SIM_SIGNALS_H_

#include <cstdint>

#include "mocks/sim/kernel.h"

namespace cleanfork::sim {

constexpr uint64_t SignalBit(int signal) { return uint64_t{1} << (signal - 1); }

// Whether one may signal the other, as kill(2) says: by the real or effective id of the sender, and
// the real or saved one of the target.
bool MaySignal(const Process& sender, const Process& target, int signal);

// Of a kill(2) by the process.
Sender SenderOf(const Process& process);

// Makes it pending, or drops it where it is ignored.
void PostSignal(Kernel* kernel, int slot, int signal, const Sender& sender);

// SIGSTOP is taken: the process is to wait until it is continued.
void StopProcess(Kernel* kernel, int slot, int signal);

// Whether one is pending that is not blocked.
bool HasSignal(const Process& process);
bool IsBeingKilled(const Process& process);

// The lowest pending one out of `from`, which is pending no more; 0 for none.
int TakeSignal(Process* process, uint64_t from, Sender* sender);

// What sigtimedwait(2) takes out of `set`. What would end the process does so, where it is not
// blocked, though it is waited for.
uint64_t TakenByWaiting(const Process& process, SignalSet set);

// exec: functions become the default action, SIG_IGN stays.
void ResetHandlers(Signals* signals);

enum class DefaultAction { kIgnore, kStop, kTerminate };

DefaultAction DefaultActionOf(const Kernel& kernel, const Process& process, int signal);

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_SIGNALS_H_
