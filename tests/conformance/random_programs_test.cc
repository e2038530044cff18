// Programs of random calls, each on the real kernel and on SimOs: what they note has to be the
// same. They neither wait for what may not come nor run two processes at once, so that each has one
// outcome.
//
//   CLEANFORK_SEED=17 CLEANFORK_PROGRAMS=1 .../random_programs_test   # one of them again
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "cleanfork/os.h"
#include "tests/conformance/kernel_under_test.h"

namespace cleanfork {
namespace {

constexpr int kCalls = 80;

// Forks of the real kernel are slow under these.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr uint32_t kPrograms = 30;
#else
constexpr uint32_t kPrograms = 1000;
#endif

// A handler keeps what it has seen in a limit that means nothing to us. A variable would be one for
// all simulated processes.
Os* os_of_handler = nullptr;
void NoteSignal(int signal) {
  ResourceLimit limit = os_of_handler->GetRLimit(RLIMIT_MSGQUEUE).value();
  limit.soft = (limit.soft * 31 + static_cast<uint64_t>(signal)) % 100003;
  os_of_handler->SetRLimit(RLIMIT_MSGQUEUE, limit).IgnoreError();
}

const char* OtherFile() {
  static const std::string other = kTestFile + "-b";
  return other.c_str();
}

// One random program; a function of its seed and of what the calls return.
class Program {
 public:
  Program(uint32_t seed, Os& os, Notes& notes) : random_(seed), os_(os), notes_(notes) {}

  void Run(int calls) {
    os_of_handler = &os_;
    os_.SetRLimit(RLIMIT_MSGQUEUE, {0, 200'000}).IgnoreError();
    for (int i = 0; i < calls; ++i) {
      switch (Pick(4)) {
        case 0: Descriptors(); break;
        case 1: Data(); break;
        case 2: Signals(); break;
        default: Others(); break;
      }
      notes_.Add(static_cast<int>(os_.GetRLimit(RLIMIT_MSGQUEUE).value().soft));
    }
  }

 private:
  int Pick(int count) { return static_cast<int>(random_() % static_cast<uint32_t>(count)); }
  int Fd() { return Pick(12) - 1; }
  int Signal() {
    constexpr int kSignals[] = {SIGUSR1, SIGUSR2, SIGTERM, SIGPIPE, SIGCHLD, SIGCONT, 34};
    return kSignals[Pick(7)];
  }
  SignalSet Set() { return SignalSet::Of(Signal(), Signal()); }
  const char* Path() {
    static const std::string below = kTestFile + "/x";
    switch (Pick(5)) {
      case 0: return "/dev/null";
      case 1: return "/tmp/";
      case 2: return below.c_str();
      default: return OwnPath();
    }
  }
  // Nothing but our own two files: what is removed here is removed from the real kernel's tree.
  const char* OwnPath() { return Pick(2) == 0 ? kTestFile.c_str() : OtherFile(); }

  void Descriptors() {
    switch (Pick(10)) {
      case 0: notes_.Add(os_.Dup(Fd())); break;
      case 1: notes_.Add(os_.Dup2(Fd(), Fd())); break;
      case 2: notes_.Add(os_.Close(Fd())); break;
      case 3: notes_.Add(os_.FcntlDupFd(Fd(), Fd())); break;
      case 4: notes_.Add(os_.FcntlGetFd(Fd())); break;
      case 5: notes_.Add(os_.FcntlSetFd(Fd(), Pick(2))); break;
      case 6: {
        const unsigned first = static_cast<unsigned>(Pick(12));
        const unsigned last = static_cast<unsigned>(Pick(12));
        notes_.Add(os_.CloseRange(first, last, Pick(2) == 0 ? 4 : 0));
        break;
      }
      case 7: {
        const SysResult<PipeEnds> ends = os_.Pipe2(O_NONBLOCK | (Pick(2) == 0 ? O_CLOEXEC : 0));
        notes_.Add(ends);
        if (ends.ok()) notes_.Add(ends.value().read_end * 100 + ends.value().write_end);
        break;
      }
      default: {
        constexpr int kFlags[] = {O_CREAT,     O_EXCL | O_CREAT, O_TRUNC,    O_APPEND,
                                  O_DIRECTORY, O_CLOEXEC,        O_NOFOLLOW, 0};
        int flags = Pick(3) | kFlags[Pick(8)];
        if ((flags & O_CREAT) == 0) flags |= kFlags[2 + Pick(6)];
        notes_.Add(os_.Open(Path(), flags, 0600));
        break;
      }
    }
  }

  void Data() {
    static char buffer[70000];
    constexpr size_t kSizes[] = {0, 1, 100, 4095, 4096, 4097, 20000, 65536};
    const size_t size = kSizes[Pick(8)];
    switch (Pick(8)) {
      case 0:
      case 1: {
        const int fd = Fd();
        const SysResult<FileStatus> status = os_.FStat(fd);
        const bool regular = status.ok() && S_ISREG(status.value().mode);
        // A simulated file has 64 KiB at most.
        notes_.Add(os_.Write(fd, buffer, regular ? size % 500 : size));
        break;
      }
      case 2:
      case 3: notes_.Add(os_.Read(Fd(), buffer, size)); break;
      case 4: notes_.Add(os_.PRead(Fd(), buffer, size, Pick(3) * 1000 - 1000)); break;
      case 5: notes_.Add(os_.PWrite(Fd(), buffer, size % 20000, Pick(3) * 1000 - 1000)); break;
      case 6: {
        struct pollfd all[3] = {{Fd(), POLLIN, 0}, {Fd(), POLLOUT, 0}, {Fd(), 0, 0}};
        notes_.Add(os_.Poll(all, 3, 0));
        for (const struct pollfd& each : all) notes_.Add(int{each.revents});
        break;
      }
      default: {
        const int fd = Fd();
        const SysResult<FileStatus> status = os_.FStat(fd);
        notes_.Add(status);
        if (!status.ok()) break;
        const mode_t type = status.value().mode & S_IFMT;
        notes_.Add(static_cast<int>(type));
        if (type == S_IFREG) notes_.Add(static_cast<int>(status.value().size));
        if (type == S_IFREG) notes_.Add(os_.FTruncate(fd, Pick(5000)));
        break;
      }
    }
  }

  void Signals() {
    switch (Pick(6)) {
      case 0: {
        SignalAction action;
        constexpr int kFlags[] = {0, SA_RESTART, SA_NODEFER, SA_NOCLDWAIT, SA_NOCLDSTOP};
        action.flags = kFlags[Pick(5)];
        action.mask = Set();
        if (Pick(3) == 0) {
          action.handler = SIG_IGN;
        } else {
          action.handler = &NoteSignal;
        }
        notes_.Add(os_.SigAction(Signal(), &action));
        break;
      }
      case 1: {
        const SignalSet set = Set();
        const SysResult<SignalSet> old = os_.SigProcMask(Pick(3), &set);
        notes_.Add(static_cast<int>(old.value_or(SignalSet()).bits() % 1000003));
        break;
      }
      case 2: {
        const SysResult<SignalInfo> taken = os_.SigTimedWait(Set(), 0);
        notes_.Add(taken);
        if (taken.ok()) notes_.Add(taken.value().signal * 1000 + taken.value().code);
        break;
      }
      default: Kill(os_.GetPid()); break;
    }
  }

  // Only where it does not end the process, or queue a real-time signal twice.
  void Kill(pid_t pid) {
    const int signal = Signal();
    const SysResult<SignalAction> action = os_.SigAction(signal, nullptr);
    const bool deadly = action.value().handler == SIG_DFL && signal != SIGCHLD && signal != SIGCONT;
    const bool blocked = os_.SigProcMask(SIG_BLOCK, nullptr).value().Contains(signal);
    if (deadly || (blocked && signal == 34)) return;
    notes_.Add(os_.Kill(pid, signal));
  }

  void Others() {
    switch (Pick(8)) {
      case 0: notes_.Add(static_cast<int>(os_.Umask(static_cast<mode_t>(Pick(0777))))); break;
      case 1: notes_.Add(os_.Unlink(OwnPath())); break;
      case 2: {
        const SysResult<FileStatus> status = os_.Stat(Path());
        notes_.Add(status);
        break;
      }
      case 3: notes_.Add(os_.SetPgid(0, 0)); break;
      case 4: notes_.Add(os_.SetSid().ok()); break;
      case 5: {
        const SysResult<WaitResult> ended = os_.WaitPid(-1, WNOHANG);
        notes_.Add(ended);
        break;
      }
      default: Child(); break;
    }
  }

  // Runs a shorter program in a child, to its end.
  void Child() {
    if (depth_ == 2) return;
    const uint32_t seed = static_cast<uint32_t>(random_());
    const SysResult<pid_t> child = os_.Fork();
    if (!child.ok()) return;
    if (child.value() == 0) {
      Notes notes;
      Program program(seed, os_, notes);
      program.depth_ = depth_ + 1;
      program.Run(kCalls / 4);
      int hash = 0;
      for (char c : notes.text()) hash = (hash * 31 + c) & 0xff;
      os_.Exit(hash);
    }
    SysResult<WaitResult> ended = SysError(EINTR);
    while (!ended.ok() && ended.error() == EINTR) ended = os_.WaitPid(child.value(), 0);
    notes_.Add(ended);
    if (ended.ok()) notes_.Add(ended.value().status);
  }

  std::mt19937 random_;
  Os& os_;
  Notes& notes_;
  int depth_ = 0;
};

uint32_t Number(const char* name, uint32_t fallback) {
  const char* const text = std::getenv(name);
  return text == nullptr ? fallback : static_cast<uint32_t>(std::strtoul(text, nullptr, 10));
}

TEST(RandomPrograms, DoTheSameOnBothKernels) {
  const uint32_t seed = Number("CLEANFORK_SEED", 1);
  const uint32_t count = Number("CLEANFORK_PROGRAMS", kPrograms);
  for (uint32_t i = 0; i < count; ++i) {
    const auto body = [&](Os& os, Notes& notes) {
      const auto clean_up = [&os] {
        for (const char* path : {kTestFile.c_str(), OtherFile()}) os.Unlink(path).IgnoreError();
      };
      clean_up();
      os.SetRLimit(RLIMIT_NOFILE, {20, 20}).IgnoreError();
      Program(seed + i, os, notes).Run(kCalls);
      clean_up();
    };
    ASSERT_EQ(ObserveOnSimulatedKernel(body), ObserveOnRealKernel(body))
        << "CLEANFORK_PROGRAMS=1 CLEANFORK_SEED=" << seed + i;
  }
}

}  // namespace
}  // namespace cleanfork
