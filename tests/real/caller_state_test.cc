// What the tests mean by "the caller is as it was": that no change of it escapes them.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "tests/real/own_process.h"
#include "tests/real/process_state.h"
#include "tests/real/sanitizers.h"

namespace cleanfork {
namespace {

constexpr int kFile = 7;

struct Change {
  const char* name;
  bool (*make)();
};

bool Install(int signal, void (*handler)(int), int flags, int masked) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  if (masked != 0) sigaddset(&action.sa_mask, masked);
  return sigaction(signal, &action, nullptr) == 0;
}

constexpr Change kChanges[] = {
    {"ASignalBlocked",
     [] {
       sigset_t set;
       sigemptyset(&set);
       sigaddset(&set, SIGRTMAX);
       return sigprocmask(SIG_BLOCK, &set, nullptr) == 0;
     }},
    {"ASignalIgnored", [] { return Install(SIGUSR1, SIG_IGN, 0, 0); }},
    {"AFlagOfADisposition", [] { return Install(SIGUSR2, SIG_IGN, SA_RESTART, 0); }},
    {"AMaskOfADisposition", [] { return Install(SIGUSR2, SIG_IGN, 0, SIGHUP); }},
    {"ADescriptorMore", [] { return dup(kFile) > 0; }},
    {"ADescriptorLess", [] { return close(kFile) == 0; }},
    {"AnotherFileOfThatNumber",
     [] {
       const int other = memfd_create("file", 0);
       return dup2(other, kFile) == kFile && close(other) == 0;
     }},
    {"CloseOnExec", [] { return fcntl(kFile, F_SETFD, FD_CLOEXEC) == 0; }},
    {"AStatusFlag", [] { return fcntl(kFile, F_SETFL, O_APPEND) == 0; }},
    {"AnOffset", [] { return lseek(kFile, 1, SEEK_CUR) == 6; }},
    {"TheUmask", [] { return umask(077) != 077; }},
    {"TheDirectory", [] { return chdir("/proc") == 0; }},
    {"ALimit",
     [] {
       rlimit limit = {};
       getrlimit(RLIMIT_NOFILE, &limit);
       --limit.rlim_cur;
       return setrlimit(RLIMIT_NOFILE, &limit) == 0;
     }},
    {"TheNiceValue", [] { return setpriority(PRIO_PROCESS, 0, 19) == 0; }},
    {"Dumpable", [] { return prctl(PR_SET_DUMPABLE, prctl(PR_GET_DUMPABLE) == 0 ? 1 : 0) == 0; }},
    {"TheDeathSignal", [] { return prctl(PR_SET_PDEATHSIG, SIGTERM) == 0; }},
    {"NoNewPrivs", [] { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0; }},
};

void PrintTo(const Change& change, std::ostream* out) { *out << change.name; }

// A state in which each of the changes is one.
bool Prepare() {
  const int file = memfd_create("file", 0);
  return dup2(file, kFile) == kFile && ftruncate(kFile, 10) == 0 &&
         lseek(kFile, 5, SEEK_SET) == 5 && Install(SIGUSR1, SIG_DFL, 0, 0) &&
         Install(SIGUSR2, SIG_IGN, 0, 0) && umask(022) != 01000 && chdir("/") == 0;
}

class EveryChange : public ::testing::TestWithParam<Change> {};

// What no later call takes back, and whoever runs the tests may have done already.
bool IsMadeAlready(const std::string& change) {
  if (change == "TheNiceValue") return getpriority(PRIO_PROCESS, 0) == 19;
  return change == "NoNewPrivs" && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

TEST_P(EveryChange, IsSeen) {
  if (IsMadeAlready(GetParam().name)) GTEST_SKIP() << "this test runs with the change made already";
  if (kThreadSanitizer && std::string(GetParam().name) == "AMaskOfADisposition") {
    GTEST_SKIP() << "ThreadSanitizer sets masks of its own, and none for what is ignored";
  }
  EXPECT_EQ(InOwnProcess([] {
              if (!Prepare()) return std::string("cannot be prepared");
              const CallerState before = ReadCallerState();
              std::string wrong = Difference(before, ReadCallerState());
              if (!GetParam().make()) wrong += "the change cannot be made; ";
              if (Difference(before, ReadCallerState()).empty()) wrong += "it is not seen; ";
              return wrong;
            }),
            "");
}

INSTANTIATE_TEST_SUITE_P(CallerState, EveryChange, ::testing::ValuesIn(kChanges),
                         [](const ::testing::TestParamInfo<Change>& info) {
                           return std::string(info.param.name);
                         });

}  // namespace
}  // namespace cleanfork
