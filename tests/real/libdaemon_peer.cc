// A daemon over libdaemon (its testd.c is the manual), for others to be measured beside it:
//
//   libdaemon_peer DIRECTORY PIDFILE PROGRAM [ARGUMENT]...
//
// The library is opened as we run, so that nobody needs it to build. It has no exec and knows no
// users: those are ours, and checked.
#include <dlfcn.h>
#include <grp.h>
#include <pwd.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace {

template <typename Function>
Function* Find(void* library, const char* name, Function*) {
  void* const found = ::dlsym(library, name);
  if (found != nullptr) return reinterpret_cast<Function*>(found);
  std::fprintf(stderr, "libdaemon_peer: no %s\n", name);
  ::_exit(1);
}

const char* pid_file = nullptr;
const char* PidFile() { return pid_file; }

int Fail(const char* what, int error) {
  std::fprintf(stderr, "libdaemon_peer: %s: %s\n", what, std::strerror(error));
  return 1;
}

bool BecomeNobody() {
  const passwd* const user = ::getpwnam("nobody");
  return user != nullptr && ::initgroups(user->pw_name, user->pw_gid) == 0 &&
         ::setgid(user->pw_gid) == 0 && ::setuid(user->pw_uid) == 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 64;  // EX_USAGE
  void* const library = ::dlopen("libdaemon.so.0", RTLD_NOW);
  if (library == nullptr) return Fail(::dlerror(), ENOENT);
  auto* const reset_signals =
      Find(library, "daemon_reset_sigs", static_cast<int (*)(int, ...)>(nullptr));
  auto* const unblock =
      Find(library, "daemon_unblock_sigs", static_cast<int (*)(int, ...)>(nullptr));
  auto* const prepare = Find(library, "daemon_retval_init", static_cast<int (*)()>(nullptr));
  auto* const fork = Find(library, "daemon_fork", static_cast<pid_t (*)()>(nullptr));
  auto* const wait = Find(library, "daemon_retval_wait", static_cast<int (*)(int)>(nullptr));
  auto* const send = Find(library, "daemon_retval_send", static_cast<int (*)(int)>(nullptr));
  auto* const close_all =
      Find(library, "daemon_close_all", static_cast<int (*)(int, ...)>(nullptr));
  auto* const create = Find(library, "daemon_pid_file_create", static_cast<int (*)()>(nullptr));
  auto* const remove = Find(library, "daemon_pid_file_remove", static_cast<int (*)()>(nullptr));
  *Find(library, "daemon_pid_file_proc", static_cast<const char* (**)()>(nullptr)) = &PidFile;

  if (reset_signals(-1) < 0 || unblock(-1) < 0 || prepare() < 0) return Fail("signals", errno);
  const pid_t pid = fork();
  if (pid < 0) return Fail("daemon_fork", errno);
  if (pid > 0) {
    const int answer = wait(20);
    return answer == 0 ? 0 : Fail("the daemon", answer < 0 ? errno : answer);
  }
  int error = 0;
  pid_file = argv[2];
  if (close_all(-1) < 0 || create() < 0) {
    error = errno;
  } else if (::chdir(argv[1]) != 0 || !BecomeNobody()) {
    error = errno;
    remove();
  }
  send(error);
  if (error == 0) ::execv(argv[3], argv + 3);
  return 1;
}
