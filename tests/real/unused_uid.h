// UnusedUid: a user that no other test has processes of. RLIMIT_NPROC counts all processes of a
// user, of whichever program (getrlimit(2)), and tests run at once: with one number for all, the
// children of one test fill the limit of another.
#ifndef CLEANFORK_TESTS_REAL_UNUSED_UID_H_
#define CLEANFORK_TESTS_REAL_UNUSED_UID_H_

#include <dirent.h>
#include <pwd.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

namespace cleanfork {

constexpr uid_t kFirstUnusedUid = 0x10000000;
constexpr uid_t kHighestUnusedUid = 0x1FFFFFFF;
constexpr uid_t kPidLimit = 1 << 22;  // pids are below it: proc(5), pid_max

// Whether a process has the uid as one of its four.
inline bool HasProcesses(uid_t uid) {
  DIR* proc = opendir("/proc");
  if (proc == nullptr) return false;
  bool found = false;
  while (const dirent* entry = readdir(proc)) {
    if (entry->d_name[0] < '1' || entry->d_name[0] > '9') continue;
    std::ifstream status("/proc/" + std::string(entry->d_name) + "/status");
    std::string word;
    while (status >> word && word != "Uid:") continue;
    for (uid_t one = 0; !found && status >> one;) found = one == uid;
  }
  closedir(proc);
  return found;
}

// A uid without a passwd(5) entry and, at the first call, without processes. Always the same within
// a process and never that of another process of now: the pid is part of it. Not thread-safe.
inline uid_t UnusedUid() {
  static pid_t owner = 0;  // not this process in a child that was forked since
  static uid_t unused = 0;
  if (owner == getpid()) return unused;
  const uid_t pid = static_cast<uid_t>(getpid());
  for (uid_t uid = kFirstUnusedUid + pid; uid <= kHighestUnusedUid; uid += kPidLimit) {
    if (getpwuid(uid) != nullptr || HasProcesses(uid)) continue;
    owner = getpid();
    return unused = uid;
  }
  std::fprintf(stderr, "UnusedUid: every uid that was tried is somebody's\n");
  std::abort();
}

}  // namespace cleanfork

#endif  // CLEANFORK_TESTS_REAL_UNUSED_UID_H_
