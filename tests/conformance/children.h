// Children of a case: who stays, who has ended, who is stopped; what one does, and how it ends.
#ifndef CLEANFORK_TESTS_CONFORMANCE_CHILDREN_H_
#define CLEANFORK_TESTS_CONFORMANCE_CHILDREN_H_

#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>

#include "cleanfork/os.h"

namespace cleanfork {

// Until a signal ends the process.
[[noreturn]] inline void Stay(Os& os) {
  for (;;) os.Poll(nullptr, 0, -1).IgnoreError();
}

inline pid_t ForkAndStay(Os& os) {
  const pid_t child = os.Fork().value();
  if (child == 0) Stay(os);
  return child;
}

inline pid_t ForkAndExit(Os& os, int status) {
  const pid_t child = os.Fork().value();
  if (child == 0) os.Exit(status);
  return child;
}

// Until it has ended, and is a zombie.
inline void AwaitEnd(Os& os, pid_t child) {
  os.WaitId(P_PID, static_cast<id_t>(child), WEXITED | WNOWAIT).IgnoreError();
}

inline pid_t ForkZombie(Os& os, int status = 0) {
  const pid_t child = ForkAndExit(os, status);
  AwaitEnd(os, child);
  return child;
}

inline pid_t ForkStopped(Os& os) {
  const pid_t child = ForkAndStay(os);
  os.Kill(child, SIGSTOP).IgnoreError();
  os.WaitId(P_PID, static_cast<id_t>(child), WSTOPPED | WNOWAIT).IgnoreError();
  return child;
}

// Not even a zombie stays: it would count for RLIMIT_NPROC.
inline void KillAndReap(Os& os, pid_t child) {
  os.Kill(child, SIGKILL).IgnoreError();
  os.WaitPid(child, 0).IgnoreError();
}

inline int ExitStatusOf(Os& os, pid_t child) {
  return WEXITSTATUS(os.WaitPid(child, 0).value().status);
}

// What a child that runs `work` exits with.
template <typename Work>
int InChild(Os& os, Work work) {
  const pid_t child = os.Fork().value();
  if (child == 0) os.Exit(work());
  return ExitStatusOf(os, child);
}

// With no environment. Allocates nothing: also for the child of a VforkCall().
inline SysResult<void> Exec(Os& os, const char* path, const char* argument = nullptr) {
  const char* const words[] = {path, argument, nullptr};
  const char* const none[] = {nullptr};
  return os.ExecVe(path, const_cast<char* const*>(words), const_cast<char* const*>(none));
}

// For VforkCall(), with an Os* as its argument.
inline int ExecTrue(void* os) {
  Exec(*static_cast<Os*>(os), "/bin/true").IgnoreError();
  return 127;
}

}  // namespace cleanfork

#endif  // CLEANFORK_TESTS_CONFORMANCE_CHILDREN_H_
