// Which names of the C and C++ libraries ask something of the kernel or of the process's
// surroundings: what goes through Os.
#ifndef CLEANFORK_TESTS_TIDY_SYSTEM_CALLS_H_
#define CLEANFORK_TESTS_TIDY_SYSTEM_CALLS_H_

#include <string>

namespace cleanfork::tidy {

enum class CallKind {
  kNone,       // memcpy: computes
  kSystem,     // fork, open, getenv, clock_gettime, getpwnam, std::chrono, absl::Now ...
  kStdio,      // printf, std::cout ...: fit for a command, not for a library
  kThreading,  // pthread_*, std::thread, absl::Mutex ...
};

// `symbol` as in an object file: aliases (_exit, __open64_2, __read_chk) count as the call itself,
// as does gcov's fork (__gcov_fork).
CallKind KindOfSymbol(const std::string& symbol);

// The call that a symbol is an alias of: "read" for "__read_chk".
std::string CanonicalName(const std::string& symbol);

}  // namespace cleanfork::tidy

#endif  // CLEANFORK_TESTS_TIDY_SYSTEM_CALLS_H_
