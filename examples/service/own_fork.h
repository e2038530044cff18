// Fork code of one's own, as a service has it that was there before cleanfork: it runs a program in
// a session of its own and waits for it. All that it took to test it is that it makes its calls
// through an Os: own_fork_test.cc makes each of them fail. (svc.h leaves the forking to cleanfork.)
//
//   char* argv[] = {path, nullptr};
//   service::HelperResult result = service::RunHelper(path, argv, cleanfork::RealOs());
//   if (!result.ok()) std::fprintf(stderr, "%s\n", service::Describe(result).c_str());
#ifndef SERVICE_OWN_FORK_H_
#define SERVICE_OWN_FORK_H_

#include <string>

#include "cleanfork/os.h"

namespace service {

// What the child exits with when it could not become the helper: what sh(1) and env(1) say of a
// program that is not there or cannot be run, and sysexits' EX_OSERR.
constexpr int kExitNotFound = 127;
constexpr int kExitNotExecuted = 126;
constexpr int kExitSetUpFailed = 71;

struct HelperResult {
  const char* failed_call = nullptr;  // "fork" or "waitpid": no outcome is known; else null
  int error = 0;                      // that call's errno
  int exit_status = 0;                // the helper's, when signal is 0
  int signal = 0;                     // the signal that ended the helper

  bool ok() const { return failed_call == nullptr && exit_status == 0 && signal == 0; }
};

// Runs the program at `path` as `argv` (its last element null) and an empty environment, and
// waits until it has ended. A helper that an ended caller would otherwise take with it, since
// both have one terminal, goes on: it has a session of its own.
HelperResult RunHelper(const char* path, char* const* argv, cleanfork::Os& os);

// One line for people: "fork: EAGAIN", "helper exited with status 127".
std::string Describe(const HelperResult& result);

}  // namespace service

#endif  // SERVICE_OWN_FORK_H_
