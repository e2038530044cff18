// Probes: marks on the branches of fork code that are run only when something has gone wrong. Those
// are the ones that no ordinary test comes to; an exploration counts how many of its runs did
// (ExploreResult::probes of cleanfork/explore.h), and one that none came to is not tested.
//
//   if (!os.Write(fd, "x", 1).ok()) {
//     CLEANFORK_PROBE("the byte is lost, and the reader sees the end of the pipe");
//     os.Close(fd).IgnoreError();
//   }
//
// Say what happens there, in words that no other probe has. In shipped code a probe costs a load
// and a branch that is not taken.
//
// No errors. A probe is thread-safe, async-signal-safe and safe between fork and exec, also in the
// child of a VforkCall(); it leaves errno alone, allocates nothing and imports nothing. So is a
// listener to be, if the code that it listens to needs that.
#ifndef CLEANFORK_PROBE_H_
#define CLEANFORK_PROBE_H_

#include <atomic>

namespace cleanfork {

// Is called where a probe is come to, with the probe's text, which lives as long as the program.
// By whichever thread and process comes there: a child has its parent's listener.
using ProbeListener = void (*)(const char* what);

// For ReachProbe() and SetProbeListener().
inline std::atomic<ProbeListener> probe_listener{nullptr};

// Has `listener` called at every probe of the program; null: nobody listens, as at first. Returns
// the one that was. A probe that is just come to may still call that one.
inline ProbeListener SetProbeListener(ProbeListener listener) {
  return probe_listener.exchange(listener, std::memory_order_acq_rel);
}

// What CLEANFORK_PROBE() does.
inline void ReachProbe(const char* what) {
  const ProbeListener listener = probe_listener.load(std::memory_order_acquire);
  if (listener != nullptr) listener(what);
}

}  // namespace cleanfork

// `what` is a string literal.
#define CLEANFORK_PROBE(what) ::cleanfork::ReachProbe("" what)

#endif  // CLEANFORK_PROBE_H_
