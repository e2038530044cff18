#include "tests/tidy/system_calls.h"

#include <cstring>
#include <initializer_list>
#include <set>
#include <string>

namespace cleanfork::tidy {
namespace {

const std::set<std::string>& SystemNames() {
  static const auto* const names = new std::set<std::string>{
      // Processes
      "fork", "Fork", "vfork", "clone", "clone2", "clone3", "exit", "Exit", "quick_exit", "atexit",
      "at_quick_exit", "on_exit", "wait", "wait3", "wait4", "waitpid", "waitid", "kill", "killpg",
      "tgkill", "raise", "getpid", "getppid", "gettid", "getpgid", "getpgrp", "getsid", "setsid",
      "setpgid", "setpgrp", "ptrace", "prctl", "arch_prctl", "syscall", "daemon", "system", "popen",
      "pclose", "unshare", "setns", "acct", "personality", "execve", "execv", "execvp", "execvpe",
      "execl", "execle", "execlp", "execveat", "fexecve",
      // Signals
      "signal", "signalfd", "sigaction", "sigaddset", "sigaltstack", "sigandset", "sigblock",
      "sigdelset", "sigemptyset", "sigfillset", "sighold", "sigignore", "siginterrupt",
      "sigisemptyset", "sigismember", "siglongjmp", "sigorset", "sigpause", "sigpending",
      "sigprocmask", "sigqueue", "sigrelse", "sigreturn", "sigset", "sigsetjmp", "sigsetmask",
      "sigsuspend", "sigtimedwait", "sigvec", "sigwait", "sigwaitinfo", "bsd_signal", "sysv_signal",
      "psignal", "psiginfo", "pause", "alarm", "ualarm", "setitimer", "getitimer",
      // Credentials (getgr* is a prefix below)
      "setuid", "setgid", "seteuid", "setegid", "setreuid", "setregid", "setresuid", "setresgid",
      "setfsuid", "setfsgid", "getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid",
      "setgroups", "initgroups", "setlogin", "capget", "capset",
      // Descriptors
      "open", "openat", "openat2", "creat", "close", "close_range", "closefrom", "read", "readv",
      "pread", "preadv", "preadv2", "write", "writev", "pwrite", "pwritev", "pwritev2", "pipe",
      "pipe2", "dup", "dup2", "dup3", "fcntl", "ioctl", "lseek", "fsync", "fdatasync", "syncfs",
      "sync", "ftruncate", "truncate", "fallocate", "posix_fallocate", "fstat", "stat", "lstat",
      "fstatat", "statx", "xstat", "fxstat", "lxstat", "fxstatat", "statfs", "fstatfs", "statvfs",
      "fstatvfs", "poll", "ppoll", "select", "pselect", "eventfd", "isatty", "ttyname", "ttyname_r",
      "socket", "socketpair", "connect", "bind", "listen", "accept", "accept4", "send", "sendto",
      "sendmsg", "recv", "recvfrom", "recvmsg", "getsockopt", "setsockopt", "shutdown", "sendfile",
      "splice", "flock", "lockf", "tcgetattr", "tcsetattr", "tcgetpgrp", "tcsetpgrp", "openpty",
      "forkpty", "login_tty",
      // Files
      "unlink", "unlinkat", "remove", "rename", "renameat", "renameat2", "link", "linkat",
      "symlink", "symlinkat", "readlink", "readlinkat", "mkdir", "mkdirat", "rmdir", "mknod",
      "mknodat", "mkfifo", "mkstemp", "mkostemp", "mkdtemp", "chdir", "fchdir", "chroot", "umask",
      "chmod", "fchmod", "fchmodat", "chown", "fchown", "lchown", "fchownat", "access", "faccessat",
      "euidaccess", "eaccess", "realpath", "canonicalize_file_name", "getcwd",
      "get_current_dir_name", "opendir", "fdopendir", "readdir", "readdir_r", "closedir", "scandir",
      "nftw", "ftw", "glob", "getdents", "mount", "umount", "umount2", "utimensat", "futimens",
      // Memory
      "mmap", "munmap", "mprotect", "mremap", "madvise", "mlock", "mlockall", "munlock", "msync",
      "brk", "sbrk", "shm_open", "shm_unlink", "memfd_create", "shmget", "shmat", "sigaltstack",
      // Time and chance
      "time", "gettimeofday", "settimeofday", "clock", "clock_gettime", "clock_getres",
      "clock_settime", "clock_nanosleep", "nanosleep", "usleep", "sleep", "times", "ftime",
      "localtime", "localtime_r", "mktime", "tzset", "timespec_get", "getrandom", "getentropy",
      "random", "rand", "rand_r", "arc4random",
      // Limits
      "getrlimit", "setrlimit", "prlimit", "getrusage", "nice", "getpriority", "setpriority",
      "sysconf", "pathconf", "fpathconf", "confstr", "getpagesize", "uname", "gethostname",
      "sysinfo", "get_nprocs", "getloadavg",
      // Users
      "setpwent", "endpwent", "setgrent", "endgrent", "getlogin", "getlogin_r", "cuserid",
      "getspnam", "getaddrinfo", "gethostbyname",
      // Environment
      "getenv", "secure_getenv", "setenv", "unsetenv", "putenv", "clearenv", "environ",
      // Other code
      "dlopen", "dlsym", "dlclose"};
  return *names;
}

const std::set<std::string>& StdioNames() {
  static const auto* const names = new std::set<std::string>{
      "stdin",   "stdout",  "stderr",   "fopen",    "fdopen",   "freopen", "fclose",   "fflush",
      "fread",   "fwrite",  "fputs",    "fputc",    "putc",     "putchar", "puts",     "printf",
      "fprintf", "vprintf", "vfprintf", "dprintf",  "vdprintf", "perror",  "fgets",    "fgetc",
      "getc",    "getchar", "getline",  "getdelim", "scanf",    "fscanf",  "tmpfile",  "tmpnam",
      "setvbuf", "setbuf",  "fileno",   "openlog",  "syslog",   "vsyslog", "closelog", "err",
      "errx",    "warn",    "warnx",    "error"};
  return *names;
}

bool StartsWith(const std::string& text, const char* prefix) {
  return text.compare(0, std::strlen(prefix), prefix) == 0;
}

bool ContainsAny(const std::string& text, std::initializer_list<const char*> parts) {
  for (const char* part : parts) {
    if (text.find(part) != std::string::npos) return true;
  }
  return false;
}

bool StartsWithAny(const std::string& text, std::initializer_list<const char*> prefixes) {
  for (const char* prefix : prefixes) {
    if (StartsWith(text, prefix)) return true;
  }
  return false;
}

bool StripSuffix(std::string* text, const char* suffix) {
  const size_t length = std::strlen(suffix);
  if (text->size() <= length || text->compare(text->size() - length, length, suffix) != 0) {
    return false;
  }
  text->resize(text->size() - length);
  return true;
}

// C++ names, by parts of their Itanium mangling.
CallKind KindOfMangled(const std::string& symbol) {
  if (ContainsAny(symbol, {"NSt6chrono3_V2", "NSt10filesystem", "NSt13random_device",
                           "basic_filebuf", "basic_ifstream", "basic_ofstream", "basic_fstream"})) {
    return CallKind::kSystem;
  }
  if (StartsWith(symbol, "_ZN4absl") &&
      ContainsAny(symbol, {"3NowEv", "19GetCurrentTimeNanosEv"})) {
    return CallKind::kSystem;
  }
  if (ContainsAny(symbol, {"NSt6thread", "NSt18condition_variable", "NSt11this_thread",
                           "NSt13__future_base"})) {
    return CallKind::kThreading;
  }
  if (StartsWith(symbol, "_ZN4absl") &&
      ContainsAny(symbol, {"5Mutex", "7CondVar", "12Notification"})) {
    return CallKind::kThreading;
  }
  // Not ios_base::Init: a header that includes <iostream>, as Abseil's of status do, brings it in
  // without a use of any stream.
  if (StartsWithAny(symbol, {"_ZSt4cout", "_ZSt4cerr", "_ZSt4clog", "_ZSt3cin"})) {
    return CallKind::kStdio;
  }
  return CallKind::kNone;
}

}  // namespace

std::string CanonicalName(const std::string& symbol) {
  std::string name = symbol;
  if (StartsWith(name, "__gcov_")) name.erase(0, std::strlen("__gcov_"));
  name.erase(0, name.find_first_not_of('_'));
  if (StartsWith(name, "libc_")) name.erase(0, std::strlen("libc_"));
  while (StripSuffix(&name, "_chk") || StripSuffix(&name, "_2") || StripSuffix(&name, "64")) {
  }
  return name;
}

CallKind KindOfSymbol(const std::string& symbol) {
  if (StartsWith(symbol, "_Z")) return KindOfMangled(symbol);
  // The runtimes of sanitizers have calls of these names that watch, and do not make, the call.
  if (StartsWithAny(symbol, {"__asan_", "__tsan_", "__ubsan_", "__sanitizer_"})) {
    return CallKind::kNone;
  }
  if (StartsWith(symbol, "AbslInternalSleepFor")) return CallKind::kSystem;
  const std::string name = CanonicalName(symbol);
  // gcov's own functions; what is left of __gcov_fork and __gcov_execve is found below.
  if (SystemNames().count(name) != 0 && symbol != "__gcov_exit") return CallKind::kSystem;
  if (StartsWithAny(name, {"posix_spawn", "getpw", "getgr", "epoll_", "timer_", "timerfd_",
                           "inotify_", "pidfd_"})) {
    return CallKind::kSystem;
  }
  if (StartsWithAny(name, {"pthread_", "thrd_", "mtx_", "cnd_", "sem_", "sched_"})) {
    return CallKind::kThreading;
  }
  return StdioNames().count(name) != 0 ? CallKind::kStdio : CallKind::kNone;
}

}  // namespace cleanfork::tidy
