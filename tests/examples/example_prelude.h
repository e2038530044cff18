// What the examples of the public headers take for granted: the reader's own names. One list for
// all of them; an example that needs more than these says itself where it comes from.
#ifndef CLEANFORK_TESTS_EXAMPLES_EXAMPLE_PRELUDE_H_
#define CLEANFORK_TESTS_EXAMPLES_EXAMPLE_PRELUDE_H_

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <iostream>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cleanfork/explore.h"
#include "cleanfork/fork_options.h"
#include "cleanfork/mock_os.h"
#include "cleanfork/os.h"
#include "cleanfork/sys_result.h"

namespace cleanfork::examples {

using testing::_;
using testing::IsEmpty;

// What a function returns that holds an example's statements: whatever they do.
struct Returned {
  Returned() = default;
  template <typename T>
  Returned(T&&) {}
};

// For statements, which are compiled and not run: a MockOs cannot be made before main().
alignas(MockOs) inline unsigned char no_os[sizeof(MockOs)];
inline MockOs& os = *static_cast<MockOs*>(static_cast<void*>(no_os));

inline ForkOptions options;
inline int fd = 10;
inline pid_t pid = 4711;
inline const char* path = "/var/log/x";

struct Record {
  int number = 0;
};
inline Record record;

template <typename T>
void Use(const T&) {}

inline void Log(pid_t, const std::string&) {}
inline void LogError(const std::string&) {}
inline int Complain(const absl::Status&) { return 1; }

// The code that the examples are about.
inline int Serve() { return 0; }
inline void Serve(int) {}
struct Server {
  static absl::StatusOr<Server> Listen() { return Server(); }
  int Run() { return 0; }
};
inline int Work() { return 0; }
inline bool Background(Os& os) { return os.Fork().ok(); }
inline absl::Status StartWorker(Os& os) {
  return Background(os) ? absl::OkStatus() : absl::UnavailableError("fork");
}
inline Scenario scenario;
inline void StartService(Os& os) { Background(os); }
inline void CheckThatStartServiceLeavesNothingBehind(Os& os) { StartService(os); }

inline SysResult<pid_t> ForkWithSignalsBlocked(Os& os) {
  const SignalSet all = SignalSet::Full();
  const SysResult<SignalSet> before = os.SigProcMask(SIG_BLOCK, &all);
  if (!before.ok()) return SysError(before.error());
  SysResult<pid_t> pid = os.Fork();
  if (!pid.ok() && pid.error() == EAGAIN) pid = os.Fork();
  os.SigProcMask(SIG_SETMASK, &before.value()).IgnoreError();
  return pid;
}

}  // namespace cleanfork::examples

#endif  // CLEANFORK_TESTS_EXAMPLES_EXAMPLE_PRELUDE_H_
