#include "tests/real/entry_points.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <string>

#include "cleanfork/daemonize.h"
#include "cleanfork/fork_child.h"
#include "cleanfork/spawn.h"

namespace cleanfork {
namespace {

Child Started(pid_t pid, const ForkOptions& options, Os& os) {
  if (options.session == Session::kDaemon) return Child::Daemon(os, pid, UniqueFd());
  return Child(os, pid, {});
}

absl::StatusOr<Child> RunDaemon(int (*body)(int), int argument, const ForkOptions& options,
                                Os& os) {
  DaemonizeOptions daemonize;
  daemonize.fork = options;
  daemonize.allow_threads = true;
  daemonize.keep_parent = true;
  absl::StatusOr<Daemon> daemon = Daemonize(daemonize, os);
  if (!daemon.ok()) return daemon.status();
  if (!daemon->in_daemon()) return Started(daemon->pid(), options, os);
  if (!daemon->Ready().ok()) _exit(kNotReadyStatus);
  _exit(body(argument));
}

// ForkChild() with a body, RunInChild(), which has one, and Daemonize().
absl::StatusOr<Child> RunBody(EntryPoint entry, int (*body)(int), int argument,
                              const ForkOptions& options, Os& os) {
  if (entry == EntryPoint::kRunInChild) {
    return RunInChild([body, argument] { return body(argument); }, options, os);
  }
  if (entry == EntryPoint::kDaemonize) return RunDaemon(body, argument, options, os);
  absl::StatusOr<pid_t> pid = ForkChild(options, os);
  if (!pid.ok()) return pid.status();
  if (*pid == 0) _exit(body(argument));
  return Started(*pid, options, os);
}

int Pause(int) {
  alarm(90);
  raise(SIGSTOP);  // so that whoever looks knows that the library has nothing left to do in here
  for (;;) pause();
}

int Same(int status) { return status; }

}  // namespace

const char* EntryPointName(EntryPoint entry) {
  switch (entry) {
    case EntryPoint::kForkChild: return "ForkChild";
    case EntryPoint::kRunInChild: return "RunInChild";
    case EntryPoint::kSpawn: return "Spawn";
    case EntryPoint::kDaemonize: return "Daemonize";
  }
  return "?";
}

absl::StatusOr<Child> StartPausing(EntryPoint entry, const ForkOptions& options, Os& os) {
  // The program stops as well: before that it may have a library open that it is loading.
  absl::StatusOr<Child> child =
      entry == EntryPoint::kSpawn
          ? Spawn({"/bin/sh", "-c", "kill -STOP $$; exec sleep 90"}, options, os)
          : RunBody(entry, &Pause, 0, options, os);
  siginfo_t info;
  if (child.ok())
    waitid(P_PID, static_cast<id_t>(child->pid()), &info, WEXITED | WSTOPPED | WNOWAIT);
  return child;
}

absl::StatusOr<Child> StartExiting(EntryPoint entry, int status, const ForkOptions& options,
                                   Os& os) {
  if (entry == EntryPoint::kSpawn) {
    return Spawn({"/bin/sh", "-c", "exit " + std::to_string(status)}, options, os);
  }
  return RunBody(entry, &Same, status, options, os);
}

}  // namespace cleanfork
