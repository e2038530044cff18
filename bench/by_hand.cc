#include "bench/by_hand.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace cleanfork {
namespace {

struct Prepared {
  int null = -1;
  int err = -1;
  int report[2] = {-1, -1};

  // Whom the child becomes; group_count 0: nobody else.
  uid_t uid = 0;
  gid_t gid = 0;
  int group_count = 0;
  gid_t groups[64] = {};
};

bool LookUp(const char* user, Prepared* prepared) {
  char buffer[4096];
  passwd entry;
  passwd* found = nullptr;
  if (getpwnam_r(user, &entry, buffer, sizeof(buffer), &found) != 0 || found == nullptr) {
    return false;
  }
  prepared->uid = entry.pw_uid;
  prepared->gid = entry.pw_gid;
  prepared->group_count = 64;
  return getgrouplist(user, entry.pw_gid, prepared->groups, &prepared->group_count) > 0;
}

// Groups, gid, uid, in this order; then what has come of it, and that there is no way back.
bool DropPrivileges(const Prepared& wanted) {
  const size_t count = static_cast<size_t>(wanted.group_count);
  if (count == 0) return true;
  if (setgroups(count, wanted.groups) != 0) return false;
  if (setresgid(wanted.gid, wanted.gid, wanted.gid) != 0) return false;
  if (setresuid(wanted.uid, wanted.uid, wanted.uid) != 0) return false;
  gid_t groups[64];
  uid_t uids[3];
  gid_t gids[3];
  if (getgroups(64, groups) != wanted.group_count) return false;
  if (getresgid(&gids[0], &gids[1], &gids[2]) != 0) return false;
  if (getresuid(&uids[0], &uids[1], &uids[2]) != 0) return false;
  for (int i = 0; i < 3; ++i) {
    if (gids[i] != wanted.gid || uids[i] != wanted.uid) return false;
  }
  return setresuid(-1, 0, -1) != 0 && setresgid(-1, 0, -1) != 0;
}

bool Prepare(Prepared* prepared) {
  prepared->null = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY);
  struct stat status;
  if (prepared->null < 3 || fstat(prepared->null, &status) != 0) return false;
  if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(1, 3)) return false;
  if (fstat(2, &status) != 0) return false;
  prepared->err = S_ISREG(status.st_mode) ? fcntl(2, F_DUPFD_CLOEXEC, 3) : prepared->null;
  return prepared->err >= 3 && pipe2(prepared->report, O_CLOEXEC) == 0 && prepared->report[0] >= 3;
}

void CloseChildEnds(const Prepared& prepared) {
  close(prepared.report[1]);
  if (prepared.err != prepared.null) close(prepared.err);
  close(prepared.null);
}

bool ResetSignals() {
  for (int signal = 1; signal < NSIG; ++signal) {
    if (signal == SIGKILL || signal == SIGSTOP) continue;
    struct sigaction action;
    if (sigaction(signal, nullptr, &action) != 0) {
      if (errno == EINVAL && signal > SIGSYS) continue;
      return false;
    }
    if (action.sa_handler == SIG_DFL) continue;
    action = {};
    action.sa_handler = SIG_DFL;
    if (sigaction(signal, &action, nullptr) != 0) return false;
  }
  return true;
}

// Everything between fork and exec or body; how many steps went well, eight being all.
int SetUp(const Prepared& prepared) {
  const int report = prepared.report[1];
  close(prepared.report[0]);
  if (!ResetSignals()) return 0;
  if (setsid() == -1) return 1;
  umask(022);
  if (dup2(prepared.null, 0) == -1 || dup2(prepared.null, 1) == -1) return 2;
  if (dup2(prepared.err, 2) == -1) return 3;
  if (report > 3 && syscall(SYS_close_range, 3, report - 1, 0) == -1) return 4;
  if (syscall(SYS_close_range, report + 1, ~0u, 0) == -1) return 4;
  if (!DropPrivileges(prepared)) return 5;
  if (chdir("/") == -1) return 6;
  sigset_t none;
  sigemptyset(&none);
  if (sigprocmask(SIG_SETMASK, &none, nullptr) == -1) return 7;
  return 8;
}

struct Report {
  int step;
  int error;
};

// The parent's half: a report from a child that goes on in this program, the end of the pipe from
// one that execs.
bool AwaitReport(const Prepared& prepared, bool execs) {
  CloseChildEnds(prepared);
  Report report;
  ssize_t got;
  do {
    got = read(prepared.report[0], &report, sizeof(report));
  } while (got == -1 && errno == EINTR);
  close(prepared.report[0]);
  return execs ? got == 0 : got == static_cast<ssize_t>(sizeof(report)) && report.step == 8;
}

pid_t Start(const char* path, const char* user) {
  Prepared prepared;
  if (user != nullptr && !LookUp(user, &prepared)) return -1;
  if (!Prepare(&prepared)) return -1;
  sigset_t all, mask;
  sigfillset(&all);
  if (sigprocmask(SIG_SETMASK, &all, &mask) == -1) return -1;
  const pid_t pid = fork();
  if (pid == 0) {
    Report report = {SetUp(prepared), 0};
    if (report.step == 8 && path != nullptr) {
      char* argv[] = {const_cast<char*>(path), nullptr};
      execv(path, argv);
      report.step = 9;
    }
    report.error = errno;
    const bool told = write(prepared.report[1], &report, sizeof(report)) == sizeof(report);
    if (!told || report.step != 8) _exit(127);
    close(prepared.report[1]);
    return 0;
  }
  sigprocmask(SIG_SETMASK, &mask, nullptr);
  if (!AwaitReport(prepared, path != nullptr)) {
    if (pid > 0) waitpid(pid, nullptr, 0);
    return -1;
  }
  return pid;
}

}  // namespace

pid_t ForkByHand() { return Start(nullptr, nullptr); }

pid_t ForkAndExecByHand(const char* path, const char* user) { return Start(path, user); }

}  // namespace cleanfork
