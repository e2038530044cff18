// A program of calls for several processes, as text that can be kept and run again:
//
//   p0:pipe(CLOEXEC);p0:fork(p1);p1:read(3,100);p0:write(4,7)
//
// Each step is a call that one of the processes makes; p0 is there at the beginning. A step whose
// process is not there, or waits in an earlier call of its own, is left out when the program runs.
// program_controller.h says how a program runs and why it has one outcome.
#ifndef CLEANFORK_TESTS_CONFORMANCE_PROGRAMS_PROGRAM_H_
#define CLEANFORK_TESTS_CONFORMANCE_PROGRAMS_PROGRAM_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace cleanfork::programs {

constexpr int kMostProcesses = 8;
constexpr int kMostArguments = 4;

// What an argument is: it says how the argument is written and drawn.
enum class Kind {
  kNothing,
  kFd,
  kSize,
  kOffset,
  kPath,
  kTarget,  // what is written for a process or several: p2, -p2 (its group), own (0), any (-1)
  kNew,     // the process that this step makes
  kProcess,
  kSignal,
  kSignals,
  kHow,
  kDisposition,
  kActionFlags,
  kWaitOptions,
  kIdOptions,
  kOpenFlags,
  kMode,
  kPipeFlags,
  kRangeFlags,
  kDescriptorFlag,
  kLock,
  kEvents,
  kPatience,  // now or forever
  kResource,
  kLimit,
  kUser,
  kStatus,
};
constexpr int kKinds = static_cast<int>(Kind::kStatus) + 1;

// Values of Kind::kTarget.
constexpr int kGroupOf = 100;  // + process
constexpr int kOwnGroup = 200;
constexpr int kAny = 201;

// A value that has a name.
struct Word {
  const char* text;
  int value;
};

struct KindInfo {
  std::vector<Word> words;
  bool flags = false;  // words are bits, joined by |
};
const KindInfo& InfoOf(Kind kind);

// The paths, by value of Kind::kPath; "@" stands for the directory of the programs.
const std::vector<Word>& Paths();

#define CLEANFORK_PROGRAM_CALLS(CALL)                                                \
  CALL(kFork, "fork", 40, (kNew))                                                    \
  CALL(kSpawn, "spawn", 6, (kNew))                                                   \
  CALL(kVfork, "vfork", 5, (kStatus))                                                \
  CALL(kExec, "exec", 8, ())                                                         \
  CALL(kExit, "exit", 12, (kStatus))                                                 \
  CALL(kWaitPid, "waitpid", 50, (kTarget, kWaitOptions))                             \
  CALL(kWaitId, "waitid", 30, (kTarget, kIdOptions))                                 \
  CALL(kPidFdWait, "pidfd_wait", 8, (kProcess, kIdOptions))                          \
  CALL(kPidFdPoll, "pidfd_poll", 8, (kProcess, kPatience))                           \
  CALL(kPidFdKill, "pidfd_kill", 8, (kProcess, kSignal))                             \
  CALL(kKill, "kill", 70, (kTarget, kSignal))                                        \
  CALL(kGetPpid, "getppid", 10, ())                                                  \
  CALL(kPdeathsig, "pdeathsig", 6, (kSignal))                                        \
  CALL(kNoNewPrivs, "no_new_privs", 1, ())                                           \
  CALL(kSigProcMask, "sigprocmask", 25, (kHow, kSignals))                            \
  CALL(kSigAction, "sigaction", 50, (kSignal, kDisposition, kActionFlags, kSignals)) \
  CALL(kSigTimedWait, "sigtimedwait", 12, (kSignals, kPatience))                     \
  CALL(kPause, "pause", 8, ())                                                       \
  CALL(kSetSid, "setsid", 8, ())                                                     \
  CALL(kSetPgid, "setpgid", 14, (kProcess, kProcess))                                \
  CALL(kIds, "ids", 4, ())                                                           \
  CALL(kOpen, "open", 45, (kPath, kOpenFlags, kMode))                                \
  CALL(kClose, "close", 30, (kFd))                                                   \
  CALL(kRead, "read", 60, (kFd, kSize))                                              \
  CALL(kWrite, "write", 60, (kFd, kSize))                                            \
  CALL(kPRead, "pread", 8, (kFd, kSize, kOffset))                                    \
  CALL(kPWrite, "pwrite", 8, (kFd, kSize, kOffset))                                  \
  CALL(kPipe, "pipe", 20, (kPipeFlags))                                              \
  CALL(kDup, "dup", 10, (kFd))                                                       \
  CALL(kDup2, "dup2", 14, (kFd, kFd))                                                \
  CALL(kDupFd, "dupfd", 8, (kFd, kFd))                                               \
  CALL(kCloseRange, "close_range", 6, (kFd, kFd, kRangeFlags))                       \
  CALL(kGetFd, "getfd", 5, (kFd))                                                    \
  CALL(kSetFd, "setfd", 8, (kFd, kDescriptorFlag))                                   \
  CALL(kSetLock, "setlock", 12, (kFd, kLock))                                        \
  CALL(kGetLock, "getlock", 8, (kFd, kLock))                                         \
  CALL(kFStat, "fstat", 8, (kFd))                                                    \
  CALL(kFTruncate, "ftruncate", 6, (kFd, kSize))                                     \
  CALL(kIsATty, "isatty", 2, (kFd))                                                  \
  CALL(kPoll, "poll", 20, (kFd, kEvents, kFd, kPatience))                            \
  CALL(kStat, "stat", 10, (kPath))                                                   \
  CALL(kUnlink, "unlink", 10, (kPath))                                               \
  CALL(kChDir, "chdir", 8, (kPath))                                                  \
  CALL(kChRoot, "chroot", 2, (kPath))                                                \
  CALL(kUmask, "umask", 8, (kMode))                                                  \
  CALL(kReadLink, "readlink", 5, (kPath, kSize))                                     \
  CALL(kGetDents, "getdents", 3, (kPath))                                            \
  CALL(kGetRLimit, "getrlimit", 4, (kResource))                                      \
  CALL(kSetRLimit, "setrlimit", 5, (kResource, kLimit, kLimit))                      \
  CALL(kScheduler, "getscheduler", 1, ())                                            \
  CALL(kSetUid, "setuid", 5, (kUser))                                                \
  CALL(kSetEuid, "seteuid", 5, (kUser))                                              \
  CALL(kSetReUid, "setreuid", 5, (kUser, kUser))                                     \
  CALL(kSetResUid, "setresuid", 6, (kUser, kUser, kUser))                            \
  CALL(kSetFsUid, "setfsuid", 4, (kUser))                                            \
  CALL(kSetGid, "setgid", 4, (kUser))                                                \
  CALL(kSetEgid, "setegid", 4, (kUser))                                              \
  CALL(kSetReGid, "setregid", 4, (kUser, kUser))                                     \
  CALL(kSetResGid, "setresgid", 4, (kUser, kUser, kUser))                            \
  CALL(kSetFsGid, "setfsgid", 3, (kUser))                                            \
  CALL(kSetGroups, "setgroups", 4, (kUser, kUser))

enum class Call {
#define CLEANFORK_CALL(name, ...) name,
  CLEANFORK_PROGRAM_CALLS(CLEANFORK_CALL)
#undef CLEANFORK_CALL
};

struct CallInfo {
  const char* name;
  int weight;  // how often it is drawn
  std::vector<Kind> kinds;
};
const std::vector<CallInfo>& Calls();
inline const CallInfo& InfoOf(Call call) { return Calls()[static_cast<size_t>(call)]; }

struct Step {
  int process = 0;
  Call call = Call::kIds;
  int arguments[kMostArguments] = {};
};

using Program = std::vector<Step>;

std::string Print(const Step& step);
std::string Print(const Program& program);

// Returns what is wrong with the text; "" if nothing.
std::string Parse(const std::string& text, Program* program);

// A function of the seed. `privileged`: with calls that change ids, and chroot.
Program Generate(uint64_t seed, int steps, bool privileged);

}  // namespace cleanfork::programs

#endif  // CLEANFORK_TESTS_CONFORMANCE_PROGRAMS_PROGRAM_H_
