// The field's names of errno values and signals, both ways: "EAGAIN", "SIGTERM"; and of limits.
//
//   std::puts(cleanfork::ErrnoName(EAGAIN));                // "EAGAIN"
//   kill(pid, cleanfork::SignalFromName("TERM"));           // or "SIGTERM"
//   std::puts(cleanfork::ResourceName(RLIMIT_NOFILE));      // "RLIMIT_NOFILE"
//
// Thread-safe, signal-safe, independent of the locale: the names are constants.
#ifndef CLEANFORK_NAMES_H_
#define CLEANFORK_NAMES_H_

namespace cleanfork {

// "EAGAIN" for EAGAIN (whose other name, EWOULDBLOCK, has the same value on Linux); null for a
// number that errno(3) has no name for.
const char* ErrnoName(int error);

// EAGAIN for "EAGAIN" or "EWOULDBLOCK"; 0 for a name that errno(3) does not know.
int ErrnoFromName(const char* name);

// "SIGTERM" for SIGTERM; "SIGRTMIN" and the other real-time signals have no name here: null,
// as for a number that is no signal.
const char* SignalName(int signal);

// "RLIMIT_NOFILE" for RLIMIT_NOFILE; null for a number that is no resource of getrlimit(2).
const char* ResourceName(int resource);

// RLIMIT_NOFILE for "RLIMIT_NOFILE" or "NOFILE"; -1 for an unknown name.
int ResourceFromName(const char* name);

// SIGTERM for "SIGTERM" or "TERM"; 0 for an unknown name.
int SignalFromName(const char* name);

}  // namespace cleanfork

#endif  // CLEANFORK_NAMES_H_
